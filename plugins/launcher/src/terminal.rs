//! The terminal on standard input.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::pin::Pin;
use std::task::{self, Poll, ready};

use anyhow::{Context as _, Result};
use encamp_driver::TerminalSize;
use nix::fcntl::OFlag;
use nix::sys::termios::{self, OutputFlags, SetArg, Termios};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::signal::unix::{self, SignalKind};
use tokio::sync::mpsc;

/// The size of the terminal on standard input, if it is one.
pub(crate) fn size() -> Option<TerminalSize> {
    let (width, height) = terminal_size::terminal_size_of(io::stdin()).map(|(width, height)| (width.0, height.0))?;
    Some(TerminalSize { height, width })
}

/// Passes every change of the terminal's size on.
pub(crate) async fn watch_size(resizes: mpsc::Sender<TerminalSize>) {
    let Ok(mut changes) = unix::signal(SignalKind::window_change()) else {
        return;
    };
    while changes.recv().await.is_some() {
        let Some(size) = size() else { return };
        if resizes.send(size).await.is_err() {
            return;
        }
    }
}

/// What is typed, for as long as this is read: a key that comes later is left to whoever reads next.
#[derive(Debug)]
pub(crate) struct Keys(AsyncFd<File>);

impl Keys {
    /// Opens the terminal once more, so that whoever else has it open does not notice.
    pub(crate) fn open() -> Result<Self> {
        let path = nix::unistd::ttyname(io::stdin()).context("standard input is no terminal")?;
        let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let opened = File::options().read(true).custom_flags(flags.bits()).open(&path);
        let file = opened.with_context(|| format!("cannot open {}", path.display()))?;
        Ok(Self(registered(file).context("cannot wait for the terminal")?))
    }
}

#[expect(
    deprecated,
    reason = "an owned file cannot be closed while it is registered; the rest is `unsafe`"
)]
fn registered(file: File) -> io::Result<AsyncFd<File>> {
    AsyncFd::new(file)
}

impl AsyncRead for Keys {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut ready = ready!(self.0.poll_read_ready(context))?;
            let space = buffer.initialize_unfilled();
            if let Ok(read) = ready.try_io(|file| file.get_ref().read(space)) {
                return Poll::Ready(read.map(|count| buffer.advance(count)));
            }
        }
    }
}

/// The terminal as it is now, and again when this is dropped.
#[derive(Debug)]
pub(crate) struct Settings(Option<Termios>);

impl Settings {
    pub(crate) fn keep() -> Self {
        Self(termios::tcgetattr(io::stdin().as_fd()).ok())
    }
}

impl Drop for Settings {
    fn drop(&mut self) {
        if let Some(settings) = &self.0 {
            // A terminal that is gone needs no settings.
            let _gone = termios::tcsetattr(io::stdin().as_fd(), SetArg::TCSADRAIN, settings);
        }
    }
}

/// The terminal as a plain way to another, for as long as this lives.
pub(crate) struct RawMode(Termios);

impl RawMode {
    /// Without line editing, echo and signals. Keys that nobody passes on keep their meaning: Ctrl-C ends the session.
    pub(crate) fn enter(passes_keys: bool) -> Result<Self> {
        let stdin = io::stdin();
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
        let _gone = termios::tcsetattr(io::stdin().as_fd(), SetArg::TCSADRAIN, &self.0);
    }
}
