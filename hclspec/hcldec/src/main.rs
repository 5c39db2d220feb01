//! The hcldec command: a spec file and HCL in, JSON or diagnostics out.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    encamp_hcldec::main()
}
