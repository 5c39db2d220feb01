//! One stream of one task, as its log files have it.

use std::path::Path;

use encamp_logs::{Next, Reader, Start, Stream};

use crate::lines::Lines;
use crate::ui::screen::Screen;

/// One stream of one task.
pub(super) struct Followed {
    pub(super) task: usize,
    name: String,
    stream: Stream,
    reader: Option<Reader>,
    lines: Lines,
}

impl Followed {
    pub(super) fn all(tasks: &[String]) -> Vec<Self> {
        let streams = [Stream::Stdout, Stream::Stderr];
        let tasks = tasks.iter().enumerate();
        tasks
            .flat_map(|(task, name)| {
                streams.map(|stream| Self {
                    task,
                    name: name.clone(),
                    stream,
                    reader: None,
                    lines: Lines::default(),
                })
            })
            .collect()
    }

    /// Shows some of what was written since the last look; says whether there was anything.
    pub(super) fn show_new(&mut self, dir: &Path, screen: &mut Screen) -> bool {
        if self.reader.is_none() {
            // The directory is made by the run itself.
            self.reader = Reader::open(dir, &self.name, self.stream, Start::Oldest).ok();
        }
        let Some(reader) = &mut self.reader else { return false };
        match reader.try_next() {
            Ok(Next::Data(bytes)) => {
                for line in self.lines.push(bytes) {
                    screen.output(self.task, self.stream, &line);
                }
                true
            }
            Ok(Next::Skipped { files }) => {
                let (name, stream) = (&self.name, self.stream);
                let what = "were removed before they could be shown";
                screen.notice(&format!("{name}: {files} log files of {stream} {what}"));
                true
            }
            Ok(Next::Pending) | Err(_) => false,
        }
    }

    /// Shows the last line, though nothing ended it.
    pub(super) fn flush(&mut self, screen: &mut Screen) {
        if let Some(line) = self.lines.finish() {
            screen.output(self.task, self.stream, &line);
        }
    }
}
