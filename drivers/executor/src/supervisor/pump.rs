//! From a task's pipe into its logs.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use encamp_logs::{Config, Stream, Writer};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;

use crate::{Event, Failure, Output, Step};

/// For how long a task is held up by a reader of its named pipe that does not read.
const STALL: Duration = Duration::from_secs(5);

/// One of a task's streams on its way into its log.
#[derive(Debug)]
pub(super) struct Pump {
    stream: Stream,
    /// None once the task's side is closed.
    source: Option<File>,
    sink: Sink,
    /// Read from the task, not yet taken by the named pipe.
    pending: Vec<u8>,
    pending_since: Option<Instant>,
    /// Why output is being lost, while it is.
    failing: Option<String>,
    lost: u64,
}

#[derive(Debug)]
enum Sink {
    Files(Box<Writer>),
    Fifo(File),
}

/// The standard streams of a task and what is read from them.
#[derive(Debug)]
pub(super) struct Streams {
    pub(super) pumps: Vec<Pump>,
    pub(super) stdio: [OwnedFd; 3],
}

/// Makes a task's standard streams for its kind of output.
pub(super) fn open(output: &Output) -> Result<Streams, Failure> {
    let null = || -> Result<OwnedFd, Failure> {
        let file = OpenOptions::new().read(true).write(true).open("/dev/null");
        file.map(Into::into)
            .map_err(|error| Failure::path(Step::Output, "/dev/null", &error))
    };
    let stdin = null()?;
    let (stdout, stderr) = match output {
        Output::Discard => {
            return Ok(Streams {
                pumps: Vec::new(),
                stdio: [stdin, null()?, null()?],
            });
        }
        Output::Fifo { stdout, stderr } => (fifo(stdout)?, fifo(stderr)?),
        Output::Files {
            dir,
            name,
            max_files,
            max_file_size,
        } => {
            let config = Config {
                max_files: *max_files,
                max_file_size: *max_file_size,
            };
            (
                files(dir, name, Stream::Stdout, config)?,
                files(dir, name, Stream::Stderr, config)?,
            )
        }
    };
    let (out_pump, out_end) = Pump::new(Stream::Stdout, stdout)?;
    let (err_pump, err_end) = Pump::new(Stream::Stderr, stderr)?;
    Ok(Streams {
        pumps: vec![out_pump, err_pump],
        stdio: [stdin, out_end, err_end],
    })
}

fn files(dir: &Path, name: &str, stream: Stream, config: Config) -> Result<Sink, Failure> {
    let writer = Writer::open(dir, name, stream, config);
    writer
        .map(|writer| Sink::Files(Box::new(writer)))
        .map_err(|error| Failure::path(Step::Output, dir.join(format!("{name}.{stream}.0")), &error))
}

/// Opened for reading too: what is written then stays in the pipe while its readers come and go.
fn fifo(path: &Path) -> Result<Sink, Failure> {
    let failed = |error: io::Error| Failure::path(Step::Output, path, &error);
    let mut options = OpenOptions::new();
    let file = options
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW | libc::O_NOCTTY)
        .open(path)
        .map_err(failed)?;
    let kind = file.metadata().map_err(failed)?.file_type();
    // The null device is how a host says that nobody wants the output.
    if kind.is_fifo() || path == Path::new("/dev/null") {
        return Ok(Sink::Fifo(file));
    }
    Err(failed(io::Error::new(
        io::ErrorKind::InvalidInput,
        "it is not a named pipe",
    )))
}

impl Pump {
    fn new(stream: Stream, sink: Sink) -> Result<(Self, OwnedFd), Failure> {
        let failed = |error: io::Error| Failure::new(Step::Output, stream.as_str(), &error);
        let (source, end) = io::pipe().map_err(failed)?;
        let source = OwnedFd::from(source);
        fcntl(&source, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(|errno| failed(errno.into()))?;
        let pump = Self {
            stream,
            source: Some(source.into()),
            sink,
            pending: Vec::new(),
            pending_since: None,
            failing: None,
            lost: 0,
        };
        Ok((pump, end.into()))
    }

    /// What to read from next.
    pub(super) fn readable(&self) -> Option<BorrowedFd<'_>> {
        self.source
            .as_ref()
            .filter(|_| self.pending.is_empty())
            .map(AsFd::as_fd)
    }

    /// What has to take something before more is read.
    pub(super) fn writable(&self) -> Option<BorrowedFd<'_>> {
        match &self.sink {
            Sink::Fifo(file) if !self.pending.is_empty() => Some(file.as_fd()),
            _ => None,
        }
    }

    /// When what is pending is given up.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.pending_since.map(|since| since + STALL)
    }

    pub(super) fn is_done(&self) -> bool {
        self.source.is_none() && self.pending.is_empty()
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// Passes on one chunk of what there is.
    pub(super) fn pump(&mut self, buffer: &mut [u8]) -> Option<Event> {
        let source = self.source.as_mut()?;
        match source.read(buffer) {
            Ok(0) => self.source = None,
            Ok(length) => return self.take(buffer.get(..length).unwrap_or_default()),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(_) => self.source = None,
        }
        None
    }

    /// Passes on what is pending, or gives it up when it is time to.
    pub(super) fn flush(&mut self, now: Instant) -> Option<Event> {
        if self.pending.is_empty() {
            return None;
        }
        let pending = std::mem::take(&mut self.pending);
        let is_late = self.deadline().is_some_and(|deadline| deadline <= now);
        let Sink::Fifo(fifo) = &mut self.sink else { return None };
        let (rest, error) = write_some(fifo, &pending);
        if rest.is_empty() {
            self.pending_since = None;
            return self.recovered();
        }
        if is_late || error.is_some() {
            self.pending_since = None;
            let reason = error.map_or_else(not_read, |error| error.to_string());
            return self.failed(rest.len(), reason);
        }
        self.pending = rest.to_vec();
        None
    }

    fn take(&mut self, chunk: &[u8]) -> Option<Event> {
        match &mut self.sink {
            Sink::Files(writer) => match writer.write(chunk) {
                Ok(()) => self.recovered(),
                Err(error) => self.failed(error.lost, error.source.to_string()),
            },
            Sink::Fifo(fifo) => {
                let (rest, error) = write_some(fifo, chunk);
                match error {
                    None if rest.is_empty() => self.recovered(),
                    // Held up once already; not for every further chunk.
                    None if self.failing.is_none() => {
                        self.pending = rest.to_vec();
                        self.pending_since = Some(Instant::now());
                        None
                    }
                    error => {
                        let reason = error.map_or_else(not_read, |error| error.to_string());
                        self.failed(rest.len(), reason)
                    }
                }
            }
        }
    }

    fn recovered(&mut self) -> Option<Event> {
        self.failing.take().map(|_| Event::LogRecovered {
            stream: self.stream,
            lost: self.lost,
        })
    }

    fn failed(&mut self, lost: usize, reason: String) -> Option<Event> {
        self.lost += lost as u64;
        let is_news = self.failing.replace(reason).is_none();
        self.failure().filter(|_| is_news)
    }

    /// That output is being lost, if it is: for who has not been told when it began.
    pub(super) fn failure(&self) -> Option<Event> {
        self.failing.clone().map(|reason| Event::LogWriteFailed {
            stream: self.stream,
            lost: self.lost,
            reason,
        })
    }
}

fn not_read() -> String {
    format!("nobody has read the named pipe for {} s", STALL.as_secs())
}

/// Writes what the pipe takes; gives back the rest, and why it was not taken unless the pipe is just full.
fn write_some<'a>(fifo: &mut File, chunk: &'a [u8]) -> (&'a [u8], Option<io::Error>) {
    let mut rest = chunk;
    while !rest.is_empty() {
        match fifo.write(rest) {
            Ok(0) => break,
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return (rest, Some(error)),
        }
    }
    (rest, None)
}
