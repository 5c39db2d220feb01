//! A command's standard streams.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::unistd::{Gid, Uid, dup2_stderr, dup2_stdin, dup2_stdout, fchown};

use super::inside;
use crate::{Failure, Plan, Step, TerminalSize, sys};

const NULL: &str = "/dev/null";

#[derive(Debug)]
pub(super) enum Stdio {
    Descriptors([OwnedFd; 3]),
    Terminal(TerminalSize),
}

/// Puts descriptors into place, before any namespace is entered: all others are closed by then.
pub(super) fn connect(streams: &Stdio, plan: &Plan) -> Result<(), Failure> {
    let Stdio::Descriptors(fds) = streams else {
        // A terminal is of the task's own; until there is one, nothing else of the host's is in its place.
        let null = io::stdin();
        return place(null.as_fd(), null.as_fd(), null.as_fd());
    };
    for fd in fds {
        give(fd.as_fd(), user(plan));
    }
    let [stdin, stdout, stderr] = fds;
    place(stdin.as_fd(), stdout.as_fd(), stderr.as_fd())
}

/// What can only be done inside the namespaces; gives back a terminal's near side, if there is one.
pub(super) fn settle(streams: &Stdio, plan: &Plan) -> Result<Option<OwnedFd>, Failure> {
    let Stdio::Terminal(size) = streams else {
        if plan.isolation.is_some() {
            reopen_null()?;
        }
        return Ok(None);
    };
    let failed = |error: io::Error| Failure::new(Step::Terminal, "/dev/ptmx", &error);
    let (near, far) = open_terminal(*size).map_err(failed)?;
    if let Some((uid, gid)) = user(plan) {
        // As grantpt does; without the right to, it is still usable through its descriptors.
        let _: nix::Result<()> = fchown(&far, Some(uid), Some(gid));
    }
    place(far.as_fd(), far.as_fd(), far.as_fd())?;
    sys::make_controlling(far.as_fd()).map_err(failed)?;
    Ok(Some(near))
}

fn user(plan: &Plan) -> Option<(Uid, Gid)> {
    let user = plan.user.as_ref()?;
    Some((Uid::from_raw(user.uid), Gid::from_raw(user.gid)))
}

/// A pipe belongs to who made it, and `/dev/stdout` opens it anew: with the owner's rights only.
fn give(fd: BorrowedFd<'_>, user: Option<(Uid, Gid)>) {
    let is_pipe = metadata(fd).is_ok_and(|meta| meta.file_type().is_fifo());
    if let Some((uid, gid)) = user.filter(|_| is_pipe) {
        // Without the right to, the pipe is still usable through its descriptor.
        let _: nix::Result<()> = fchown(fd, Some(uid), Some(gid));
    }
}

fn metadata(fd: BorrowedFd<'_>) -> io::Result<std::fs::Metadata> {
    File::from(fd.try_clone_to_owned()?).metadata()
}

fn place(stdin: BorrowedFd<'_>, stdout: BorrowedFd<'_>, stderr: BorrowedFd<'_>) -> Result<(), Failure> {
    dup2_stdin(stdin)
        .and_then(|()| dup2_stdout(stdout))
        .and_then(|()| dup2_stderr(stderr))
        .map_err(failed)
}

fn failed(errno: Errno) -> Failure {
    Failure::new(Step::Output, "standard streams", &errno.into())
}

/// Puts the task's null device in the place of the host's: what a task may do to the node of a descriptor, it does to
/// the host's otherwise.
fn reopen_null() -> Result<(), Failure> {
    let is_null = |fd: BorrowedFd<'_>| metadata(fd).is_ok_and(|meta| is_null_device(&meta));
    let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
    let found = [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()].map(is_null);
    if !found.contains(&true) {
        return Ok(());
    }
    let null = open_null().map_err(|error| Failure::path(Step::Output, NULL, &error))?;
    let [stdin, stdout, stderr] = found;
    let put = |wanted: bool, put: fn(&File) -> nix::Result<()>| if wanted { put(&null) } else { Ok(()) };
    put(stdin, |null| dup2_stdin(null))
        .and_then(|()| put(stdout, |null| dup2_stdout(null)))
        .and_then(|()| put(stderr, |null| dup2_stderr(null)))
        .map_err(failed)
}

fn open_null() -> io::Result<File> {
    let null = File::from(inside::open(Path::new(NULL), OFlag::O_RDWR | OFlag::O_NOCTTY)?);
    // The task may have put something else there.
    if is_null_device(&null.metadata()?) {
        return Ok(null);
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not the null device"))
}

fn is_null_device(meta: &std::fs::Metadata) -> bool {
    meta.file_type().is_char_device() && meta.rdev() == libc::makedev(1, 3)
}

/// A new terminal of the file system that this process sees: the task's own devpts, where it has one.
fn open_terminal(size: TerminalSize) -> io::Result<(OwnedFd, OwnedFd)> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOCTTY | libc::O_NONBLOCK | libc::O_CLOEXEC);
    let near = options.open("/dev/pts/ptmx").or_else(|_| options.open("/dev/ptmx"))?;
    // The task may have put something else there.
    if near.metadata()?.rdev() != libc::makedev(5, 2) {
        return Err(io::Error::from_raw_os_error(libc::ENOTTY));
    }
    let far = sys::open_peer(near.as_fd())?;
    sys::set_window_size(near.as_fd(), size.height, size.width)?;
    Ok((near.into(), far))
}
