//! A task's `/dev`.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

use super::mount_point;
use super::sys::{self, Attributes, FsOptions};
use crate::Propagation;

/// The device nodes that every program may count on.
const NODES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

/// Mounts a `/dev` at `target`: nodes of the host, terminals, shared memory and message queues of its own.
///
/// Nodes are bound, not made, and the file system itself allows none: a task that may `mknod` cannot open what it makes.
pub(super) fn make(root: &OwnedFd, target: &Path, shm_size: u64) -> io::Result<()> {
    let at = mount_point::fixed(root, target)?;
    let dev = FsOptions::tmpfs(64 * 1024 * 1024, 0o755).mount(Attributes::NOSUID | Attributes::NODEV)?;
    sys::attach(dev.as_fd(), at.as_fd())?;
    for name in NODES {
        node(&dev, name)?;
    }
    for (name, to) in LINKS {
        rustix::fs::symlinkat(to, &dev, name)?;
    }
    let pts = FsOptions::new("devpts")
        .with("ptmxmode", "0666")
        .with("mode", "0620")
        .with("gid", "5");
    directory(&dev, "pts", &pts, Attributes::NOSUID | Attributes::NOEXEC)?;
    directory(&dev, "shm", &FsOptions::tmpfs(shm_size, 0o1777), Attributes::KERNEL)?;
    match directory(&dev, "mqueue", &FsOptions::new("mqueue"), Attributes::KERNEL) {
        // A kernel without message queues.
        Err(error) if error.raw_os_error() == Some(Errno::NODEV.raw_os_error()) => Ok(()),
        other => other,
    }
}

/// Binds a node of the host. It is read-only so that its mode and owner stay the host's; reading from and writing to the
/// device is not affected. One that the host does not have is left out.
fn node(dev: &OwnedFd, name: &str) -> io::Result<()> {
    let tree = match sys::clone_tree(CWD, &Path::new("/dev").join(name), false) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        tree => tree?,
    };
    sys::set_tree(
        tree.as_fd(),
        Attributes::RDONLY | Attributes::NOSUID | Attributes::NOEXEC,
        Some(Propagation::Private),
    )?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    drop(rustix::fs::openat(dev, name, flags, Mode::from_raw_mode(0o644))?);
    let at = rustix::fs::openat(
        dev,
        name,
        OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    sys::attach(tree.as_fd(), at.as_fd())
}

fn directory(dev: &OwnedFd, name: &str, options: &FsOptions, attributes: Attributes) -> io::Result<()> {
    let mount = options.mount(attributes)?;
    rustix::fs::mkdirat(dev, name, Mode::from_raw_mode(0o755))?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let at = rustix::fs::openat(dev, name, flags, Mode::empty())?;
    sys::attach(mount.as_fd(), at.as_fd())
}
