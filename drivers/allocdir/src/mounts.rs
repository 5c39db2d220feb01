//! What is mounted in an allocation's directory.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, StatxAttributes, StatxFlags};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, UnmountFlags, fsconfig_create, fsconfig_set_flag,
    fsconfig_set_string, fsmount, fsopen, move_mount, unmount,
};

use crate::remove::Leftovers;
use crate::{Beneath, Error};

/// Mounts memory of `size_mb` MiB over `dir`, whose path is `path`, unless something is mounted there already. Says
/// whether it did.
///
/// The directory is there before the mount is: what removes the directory looks for mounts first, so a crash between
/// the two leaves nothing that is not found again.
pub(crate) fn mount_tmpfs(dir: &Beneath, path: &Path, size_mb: u32) -> Result<bool, Error> {
    let failed = |source: io::Error| Error::io("mount a tmpfs over", path, source);
    if is_mount_point(dir).map_err(failed)? {
        return Ok(false);
    }
    // Kernels before 6.4 cannot keep it out of the swap.
    match attach_tmpfs(dir, size_mb, true) {
        Err(Errno::INVAL) => attach_tmpfs(dir, size_mb, false).map_err(|e| failed(e.into()))?,
        other => other.map_err(|e| failed(e.into()))?,
    }
    Ok(true)
}

fn attach_tmpfs(dir: &Beneath, size_mb: u32, noswap: bool) -> Result<(), Errno> {
    let fs = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(&fs, "source", "encamp")?;
    fsconfig_set_string(&fs, "size", format!("{size_mb}m"))?;
    fsconfig_set_string(&fs, "mode", "0700")?;
    if noswap {
        fsconfig_set_flag(&fs, "noswap")?;
    }
    fsconfig_create(&fs)?;
    let flags =
        MountAttrFlags::MOUNT_ATTR_NOEXEC | MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    let mount = fsmount(&fs, FsMountFlags::FSMOUNT_CLOEXEC, flags)?;
    let empty_paths = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(&mount, "", dir, "", empty_paths)
}

/// Whether `dir` is the root of a mount.
fn is_mount_point(dir: &Beneath) -> io::Result<bool> {
    let stat = rustix::fs::statx(dir, "", AtFlags::EMPTY_PATH, StatxFlags::empty())?;
    Ok(stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// Unmounts everything that is mounted at `dir` or below it, the innermost first.
pub(crate) fn unmount_below(dir: &Path) -> Result<Leftovers, Error> {
    let mut left = Leftovers::default();
    let dir = match dir.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(left),
        canonical => canonical.map_err(|source| Error::io("resolve", dir, source))?,
    };
    let list = Path::new("/proc/self/mountinfo");
    let table = std::fs::read(list).map_err(|source| Error::io("read", list, source))?;
    for point in points_below(&table, &dir).into_iter().rev() {
        if let Err(error) = unmount_one(&point) {
            left.add(&point, error);
        }
    }
    Ok(left)
}

/// The mount points at `dir` and below it, in the order in which they were mounted.
fn points_below(table: &[u8], dir: &Path) -> Vec<PathBuf> {
    let lines = table.split(|byte| *byte == b'\n');
    let points = lines
        .filter_map(|line| line.split(|byte| *byte == b' ').nth(4))
        .map(unescape);
    points.filter(|point| point.starts_with(dir)).collect()
}

/// The kernel writes spaces and their like as `\040`.
fn unescape(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, tail)) = rest.split_first() {
        let code = tail
            .get(..3)
            .filter(|_| *first == b'\\')
            .and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            bytes.push(byte);
            rest = tail.get(3..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

/// Unmounts `point` without following a symlink on the way to it.
fn unmount_one(point: &Path) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let (Some(parent), Some(name)) = (point.parent(), point.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::NO_SYMLINKS;
    let parent = rustix::fs::openat2(CWD, parent, flags, Mode::empty(), resolve)?;
    let point = Path::new("/proc/self/fd")
        .join(parent.as_raw_fd().to_string())
        .join(name);
    match unmount(&point, UnmountFlags::NOFOLLOW) {
        // A process that was left behind holds it: it goes when the process does.
        Err(Errno::BUSY) => Ok(unmount(&point, UnmountFlags::NOFOLLOW | UnmountFlags::DETACH)?),
        // Nothing is mounted there any more.
        Err(Errno::INVAL | Errno::NOENT) => Ok(()),
        other => Ok(other?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_found_by_whole_components_and_unescaped() {
        let table = b"1 0 8:1 / /a rw - ext4 x rw\n2 1 0:1 / /a/b rw - tmpfs x rw\n\
            3 1 0:2 / /a/b\\040c rw - tmpfs x rw\n4 1 0:3 / /ab rw - tmpfs x rw\nnonsense\n";
        assert_eq!(
            points_below(table, Path::new("/a")),
            [Path::new("/a"), Path::new("/a/b"), Path::new("/a/b c")]
        );
        assert_eq!(points_below(table, Path::new("/a/b")), [Path::new("/a/b")]);
    }
}
