//! The supervising process: one thread, one loop.

/// Supervises one task; the whole of the `encamp-executor` program.
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::FAILURE
}
