//! Following what the engine hands out, for log drivers without a file that can be read.
//!
//! Every message comes with its time. A broken stream is taken up again a little before the last message, and what was
//! already taken over is recognised by time and count: times never go back within one stream.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::{Buf, BytesMut};
use tokio::io::AsyncReadExt;
use tokio::sync::watch;
use tokio::time::Instant;

use super::cursor::{ApiPoint, Cursor, Source, Stamp};
use super::writer::Output;
use crate::engine::{Demux, Engine, EngineError, LogQuery, RawRead};

/// The engine cuts longer lines into messages of this size.
const LONGEST_MESSAGE: usize = 16 * 1024;
/// The engine's times have nine digits always, so that they sort as text: `2026-01-02T03:04:05.000000006Z`.
const TIME: usize = 30;
/// How far the times of the two streams may lie apart although they were logged one after the other.
const SKEW: Duration = Duration::from_secs(5);
const SHORTEST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// How long a following stream may stay open after the container's end without a word.
const END: Duration = Duration::from_secs(5);
/// How long a stream of what the engine has kept may be silent, and how long an engine may be away or fail, before the
/// rest of an ended task's output is given up.
const SILENCE: Duration = Duration::from_secs(30);
const AWAY: Duration = Duration::from_mins(5);
const CHUNK: usize = 64 * 1024;

/// Follows `container` into `output` until `finish` says that nothing more will be written, and then to its end.
pub(super) async fn follow(
    engine: Arc<dyn Engine>,
    tty: bool,
    resume: Option<ApiPoint>,
    output: Output,
    mut finish: watch::Receiver<bool>,
) {
    let mut follower = Follower {
        engine,
        tty,
        point: resume.unwrap_or_default(),
        output,
    };
    let mut wait = SHORTEST_WAIT;
    while !*finish.borrow() {
        match follower.pass(true, &mut finish).await {
            Ok(()) => wait = SHORTEST_WAIT,
            Err(EngineError::Unsupported(text)) => return follower.output.once(unreadable(&text)),
            Err(error) => {
                tracing::debug!(%error, "container log stream broke");
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
        tokio::select! {
            _ = finish.changed() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
    // The stream may have ended early; the engine has all of it now.
    match follower.rest(&mut finish).await {
        Ok(()) => {}
        Err(EngineError::Unsupported(text)) => follower.output.once(unreadable(&text)),
        Err(EngineError::NotFound(_)) => follower
            .output
            .lost("output may be missing: the container was removed before the end of its output was read".to_owned()),
        Err(error) => follower.output.lost(format!(
            "the end of the task's output could not be read from the engine: {error}"
        )),
    }
}

fn unreadable(text: &str) -> String {
    format!("task output is not collected, the container's log driver keeps it to itself: {text}")
}

struct Follower {
    engine: Arc<dyn Engine>,
    tty: bool,
    point: ApiPoint,
    output: Output,
}

/// With a source that fails: it may go away and come back, and is given up when it stays away.
struct Patience {
    progress: Instant,
    wait: Duration,
}

impl Patience {
    fn new() -> Self {
        Self {
            progress: Instant::now(),
            wait: SHORTEST_WAIT,
        }
    }

    /// How long to wait before the next pass; the error again, where no repetition would cure it.
    fn after(&mut self, error: EngineError, progress: bool) -> Result<Duration, EngineError> {
        if !error.is_ambiguous() || (!progress && self.progress.elapsed() >= AWAY) {
            return Err(error);
        }
        if progress {
            *self = Self::new();
        } else {
            self.wait = (self.wait * 2).min(LONGEST_WAIT);
        }
        Ok(self.wait)
    }
}

impl Follower {
    /// All that the engine has kept. A stream that ends may have ended with the engine: only one that brings nothing new
    /// says that there is no more.
    async fn rest(&mut self, finish: &mut watch::Receiver<bool>) -> Result<(), EngineError> {
        let mut patience = Patience::new();
        loop {
            let before = self.point.clone();
            let error = match self.pass(false, finish).await {
                Ok(()) if self.point == before => return Ok(()),
                Ok(()) => continue,
                Err(error) => error,
            };
            if error.is_unreachable() {
                let text = "the task has ended; the rest of its output is read when the engine is back";
                self.output.once(text.to_owned());
            }
            let wait = patience.after(error, self.point != before)?;
            tokio::time::sleep(wait).await;
        }
    }

    /// One connection's worth.
    async fn pass(&mut self, follow: bool, finish: &mut watch::Receiver<bool>) -> Result<(), EngineError> {
        let query = LogQuery {
            follow,
            timestamps: true,
            since: since(&self.point),
            tail: None,
        };
        let mut stream = self.engine.logs(&self.output.container, &query).await?;
        let mut messages = Messages::new(self.tty);
        let mut replayed = ApiPoint::default();
        let mut ending = *finish.borrow();
        loop {
            let read = tokio::select! {
                read = read_some(&mut stream, &mut messages) => read?,
                () = tokio::time::sleep(END), if follow && ending => return Ok(()),
                () = tokio::time::sleep(SILENCE), if !follow => {
                    return Err(EngineError::Timeout { call: "logs", after: SILENCE });
                }
                _ = finish.changed(), if !ending => { ending = true; continue }
            };
            self.write(&mut messages, &mut replayed, read == 0).await;
            if read == 0 {
                return Ok(());
            }
        }
    }

    async fn write(&mut self, messages: &mut Messages, replayed: &mut ApiPoint, ended: bool) {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        while let Some(message) = messages.next(ended) {
            let (point, seen, to) = if message.stderr {
                (&mut self.point.stderr, &mut replayed.stderr, &mut stderr)
            } else {
                (&mut self.point.stdout, &mut replayed.stdout, &mut stdout)
            };
            if is_new(point, seen, &message.time) {
                to.extend_from_slice(&message.text);
            }
        }
        self.output.write(&stdout, &stderr).await;
        if !(stdout.is_empty() && stderr.is_empty()) {
            self.output.store(Source::Api(self.point.clone()));
        }
    }
}

async fn read_some(stream: &mut RawRead, messages: &mut Messages) -> Result<usize, EngineError> {
    let mut chunk = BytesMut::with_capacity(CHUNK);
    let read = stream.read_buf(&mut chunk).await;
    messages.feed(&chunk);
    read.map_err(|error| EngineError::Unreachable(error.to_string()))
}

/// Whether a message of this time is new, given the last one that was taken over (`point`) and the last one that this
/// connection brought (`seen`). Keeps both up to date.
fn is_new(point: &mut Stamp, seen: &mut Stamp, time: &str) -> bool {
    if seen.time == time {
        seen.count += 1;
    } else {
        *seen = Stamp {
            time: time.to_owned(),
            count: 1,
        };
    }
    let new = seen.time > point.time || (seen.time == point.time && seen.count > point.count);
    if new {
        point.clone_from(seen);
    }
    new
}

/// The time to ask from: the older stream's, but no more than the skew behind the newer one's.
fn since(point: &ApiPoint) -> Option<String> {
    let time = |stamp: &Stamp| humantime::parse_rfc3339(&stamp.time).ok();
    let (older, newer) = match (time(&point.stdout), time(&point.stderr)) {
        (Some(one), Some(other)) => (one.min(other), one.max(other)),
        (Some(one), None) | (None, Some(one)) => (one - SKEW, one),
        (None, None) => return None,
    };
    let from = older.max(newer - SKEW).duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(format!("{}.{:09}", from.as_secs(), from.subsec_nanos()))
}

struct Message {
    stderr: bool,
    time: String,
    text: BytesMut,
}

/// Messages out of a stream.
struct Messages {
    tty: bool,
    raw: BytesMut,
    frames: Demux,
}

impl Messages {
    fn new(tty: bool) -> Self {
        Self {
            tty,
            raw: BytesMut::new(),
            frames: Demux::default(),
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        if self.tty {
            self.raw.extend_from_slice(bytes);
        } else {
            self.frames.feed(bytes);
        }
    }

    fn next(&mut self, ended: bool) -> Option<Message> {
        if !self.tty {
            let frame = self.frames.next_frame()?;
            return Some(split_time(frame.stderr, frame.payload));
        }
        // A terminal's messages have no frames: each ends with its line, or at the engine's limit.
        let limit = TIME + 1 + LONGEST_MESSAGE;
        let line = memchr::memchr(b'\n', &self.raw)
            .map(|at| at + 1)
            .filter(|end| *end <= limit);
        let end = match line {
            Some(end) => end,
            None if self.raw.len() >= limit => limit,
            None if ended && !self.raw.is_empty() => self.raw.len(),
            None => return None,
        };
        Some(split_time(false, self.raw.split_to(end)))
    }
}

/// Takes the time off a message. One without stays whole and counts as new.
fn split_time(stderr: bool, mut text: BytesMut) -> Message {
    let time = text.get(..TIME).filter(|_| text.get(TIME) == Some(&b' '));
    let time = time.and_then(|time| str::from_utf8(time).ok()).map(str::to_owned);
    if time.is_some() {
        text.advance(TIME + 1);
    }
    Message {
        stderr,
        time: time.unwrap_or_default(),
        text,
    }
}

/// Where a cursor says that the engine's stream was left.
pub(super) fn resume_point(cursor: Option<&Cursor>) -> Option<ApiPoint> {
    match &cursor?.source {
        Source::Api(point) => Some(point.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: [&str; 3] = [
        "2026-01-02T03:04:05.000000001Z",
        "2026-01-02T03:04:05.000000002Z",
        "2026-01-02T03:04:06.000000000Z",
    ];

    #[test]
    fn a_replayed_message_is_known_by_time_and_count() {
        let mut point = Stamp::default();
        let first = [T[0], T[1], T[1]];
        let mut seen = Stamp::default();
        assert!(first.iter().all(|time| is_new(&mut point, &mut seen, time)));

        // The next connection begins anywhere at or before the last message.
        let again = [(T[0], false), (T[1], false), (T[1], false), (T[1], true), (T[2], true)];
        let mut seen = Stamp::default();
        for (time, new) in again {
            assert_eq!(is_new(&mut point, &mut seen, time), new, "{time}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_rest_of_the_output_is_given_up_only_where_nothing_more_can_come() {
        let away = || EngineError::Unreachable("refused".to_owned());
        let mut patience = Patience::new();
        let gone = EngineError::NotFound("no such container".to_owned());
        assert!(patience.after(gone, true).is_err());
        // As long as anything comes it may take hours; an engine that stays away has its limit.
        for _ in 0..1000 {
            tokio::time::sleep(AWAY).await;
            assert_eq!(patience.after(away(), true).unwrap(), SHORTEST_WAIT);
        }
        let begun = Instant::now();
        while let Ok(wait) = patience.after(away(), false) {
            tokio::time::sleep(wait).await;
        }
        assert!(
            begun.elapsed() >= AWAY && begun.elapsed() < AWAY * 2,
            "{:?}",
            begun.elapsed()
        );
    }

    #[test]
    fn the_stream_is_taken_up_where_the_older_half_stopped() {
        let stamp = |time: &str| Stamp {
            time: time.into(),
            count: 1,
        };
        let point = |out: &str, err: &str| ApiPoint {
            stdout: stamp(out),
            stderr: stamp(err),
        };
        assert_eq!(since(&ApiPoint::default()), None);
        assert_eq!(since(&point(T[1], T[0])).unwrap(), "1767323045.000000001");
        assert_eq!(
            since(&point(T[1], "2026-01-02T00:00:00.000000000Z")).unwrap(),
            "1767323040.000000002"
        );
        assert_eq!(since(&point(T[1], "")).unwrap(), "1767323040.000000002");
    }

    #[test]
    fn a_terminals_messages_end_with_their_line_or_at_the_limit() {
        let mut messages = Messages::new(true);
        let long = "x".repeat(LONGEST_MESSAGE);
        messages.feed(format!("{} one\r\n{} {long}{} rest\n{} tail", T[0], T[1], T[1], T[2]).as_bytes());
        let mut texts = Vec::new();
        while let Some(message) = messages.next(false) {
            texts.push(String::from_utf8(message.text.to_vec()).unwrap());
        }
        assert_eq!(texts, ["one\r\n".to_owned(), long, "rest\n".to_owned()]);
        assert_eq!(&messages.next(true).unwrap().text[..], b"tail");
    }
}
