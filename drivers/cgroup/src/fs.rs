//! The few file operations that cgroups are made of, with errors that name the file.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Something about a cgroup failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}", .path.display())]
pub struct CgroupError {
    /// What was tried (`create`, `write 64 to`, …).
    pub action: String,
    /// The directory or file.
    pub path: PathBuf,
    /// What the kernel said.
    #[source]
    pub source: io::Error,
}

impl CgroupError {
    pub(crate) fn new(action: impl Into<String>, path: &Path, source: impl Into<io::Error>) -> Self {
        Self {
            action: action.into(),
            path: path.to_owned(),
            source: source.into(),
        }
    }

    /// Whether what it was tried on does not exist.
    pub(crate) fn is_missing(&self) -> bool {
        // A file that is open while its cgroup goes away reads as "no such device".
        let gone = self.source.raw_os_error() == Some(nix::errno::Errno::ENODEV as i32);
        gone || self.source.kind() == io::ErrorKind::NotFound
    }
}

pub(crate) fn read(path: &Path) -> Result<String, CgroupError> {
    std::fs::read_to_string(path).map_err(|source| CgroupError::new("read", path, source))
}

/// The content of a file that may not be there.
pub(crate) fn read_if_any(path: &Path) -> Result<Option<String>, CgroupError> {
    match read(path) {
        Err(error) if error.is_missing() => Ok(None),
        other => other.map(Some),
    }
}

/// Writes to a file that the kernel made; it is never made here.
pub(crate) fn write(path: &Path, value: &str) -> Result<(), CgroupError> {
    let open = std::fs::OpenOptions::new().write(true).truncate(true).open(path);
    open.and_then(|mut file| io::Write::write_all(&mut file, value.as_bytes()))
        .map_err(|source| CgroupError::new(format!("write {value:?} to"), path, source))
}

/// Makes a directory and says whether it was not there before.
pub(crate) fn make_dir(path: &Path) -> Result<bool, CgroupError> {
    match std::fs::create_dir(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(source) => Err(CgroupError::new("create", path, source)),
    }
}

/// The cgroups in `dir`; none if there is no such cgroup.
pub(crate) fn children(dir: &Path) -> Result<Vec<PathBuf>, CgroupError> {
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|source| CgroupError::new("list", dir, source))?,
    };
    let is_dir = |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    Ok(entries
        .filter_map(Result::ok)
        .filter(is_dir)
        .map(|entry| entry.path())
        .collect())
}

/// The value after `key` in a file of `key value` lines.
pub(crate) fn keyed(content: &str, key: &str) -> Option<u64> {
    let mut fields = content.lines().filter_map(|line| line.split_once(' '));
    let (_, value) = fields.find(|(name, _)| *name == key)?;
    value.trim().parse().ok()
}

/// Tries until `done`, or until `limit` is over; says whether it was done.
pub(crate) fn wait_until(
    limit: Duration,
    mut done: impl FnMut() -> Result<bool, CgroupError>,
) -> Result<bool, CgroupError> {
    let deadline = Instant::now() + limit;
    let mut pause = Duration::from_micros(50);
    loop {
        if done()? {
            return Ok(true);
        }
        if Instant::now() >= deadline {
            return Ok(false);
        }
        #[expect(clippy::disallowed_methods, reason = "v1 tells nobody when a cgroup becomes empty")]
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(10));
    }
}
