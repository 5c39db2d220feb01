//! What tasks print, wherever their driver puts it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use encamp_driver::{TaskConfig, TaskOutput};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use tokio::net::unix::pipe;
use tokio::task::AbortHandle;

/// A task's output: what comes through its pipes, and what lies in its files.
pub(super) struct Output {
    logs: PathBuf,
    name: String,
    pipes: Option<[Pipe; 2]>,
}

impl Output {
    /// Reads the task's pipes, which are made first, from now on.
    pub(super) fn of(task: &TaskConfig) -> io::Result<Self> {
        let (logs, pipes) = match &task.output {
            TaskOutput::Fifo { stdout, stderr } => (None, Some([Pipe::at(stdout)?, Pipe::at(stderr)?])),
            TaskOutput::Files { dir, .. } => (Some(dir.clone()), None),
            TaskOutput::Discard => (None, None),
        };
        Ok(Self {
            logs: logs.unwrap_or_else(|| task.alloc_dir.join("alloc/logs")),
            name: task.name.clone(),
            pipes,
        })
    }

    pub(super) fn stdout(&self) -> String {
        self.text(0, "stdout")
    }

    pub(super) fn stderr(&self) -> String {
        self.text(1, "stderr")
    }

    fn text(&self, pipe: usize, stream: &str) -> String {
        let pipe = self.pipes.as_ref().and_then(|pipes| pipes.get(pipe));
        let mut bytes = pipe.map(Pipe::read).unwrap_or_default();
        let file = |n: u32| fs::read(self.logs.join(format!("{}.{stream}.{n}", self.name)));
        bytes.extend((0..1000).filter_map(|n| file(n).ok()).flatten());
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// A named pipe with somebody who reads it, as an agent's log collector does.
struct Pipe {
    read: Arc<Mutex<Vec<u8>>>,
    reader: AbortHandle,
}

impl Pipe {
    fn at(path: &Path) -> io::Result<Self> {
        mkfifo(path, Mode::from_bits_truncate(0o622))?;
        // Open for both, it does not end with whoever writes.
        let pipe = pipe::OpenOptions::new().read_write(true).open_receiver(path)?;
        let read = Arc::new(Mutex::new(Vec::new()));
        let reader = tokio::spawn(keep(pipe, Arc::clone(&read))).abort_handle();
        Ok(Self { read, reader })
    }

    fn read(&self) -> Vec<u8> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn keep(pipe: pipe::Receiver, read: Arc<Mutex<Vec<u8>>>) {
    let mut buffer = vec![0; 64 * 1024];
    while pipe.readable().await.is_ok() {
        match pipe.try_read(&mut buffer) {
            Ok(count) => {
                let bytes = buffer.get(..count).unwrap_or_default();
                read.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .extend_from_slice(bytes);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}
