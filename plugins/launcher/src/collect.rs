//! A task's output, from the pipes that a driver writes it to into the files where all others have it.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use encamp_driver::TaskOutput;
use encamp_logs::{Config, Stream, Writer};
use tokio::net::unix::pipe::{OpenOptions, Receiver};
use tokio::task::AbortHandle;

/// Both streams of a task, as far as they come by pipes.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    pipes: Vec<(Arc<Pipe>, AbortHandle)>,
}

#[derive(Debug)]
struct Pipe {
    from: Receiver,
    to: Mutex<Writer>,
}

impl Collector {
    pub(crate) fn start(output: &TaskOutput, logs: &Path, task: &str, limits: Config) -> Result<Self> {
        let TaskOutput::Fifo { stdout, stderr } = output else {
            return Ok(Self::default());
        };
        let mut pipes = Vec::new();
        for (path, stream) in [(stdout, Stream::Stdout), (stderr, Stream::Stderr)] {
            // Open for writing, too: it has no end when the task is started again, or has not been started yet.
            let from = OpenOptions::new().read_write(true).open_receiver(path);
            let from = from.with_context(|| format!("cannot open the pipe {}", path.display()))?;
            let to = Writer::open(logs, task, stream, limits).context("cannot open a log file")?;
            let pipe = Arc::new(Pipe { from, to: to.into() });
            let copying = tokio::spawn(copy(Arc::clone(&pipe)));
            pipes.push((pipe, copying.abort_handle()));
        }
        Ok(Self { pipes })
    }

    /// Takes what is in the pipes just now.
    pub(crate) fn drain(&self) {
        for (pipe, _) in &self.pipes {
            pipe.drain();
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.drain();
        for (_, copying) in &self.pipes {
            copying.abort();
        }
    }
}

impl Pipe {
    fn drain(&self) {
        let mut to = self.to.lock().unwrap_or_else(PoisonError::into_inner);
        let mut buffer = [0; 16 * 1024];
        // Not by way of the runtime, which may not have heard yet that there is something.
        while let Ok(count @ 1..) = nix::unistd::read(&self.from, &mut buffer) {
            // A full disk holds no task up.
            let _kept = to.write(buffer.get(..count).unwrap_or_default());
        }
    }
}

async fn copy(pipe: Arc<Pipe>) {
    while pipe.from.readable().await.is_ok() {
        let empty = pipe.from.try_io(|| {
            pipe.drain();
            Err::<(), _>(io::ErrorKind::WouldBlock.into())
        });
        drop(empty);
    }
}
