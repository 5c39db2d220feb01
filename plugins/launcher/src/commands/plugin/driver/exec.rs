//! Commands in a task.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use encamp_driver::{Driver as _, ExecIo, ExecOptions, TerminalSize};
use encamp_driver_grpc::RemoteDriver;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;

use super::show;
use crate::exit::usage;
use crate::output;
use crate::terminal::{self, Keys, RawMode};

/// How long a command may take whose output is told as a whole.
const DEADLINE: Duration = Duration::from_mins(10);

/// The size of a terminal that does not know its own.
const USUAL_SIZE: TerminalSize = TerminalSize { height: 24, width: 80 };

/// Runs a command in a task; one that fails is an error.
pub(super) async fn exec(driver: &RemoteDriver, id: &str, command: Vec<String>, tty: bool) -> Result<()> {
    if output::is_json() && !tty {
        return collected(driver, id, &command).await;
    }
    if tty && !io::stdin().is_terminal() {
        return Err(usage("--tty needs a terminal, and standard input is none"));
    }
    let options = ExecOptions {
        command,
        tty: tty.then(|| terminal::size().unwrap_or(USUAL_SIZE)),
    };
    let (resizes, resize) = mpsc::channel(2);
    let io = ExecIo {
        // A script goes on after the command; it is not the command's input.
        stdin: if tty {
            Box::pin(Keys::open()?)
        } else {
            Box::pin(tokio::io::empty())
        },
        stdout: Box::pin(tokio::io::stdout()),
        stderr: Box::pin(tokio::io::stderr()),
        resize,
    };
    let raw = tty.then(|| RawMode::enter(true)).transpose()?;
    let sizes = async {
        terminal::watch_size(resizes).await;
        std::future::pending::<()>().await;
    };
    let running = driver.exec_task_streaming(id, options, io);
    let exit = tokio::select! {
        exit = running => exit,
        () = sizes, if tty => return Ok(()),
    };
    drop(raw);
    // What was written just now comes before what is said next.
    drop(tokio::io::stdout().flush().await);
    let exit = exit.context("cannot run the command")?;
    if !exit.successful() {
        bail!("the command has ended: {}", show::exit(&exit));
    }
    Ok(())
}

async fn collected(driver: &RemoteDriver, id: &str, command: &[String]) -> Result<()> {
    let ran = driver
        .exec_task(id, command, DEADLINE)
        .await
        .context("cannot run the command")?;
    output::print_json(&json!({
        "stdout": String::from_utf8_lossy(&ran.stdout),
        "stderr": String::from_utf8_lossy(&ran.stderr),
        "exit": ran.exit,
    }));
    if !ran.exit.successful() {
        bail!("the command has ended: {}", show::exit(&ran.exit));
    }
    Ok(())
}
