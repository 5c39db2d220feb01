//! What the program is asked to be.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use lexopt::prelude::*;

const DRIVERS: [&str; 3] = ["docker", "exec", "raw_exec"];

/// What the program is asked to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Options {
    Help,
    Version,
    /// In the usual directory, where none is named.
    Serve {
        driver: String,
        state_dir: Option<PathBuf>,
    },
}

impl Options {
    /// From the program's name and its arguments.
    pub(crate) fn parse(args: Vec<OsString>) -> Result<Self, lexopt::Error> {
        let mut driver = args.first().and_then(|program| own_name(Path::new(program)));
        let mut state_dir = None;
        let mut args = lexopt::Parser::from_iter(args);
        while let Some(arg) = args.next()? {
            match arg {
                Short('h') | Long("help") => return Ok(Self::Help),
                Short('V') | Long("version") => return Ok(Self::Version),
                Long("state-dir") => state_dir = Some(PathBuf::from(args.value()?)),
                Value(name) if driver.is_none() => driver = Some(name.string()?),
                _ => return Err(arg.unexpected()),
            }
        }
        let driver = driver.ok_or("which driver is this to be?")?;
        if !DRIVERS.contains(&driver.as_str()) {
            return Err(format!("{driver} is none of the drivers {}", DRIVERS.join(", ")).into());
        }
        Ok(Self::Serve { driver, state_dir })
    }
}

/// The driver that the program is named after, if it is.
fn own_name(program: &Path) -> Option<String> {
    let name = program.file_name()?.to_str()?;
    let name = name.strip_prefix("encamp-").unwrap_or(name);
    DRIVERS.contains(&name).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(args: &[&str], expected: Result<(&str, Option<&str>), &str>) {
        let parsed = Options::parse(args.iter().map(OsString::from).collect());
        match (parsed, expected) {
            (Ok(Options::Serve { driver, state_dir }), Ok((name, dir))) => {
                assert_eq!(driver, name, "{args:?}");
                assert_eq!(state_dir, dir.map(PathBuf::from), "{args:?}");
            }
            (Err(error), Err(expected)) => assert_eq!(error.to_string(), expected, "{args:?}"),
            (parsed, _) => panic!("{args:?}: {parsed:?}"),
        }
    }

    #[test]
    fn the_name_says_which_driver_it_is() {
        check(&["/opt/plugins/raw_exec"], Ok(("raw_exec", None)));
        check(&["docker"], Ok(("docker", None)));
        check(&["encamp-exec", "--state-dir", "/x"], Ok(("exec", Some("/x"))));
    }

    #[test]
    fn under_its_own_name_it_is_told() {
        check(&["encamp-plugin", "exec"], Ok(("exec", None)));
        check(&["encamp-plugin"], Err("which driver is this to be?"));
        check(
            &["encamp-plugin", "java"],
            Err("java is none of the drivers docker, exec, raw_exec"),
        );
        check(&["exec", "docker"], Err("unexpected argument \"docker\""));
    }
}
