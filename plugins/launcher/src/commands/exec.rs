//! `encamp exec`.

use std::os::fd::AsFd as _;

use anyhow::{Context as _, Result};
use encamp_driver::{ExecIo, ExecOptions, TerminalSize};
use encamp_runner::Store;
use nix::sys::termios::{self, SetArg, Termios};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::attach::attach;
use crate::cli::Exec;
use crate::exit::usage;
use crate::paths::DataDir;
use crate::{target, wiring};

pub(crate) async fn exec(data: &DataDir, args: Exec) -> Result<u8> {
    let terminal = terminal_size();
    if args.tty && terminal.is_none() {
        return Err(usage("--tty needs a terminal, and standard input is none"));
    }
    let target = target::find(&Store::new(data.state()), Some(&args.target))?;
    let parts = wiring::parts(data, &target.alloc.record.id).await?;
    let task = target.one_task()?;
    let attached = attach(data, &parts, &target.alloc, task).await?;
    let options = ExecOptions {
        command: args.command,
        tty: terminal.filter(|_| args.tty),
    };
    let (resizes, resize) = mpsc::channel(2);
    let io = ExecIo {
        stdin: if args.interactive {
            Box::pin(tokio::io::stdin())
        } else {
            Box::pin(tokio::io::empty())
        },
        stdout: Box::pin(tokio::io::stdout()),
        stderr: Box::pin(tokio::io::stderr()),
        resize,
    };
    let raw = if args.tty { Some(RawMode::enter()?) } else { None };
    let watcher = args.tty.then(|| tokio::spawn(watch_size(resizes)));
    let exit = attached.driver.exec_task_streaming(&attached.id, options, io).await;
    drop(raw);
    if let Some(watcher) = watcher {
        watcher.abort();
    }
    let exit = exit.with_context(|| format!("cannot run the command in task \"{task}\""))?;
    Ok(u8::try_from(exit.exit_code).unwrap_or(1))
}

/// The size of the terminal on standard input, if it is one.
fn terminal_size() -> Option<TerminalSize> {
    let (width, height) =
        terminal_size::terminal_size_of(std::io::stdin()).map(|(width, height)| (width.0, height.0))?;
    Some(TerminalSize { height, width })
}

/// Passes every change of the terminal's size on.
async fn watch_size(resizes: mpsc::Sender<TerminalSize>) {
    let Ok(mut changes) = signal(SignalKind::window_change()) else {
        return;
    };
    while changes.recv().await.is_some() {
        let Some(size) = terminal_size() else { return };
        if resizes.send(size).await.is_err() {
            return;
        }
    }
}

/// The terminal without line editing, echo and signals, for as long as this lives.
struct RawMode(Termios);

impl RawMode {
    fn enter() -> Result<Self> {
        let stdin = std::io::stdin();
        let before = termios::tcgetattr(stdin.as_fd()).context("cannot read the terminal's settings")?;
        let mut raw = before.clone();
        termios::cfmakeraw(&mut raw);
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
