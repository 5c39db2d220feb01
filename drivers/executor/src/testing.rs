//! For the tests and benches of other crates: the supervising program, built on demand, and an end for what is left.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use nix::libc::SIGKILL;

use crate::state::{self, Record};
use crate::{Program, proc, sys};

/// Builds `encamp-executor` from this workspace, once in a process, and says where it is. Benches get
/// what is shipped (profile `dist`), tests a debug build. `CARGO` and `CARGO_TARGET_DIR` are honoured.
///
/// # Panics
/// When it cannot be built.
#[expect(
    clippy::panic,
    reason = "a test that cannot build its subject has nothing else to say"
)]
pub fn program() -> Program {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    let path = PATH.get_or_init(|| build().unwrap_or_else(|error| panic!("cannot build encamp-executor: {error}")));
    Program::new(path)
}

/// Kills every task that has its state below `state_dir`, with what supervises it, and removes its cgroup. For the `Drop`
/// of a test bed, so that a test that fails leaves nothing running: it blocks, needs no runtime, and does not panic.
#[expect(clippy::print_stderr, reason = "a test that leaves something behind says so")]
pub fn destroy_all(state_dir: &Path) {
    for dir in fs::read_dir(state_dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
    {
        let record = Record::read(&dir).ok().flatten();
        let Some(record) = record.filter(|record| record.boot_id == proc::boot_id()) else {
            continue;
        };
        if proc::Stat::of(record.pid).is_some_and(|stat| stat.start == record.start) {
            // The task's first process ends with it. Either has ended meanwhile, at worst.
            proc::kill_descendants(record.pid);
            drop(sys::kill(record.pid, SIGKILL));
        }
        if let Ok(Some(task)) = state::read_task(&dir)
            && proc::Stat::of(task.pid).is_none_or(|stat| stat.start == task.start)
        {
            proc::kill_session(task.pid);
        }
        if let Some(Err(error)) = record.cgroup.map(|cgroup| cgroup.remove()) {
            eprintln!("{} is left: {error}: {}", error.path.display(), error.source);
        }
    }
}

fn build() -> Result<PathBuf, String> {
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let (profile, folder) = if cfg!(debug_assertions) {
        ("dev", "debug")
    } else {
        ("dist", "dist")
    };
    let mut command = Command::new(cargo);
    command
        .args(["build", "--quiet", "--package=encamp-executor", "--bin=encamp-executor"])
        .args(["--profile", profile])
        .current_dir(&workspace);
    let output = command.output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from);
    Ok(workspace.join(target).join(folder).join("encamp-executor"))
}
