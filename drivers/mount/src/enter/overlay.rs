//! Mount points in directories that cannot be written to.
//!
//! A job may want something mounted at `/etc/app`, which the host does not have, and the host's `/etc` is there read-only.
//! Such a directory is covered by an overlay of two read-only layers: a skeleton in memory with nothing but the missing
//! mount points, and the directory itself.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, StatVfsMountFlags};
use rustix::mount::UnmountFlags;

use super::mount_point::{self, Want};
use super::sys::{self, Attributes, FsOptions};

/// Makes sure that everything in `wanted` can be mounted. To be called before any of it is: what is mounted in a
/// directory already would be hidden by its overlay.
pub(super) fn prepare(root: &OwnedFd, wanted: &[(&Path, Want)]) -> io::Result<()> {
    let mut missing: BTreeMap<PathBuf, Vec<(PathBuf, Want)>> = BTreeMap::new();
    for (path, want) in wanted {
        let (parent, existing, rest) = mount_point::deepest(root, path)?;
        let flags = rustix::fs::fstatvfs(&parent)?.f_flag;
        if !rest.as_os_str().is_empty() && flags.contains(StatVfsMountFlags::RDONLY) {
            missing.entry(existing).or_default().push((rest, *want));
        }
    }
    // In the order of paths, a directory comes before those in it.
    missing
        .iter()
        .try_for_each(|(existing, rests)| cover(root, existing, rests))
}

fn cover(root: &OwnedFd, existing: &Path, rests: &[(PathBuf, Want)]) -> io::Result<()> {
    let (at, _, _) = mount_point::deepest(root, existing)?;
    let scratch = FsOptions::tmpfs(1024 * 1024, 0o755).mount(Attributes::KERNEL)?;
    sys::attach(scratch.as_fd(), root.as_fd())?;
    let covered = attach_overlay(&scratch, &at, rests);
    rustix::process::fchdir(&scratch)?;
    rustix::mount::unmount(".", UnmountFlags::DETACH)?;
    covered
}

fn attach_overlay(scratch: &OwnedFd, at: &OwnedFd, rests: &[(PathBuf, Want)]) -> io::Result<()> {
    // The upper one of two layers decides about mode and owner.
    let like = rustix::fs::fstat(at)?;
    rustix::fs::mkdirat(scratch, "skeleton", Mode::RWXU)?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let skeleton = rustix::fs::openat(scratch, "skeleton", flags, Mode::empty())?;
    let (owner, group) = (
        rustix::fs::Uid::from_raw(like.st_uid),
        rustix::fs::Gid::from_raw(like.st_gid),
    );
    rustix::fs::fchown(&skeleton, Some(owner), Some(group))?;
    rustix::fs::fchmod(&skeleton, Mode::from_raw_mode(like.st_mode))?;
    for (rest, want) in rests {
        mount_point::of_job(&skeleton, rest, *want)?;
    }
    let layers = format!(
        "/proc/self/fd/{}:/proc/self/fd/{}",
        skeleton.as_raw_fd(),
        at.as_raw_fd()
    );
    let overlay = FsOptions::new("overlay").with("lowerdir", layers);
    let mount = overlay.mount(Attributes::RDONLY | Attributes::NODEV)?;
    sys::attach(mount.as_fd(), at.as_fd())
}
