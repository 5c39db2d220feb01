//! The peers of the interop tests: programs of ours in Go, made of upstream's libraries.
//!
//! A crate has them in `tests/go`, a Go module. Each of its folders is one of them, called by the folder's name: a
//! program with a `main.go`, or, where the folder holds tests, a test binary `<name>.test`. What else is there they share.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::go;
use crate::shell::Cmd;
use crate::workspace::Workspace;

/// The environment variable that names the folder of the peers.
pub(crate) const FOLDER: &str = "ENCAMP_GO_PEERS";

/// Without this tag, upstream asks for a metrics library that it has replaced.
const TAGS: &str = "-tags=hashicorpmetrics";

/// Builds all peers, and gives their folder.
pub(crate) fn build() -> Result<PathBuf> {
    let go = go::find_or_fetch()?;
    let workspace = Workspace::load()?;
    let folder = workspace.target.join("interop/peers");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for room in workspace.members().iter().filter_map(|package| package.room.as_deref()) {
        if let Some(module) = of(&workspace.root.join(room)) {
            build_module(&go, &module, &folder)?;
        }
    }
    Ok(folder)
}

/// The module of a crate's peers, if it has any.
pub(crate) fn of(room: &Path) -> Option<PathBuf> {
    let module = room.join("tests/go");
    module.join("go.mod").is_file().then_some(module)
}

fn build_module(go: &Path, module: &Path, folder: &Path) -> Result<()> {
    for entry in fs::read_dir(module)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        let (verb, output) = if holds_tests(&entry.path()) {
            (["test", "-c"].as_slice(), folder.join(format!("{name}.test")))
        } else if entry.path().join("main.go").is_file() {
            (["build"].as_slice(), folder.join(&name))
        } else {
            continue;
        };
        let built = Cmd::new(go)
            .arg("-C")
            .arg(module)
            .args(verb)
            .args(["-mod=readonly", TAGS, "-o"])
            .arg(output)
            .arg(format!("./{name}"))
            .run();
        built.with_context(|| format!("cannot build the peer {name}"))?;
    }
    Ok(())
}

fn holds_tests(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names = entries.map(|entry| entry.file_name());
    names.any(|name| name.to_string_lossy().ends_with("_test.go"))
}
