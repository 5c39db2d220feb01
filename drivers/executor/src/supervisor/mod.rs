//! The supervising process: one thread, one loop.
//!
//! It is paid for once per task, so it is kept small: the standard library, system calls, JSON. It ignores every signal
//! that can be ignored, and ends when the task has ended and that is on disk.

mod child;
mod conn;
mod inside;
mod pump;
mod run;
mod start;
mod stdio;

use std::io::{self, Write};
use std::os::fd::AsRawFd as _;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use nix::sys::signal::SigSet;
use nix::sys::stat::{Mode, umask};
use nix::unistd::{dup2_stdin, setsid};

use crate::sys;

/// Supervises one task; the whole of the `encamp-executor` program.
pub fn main() -> ExitCode {
    match supervise() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error is a file in the state directory, which may be gone, or full.
            drop(writeln!(io::stderr(), "cannot supervise: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn supervise() -> io::Result<()> {
    // All that follows rests on it: see `sys::fork`.
    if std::fs::read_dir("/proc/self/task")?.count() != 1 {
        return Err(io::Error::other(
            "the process has more than one thread; run the program encamp-executor",
        ));
    }
    let client = detach()?;
    let Some(supervisor) = start::start(client)? else {
        return Ok(());
    };
    supervisor.run()
}

/// Leaves the session of the client, and gives back the connection to it, which came as standard input.
fn detach() -> io::Result<UnixStream> {
    // The plan is full of secrets: nobody without rights over all processes may read or trace this one, nor get a
    // core dump of it. A command that is executed is as open as it would be anyway.
    nix::sys::prctl::set_dumpable(false)?;
    // Already a leader, at worst.
    let _: nix::Result<_> = setsid();
    umask(Mode::from_bits_truncate(0o022));
    SigSet::all().thread_block()?;
    nix::sys::prctl::set_child_subreaper(true)?;
    let client = sys::take_stdin()?;
    dup2_stdin(std::fs::File::open("/dev/null")?)?;
    // What the client's caller has left open, a lock for example, is not for as long as the task.
    sys::close_all_but(vec![client.as_raw_fd()])?;
    Ok(UnixStream::from(client))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_several_threads_cannot_supervise() {
        // A test runs beside the thread that waits for it.
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let other = std::thread::spawn(move || wait.recv().is_err());
        let error = supervise().unwrap_err();
        drop(done);
        assert!(other.join().unwrap());
        assert!(error.to_string().contains("more than one thread"), "{error}");
    }
}
