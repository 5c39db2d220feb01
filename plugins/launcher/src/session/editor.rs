//! A person's commands: a line editor with history and completion, on a thread of its own.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc as sync};
use std::thread;

use anyhow::{Context as _, Result};
use clap::{Command, ValueHint};
use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Editor, ExternalPrinter as _, Helper};
use tokio::sync::mpsc;

use super::input::Line;
use super::screen::Screen;
use super::words;

/// How many commands are remembered.
const HISTORY: usize = 1000;

/// What can stand for the ids that a session knows just now.
pub(crate) type Ids = Arc<Mutex<Vec<String>>>;

/// A person who types.
pub(super) struct Typed {
    requests: sync::Sender<()>,
    lines: mpsc::UnboundedReceiver<Line>,
    asked: bool,
}

impl Typed {
    /// `history` is the file that commands are remembered in.
    pub(super) fn start(prompt: String, commands: Command, ids: Ids, history: &Path, screen: &Screen) -> Result<Self> {
        let config = Config::builder()
            .max_history_size(HISTORY)
            .context("cannot set the history up")?
            .history_ignore_space(true)
            .completion_type(CompletionType::List)
            .bracketed_paste(false)
            .build();
        let mut editor = Editor::with_config(config).context("cannot edit lines on this terminal")?;
        editor.set_helper(Some(Completions {
            commands,
            ids,
            files: FilenameCompleter::new(),
        }));
        // A history that cannot be read is none.
        let _no_history_yet = editor.load_history(history);
        if let Ok(mut printer) = editor.create_external_printer() {
            screen.typing(Box::new(move |line| printer.print(line).is_ok()));
        }
        let (requests, inbox) = sync::channel();
        let (answers, lines) = mpsc::unbounded_channel();
        let history = history.to_owned();
        thread::spawn(move || edit(editor, &prompt, &history, &inbox, &answers));
        Ok(Self {
            requests,
            lines,
            asked: false,
        })
    }

    /// # Cancel safety
    /// The line goes on being typed, and is the next one.
    pub(super) async fn next(&mut self) -> Line {
        if !self.asked {
            self.asked = self.requests.send(()).is_ok();
        }
        let line = self.lines.recv().await.unwrap_or(Line::End);
        self.asked = false;
        line
    }
}

fn edit(
    mut editor: Editor<Completions, FileHistory>,
    prompt: &str,
    history: &PathBuf,
    requests: &sync::Receiver<()>,
    answers: &mpsc::UnboundedSender<Line>,
) {
    for () in requests {
        let line = match editor.readline(prompt) {
            Ok(text) => {
                let _kept = editor.add_history_entry(text.as_str());
                if let Some(dir) = history.parent() {
                    let _made = DirBuilder::new().recursive(true).mode(0o711).create(dir);
                }
                // Whoever cannot keep a history does without.
                let _kept = editor.append_history(history);
                Line::Text(text)
            }
            Err(ReadlineError::Interrupted) => Line::Interrupted,
            Err(_) => Line::End,
        };
        if answers.send(line).is_err() {
            return;
        }
    }
}

/// What commands, options, files and ids may stand at the cursor.
struct Completions {
    commands: Command,
    ids: Ids,
    files: FilenameCompleter,
}

impl Completer for Completions {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let before = line.get(..at).unwrap_or(line);
        let start = before.rfind(char::is_whitespace).map_or(0, |space| space + 1);
        let (known, word) = before.split_at(start);
        let mut known = known.split_whitespace();
        let Some(command) = known.next() else {
            return Ok((
                start,
                pairs(word, self.commands.get_subcommands().map(Command::get_name)),
            ));
        };
        let Some(command) = self.commands.find_subcommand(command) else {
            return Ok((start, Vec::new()));
        };
        if word.starts_with('-') {
            let options: Vec<_> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
            let options: Vec<_> = options.iter().map(|name| format!("--{name}")).collect();
            return Ok((start, pairs(word, options.iter().map(String::as_str))));
        }
        let position = known.filter(|word| !word.starts_with('-')).count();
        let argument = command
            .get_positionals()
            .nth(position)
            .or(command.get_positionals().last());
        match argument.map(clap::Arg::get_value_hint) {
            Some(ValueHint::FilePath) => self.files.complete_path(line, at),
            Some(ValueHint::Other) => {
                let ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
                Ok((start, pairs(word, ids.iter().map(String::as_str))))
            }
            _ => {
                let choices = argument.map(clap::Arg::get_possible_values).unwrap_or_default();
                Ok((
                    start,
                    pairs(word, choices.iter().map(clap::builder::PossibleValue::get_name)),
                ))
            }
        }
    }
}

fn pairs<'w>(word: &str, candidates: impl Iterator<Item = &'w str>) -> Vec<Pair> {
    let fitting = candidates.filter(|candidate| candidate.starts_with(word));
    let pair = |candidate: &str| Pair {
        display: candidate.to_owned(),
        replacement: format!("{candidate} "),
    };
    fitting.map(pair).collect()
}

impl Validator for Completions {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(if words::is_open(context.input()) {
            ValidationResult::Incomplete
        } else {
            ValidationResult::Valid(None)
        })
    }
}

impl Helper for Completions {}

impl Hinter for Completions {
    type Hint = String;
}

impl Highlighter for Completions {}
