//! The interpreter of a [`Rootfs`].

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};
use rustix::mount::{MountPropagationFlags, UnmountFlags};

use crate::{Bind, Kind, Mount, Propagation, Rootfs, Switch};

mod dev;
mod mount_point;
mod overlay;
mod sys;

use mount_point::Want;
use sys::{Attributes, FsOptions};

/// A step on the way into a [`Rootfs`] failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {step}")]
pub struct MountError {
    /// What was tried, on which path.
    pub step: String,
    /// What the kernel said.
    #[source]
    pub source: io::Error,
}

/// Names the step that an error comes from.
trait Step<T> {
    fn step(self, step: impl FnOnce() -> String) -> Result<T, MountError>;
}

impl<T, E: Into<io::Error>> Step<T> for Result<T, E> {
    fn step(self, step: impl FnOnce() -> String) -> Result<T, MountError> {
        self.map_err(|source| MountError {
            step: step(),
            source: source.into(),
        })
    }
}

impl Rootfs {
    /// Makes all of it and leaves the old root; the working directory is `/` then.
    ///
    /// To be called in a child that is already in a mount namespace of its own (and in the process and IPC namespaces
    /// whose `/proc` and `/dev/mqueue` it is to see). Nothing of it is visible outside, and all of it goes with the
    /// namespace; only empty directories, made as mount points, stay in the root directory.
    ///
    /// Nothing that stands in the root directory is trusted: mount points are found and made by descriptor, and a symlink
    /// in the place of one of the fixed ones is replaced.
    ///
    /// # Errors
    /// [`MountError`] names the step; the child must not go on.
    pub fn enter(&self) -> Result<(), MountError> {
        // Taken before mounts are cut off from the host's, so that both ways can be both ways.
        let binds = self.mounts.iter().map(open_bind).collect::<Result<Vec<_>, _>>()?;
        let slave = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
        rustix::mount::mount_change("/", slave).step(|| "cut mounts off from the host's".to_owned())?;
        let root = self.open_root()?;
        let mounts = self.mounts.iter().zip(binds);
        let (of_job, fixed): (Vec<_>, Vec<_>) = mounts.partition(|(mount, _)| mount.is_of_job());
        for (mount, bind) in fixed {
            make(&root, mount, bind)?;
        }
        let wanted = of_job
            .iter()
            .map(|(mount, bind)| (mount.target.as_path(), want(bind.as_ref())));
        let wanted: Vec<_> = wanted.collect();
        overlay::prepare(&root, &wanted).step(|| "make mount points in read-only directories".to_owned())?;
        for (mount, bind) in of_job {
            make(&root, mount, bind)?;
        }
        for path in &self.read_only {
            make_read_only(&root, path).step(|| format!("make {} read-only", path.display()))?;
        }
        for path in &self.masked {
            mask(&root, path).step(|| format!("mask {}", path.display()))?;
        }
        self.leave_old_root(&root)
            .step(|| format!("make {} the root", self.root.display()))
    }

    /// The root directory, bound on itself so that it is a mount.
    fn open_root(&self) -> Result<OwnedFd, MountError> {
        let step = || format!("bind the root directory {} on itself", self.root.display());
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let plain = rustix::fs::open(&self.root, flags, Mode::empty()).step(step)?;
        let attributes = Attributes::NOSUID | Attributes::NODEV;
        let tree = sys::clone_tree(plain.as_fd(), Path::new(""), true).step(step)?;
        sys::set_tree(tree.as_fd(), attributes, Some(Propagation::Private)).step(step)?;
        sys::attach(tree.as_fd(), plain.as_fd()).step(step)?;
        Ok(tree)
    }

    fn leave_old_root(&self, root: &OwnedFd) -> io::Result<()> {
        rustix::process::fchdir(root)?;
        match self.switch {
            Switch::PivotRoot => {
                rustix::process::pivot_root(".", ".")?;
                // The old root lies over the new one now, and is what "." is.
                rustix::mount::unmount(".", UnmountFlags::DETACH)?;
            }
            Switch::MoveMount => {
                rustix::mount::mount_move(".", "/")?;
                rustix::process::chroot(".")?;
            }
        }
        Ok(rustix::process::chdir("/")?)
    }
}

impl Mount {
    /// Whether a job chose where it goes.
    fn is_of_job(&self) -> bool {
        matches!(self.kind, Kind::Bind(_) | Kind::File { .. })
    }
}

impl Kind {
    fn describe(&self) -> String {
        match self {
            Self::Bind(bind) => format!("from {}", bind.source.display()),
            Self::AllocDirectory(source) => format!("from {}", source.display()),
            Self::HostDirectory(source) => format!("from the host's {}", source.display()),
            Self::File { .. } => "a file of its own".to_owned(),
            Self::Proc => "proc".to_owned(),
            Self::Sysfs => "sysfs".to_owned(),
            Self::Dev { .. } => "devices".to_owned(),
            Self::Tmpfs { .. } => "tmpfs".to_owned(),
        }
    }
}

/// The source of a bind, as a tree of its own.
struct Tree {
    fd: OwnedFd,
    directory: bool,
}

fn open_bind(mount: &Mount) -> Result<Option<Tree>, MountError> {
    let Kind::Bind(bind) = &mount.kind else { return Ok(None) };
    let tree = clone_bind(bind).step(|| format!("bind {} to {}", bind.source.display(), bind.target.display()))?;
    Ok(Some(tree))
}

fn clone_bind(bind: &Bind) -> io::Result<Tree> {
    let fd = sys::clone_tree(CWD, &bind.source, true)?;
    let directory = mount_point::is_directory(fd.as_fd())?;
    let mut attributes = Attributes::empty();
    if bind.devices && !directory {
        // The mode and owner of the host's node are not the task's to change; reading and writing a device is another
        // matter, and stays possible.
        attributes |= Attributes::RDONLY;
    } else if !bind.devices {
        attributes |= Attributes::NODEV;
    }
    if bind.read_only {
        attributes |= Attributes::RDONLY;
    }
    sys::set_tree(fd.as_fd(), attributes, Some(bind.propagation))?;
    Ok(Tree { fd, directory })
}

/// What a bind, or a file where there is none, has to be mounted over.
fn want(bind: Option<&Tree>) -> Want {
    if bind.is_some_and(|tree| tree.directory) {
        Want::Directory
    } else {
        Want::File
    }
}

fn make(root: &OwnedFd, mount: &Mount, bind: Option<Tree>) -> Result<(), MountError> {
    let made = try_make(root, mount, bind);
    made.step(|| format!("mount {} ({})", mount.target.display(), mount.kind.describe()))
}

fn try_make(root: &OwnedFd, mount: &Mount, bind: Option<Tree>) -> io::Result<()> {
    let target = &mount.target;
    match &mount.kind {
        Kind::Bind(_) => bind.map_or(Ok(()), |tree| {
            let at = mount_point::of_job(root, target, want(Some(&tree)))?;
            sys::attach(tree.fd.as_fd(), at.as_fd())
        }),
        Kind::HostDirectory(source) => host_directory(root, source, target),
        Kind::AllocDirectory(source) => alloc_directory(root, source, target),
        Kind::File { content } => file(root, target, content),
        Kind::Proc => file_system(root, target, &FsOptions::new("proc"), Attributes::KERNEL),
        Kind::Sysfs => file_system(
            root,
            target,
            &FsOptions::new("sysfs"),
            Attributes::KERNEL | Attributes::RDONLY,
        ),
        Kind::Dev { shm_size } => dev::make(root, target, *shm_size),
        Kind::Tmpfs { size, mode } => {
            let options = FsOptions::tmpfs(*size, *mode);
            file_system(root, target, &options, Attributes::NOSUID | Attributes::NODEV)
        }
    }
}

/// Mounts a new file system at a fixed place.
fn file_system(root: &OwnedFd, target: &Path, options: &FsOptions, attributes: Attributes) -> io::Result<()> {
    let at = mount_point::fixed(root, target)?;
    let mount = options.mount(attributes)?;
    sys::attach(mount.as_fd(), at.as_fd())
}

/// Shows a directory of the host read-only, with all that is mounted in it.
fn host_directory(root: &OwnedFd, source: &Path, target: &Path) -> io::Result<()> {
    match source.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(found) if found.is_symlink() => mount_point::symlink(root, target, &source.read_link()?),
        Ok(_) => {
            let tree = sys::clone_tree(CWD, source, true)?;
            sys::set_tree(
                tree.as_fd(),
                Attributes::RDONLY | Attributes::NODEV,
                Some(Propagation::Private),
            )?;
            let at = mount_point::fixed(root, target)?;
            sys::attach(tree.as_fd(), at.as_fd())
        }
    }
}

/// Shows a directory of the allocation. No device node and no setuid program in it counts.
fn alloc_directory(root: &OwnedFd, source: &Path, target: &Path) -> io::Result<()> {
    let tree = sys::clone_tree(CWD, source, true)?;
    sys::set_tree(
        tree.as_fd(),
        Attributes::NOSUID | Attributes::NODEV,
        Some(Propagation::Private),
    )?;
    let at = mount_point::fixed(root, target)?;
    sys::attach(tree.as_fd(), at.as_fd())
}

/// Puts a read-only file in the place of whatever is there. It lives in memory, in a file system that is left again as
/// soon as the file is bound from it.
fn file(root: &OwnedFd, target: &Path, content: &str) -> io::Result<()> {
    let at = mount_point::of_job(root, target, Want::File)?;
    let scratch = FsOptions::tmpfs(content.len() as u64 + 64 * 1024, 0o755).mount(Attributes::KERNEL)?;
    // Older kernels clone only from what is mounted somewhere.
    sys::attach(scratch.as_fd(), root.as_fd())?;
    let bound = bind_content(&scratch, content, &at);
    rustix::process::fchdir(&scratch)?;
    rustix::mount::unmount(".", UnmountFlags::DETACH)?;
    bound
}

fn bind_content(scratch: &OwnedFd, content: &str, at: &OwnedFd) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(scratch, "file", flags, Mode::from_raw_mode(0o644))?;
    rustix::fs::fchmod(&fd, Mode::from_raw_mode(0o644))?;
    io::Write::write_all(&mut File::from(fd), content.as_bytes())?;
    let tree = sys::clone_tree(scratch.as_fd(), Path::new("file"), false)?;
    sys::set_tree(
        tree.as_fd(),
        Attributes::KERNEL | Attributes::RDONLY,
        Some(Propagation::Private),
    )?;
    sys::attach(tree.as_fd(), at.as_fd())
}

/// Binds a path of the task on itself, read-only with all that is mounted in it. A missing one is skipped.
fn make_read_only(root: &OwnedFd, path: &Path) -> io::Result<()> {
    let Some(at) = mount_point::existing(root, path)? else {
        return Ok(());
    };
    let tree = sys::clone_tree(at.as_fd(), Path::new(""), true)?;
    sys::set_tree(tree.as_fd(), Attributes::RDONLY, Some(Propagation::Private))?;
    sys::attach(tree.as_fd(), at.as_fd())
}

/// Covers a path with nothing. A missing one is skipped.
fn mask(root: &OwnedFd, path: &Path) -> io::Result<()> {
    let Some(at) = mount_point::existing(root, path)? else {
        return Ok(());
    };
    let cover = if mount_point::is_directory(at.as_fd())? {
        FsOptions::tmpfs(4096, 0o755).mount(Attributes::KERNEL | Attributes::RDONLY)?
    } else {
        let null = sys::clone_tree(CWD, Path::new("/dev/null"), false)?;
        sys::set_tree(null.as_fd(), Attributes::RDONLY, Some(Propagation::Private))?;
        null
    };
    sys::attach(cover.as_fd(), at.as_fd())
}
