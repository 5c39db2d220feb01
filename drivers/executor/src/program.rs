//! [`Program`]: where the supervising program is.

use std::env;
use std::path::{Path, PathBuf};

const NAME: &str = "encamp-executor";

/// The `encamp-executor` program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program(PathBuf);

impl Program {
    /// The program at this path; a name without a slash is looked for along `PATH` when it is started.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        // It is started in another directory than the caller's.
        let is_path = path.components().count() > 1;
        let absolute = is_path.then(|| std::path::absolute(&path).ok()).flatten();
        Self(absolute.unwrap_or(path))
    }

    /// Looks for it: the path in the environment variable `ENCAMP_EXECUTOR`, then beside the calling program (and
    /// beside its directory, where that is cargo's `deps`), then along `PATH`.
    ///
    /// # Errors
    /// [`ProgramNotFound`].
    pub fn locate() -> Result<Self, ProgramNotFound> {
        if let Some(path) = env::var_os("ENCAMP_EXECUTOR").filter(|path| !path.is_empty()) {
            let path = PathBuf::from(path);
            return if path.is_file() {
                Ok(Self(path))
            } else {
                Err(ProgramNotFound::Named(path))
            };
        }
        let path = env::var_os("PATH").unwrap_or_default();
        let mut candidates = beside_caller().into_iter().chain(env::split_paths(&path));
        candidates
            .find_map(|dir| Some(dir.join(NAME)).filter(|path| path.is_file()))
            .map(Self::new)
            .ok_or(ProgramNotFound::Nowhere)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

/// The supervising program was not found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProgramNotFound {
    /// The environment names something that is not there.
    #[error("ENCAMP_EXECUTOR names {}, which is no file; correct it or unset it", .0.display())]
    Named(PathBuf),
    /// It is in none of the usual places.
    #[error(
        "the program encamp-executor is neither beside this one nor in PATH; \
         install it there, or name it in ENCAMP_EXECUTOR"
    )]
    Nowhere,
}

fn beside_caller() -> Vec<PathBuf> {
    let Ok(exe) = env::current_exe() else { return Vec::new() };
    let Some(dir) = exe.parent() else { return Vec::new() };
    let mut dirs = vec![dir.to_owned()];
    if dir.file_name().is_some_and(|name| name == "deps") {
        dirs.extend(dir.parent().map(Path::to_owned));
    }
    dirs
}
