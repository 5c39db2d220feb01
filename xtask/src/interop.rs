//! `interop`: our programs beside the ones whose behaviour they promise.

use std::process::ExitCode;

use anyhow::{Result, bail};
use lexopt::prelude::*;

use crate::args::Args;
use crate::suggest;

mod compare;
mod corpus;
mod go;
mod hcl;

pub(crate) const HELP: &str = "\
Usage: cargo xtask interop [hcl] [--verbose] [--program FILE]

hcl  Installs upstream's hcldec and hclspecsuite (Go tools, by exact version, into the target directory) and builds our
     hcldec for release. Then upstream's specification suite, read from the module's own folder, is run with ours as the
     program under test; and every case of hclspec/hcldec/tests/corpus is given to both, whose JSON (values and types),
     exit codes, and severities and ranges of diagnostics must be the same. What differs for a reason is listed in
     differences.txt there; an entry that agrees again, or is of no case, is a failure too.

Needs a Go toolchain and, the first time, a network. Without Go nothing is run and the reason is given, which is a failure
with CI=true.

Options:
  --verbose       show what both programs said for every case that differs, listed or not
  --program FILE  compare this program, instead of building ours
";

pub(crate) fn main(args: Args) -> Result<ExitCode> {
    let mut args = args.only_own()?;
    let mut verbose = false;
    let mut program = None;
    while let Some(arg) = args.next()? {
        match arg {
            Long("verbose") | Short('v') => verbose = true,
            Long("program") => program = Some(std::path::absolute(args.value()?)?),
            Value(name) if name == "hcl" => {}
            Value(name) => bail!(
                "{}",
                suggest::unknown("suite", &name.to_string_lossy(), ["hcl"].into_iter())
            ),
            _ => return Err(arg.unexpected().into()),
        }
    }
    hcl::run(program, verbose)
}
