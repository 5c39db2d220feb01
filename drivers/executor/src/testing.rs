//! For the tests and benches of other crates: the supervising program, built on demand.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::Program;

/// Builds `encamp-executor` from this workspace, once in a process, and says where it is. The build has the caller's
/// profile: a release build for benches, a debug build for tests. `CARGO` and `CARGO_TARGET_DIR` are honoured.
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

fn build() -> Result<PathBuf, String> {
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    let mut command = Command::new(cargo);
    command
        .args(["build", "--quiet", "--package=encamp-executor", "--bin=encamp-executor"])
        .args((profile == "release").then_some("--release"))
        .current_dir(&workspace);
    let output = command.output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from);
    Ok(workspace.join(target).join(profile).join("encamp-executor"))
}
