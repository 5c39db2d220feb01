//! A named pipe that somebody else reads: a Nomad agent's log collector.
//!
//! The reader may come late, go away and come back. As long as the task runs it is waited for, and the output waits in
//! the engine's files; when the task has ended there is a limit to that.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use tokio::net::unix::pipe::Sender;
use tokio::sync::watch;
use tokio::time::Instant;

use super::sink::Lost;

/// How long a reader that is away, or does not read, is waited for once the task has ended.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often a reader is looked for.
const LOOK: Duration = Duration::from_millis(100);

/// The write end of a named pipe.
#[derive(Debug)]
pub(crate) struct Pipe {
    path: PathBuf,
    /// Held also when its reader has gone: what is in the pipe is kept for the next one.
    sender: Option<Sender>,
    /// The last write found no reader.
    deserted: bool,
    /// Whether the task has ended, and since when that is known here.
    ended: watch::Receiver<bool>,
    ended_at: Option<Instant>,
    /// Nobody came in time: nobody is waited for any more.
    given_up: bool,
}

impl Pipe {
    /// Begins to write, at once if somebody reads. `ended` says that the task has.
    pub(crate) fn new(path: PathBuf, ended: watch::Receiver<bool>) -> Self {
        let sender = open_sender(&path).ok();
        Self {
            path,
            sender,
            deserted: false,
            ended,
            ended_at: None,
            given_up: false,
        }
    }

    /// Writes all of it, as fast as it is read.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), Lost> {
        // How a host says that nobody wants this one stream.
        let mut rest = if self.path == Path::new("/dev/null") {
            &[]
        } else {
            bytes
        };
        let mut progress = Instant::now();
        while !rest.is_empty() {
            match self.write_some(rest) {
                Ok(written) => {
                    rest = rest.get(written..).unwrap_or_default();
                    progress = Instant::now();
                    self.given_up = false;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) if self.is_too_late(progress) => {
                    self.given_up = true;
                    let bytes = rest.len();
                    return Err(Lost { bytes, cause });
                }
                Err(_) => self.room().await,
            }
        }
        Ok(())
    }

    fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A new write end also where the old one might do again: the runtime takes that for closed for good.
        if self.deserted || self.sender.is_none() {
            self.sender = Some(open_sender(&self.path)?);
            self.deserted = false;
        }
        let sender = self.sender.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        let written = match sender.try_write(bytes) {
            // Of a new reader the runtime may not have heard yet.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(nix::unistd::write(sender, bytes)?),
            other => other,
        };
        self.deserted = written
            .as_ref()
            .is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
        written
    }

    /// Whether the task has ended, and too much time has passed since, without anything having been read.
    fn is_too_late(&mut self, progress: Instant) -> bool {
        if !*self.ended.borrow() {
            return false;
        }
        let ended_at = *self.ended_at.get_or_insert_with(Instant::now);
        self.given_up || progress.max(ended_at).elapsed() >= PATIENCE
    }

    /// Waits for room in the pipe, or for a reader.
    async fn room(&self) {
        match &self.sender {
            Some(sender) if !self.deserted => drop(tokio::time::timeout(LOOK, sender.writable()).await),
            _ => tokio::time::sleep(LOOK).await,
        }
    }
}

/// Opens the write end, which fails as long as nobody has the other one. The task may be able to write to the directory:
/// no link is followed, and nothing but a pipe is written to.
fn open_sender(path: &Path) -> io::Result<Sender> {
    let flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    Sender::from_owned_fd(open(path, flags, Mode::empty())?)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read as _;
    use std::os::unix::fs::OpenOptionsExt as _;

    use super::*;

    struct Place {
        dir: tempfile::TempDir,
        end: watch::Sender<bool>,
    }

    impl Place {
        fn new() -> Self {
            let place = Self {
                dir: tempfile::tempdir().unwrap(),
                end: watch::channel(false).0,
            };
            nix::unistd::mkfifo(&place.path(), Mode::S_IRWXU).unwrap();
            place
        }

        fn path(&self) -> PathBuf {
            self.dir.path().join("fifo")
        }

        fn pipe(&self) -> Pipe {
            Pipe::new(self.path(), self.end.subscribe())
        }

        fn reader(&self) -> File {
            let flags = OFlag::O_NONBLOCK.bits();
            File::options()
                .read(true)
                .custom_flags(flags)
                .open(self.path())
                .unwrap()
        }
    }

    fn read(reader: &mut File, length: usize) -> String {
        let mut text = vec![0; length];
        reader.read_exact(&mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    async fn is_stuck(write: &mut (impl Future<Output = Result<(), Lost>> + Unpin)) -> bool {
        tokio::time::timeout(LOOK * 10, write).await.is_err()
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_is_away_is_waited_for_and_gets_all() {
        let place = Place::new();
        let mut pipe = place.pipe();
        let mut write = Box::pin(pipe.write(b"one"));
        assert!(is_stuck(&mut write).await);
        let mut reader = place.reader();
        write.await.unwrap();
        assert_eq!(read(&mut reader, 3), "one");
        // It goes away with something unread, and another one comes.
        pipe.write(b"two").await.unwrap();
        drop(reader);
        let mut write = Box::pin(pipe.write(b"three"));
        assert!(is_stuck(&mut write).await);
        let mut reader = place.reader();
        write.await.unwrap();
        assert_eq!(read(&mut reader, 8), "twothree");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_nobody_wants_holds_up_nobody() {
        let place = Place::new();
        let mut pipe = Pipe::new("/dev/null".into(), place.end.subscribe());
        pipe.write(b"gone").await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn more_than_a_pipe_holds_goes_through_as_it_is_read() {
        let place = Place::new();
        let mut reader = place.reader();
        let mut pipe = place.pipe();
        let text = "x".repeat(200_000);
        let mut write = Box::pin(pipe.write(text.as_bytes()));
        let mut held = 0;
        while is_stuck(&mut write).await {
            held += read(&mut reader, 10_000).len();
        }
        let mut rest = String::new();
        drop(write);
        drop(pipe);
        reader.read_to_string(&mut rest).unwrap();
        assert_eq!(held + rest.len(), text.len());
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_end_a_reader_that_does_not_come_holds_up_nobody_for_good() {
        let place = Place::new();
        let mut pipe = place.pipe();
        let mut write = Box::pin(pipe.write(b"lost"));
        assert!(is_stuck(&mut write).await);
        place.end.send_replace(true);
        let begun = Instant::now();
        assert_eq!(write.await.unwrap_err().bytes, 4);
        assert!(begun.elapsed() >= PATIENCE && begun.elapsed() < PATIENCE * 2);
        // Once is enough; but whoever comes late gets what is left.
        let begun = Instant::now();
        assert!(pipe.write(b"lost as well").await.is_err());
        assert!(begun.elapsed() < Duration::from_secs(1));
        let mut reader = place.reader();
        pipe.write(b"late").await.unwrap();
        assert_eq!(read(&mut reader, 4), "late");
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_but_a_pipe_is_written_to() {
        let place = Place::new();
        let mut pipe = place.pipe();
        place.end.send_replace(true);
        let file = place.dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        let _reader = place.reader();
        std::fs::rename(place.path(), place.dir.path().join("other")).unwrap();
        std::os::unix::fs::symlink("other", place.path()).unwrap();
        assert!(pipe.write(b"x").await.is_err(), "a link");
        std::fs::rename(&file, place.path()).unwrap();
        assert!(pipe.write(b"x").await.is_err(), "a file");
        assert_eq!(std::fs::read_to_string(place.path()).unwrap(), "");
    }
}
