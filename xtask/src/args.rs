//! The arguments of a verb: its own options, and those that it passes on.

use std::ffi::OsString;

use anyhow::{Result, bail};

pub(crate) struct Args {
    pub(crate) own: lexopt::Parser,
    /// What comes after `--`.
    pub(crate) passed_on: Vec<OsString>,
}

impl Args {
    pub(crate) fn new(args: impl IntoIterator<Item = OsString>) -> Self {
        let mut args = args.into_iter();
        let own: Vec<_> = args.by_ref().take_while(|arg| arg != "--").collect();
        Self {
            own: lexopt::Parser::from_args(own),
            passed_on: args.collect(),
        }
    }

    /// For a verb that passes nothing on.
    pub(crate) fn only_own(self) -> Result<lexopt::Parser> {
        match self.passed_on.first() {
            Some(arg) => bail!("nothing takes the arguments from `{}` on", arg.to_string_lossy()),
            None => Ok(self.own),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Args;

    #[test]
    fn arguments_after_two_dashes_are_passed_on() {
        let args = Args::new(["unit", "--", "-p", "x", "--", "filter"].map(Into::into));
        assert_eq!(args.passed_on, ["-p", "x", "--", "filter"]);
        assert!(args.only_own().is_err());
        assert!(Args::new(["--yes".into()]).only_own().is_ok());
    }
}
