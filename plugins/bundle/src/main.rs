//! The drivers as one plugin program that a Nomad agent loads under each driver's name.
//!
//! The name that the program is started under says which driver it is: link it into the agent's `plugin_dir` as
//! `docker`, `exec` or `raw_exec`.
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use encamp_cgroup::Hierarchy;
use encamp_docker::{BollardEngine, Docker};
use encamp_driver::Driver;
use encamp_exec::Exec;
use encamp_executor::{Executor, Program};
use encamp_raw_exec::RawExec;
use tokio::runtime;

mod options;

use options::Options;

const USAGE: &str = "\
Usage: encamp-plugin DRIVER [--state-dir DIR]

Serves a task driver (docker, exec or raw_exec) to the Nomad agent that starts it. Under the name of a driver (a link
docker, exec or raw_exec to this file) the argument is left out:

    plugin_dir/raw_exec -> /usr/lib/encamp/encamp-plugin

    plugin \"raw_exec\" {
      config {
        enabled = true
      }
    }

Options:
  --state-dir DIR  where to keep what must outlive the plugin; as root /run/encamp, else $XDG_RUNTIME_DIR/encamp,
                   else a directory of the user's own in $TMPDIR
  -h, --help       print this
  -V, --version    print the version
";

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    match Options::parse(args) {
        Ok(Options::Help) => print(USAGE),
        Ok(Options::Version) => print(concat!("encamp-plugin ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Options::Serve { driver, state_dir }) => match state_dir.map_or_else(usual_state_dir, Ok) {
            Ok(state_dir) => serve(&driver, &state_dir),
            Err(problem) => fail(&problem, 1),
        },
        Err(problem) => fail(&format!("{problem}\n\n{USAGE}"), 2),
    }
}

/// One thread, as of several each call would wake another one. Two for docker, which copies what containers write all the
/// time: much of it does not keep calls waiting.
fn serve(driver: &str, state_dir: &Path) -> ExitCode {
    let runtime = match driver {
        "docker" => runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build(),
        _ => runtime::Builder::new_current_thread().enable_all().build(),
    };
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start: {error}"), 1),
    };
    runtime.block_on(async {
        match driver_of(driver, state_dir) {
            Ok(driver) => encamp_driver_grpc::serve(driver).await,
            Err(problem) => fail(&problem, 1),
        }
    })
}

fn driver_of(name: &str, state_dir: &Path) -> Result<Arc<dyn Driver>, String> {
    let executor = || {
        // Which driver starts does not depend on the program: tasks say at their start that it is missing.
        let program = Program::locate().unwrap_or_else(|_| Program::new("encamp-executor"));
        Executor::new(program, state_dir.join("executor"))
    };
    match name {
        RawExec::NAME => Ok(Arc::new(RawExec::new(executor(), Hierarchy::detect()))),
        Exec::NAME => Ok(Arc::new(Exec::new(executor(), Hierarchy::detect()))),
        "docker" => {
            let engine = BollardEngine::connect(std::env::var("DOCKER_HOST").ok().as_deref());
            let engine = engine.map_err(|error| format!("cannot use DOCKER_HOST: {error}"))?;
            Ok(Arc::new(Docker::new(Arc::new(engine), state_dir.join("docker"))))
        }
        _ => Err(format!("{name} is none of the drivers docker, exec and raw_exec")),
    }
}

#[expect(clippy::print_stdout, reason = "a program that was asked for its help prints it")]
fn print(text: &str) -> ExitCode {
    print!("{text}");
    ExitCode::SUCCESS
}

#[expect(clippy::print_stderr, reason = "a program says why it fails")]
fn fail(problem: &str, code: u8) -> ExitCode {
    eprintln!("encamp-plugin: {problem}");
    ExitCode::from(code)
}

/// Where what must outlive the plugin is kept, but not the machine's next start.
fn usual_state_dir() -> Result<PathBuf, String> {
    let user = nix::unistd::geteuid();
    if user.is_root() {
        return Ok(PathBuf::from("/run/encamp"));
    }
    if let Some(runtime) = std::env::var_os("XDG_RUNTIME_DIR").filter(|dir| !dir.is_empty()) {
        return Ok(PathBuf::from(runtime).join("encamp"));
    }
    own(std::env::temp_dir().join(format!("encamp-{user}")))
}

/// A directory in one that everybody may write to: whoever made it first must have been this user.
fn own(dir: PathBuf) -> Result<PathBuf, String> {
    let refused = |why: &dyn std::fmt::Display| {
        let dir = dir.display();
        format!("cannot keep state in {dir}: {why}; set XDG_RUNTIME_DIR, or name another directory with --state-dir")
    };
    match DirBuilder::new().mode(0o700).create(&dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(refused(&error)),
        _ => {}
    }
    let found = fs::symlink_metadata(&dir).map_err(|error| refused(&error))?;
    let is_own = found.is_dir() && found.uid() == nix::unistd::geteuid().as_raw() && found.mode() & 0o022 == 0;
    if is_own {
        Ok(dir)
    } else {
        Err(refused(&"somebody else may write to it"))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_directory_that_others_may_write_to_is_not_taken() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("encamp");
        for _ in 0..2 {
            assert_eq!(own(dir.clone()), Ok(dir.clone()));
            assert_eq!(fs::metadata(&dir).unwrap().mode() & 0o777, 0o700);
        }
        let link = temp.path().join("link");
        symlink(&dir, &link).unwrap();
        own(link).unwrap_err();
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o770)).unwrap();
        own(dir).unwrap_err();
        own(temp.path().join("none/encamp")).unwrap_err();
    }
}
