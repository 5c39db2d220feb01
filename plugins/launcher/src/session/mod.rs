//! A session: commands one after the other, typed or from a script.

mod editor;
mod input;
mod screen;
mod words;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::{CommandFactory as _, Parser};
use encamp_goplugin::Life;
use tokio::signal::unix::{Signal, SignalKind, signal};

pub(crate) use self::editor::Ids;
use self::editor::Typed;
use self::input::{Input, Line};
pub(crate) use self::screen::{Screen, plain};
use crate::exit::{self, INTERRUPTED, killed_by};
use crate::output;
use crate::terminal::Settings;

/// Somebody who carries commands out.
pub(crate) trait Session {
    /// A command with its arguments.
    type Command: Parser;

    /// Carries a command out. `block` is what stood in braces behind it. Dropped, it breaks the command off.
    async fn run(&mut self, command: Self::Command, block: Option<String>) -> Result<Flow>;
}

/// What comes after a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    Next,
    Exit,
}

/// What a session is told by.
pub(crate) struct Setting<'a> {
    pub(crate) prompt: String,
    pub(crate) history: &'a Path,
    pub(crate) ids: Ids,
    pub(crate) screen: &'a Screen,
    /// Of the plugin that it is about.
    pub(crate) life: &'a Life,
    pub(crate) stop_at_error: bool,
}

/// Whether a person types the commands.
pub(crate) fn is_typed() -> bool {
    Input::is_terminal()
}

/// Runs a session to its end; gives the exit code.
///
/// That is 0 where a person has ended it, and 1 for a script with a command that has failed, or for a plugin that has
/// ended in between.
pub(crate) async fn run<S: Session>(session: &mut S, setting: Setting<'_>) -> Result<u8> {
    let mut signals = Signals::catch()?;
    let settings = Input::is_terminal().then(Settings::keep);
    let mut input = match settings {
        Some(_) => Input::Typed(Typed::start(
            setting.prompt.clone(),
            S::Command::command(),
            Arc::clone(&setting.ids),
            setting.history,
            setting.screen,
        )?),
        None => Input::script(),
    };
    let ended = commands(session, &setting, &mut input, &mut signals).await;
    if let Some(settings) = settings {
        setting.screen.still();
        drop(settings);
    }
    match ended {
        Ok(Ended::Code(code)) => Ok(code),
        Ok(Ended::Dead(exit)) => {
            output::error(&format!("the plugin {exit}"));
            Ok(1)
        }
        Err(error) => Err(error),
    }
}

/// How a session has ended.
enum Ended {
    Code(u8),
    Dead(encamp_goplugin::Exit),
}

async fn commands<S: Session>(
    session: &mut S,
    setting: &Setting<'_>,
    input: &mut Input,
    signals: &mut Signals,
) -> Result<Ended> {
    let mut code = 0;
    loop {
        let line = tokio::select! {
            biased;
            exit = setting.life.over() => {
                // The prompt stands on this line.
                let _seen = input.is_typed() && output::to_stdout(b"\r\n");
                return Ok(Ended::Dead(exit));
            }
            code = signals.next() => {
                if input.is_typed() && code == INTERRUPTED {
                    continue;
                }
                return Ok(Ended::Code(code));
            }
            line = input.next() => line.context("cannot read commands")?,
        };
        let text = match line {
            Line::Text(text) => text,
            Line::Interrupted => continue,
            Line::End => return Ok(Ended::Code(code)),
        };
        let outcome = tokio::select! {
            biased;
            code = signals.next() => {
                if !input.is_typed() || code != INTERRUPTED {
                    return Ok(Ended::Code(code));
                }
                output::notice("interrupted");
                continue;
            }
            outcome = command(session, &text) => outcome,
        };
        match outcome {
            Ok(Flow::Next) => {}
            Ok(Flow::Exit) => return Ok(Ended::Code(code)),
            Err(error) => {
                exit::show(&error);
                code = u8::from(!input.is_typed());
                if setting.stop_at_error && !input.is_typed() {
                    return Ok(Ended::Code(code));
                }
            }
        }
    }
}

async fn command<S: Session>(session: &mut S, text: &str) -> Result<Flow> {
    let (words, block) = words::split(text).map_err(exit::usage)?;
    if words.is_empty() {
        return Ok(Flow::Next);
    }
    match S::Command::try_parse_from(words) {
        Ok(command) => session.run(command, block).await,
        Err(problem) if !problem.use_stderr() => {
            output::line(problem.render().to_string().trim_end());
            Ok(Flow::Next)
        }
        Err(problem) => {
            let text = problem.render().to_string();
            let text = text.trim().strip_prefix("error: ").unwrap_or(&text);
            // Without a command there is nothing to say about its use.
            let text = text.split("\n\nUsage: <COMMAND>").next().unwrap_or(text);
            Err(exit::usage(text))
        }
    }
}

/// The signals that somebody who sits at the session sends.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    quit: Signal,
}

impl Signals {
    fn catch() -> Result<Self> {
        let catch = |kind| signal(kind).context("cannot catch signals");
        Ok(Self {
            interrupt: catch(SignalKind::interrupt())?,
            terminate: catch(SignalKind::terminate())?,
            hangup: catch(SignalKind::hangup())?,
            quit: catch(SignalKind::quit())?,
        })
    }

    /// Waits for one; gives the exit code that a program ends with after it.
    async fn next(&mut self) -> u8 {
        use nix::sys::signal::Signal::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

        killed_by(tokio::select! {
            _ = self.interrupt.recv() => SIGINT,
            _ = self.terminate.recv() => SIGTERM,
            _ = self.hangup.recv() => SIGHUP,
            _ = self.quit.recv() => SIGQUIT,
        })
    }
}
