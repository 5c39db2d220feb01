//! The drivers as one plugin program that a Nomad agent loads under each driver's name.
//!
//! The name that the program is started under says which driver it is: link it into the agent's `plugin_dir` as
//! `docker`, `exec` or `raw_exec`.
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use encamp_cgroup::Hierarchy;
use encamp_docker::{BollardEngine, Docker};
use encamp_driver::Driver;
use encamp_exec::Exec;
use encamp_executor::{Executor, Program};
use encamp_raw_exec::RawExec;

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
  --state-dir DIR  where to keep what must outlive the plugin; as root /run/encamp, else $XDG_RUNTIME_DIR/encamp
  -h, --help       print this
  -V, --version    print the version
";

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    match Options::parse(args) {
        Ok(Options::Help) => print(USAGE),
        Ok(Options::Version) => print(concat!("encamp-plugin ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Options::Serve { driver, state_dir }) => serve(&driver, &state_dir),
        Err(problem) => fail(&format!("{problem}\n\n{USAGE}"), 2),
    }
}

/// Two threads: one that waits for the slowest call does not keep the others waiting, and more would be idle memory.
fn serve(driver: &str, state_dir: &Path) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
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
fn usual_state_dir() -> PathBuf {
    if nix::unistd::geteuid().is_root() {
        return PathBuf::from("/run/encamp");
    }
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").filter(|dir| !dir.is_empty());
    runtime.map_or_else(std::env::temp_dir, PathBuf::from).join("encamp")
}
