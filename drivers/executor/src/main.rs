//! Supervises one task. Started by the client in `encamp-executor`, the library; of no use by hand.

use std::process::ExitCode;

fn main() -> ExitCode {
    encamp_executor::supervisor::main()
}
