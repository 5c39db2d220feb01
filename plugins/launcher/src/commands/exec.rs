//! `encamp exec`.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::{Context as _, Result};
use encamp_driver::{ExecIo, ExecOptions, ExitResult};
use encamp_runner::Store;
use nix::sys::signal::Signal;
use tokio::io::AsyncWrite;
use tokio::sync::mpsc;

use crate::attach::attach;
use crate::cli::Exec;
use crate::exit::{killed_by, usage};
use crate::paths::DataDir;
use crate::terminal::{self, RawMode};
use crate::wiring::{self, Role};
use crate::{signals, target};

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
    let terminal = terminal::size();
    if args.tty && terminal.is_none() {
        return Err(usage("--tty needs a terminal, and standard input is none"));
    }
    let target = target::find(&Store::new(data.state()), Some(&args.target))?;
    let wired = wiring::wire(data, &target.alloc.record, Role::Visitor).await?;
    let task = target.one_task()?;
    let attached = attach(data, &wired.parts, &target.alloc, task).await?;
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
    let watcher = args.tty.then(|| tokio::spawn(terminal::watch_size(resizes)));
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
    wired.close().await;
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
