//! The calls of the kernel's mount interface (Linux 5.12), by descriptor.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, fsconfig_create, fsconfig_set_string,
    fsmount, fsopen, move_mount, open_tree,
};

use crate::Propagation;

/// What a mount allows.
#[derive(Clone, Copy)]
pub(super) struct Attributes(MountAttrFlags);

impl Attributes {
    pub(super) const RDONLY: Self = Self(MountAttrFlags::MOUNT_ATTR_RDONLY);
    pub(super) const NOSUID: Self = Self(MountAttrFlags::MOUNT_ATTR_NOSUID);
    pub(super) const NODEV: Self = Self(MountAttrFlags::MOUNT_ATTR_NODEV);
    pub(super) const NOEXEC: Self = Self(MountAttrFlags::MOUNT_ATTR_NOEXEC);
    /// What suits file systems that hold no programs.
    pub(super) const KERNEL: Self = Self(
        MountAttrFlags::MOUNT_ATTR_NOSUID
            .union(MountAttrFlags::MOUNT_ATTR_NODEV)
            .union(MountAttrFlags::MOUNT_ATTR_NOEXEC),
    );

    pub(super) const fn empty() -> Self {
        Self(MountAttrFlags::empty())
    }
}

impl std::ops::BitOr for Attributes {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl std::ops::BitOrAssign for Attributes {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// A copy of the mounts at `path` (of `dir` itself for the empty path) that is not attached anywhere; with all that is
/// mounted below if `recursive`.
pub(super) fn clone_tree(dir: BorrowedFd<'_>, path: &Path, recursive: bool) -> io::Result<OwnedFd> {
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    if recursive {
        flags |= OpenTreeFlags::AT_RECURSIVE;
    }
    if path.as_os_str().is_empty() {
        flags |= OpenTreeFlags::AT_EMPTY_PATH;
    }
    Ok(open_tree(dir, path, flags)?)
}

/// Attaches a tree over `at`, and on top of what is mounted there.
pub(super) fn attach(tree: BorrowedFd<'_>, at: BorrowedFd<'_>) -> io::Result<()> {
    let empty_paths = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    Ok(move_mount(tree, "", at, "", empty_paths)?)
}

/// Adds attributes to every mount of a tree, and sets how mounts below it travel.
pub(super) fn set_tree(
    tree: BorrowedFd<'_>,
    attributes: Attributes,
    propagation: Option<Propagation>,
) -> io::Result<()> {
    let propagation = match propagation {
        Some(Propagation::Private) => libc::MS_PRIVATE,
        Some(Propagation::HostToTask) => libc::MS_SLAVE,
        // A copy of a shared mount is its peer already.
        Some(Propagation::Bidirectional) | None => 0,
    };
    mount_setattr(
        tree,
        &MountAttr {
            attr_set: u64::from(attributes.0.bits()),
            attr_clr: 0,
            propagation,
            userns_fd: 0,
        },
    )
}

/// `struct mount_attr` of `mount_setattr(2)`.
#[repr(C)]
struct MountAttr {
    attr_set: u64,
    attr_clr: u64,
    propagation: u64,
    userns_fd: u64,
}

#[expect(unsafe_code, reason = "no library has this call yet")]
fn mount_setattr(tree: BorrowedFd<'_>, attr: &MountAttr) -> io::Result<()> {
    const EMPTY: &CStr = c"";
    let flags = libc::AT_EMPTY_PATH | libc::AT_RECURSIVE;
    // SAFETY: the descriptor is open for as long as it is borrowed, the path ends in a zero byte, and `attr` points to
    // as many readable bytes as the size says; the kernel only reads them.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            EMPTY.as_ptr(),
            flags,
            std::ptr::from_ref(attr),
            size_of::<MountAttr>(),
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// A file system to be mounted.
pub(super) struct FsOptions {
    kind: &'static str,
    options: Vec<(&'static str, String)>,
}

impl FsOptions {
    pub(super) fn new(kind: &'static str) -> Self {
        Self {
            kind,
            options: Vec::new(),
        }
    }

    pub(super) fn tmpfs(size: u64, mode: u32) -> Self {
        Self::new("tmpfs")
            .with("size", size.to_string())
            .with("mode", format!("{mode:o}"))
    }

    pub(super) fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.options.push((key, value.into()));
        self
    }

    /// Mounts it, not attached anywhere yet.
    pub(super) fn mount(&self, attributes: Attributes) -> io::Result<OwnedFd> {
        let fs = fsopen(self.kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
        fsconfig_set_string(&fs, "source", self.kind)?;
        for (key, value) in &self.options {
            fsconfig_set_string(&fs, *key, value.as_str())?;
        }
        fsconfig_create(fs.as_fd())?;
        Ok(fsmount(&fs, FsMountFlags::FSMOUNT_CLOEXEC, attributes.0)?)
    }
}
