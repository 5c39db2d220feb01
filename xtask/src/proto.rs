//! `proto`: the generated code and the files that it comes from.

use std::process::ExitCode;

use anyhow::{Result, bail};
use lexopt::prelude::*;

use crate::args::Args;
use crate::shell::Cmd;
use crate::suggest;

pub(crate) const HELP: &str = "\
Usage: cargo xtask proto [check|write]

check  Generates code from proto/protos and compares it, byte for byte, with what is checked in (this is a test of
       encamp-proto too). This is the default.
write  Checks in what was generated: after a change to a .proto file, or to the version of the generator.

No protoc is needed.
";

pub(crate) fn main(args: Args) -> Result<ExitCode> {
    let mut args = args.only_own()?;
    let mut write = false;
    while let Some(arg) = args.next()? {
        match arg {
            Value(name) if name == "check" => write = false,
            Value(name) if name == "write" => write = true,
            Value(name) => bail!(
                "{}",
                suggest::unknown("action", &name.to_string_lossy(), ["check", "write"].into_iter())
            ),
            _ => return Err(arg.unexpected().into()),
        }
    }
    let test = Cmd::cargo("test").args(["--quiet", "--package", "encamp-proto", "--test", "generated"]);
    let test = if write { test.env("ENCAMP_PROTO", "write") } else { test };
    test.run()?;
    Ok(ExitCode::SUCCESS)
}
