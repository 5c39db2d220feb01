//! How a run looks: events and progress on standard error, the tasks' output on its own streams.

use std::io::IsTerminal as _;

use encamp_logs::Stream;
use encamp_runner::{Event, EventKind, Outcome};

use crate::output;
use crate::ui::pulls::Pulls;

/// The colours that tell tasks apart.
const COLOURS: [&str; 6] = ["36", "33", "32", "35", "34", "31"];

/// The screen, a plain stream of lines, or JSON.
pub(super) struct Screen {
    mode: Mode,
    tasks: Vec<String>,
    width: usize,
    pulls: Pulls,
    colour_out: bool,
    /// Whether the cursor stands behind a line of a task that nothing ended.
    is_mid_line: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Terminal,
    Plain,
    Json,
}

impl Screen {
    pub(super) fn new(alloc_id: &str, tasks: &[String]) -> Self {
        let mode = match () {
            () if output::is_json() => Mode::Json,
            () if std::io::stderr().is_terminal() => Mode::Terminal,
            () => Mode::Plain,
        };
        let mut screen = Self {
            mode,
            tasks: tasks.to_vec(),
            width: tasks.iter().map(|task| task.chars().count()).max().unwrap_or_default(),
            pulls: Pulls::new(mode == Mode::Terminal),
            colour_out: output::stderr_has_colour() && std::io::stdout().is_terminal(),
            is_mid_line: false,
        };
        match mode {
            Mode::Json => output::print_json(&serde_json::json!({ "alloc_id": alloc_id })),
            _ => screen.say(&format!("encamp: allocation {alloc_id}")),
        }
        screen
    }

    /// Something happened to a task.
    pub(super) fn event(&mut self, event: &Event) {
        if self.mode == Mode::Json {
            output::print_json(&serde_json::json!({ "event": event }));
            return;
        }
        if self.pulls.take(event) || is_routine(event.kind) {
            return;
        }
        let who = if event.task.is_empty() {
            "allocation"
        } else {
            &event.task
        };
        let line = format!("encamp: {who}: {}", event.message);
        self.say(&if self.mode == Mode::Terminal && output::stderr_has_colour() {
            format!("\x1b[2m{line}\x1b[0m")
        } else {
            line
        });
    }

    /// A line of a task's output, with its newline where it had one.
    pub(super) fn output(&mut self, task: usize, stream: Stream, line: &[u8]) {
        let name = self.tasks.get(task).map(String::as_str).unwrap_or_default();
        if self.mode == Mode::Json {
            output::print_json(&output::task_line(name, stream, line));
            return;
        }
        let mut bytes = self.prefix(task, name).into_bytes();
        bytes.extend_from_slice(line);
        if !line.ends_with(b"\n") && self.tasks.len() > 1 {
            bytes.push(b'\n');
        }
        let is_on_screen = match stream {
            Stream::Stdout => std::io::stdout().is_terminal(),
            Stream::Stderr => true,
        };
        self.is_mid_line = self.mode == Mode::Terminal && is_on_screen && !bytes.ends_with(b"\n");
        self.pulls.suspend(|| match stream {
            // Whoever closed it has seen enough; the run goes on.
            Stream::Stdout => drop(output::to_stdout(&bytes)),
            Stream::Stderr => output::to_stderr_bytes(&bytes),
        });
    }

    /// Something worth knowing.
    pub(super) fn notice(&mut self, text: &str) {
        match self.mode {
            Mode::Json => output::notice(text),
            _ => self.say(&format!("encamp: {text}")),
        }
    }

    /// Nothing more will happen.
    pub(super) fn finish(&mut self, outcome: Option<&Outcome>) {
        self.pulls.clear();
        if let (Mode::Json, Some(outcome)) = (self.mode, outcome) {
            let tasks = outcome
                .tasks
                .iter()
                .map(|task| serde_json::json!({ "name": task.name, "failed": task.failed, "exit": task.exit }));
            output::print_json(&serde_json::json!({ "outcome": tasks.collect::<Vec<_>>() }));
        }
    }

    fn prefix(&self, task: usize, name: &str) -> String {
        if self.tasks.len() < 2 {
            return String::new();
        }
        let width = self.width;
        match COLOURS.get(task % COLOURS.len()) {
            Some(colour) if self.colour_out => format!("\x1b[{colour}m{name:<width$} |\x1b[0m "),
            _ => format!("{name:<width$} | "),
        }
    }

    fn say(&mut self, line: &str) {
        let end = if std::mem::take(&mut self.is_mid_line) {
            "\n"
        } else {
            ""
        };
        self.pulls.suspend(|| output::to_stderr(&format!("{end}{line}")));
    }
}

/// What people need not be told of a run that goes well.
fn is_routine(kind: EventKind) -> bool {
    matches!(kind, EventKind::Received | EventKind::TaskSetup)
}
