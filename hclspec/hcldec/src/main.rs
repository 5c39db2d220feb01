//! The hcldec command: a spec file and HCL in, JSON or diagnostics out.
#![forbid(unsafe_code)]

use std::process::ExitCode;

/// Most of the time goes into trees of small nodes.
#[cfg(feature = "fast-alloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    encamp_hcldec::main()
}
