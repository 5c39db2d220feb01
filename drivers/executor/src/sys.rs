//! The system calls that nix has no safe or no exact wrapper for.
#![expect(
    unsafe_code,
    reason = "system calls without a safe wrapper; each block says why it is sound"
)]

use std::convert::Infallible;
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::libc;
use nix::unistd::{ForkResult, Pid};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Of `clone3`. The one in libc is too narrow for its value.
const CLONE_INTO_CGROUP: u64 = 1 << 33;

/// Forks. The caller must have one thread only, as the supervising process does: the child then may do anything.
pub(crate) fn fork() -> io::Result<ForkResult> {
    // SAFETY: `supervisor::main` refuses to run beside other threads and never starts one, so no lock can be held by a
    // thread that the child lacks.
    unsafe { nix::unistd::fork() }.map_err(Into::into)
}

/// Forks into a cgroup of the unified hierarchy. The demand is that of [`fork`].
pub(crate) fn fork_into(cgroup: BorrowedFd<'_>) -> io::Result<ForkResult> {
    // SAFETY: plain integers, of which zero means that nothing is asked for.
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    args.flags = CLONE_INTO_CGROUP;
    args.exit_signal = u64::try_from(libc::SIGCHLD).map_err(io::Error::other)?;
    args.cgroup = u64::try_from(cgroup.as_raw_fd()).map_err(io::Error::other)?;
    // SAFETY: `args` is of the size that is told, and as in `fork` no other thread is missing in the child, which gets a
    // copy of all memory, the stack included.
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of_val(&args)) };
    match i32::try_from(pid).map_err(io::Error::other)? {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(ForkResult::Child),
        pid => Ok(ForkResult::Parent {
            child: Pid::from_raw(pid),
        }),
    }
}

/// Ends the process without running anything more of it.
pub(crate) fn exit_now(status: i32) -> ! {
    // SAFETY: `_exit` takes any status and does not return.
    unsafe { libc::_exit(status) }
}

/// Reaps one child that has ended: its pid and its raw wait status. `Ok(None)`: children are left, none has ended.
///
/// Not nix's: that one loses the status of a child that a real-time signal ended.
pub(crate) fn reap() -> io::Result<Option<(i32, i32)>> {
    let mut status = 0;
    // SAFETY: `status` is a valid place for an int for the length of the call.
    let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(None),
        pid => Ok(Some((pid, status))),
    }
}

/// Sends any signal, by number.
pub(crate) fn kill(pid: i32, signal: i32) -> io::Result<()> {
    // SAFETY: `kill` takes any two integers.
    check(unsafe { libc::kill(pid, signal) })
}

/// Gives every signal its default action and unblocks all. Also the two that the C library keeps to itself, which a
/// caller may have passed on ignored.
pub(crate) fn reset_signals() {
    /// The kernel's `struct sigaction` is no longer than this on any architecture; all zeros are the default action.
    const DEFAULT: [u64; 4] = [0; 4];
    const MASK_SIZE: usize = size_of::<u64>();
    for signal in 1..=libc::SIGRTMAX() {
        let nowhere = std::ptr::null_mut::<u64>();
        // SAFETY: the kernel reads one action from DEFAULT and writes none to a null pointer; for signals that have no
        // action to be set (KILL, STOP) the call only fails.
        unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, DEFAULT.as_ptr(), nowhere, MASK_SIZE) };
    }
    let none = nix::sys::signal::SigSet::empty();
    // Nothing can be wrong with an empty set.
    let _: nix::Result<()> = none.thread_set_mask();
}

/// Closes every descriptor above the standard three but `kept`. Only at the start of a program, and for a child that never
/// returns: what is in variables must be neither used nor dropped.
pub(crate) fn close_all_but(mut kept: Vec<RawFd>) -> io::Result<()> {
    kept.sort_unstable();
    let mut first = 3;
    let mut ranges = Vec::new();
    for fd in kept.iter().filter_map(|fd| u32::try_from(*fd).ok()) {
        if fd > first {
            ranges.push((first, fd - 1));
        }
        first = first.max(fd + 1);
    }
    ranges.push((first, u32::MAX));
    for (first, last) in ranges {
        // SAFETY: the call takes plain integers; the child uses none of what it closes, as its caller promises.
        if unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) } != 0 {
            return close_each_but(&kept);
        }
    }
    Ok(())
}

/// Kernels before 5.9.
fn close_each_but(kept: &[RawFd]) -> io::Result<()> {
    let mut open = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd")? {
        open.extend(entry?.file_name().to_str().and_then(|name| name.parse::<RawFd>().ok()));
    }
    for fd in open.into_iter().filter(|fd| *fd > 2 && !kept.contains(fd)) {
        // SAFETY: as above. The listing itself is closed by now.
        unsafe { libc::close(fd) };
    }
    Ok(())
}

/// Leaves the session keyring for a new one of its own.
pub(crate) fn join_new_session_keyring() -> io::Result<()> {
    let no_name = std::ptr::null::<libc::c_char>();
    // SAFETY: a null name is allowed and means a keyring without one.
    let id = unsafe { libc::syscall(libc::SYS_keyctl, libc::KEYCTL_JOIN_SESSION_KEYRING, no_name) };
    if id < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// Executes a program; returns only if that fails.
pub(crate) fn execute(path: &CString, args: &[CString], env: &[CString]) -> io::Result<Infallible> {
    nix::unistd::execve(path, args, env).map_err(Into::into)
}

/// Takes over descriptors that a `recvmsg` has just installed.
pub(crate) fn adopt_received(fds: Vec<RawFd>) -> Vec<OwnedFd> {
    let own = |fd| {
        // SAFETY: the kernel has installed `fd` for this very message; nobody else knows of it.
        unsafe { OwnedFd::from_raw_fd(fd) }
    };
    fds.into_iter().map(own).collect()
}

/// Takes over standard input, which the caller promises to use nowhere else.
pub(crate) fn take_stdin() -> io::Result<OwnedFd> {
    // SAFETY: plain integers; F_DUPFD_CLOEXEC gives a new descriptor, or fails.
    let fd = unsafe { libc::fcntl(0, libc::F_DUPFD_CLOEXEC, 3) };
    check(fd)?;
    // SAFETY: `fd` is new and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A descriptor for a process, which stays about that process whatever becomes of its number.
pub(crate) fn pidfd_open(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: plain integers; the result is a new descriptor or -1.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let fd = RawFd::try_from(fd).map_err(io::Error::other)?;
    check(fd)?;
    // SAFETY: `fd` is new and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Sends a signal to the process that `pidfd` is about.
pub(crate) fn pidfd_signal(pidfd: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    let no_info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: a null `siginfo` is allowed and means what `kill` would send.
    let done = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, no_info, 0) };
    check(i32::try_from(done).unwrap_or(-1))
}

/// Unlocks the other side of a terminal and opens it, without going through any path.
pub(crate) fn open_peer(master: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let unlocked: libc::c_int = 0;
    // SAFETY: TIOCSPTLCK reads an int, which `unlocked` is.
    check(unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSPTLCK, &raw const unlocked) })?;
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: TIOCGPTPEER takes open flags by value and gives a new descriptor, or -1.
    let fd = unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, flags) };
    check(fd)?;
    // SAFETY: `fd` is new and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Makes a terminal the calling session's own.
pub(crate) fn make_controlling(terminal: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: TIOCSCTTY takes an integer by value.
    check(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSCTTY, 0) })
}

/// Sets a terminal's size in characters.
pub(crate) fn set_window_size(terminal: BorrowedFd<'_>, height: u16, width: u16) -> io::Result<()> {
    let size = libc::winsize {
        ws_row: height,
        ws_col: width,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: TIOCSWINSZ reads a `winsize`, which `size` is.
    check(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) })
}

/// How many bytes a pipe holds.
pub(crate) fn unread(pipe: BorrowedFd<'_>) -> io::Result<usize> {
    let mut length: libc::c_int = 0;
    // SAFETY: FIONREAD writes an int, which `length` is for the length of the call.
    check(unsafe { libc::ioctl(pipe.as_raw_fd(), libc::FIONREAD, &raw mut length) })?;
    usize::try_from(length).map_err(io::Error::other)
}

/// Gives freed memory back to the kernel, where the C library keeps any.
pub(crate) fn trim_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: may be called at any time; touches free memory only.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Makes a file known to the runtime.
pub(crate) fn register(file: File, interest: Interest) -> io::Result<AsyncFd<File>> {
    // SAFETY: a `File` owns its descriptor, keeps it open until dropped, and always names the same one.
    unsafe { AsyncFd::register_with_interest(file, interest) }.map_err(Into::into)
}

fn check(result: i32) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
