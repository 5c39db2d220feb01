//! What a plugin does to its own process: output, signals, panics.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::panic::PanicHookInfo;
use std::thread;
use std::time::Duration;

use encamp_proto::plugin::stdio_data::Channel;
use rustix::pipe::PipeFlags;
use tokio::io::Interest;
use tokio::net::unix::pipe;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::stdio::Queue;
use crate::handshake::Handshake;
use crate::hclog;

/// How long somebody may still connect who has the plugin's address from a host that is gone.
const ABANDONED: Duration = Duration::from_mins(1);

/// Standard output and error are pipes of ours as long as this lives. The originals stay open, and no child gets them.
pub(super) struct Stdio {
    stdout: File,
    stderr: Option<File>,
}

impl Stdio {
    /// From now on what is printed goes to `queue`.
    pub(super) fn take(queue: &Queue) -> io::Result<Self> {
        // What was printed before belongs to the original.
        io::stdout().flush()?;
        let stdout = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?;
        let stderr = hclog::original_stderr().and_then(|file| file.try_clone().ok());
        let stdio = Self {
            stdout: stdout.into(),
            stderr,
        };
        rustix::stdio::dup2_stdout(pump(queue.clone(), Channel::Stdout)?)?;
        rustix::stdio::dup2_stderr(pump(queue.clone(), Channel::Stderr)?)?;
        std::panic::set_hook(Box::new(report_panic));
        Ok(stdio)
    }

    /// Tells the host where to connect.
    pub(super) fn tell(&self, handshake: &Handshake) -> io::Result<()> {
        let mut stdout = &self.stdout;
        stdout.write_all(format!("{handshake}\n").as_bytes())?;
        stdout.flush()
    }

    /// The pipe that the host reads, if it is one whose reader can be waited for.
    pub(super) fn host(&self) -> Option<pipe::Sender> {
        let stdout = self.stdout.as_fd().try_clone_to_owned().ok()?;
        // Unchecked: it is only waited for, and stays as it is for those who print.
        pipe::Sender::from_owned_fd_unchecked(stdout).ok()
    }
}

impl Drop for Stdio {
    fn drop(&mut self) {
        // Whoever prints after this must not meet a pipe that nobody reads.
        drop(io::stdout().flush());
        let _ = rustix::stdio::dup2_stdout(&self.stdout);
        let _ = self.stderr.as_ref().map(rustix::stdio::dup2_stderr);
    }
}

/// The end of a pipe that is written to; what comes out of it goes to `queue`.
fn pump(queue: Queue, channel: Channel) -> io::Result<OwnedFd> {
    let (output, input) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC)?;
    let mut output = File::from(output);
    // A thread of its own: whoever prints may be the only thread that the runtime has.
    let pump = move || {
        let mut chunk = [0; 4096];
        while let Ok(read) = output.read(&mut chunk)
            && read > 0
        {
            queue.push(channel, chunk.get(..read).unwrap_or_default());
        }
    };
    thread::Builder::new()
        .name("stdio".to_owned())
        .stack_size(64 * 1024)
        .spawn(pump)?;
    Ok(input)
}

/// SIGINT comes from the terminal of whoever started the host, and is the host's to act on. It is caught and not
/// ignored: children begin with its default.
///
/// SIGTERM is caught from now on, too, and what comes of it is for [`stop_on`]: there is something to remove before
/// anybody serves.
pub(super) fn catch_signals() -> io::Result<Signal> {
    let mut interrupts = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        while interrupts.recv().await.is_some() {
            tracing::trace!("Ignoring an interrupt");
        }
    });
    signal(SignalKind::terminate())
}

/// SIGTERM ends the plugin as the host's last call does, also one that has come before this.
pub(super) fn stop_on(mut terminations: Signal, stop: CancellationToken) {
    tokio::spawn(async move {
        terminations.recv().await;
        tracing::debug!("Ending on SIGTERM");
        stop.cancel();
    });
}

/// A host that went before it connected has told nobody where to: nobody ever will, and the plugin would stay for good.
pub(super) async fn stop_without_host(host: Option<pipe::Sender>, met: CancellationToken, stop: CancellationToken) {
    let Some(host) = host else { return };
    let gone = async {
        drop(host.ready(Interest::ERROR).await);
        tokio::time::sleep(ABANDONED).await;
    };
    if let Some(Some(())) = met.run_until_cancelled(stop.run_until_cancelled(gone)).await {
        tracing::debug!("Ending, as the host is gone and nobody has connected");
        stop.cancel();
    }
}

/// Hosts know by its first word what this is, and that the lines below belong to it.
fn report_panic(panic: &PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("(no message)");
    let mut report = format!("panic: {message}\n");
    let thread = thread::current();
    let _ = write!(report, "  in thread {:?}", thread.name().unwrap_or("(unnamed)"));
    if let Some(location) = panic.location() {
        let _ = write!(report, " at {location}");
    }
    report.push('\n');
    let backtrace = Backtrace::capture();
    if backtrace.status() == BacktraceStatus::Captured {
        let _ = writeln!(report, "{backtrace}");
    }
    hclog::write(report.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Plugin {
        host: Option<pipe::Receiver>,
        met: CancellationToken,
        stop: CancellationToken,
    }

    impl Plugin {
        fn started() -> Self {
            let (stdout, reader) = pipe::pipe().unwrap();
            let (met, stop) = (CancellationToken::new(), CancellationToken::new());
            tokio::spawn(stop_without_host(Some(stdout), met.clone(), stop.clone()));
            let host = Some(reader);
            Self { host, met, stop }
        }

        async fn ends_within(&self, patience: Duration) -> bool {
            tokio::time::timeout(patience, self.stop.cancelled()).await.is_ok()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_plugin_whose_host_has_gone_before_it_connected_ends() {
        let mut plugin = Plugin::started();
        assert!(!plugin.ends_within(ABANDONED * 2).await);
        plugin.host = None;
        assert!(plugin.ends_within(ABANDONED * 2).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_plugin_that_somebody_has_connected_to_outlives_its_host() {
        let mut plugin = Plugin::started();
        plugin.met.cancel();
        plugin.host = None;
        assert!(!plugin.ends_within(ABANDONED * 2).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_plugin_may_still_be_connected_to_after_its_host_has_gone() {
        let mut plugin = Plugin::started();
        plugin.host = None;
        assert!(!plugin.ends_within(ABANDONED / 2).await);
        plugin.met.cancel();
        assert!(!plugin.ends_within(ABANDONED * 2).await);
    }
}
