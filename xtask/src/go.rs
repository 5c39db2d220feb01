//! Go: the toolchain, and tools installed by exact version.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::setup::tools;
use crate::shell::Cmd;
use crate::workspace::Workspace;

/// The toolchain that is fetched where there is none, and what its archive must be.
const VERSION: &str = "1.26.8";
const ARCHIVES: [(&str, &str, &str); 2] = [
    (
        "x86_64",
        "amd64",
        "30c2b1bf7dcc88d3eb0a1364e47ddd9128edb3110a30e8a0ef61cd5856b31de7",
    ),
    (
        "aarch64",
        "arm64",
        "02b36b6787b3ac767668f630e2998df45a3b1f9ffee08d1bf3ef6487cd658d99",
    ),
];

/// The `go` command: in the search path, where its installer puts it, or fetched for this project alone.
pub(crate) fn find_or_fetch() -> Result<PathBuf> {
    match find() {
        Some(go) => Ok(go),
        None => fetch().context("there is no `go` in the search path, and none can be fetched"),
    }
}

/// The `go` command that the machine has.
pub(crate) fn find() -> Option<PathBuf> {
    let installed = PathBuf::from("/usr/local/go/bin/go");
    tools::find("go").or_else(|| installed.is_file().then_some(installed))
}

/// A toolchain in the target directory. It comes from the proxy that modules come from, as `go` itself would fetch it.
fn fetch() -> Result<PathBuf> {
    let arch = std::env::consts::ARCH;
    let archive = ARCHIVES.iter().find(|(machine, ..)| *machine == arch);
    let (_, goarch, sha256) = archive.with_context(|| format!("no toolchain is known for {arch}"))?;
    let name = format!("v0.0.1-go{VERSION}.linux-{goarch}");
    let folder = folder()?.join(&name);
    let root = folder.join(format!("golang.org/toolchain@{name}"));
    let go = root.join("bin/go");
    if folder.join("whole").is_file() {
        return Ok(go);
    }
    fs::create_dir_all(&folder)?;
    let zip = folder.join("toolchain.zip");
    let url = format!("https://proxy.golang.org/golang.org/toolchain/@v/{name}.zip");
    Cmd::new("curl")
        .args([
            "--fail",
            "--silent",
            "--show-error",
            "--location",
            "--retry",
            "3",
            "--max-time",
            "600",
            "--output",
        ])
        .arg(&zip)
        .arg(&url)
        .run()?;
    let sum = Cmd::new("sha256sum").arg(&zip).read()?;
    ensure!(
        sum.starts_with(sha256),
        "{url} is not what it was: its SHA-256 is {sum}"
    );
    Cmd::new("unzip")
        .args(["-q", "-o"])
        .arg(&zip)
        .arg("-d")
        .arg(&folder)
        .run()?;
    // Archives of modules know no executable files.
    for programs in ["bin".to_owned(), format!("pkg/tool/linux_{goarch}")] {
        Cmd::new("chmod").args(["-R", "+x"]).arg(root.join(programs)).run()?;
    }
    fs::remove_file(&zip)?;
    fs::write(folder.join("whole"), "")?;
    Ok(go)
}

/// Where what Go makes for this tool is kept.
pub(crate) fn folder() -> Result<PathBuf> {
    Ok(Workspace::load()?.target.join("interop"))
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
