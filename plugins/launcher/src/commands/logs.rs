//! `encamp logs`.

use std::time::Duration;

use anyhow::{Context as _, Result};
use encamp_logs::{Next, Reader, Start, Stream};
use encamp_runner::{Phase, Store};

use crate::cli::Logs;
use crate::lines::Lines;
use crate::paths::DataDir;
use crate::{output, resume, target};

/// How long a look at the files may wait before the task's record is looked at again.
const LOOK: Duration = Duration::from_millis(100);

pub(crate) async fn logs(data: &DataDir, args: &Logs) -> Result<u8> {
    let store = Store::new(data.state());
    let mut target = target::find(&store, args.target.as_deref())?;
    resume::ensure_supervised(data, &store, &mut target.alloc).await?;
    let task = target.one_task()?.to_owned();
    let alloc_id = target.alloc.record.id;
    let dir = data.allocs().join(&alloc_id).join("alloc/logs");
    let stream = if args.stderr { Stream::Stderr } else { Stream::Stdout };
    let start = args.tail.map_or(Start::Oldest, |lines| Start::TailLines(lines as u64));
    let follow = args.follow;
    let print = move || {
        let reader = Reader::open(&dir, &task, stream, start);
        let reader = reader.with_context(|| format!("cannot read the logs of task \"{task}\""))?;
        // An allocation that was removed meanwhile has no more to say either.
        let is_over = || Ok(!store.dir(&alloc_id).exists() || store.task(&alloc_id, &task)?.phase == Phase::Dead);
        let json = output::is_json().then(Lines::default);
        let mut printer = Printer {
            reader,
            task: &task,
            stream,
            json,
        };
        if follow { printer.until(is_over) } else { printer.now() }
    };
    tokio::task::spawn_blocking(print).await??;
    Ok(0)
}

/// Prints a stream.
struct Printer<'a> {
    reader: Reader,
    task: &'a str,
    stream: Stream,
    /// Where lines are printed as JSON: what is no whole line yet.
    json: Option<Lines>,
}

/// What a look at the files came to.
#[derive(PartialEq)]
enum Printed {
    Something,
    /// There is nothing new for now.
    Nothing,
    /// Nobody reads what is printed any more.
    Unread,
}

impl Printer<'_> {
    /// Prints what there is.
    fn now(&mut self) -> Result<()> {
        while self.next(Duration::ZERO)? == Printed::Something {}
        self.finish();
        Ok(())
    }

    /// Prints what there is and what comes, until the task is dead and all of it is printed.
    fn until(&mut self, is_over: impl Fn() -> Result<bool>) -> Result<()> {
        loop {
            // Asked before reading: what is written before the task's end is read after this says so.
            let over = is_over()?;
            match self.next(LOOK)? {
                Printed::Unread => return Ok(()),
                Printed::Nothing if over => break,
                Printed::Something | Printed::Nothing => {}
            }
        }
        self.finish();
        Ok(())
    }

    /// Prints the next piece.
    fn next(&mut self, timeout: Duration) -> Result<Printed> {
        let is_read = match (self.reader.next(timeout)?, &mut self.json) {
            (Next::Pending, _) => return Ok(Printed::Nothing),
            (Next::Data(bytes), None) => output::to_stdout(bytes),
            (Next::Data(bytes), Some(lines)) => {
                let lines = lines.push(bytes);
                lines.iter().all(|line| print_line(self.task, self.stream, line))
            }
            (Next::Skipped { files }, _) => {
                output::notice(&format!("{files} log files were removed before they were read"));
                true
            }
        };
        Ok(if is_read { Printed::Something } else { Printed::Unread })
    }

    /// Prints the last line, though nothing ended it.
    fn finish(&mut self) {
        if let Some(line) = self.json.as_mut().and_then(Lines::finish) {
            print_line(self.task, self.stream, &line);
        }
    }
}

/// Says whether anybody still reads.
fn print_line(task: &str, stream: Stream, line: &[u8]) -> bool {
    let value = output::task_line(task, stream, line);
    output::to_stdout(format!("{value}\n").as_bytes())
}
