//! `encamp exec`.

use std::io;
use std::os::fd::AsFd as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::{Context as _, Result};
use encamp_driver::{ExecIo, ExecOptions, ExitResult, TerminalSize};
use encamp_runner::Store;
use nix::sys::signal::Signal;
use nix::sys::termios::{self, OutputFlags, SetArg, Termios};
use tokio::io::AsyncWrite;
use tokio::signal::unix::{self, SignalKind};
use tokio::sync::mpsc;

use crate::attach::attach;
use crate::cli::Exec;
use crate::exit::{killed_by, usage};
use crate::paths::DataDir;
use crate::{signals, target, wiring};

/// How long the driver may take to see to the end of a command whose session was broken off.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);

/// How a session ended.
enum Ended {
    /// With the command.
    Command(encamp_driver::Result<ExitResult>),
    /// By a signal to this program.
    Signal(Signal),
}

pub(crate) async fn exec(data: &DataDir, args: Exec) -> Result<u8> {
    let terminal = terminal_size();
    if args.tty && terminal.is_none() {
        return Err(usage("--tty needs a terminal, and standard input is none"));
    }
    let target = target::find(&Store::new(data.state()), Some(&args.target))?;
    let parts = wiring::parts(data, &target.alloc.record).await?;
    let task = target.one_task()?;
    let attached = attach(data, &parts, &target.alloc, task).await?;
    let options = ExecOptions {
        command: args.command,
        tty: terminal.filter(|_| args.tty),
    };
    let unread = Arc::new(AtomicBool::new(false));
    let (resizes, resize) = mpsc::channel(2);
    let io = ExecIo {
        stdin: if args.interactive {
            Box::pin(tokio::io::stdin())
        } else {
            Box::pin(tokio::io::empty())
        },
        stdout: Box::pin(Watched::new(tokio::io::stdout(), &unread)),
        stderr: Box::pin(Watched::new(tokio::io::stderr(), &unread)),
        resize,
    };
    let deadly = signals::deadly()?;
    let raw = if args.tty {
        Some(RawMode::enter(args.interactive)?)
    } else {
        None
    };
    let watcher = args.tty.then(|| tokio::spawn(watch_size(resizes)));
    let ended = tokio::select! {
        exit = attached.driver.exec_task_streaming(&attached.id, options, io) => Ended::Command(exit),
        signal = deadly => Ended::Signal(signal),
    };
    drop(raw);
    if let Some(watcher) = watcher {
        watcher.abort();
    }
    // What it has dropped kills the command; a distant engine that does not answer is not waited for.
    drop(tokio::time::timeout(KILL_TIMEOUT, attached.driver.shutdown()).await);
    match ended {
        Ended::Signal(signal) => Ok(killed_by(signal)),
        Ended::Command(Err(_)) if unread.load(Ordering::Acquire) => Ok(killed_by(Signal::SIGPIPE)),
        Ended::Command(exit) => {
            let exit = exit.with_context(|| format!("cannot run the command in task \"{task}\""))?;
            Ok(u8::try_from(exit.exit_code).unwrap_or(1))
        }
    }
}

/// A writer that remembers when nobody reads from it any more.
struct Watched<W> {
    inner: W,
    unread: Arc<AtomicBool>,
}

impl<W> Watched<W> {
    fn new(inner: W, unread: &Arc<AtomicBool>) -> Self {
        let unread = Arc::clone(unread);
        Self { inner, unread }
    }

    fn note<T>(&self, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if matches!(&result, Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::BrokenPipe) {
            self.unread.store(true, Ordering::Release);
        }
        result
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Watched<W> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.note(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(context);
        self.note(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.inner).poll_shutdown(context);
        self.note(shut)
    }
}

/// The size of the terminal on standard input, if it is one.
fn terminal_size() -> Option<TerminalSize> {
    let (width, height) =
        terminal_size::terminal_size_of(std::io::stdin()).map(|(width, height)| (width.0, height.0))?;
    Some(TerminalSize { height, width })
}

/// Passes every change of the terminal's size on.
async fn watch_size(resizes: mpsc::Sender<TerminalSize>) {
    let Ok(mut changes) = unix::signal(SignalKind::window_change()) else {
        return;
    };
    while changes.recv().await.is_some() {
        let Some(size) = terminal_size() else { return };
        if resizes.send(size).await.is_err() {
            return;
        }
    }
}

/// The terminal as a plain way to another, for as long as this lives.
struct RawMode(Termios);

impl RawMode {
    /// Without line editing, echo and signals. Keys that nobody passes on keep their meaning: Ctrl-C ends the session.
    fn enter(passes_keys: bool) -> Result<Self> {
        let stdin = std::io::stdin();
        let before = termios::tcgetattr(stdin.as_fd()).context("cannot read the terminal's settings")?;
        let mut raw = before.clone();
        if passes_keys {
            termios::cfmakeraw(&mut raw);
        } else {
            raw.output_flags.remove(OutputFlags::OPOST);
        }
        termios::tcsetattr(stdin.as_fd(), SetArg::TCSADRAIN, &raw).context("cannot set the terminal up")?;
        Ok(Self(before))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // A terminal that is gone needs no settings.
        let _gone = termios::tcsetattr(std::io::stdin().as_fd(), SetArg::TCSADRAIN, &self.0);
    }
}
