//! `encamp hold`: a task's pipes, kept open while nobody reads them.
//!
//! A runner that is killed takes its ends of the pipes with it. Without a reader, a task that writes would be sent
//! SIGPIPE; with one, it writes as far as the pipe takes it, then waits, and the next runner finds all of it. So a process
//! that does nothing else holds them, for as long as the pipes are there.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use nix::fcntl::OFlag;
use nix::poll::poll;
use nix::sys::stat::fstat;
use tokio::process::Command;

/// How soon it is seen that a pipe is gone, in milliseconds.
const LOOK: u16 = 1000;

/// Has somebody hold a task's pipes who outlives this process.
pub(crate) fn start([stdout, stderr]: &[PathBuf; 2]) -> io::Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("hold").arg(stdout).current_dir("/").env_clear();
    // Open from its first moment on.
    command
        .stdin(reader(stdout)?)
        .stdout(reader(stderr)?)
        .stderr(Stdio::null());
    drop(command.spawn()?);
    Ok(())
}

fn reader(pipe: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(pipe)
}

/// Holds what this process was given as standard input and output, until the former has no name any more.
pub(crate) fn hold() {
    // Nothing that happens at a terminal concerns it. It was started by a process that is no leader of it.
    let _leader = nix::unistd::setsid();
    let pipe = io::stdin();
    while fstat(pipe.as_fd()).is_ok_and(|pipe| pipe.st_nlink > 0) {
        // What tells of the end of a name (inotify) a user has few of, and this is one for each task.
        let _none = poll(&mut [], LOOK);
    }
}
