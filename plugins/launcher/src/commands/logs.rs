//! `encamp logs`.

use std::time::Duration;

use anyhow::{Context as _, Result};
use encamp_logs::{Next, Reader, Start, Stream};
use encamp_runner::{Phase, Store};

use crate::cli::Logs;
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
        if follow {
            print_until(reader, is_over)
        } else {
            print_now(reader)
        }
    };
    tokio::task::spawn_blocking(print).await??;
    Ok(0)
}

/// Prints what there is.
fn print_now(mut reader: Reader) -> Result<()> {
    while print_next(&mut reader, Duration::ZERO)? == Printed::Something {}
    Ok(())
}

/// Prints what there is and what comes, until the task is dead and all of it is printed.
fn print_until(mut reader: Reader, is_over: impl Fn() -> Result<bool>) -> Result<()> {
    loop {
        // Asked before reading: what is written before the task's end is read after this says so.
        let over = is_over()?;
        match print_next(&mut reader, LOOK)? {
            Printed::Unread => return Ok(()),
            Printed::Nothing if over => return Ok(()),
            Printed::Something | Printed::Nothing => {}
        }
    }
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

/// Prints the next piece.
fn print_next(reader: &mut Reader, timeout: Duration) -> Result<Printed> {
    match reader.next(timeout)? {
        Next::Data(bytes) if output::to_stdout(bytes) => {}
        Next::Data(_) => return Ok(Printed::Unread),
        Next::Skipped { files } => output::notice(&format!("{files} log files were removed before they were read")),
        Next::Pending => return Ok(Printed::Nothing),
    }
    Ok(Printed::Something)
}
