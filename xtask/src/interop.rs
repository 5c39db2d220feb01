//! `interop`: our programs beside the ones whose behaviour they promise.

use std::process::ExitCode;

use anyhow::{Result, bail};
use lexopt::prelude::*;

use crate::args::Args;
use crate::{suggest, test};

mod compare;
mod corpus;
mod hcl;

pub(crate) const HELP: &str = "\
Usage: cargo xtask interop [hcl] [--verbose] [--program FILE]
       cargo xtask interop go [-- <cargo test arguments>]

hcl  Installs upstream's hcldec and hclspecsuite (Go tools, by exact version, into the target directory) and builds our
     hcldec for release. Then upstream's specification suite, read from the module's own folder, is run with ours as the
     program under test; and every case of hclspec/hcldec/tests/corpus is given to both, whose JSON (values and types),
     exit codes, and severities and ranges of diagnostics must be the same. What differs for a reason is listed in
     differences.txt there; an entry that agrees again, or is of no case, is a failure too.

go   The suite `interop` of `cargo xtask test`: plugins of ours under a host that is made of the agent's own libraries, and
     Go's plugins under our host.

Needs a Go toolchain (one is fetched where there is none) and, the first time, a network. Without them nothing is run and
the reason is given, which is a failure with CI=true.

Options:
  --verbose       show what both programs said for every case that differs, listed or not
  --program FILE  compare this program, instead of building ours
";

pub(crate) fn main(mut args: Args) -> Result<ExitCode> {
    let suite = args.own.next()?;
    match suite {
        None => hcl::main(args.only_own()?),
        Some(Value(name)) if name == "hcl" => hcl::main(args.only_own()?),
        Some(Value(name)) if name == "go" => {
            let own = std::iter::once("interop".into()).chain(args.own.raw_args()?);
            args.own = lexopt::Parser::from_args(own.collect::<Vec<std::ffi::OsString>>());
            test::main(args)
        }
        Some(Value(name)) => bail!(
            "{}",
            suggest::unknown("suite", &name.to_string_lossy(), ["hcl", "go"].into_iter())
        ),
        Some(_) => bail!("which suite? `cargo xtask help interop` lists them"),
    }
}
