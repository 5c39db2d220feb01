//! A task's namespaces, and paths inside them.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::libc;
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::stat::Mode;
use nix::unistd::close;

use crate::{Failure, Plan, Step};

/// The namespaces of a task that its sessions join, in the order they are joined in.
///
/// They are opened before the task's command runs: later, the task could put others in their place.
#[derive(Debug, Default)]
pub(super) struct Namespaces(Vec<(CloneFlags, OwnedFd)>);

impl Namespaces {
    /// From what the task's child has sent.
    pub(super) fn new(plan: &Plan, fds: Vec<OwnedFd>) -> Result<Self, Failure> {
        let wanted = wanted(plan);
        if wanted.len() != fds.len() {
            let error = io::Error::new(io::ErrorKind::InvalidData, "not all have come from its process");
            return Err(Failure::new(Step::Namespace, "the task", &error));
        }
        Ok(Self(wanted.into_iter().map(|(_, flag)| flag).zip(fds).collect()))
    }

    pub(super) fn raw_fds(&self) -> Vec<RawFd> {
        self.0.iter().map(|(_, fd)| fd.as_raw_fd()).collect()
    }

    /// Joins them and closes their descriptors: only for a child, which never drops what it has inherited.
    pub(super) fn join(&self) -> Result<(), Failure> {
        let failed = |errno: Errno| Failure::new(Step::Namespace, "the task", &errno.into());
        for (flag, fd) in &self.0 {
            setns(fd, *flag).map_err(failed)?;
        }
        for fd in self.raw_fds() {
            close(fd).map_err(failed)?;
        }
        Ok(())
    }
}

/// Makes the namespaces of a task for the calling process; gives back those that sessions are to join.
pub(super) fn make(plan: &Plan) -> Result<Vec<OwnedFd>, Failure> {
    if let Some(path) = &plan.network_namespace {
        let failed = |error: io::Error| Failure::path(Step::Network, path, &error);
        let namespace = open_namespace(path).map_err(failed)?;
        setns(namespace, CloneFlags::CLONE_NEWNET).map_err(|errno| failed(errno.into()))?;
    }
    let Some(isolation) = &plan.isolation else {
        return own(plan);
    };
    let mut flags = CloneFlags::CLONE_NEWNS;
    flags.set(CloneFlags::CLONE_NEWIPC, isolation.private_ipc);
    unshare(flags).map_err(|errno| Failure::new(Step::Namespace, "the task", &errno.into()))?;
    // While /proc is the host's.
    let namespaces = own(plan)?;
    isolation.rootfs.enter().map_err(|error| Failure {
        detail: Some(error.to_string()),
        ..Failure::path(Step::Rootfs, &isolation.rootfs.root, &error.source)
    })?;
    Ok(namespaces)
}

/// The mount namespace comes last: it takes the host's paths away.
fn wanted(plan: &Plan) -> Vec<(&'static str, CloneFlags)> {
    let isolation = plan.isolation.as_ref();
    let mut wanted = Vec::new();
    if plan.network_namespace.is_some() {
        wanted.push(("net", CloneFlags::CLONE_NEWNET));
    }
    if isolation.is_some_and(|isolation| isolation.private_ipc) {
        wanted.push(("ipc", CloneFlags::CLONE_NEWIPC));
    }
    if isolation.is_some() {
        wanted.push(("mnt", CloneFlags::CLONE_NEWNS));
    }
    wanted
}

/// The process opens its own: to others, a process that cannot be traced does not show them.
fn own(plan: &Plan) -> Result<Vec<OwnedFd>, Failure> {
    let open = |(name, _): (&str, CloneFlags)| {
        let path = format!("/proc/self/ns/{name}");
        let opened = open_namespace(Path::new(&path)).map(OwnedFd::from);
        opened.map_err(|error| Failure::path(Step::Namespace, path, &error))
    };
    wanted(plan).into_iter().map(open).collect()
}

/// A named pipe or a terminal in the place of a namespace must not hold this process up.
fn open_namespace(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
}

/// Opens a path that the task may have made: through links of the file system, not through those that `/proc` conjures
/// up, which lead anywhere.
pub(super) fn open(path: &Path, flags: OFlag) -> nix::Result<OwnedFd> {
    let flags = flags | OFlag::O_CLOEXEC;
    let how = OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_NO_MAGICLINKS);
    match openat2(AT_FDCWD, path, how) {
        Err(Errno::ENOSYS | Errno::EPERM) => open_without_links(path, flags),
        other => other,
    }
}

/// For kernels before 5.6, and containers that do not know the call.
fn open_without_links(path: &Path, flags: OFlag) -> nix::Result<OwnedFd> {
    let on_the_way = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mut at = nix::fcntl::open("/", on_the_way, Mode::empty())?;
    let mut components = path.components().filter(|part| *part != Component::RootDir).peekable();
    if components.peek().is_none() {
        return nix::fcntl::open("/", flags, Mode::empty());
    }
    while let Some(part) = components.next() {
        let is_last = components.peek().is_none();
        let flags = if is_last { flags | OFlag::O_NOFOLLOW } else { on_the_way };
        at = openat(&at, part.as_os_str(), flags, Mode::empty())?;
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_proc_are_not_followed_and_others_are() {
        let dir = tempfile::tempdir().expect("a directory");
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY;
        let open_dir = File::open(dir.path()).expect("open");
        let magic = format!("/proc/self/fd/{}", open_dir.as_raw_fd());
        let (bad, good) = (dir.path().join("bad"), dir.path().join("good"));
        std::os::unix::fs::symlink(&magic, &bad).expect("link");
        std::os::unix::fs::symlink(dir.path(), &good).expect("link");
        assert!(
            std::fs::metadata(&bad).is_ok_and(|meta| meta.is_dir()),
            "it would lead there"
        );
        for path in [Path::new(&magic), &bad, Path::new("/proc/self/cwd")] {
            open(path, flags).expect_err("a way out");
            open_without_links(path, flags).expect_err("a way out");
        }
        open(&good, flags).expect("a link");
        open_without_links(&good, flags).expect_err("any link");
        for path in [dir.path(), Path::new("/"), Path::new("/usr/../usr")] {
            open(path, flags).expect("a directory");
            open_without_links(path, flags).expect("a directory");
        }
    }
}
