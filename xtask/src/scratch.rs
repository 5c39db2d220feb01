//! A private directory that goes away with its owner.

use std::fs::{DirBuilder, File, remove_dir_all};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::mount::{MntFlags, umount2};

use crate::leaks::parse;

/// What the directories' names begin with.
const PREFIX: &str = "encamp-";

/// A directory of this run, removed on drop with all that is in it.
///
/// Others may pass through it (mode 0711): tests run tasks as other users, in directories below.
pub(crate) struct Scratch {
    path: PathBuf,
    /// Held for as long as the directory is in use.
    _lock: File,
}

impl Scratch {
    /// Makes `<temp dir>/encamp-<pid>`, and removes those of runs that were killed. The name is short because socket
    /// paths, which are limited, go below it.
    pub(crate) fn new() -> Result<Self> {
        let temp = std::env::temp_dir()
            .canonicalize()
            .context("cannot find the directory for temporary files")?;
        remove_abandoned(&temp);
        // The kernel lists mounts by their real paths, and so this one has to be.
        let path = temp.join(format!("{PREFIX}{}", std::process::id()));
        let make = || {
            DirBuilder::new().mode(0o711).create(&path)?;
            let lock = File::open(&path)?;
            lock.lock().map(|()| lock)
        };
        let lock = make().with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self { path, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes a directory inside.
    pub(crate) fn dir(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        std::fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        clear(&self.path);
    }
}

/// Removes a directory with all that is in it, after unmounting what is mounted there.
///
/// Where something stays mounted nothing is removed: it could be a bind mount, and what it shows is not ours.
pub(crate) fn clear(directory: &Path) {
    for point in mounted_below(directory).iter().rev() {
        if let Err(error) = umount2(point, MntFlags::MNT_DETACH) {
            warn(&format!("cannot unmount {}: {error}", point.display()));
        }
    }
    if !mounted_below(directory).is_empty() {
        warn(&format!(
            "{} stays, because something is still mounted in it",
            directory.display()
        ));
    } else if let Err(error) = remove_dir_all(directory) {
        warn(&format!("cannot remove {}: {error}", directory.display()));
    }
}

/// Removes the directories of earlier runs that nobody holds any more.
fn remove_abandoned(temp: &Path) {
    for entry in std::fs::read_dir(temp).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX))
            .and_then(|pid| pid.parse::<u32>().ok());
        let own = entry
            .metadata()
            .is_ok_and(|data| data.is_dir() && data.uid() == nix::unistd::geteuid().as_raw());
        if pid.is_some() && own && File::open(entry.path()).is_ok_and(|directory| directory.try_lock().is_ok()) {
            clear(&entry.path());
        }
    }
}

fn mounted_below(directory: &Path) -> Vec<PathBuf> {
    let points = parse::mount_points(&std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default());
    points
        .into_iter()
        .filter(|point| point.starts_with(directory))
        .collect()
}

fn warn(text: &str) {
    eprintln!("{} {text}", crate::style::yellow("warning:"));
}
