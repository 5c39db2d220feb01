//! A private directory that goes away with its owner.

use std::fs::{DirBuilder, remove_dir_all};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::mount::{MntFlags, umount2};

use crate::leaks::parse;

/// A directory of this run, removed on drop with all that is in it.
///
/// Others may pass through it (mode 0711): tests run tasks as other users, in directories below.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// Makes `<temp dir>/encamp-<pid>`. The name is short because socket paths, which are limited, go below it.
    pub(crate) fn new() -> Result<Self> {
        let temp = std::env::temp_dir()
            .canonicalize()
            .context("cannot find the directory for temporary files")?;
        // The kernel lists mounts by their real paths, and so this one has to be.
        let path = temp.join(format!("encamp-{}", std::process::id()));
        DirBuilder::new()
            .mode(0o711)
            .create(&path)
            .with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Makes a directory inside.
    pub(crate) fn dir(&self, name: &str) -> Result<PathBuf> {
        let path = self.0.join(name);
        std::fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        clear(&self.0);
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
