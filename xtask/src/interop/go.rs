//! Go tools, installed by exact version.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::setup::tools;
use crate::shell::Cmd;

/// What to install where there is none.
pub(crate) const MISSING: &str = "there is no `go` in the search path: install a Go toolchain, 1.21 or later (from https://go.dev/dl, or \
                                  the package golang-go of Debian 13); it fetches by itself the version that upstream needs";

/// The `go` command, in the search path or where its installer puts it.
pub(crate) fn find() -> Option<PathBuf> {
    let installed = PathBuf::from("/usr/local/go/bin/go");
    tools::find("go").or_else(|| installed.is_file().then_some(installed))
}

/// The programs of these packages at a version, below `folder`. Nothing is done where they are there already.
pub(crate) fn install(go: &Path, module: &Module, packages: &[&str], folder: &Path) -> Result<Vec<PathBuf>> {
    let bin = folder.join(format!("go-{}", module.version));
    let programs: Vec<_> = packages
        .iter()
        .map(|package| bin.join(package.rsplit('/').next().unwrap_or(package)))
        .collect();
    for (package, program) in packages.iter().zip(&programs) {
        if !program.is_file() {
            Cmd::new(go)
                .arg("install")
                .arg(format!("{}/{package}@{}", module.path, module.version))
                .env("GOBIN", &bin)
                .run()?;
        }
    }
    Ok(programs)
}

/// A Go module at a version.
pub(crate) struct Module {
    pub(crate) path: &'static str,
    pub(crate) version: &'static str,
}

impl Module {
    /// The folder of its sources in the module cache.
    pub(crate) fn folder(&self, go: &Path) -> Result<PathBuf> {
        let json = Cmd::new(go)
            .args(["mod", "download", "-json"])
            .arg(format!("{}@{}", self.path, self.version))
            .read()?;
        let json: serde_json::Value =
            serde_json::from_str(&json).context("cannot read the output of go mod download")?;
        let folder = json.get("Dir").and_then(serde_json::Value::as_str);
        Ok(PathBuf::from(folder.context("go mod download names no folder")?))
    }
}
