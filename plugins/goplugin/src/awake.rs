//! A connection whose reader stays awake for a moment where calls follow each other.
//!
//! To sleep until the next call and be woken by it takes longer than most answers do. So whoever is called again and again
//! looks for the next call for a moment before it sleeps, as a processor of a virtual machine does, and lets everybody
//! else run meanwhile. Between calls that come now and then, and beside streams that tell something now and then, it sleeps
//! at once.
//!
//! Only where the runtime has one thread: each look is a turn of the runtime, and of several threads the others would be
//! woken to take it.

use std::future::Future as _;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::Handle;

use crate::io::Io;

/// How long the next bytes are looked for. Hosts that call in a loop take a third of it.
const PATIENCE: Duration = Duration::from_micros(200);

/// How many times in a row they must have come within that. A call that stands alone comes in fewer pieces.
const STREAK: u32 = 4;

/// How often this end looks while it makes an answer that takes no time. It goes before other processes.
const ANSWER: u32 = 2;

/// A connection that is looked at before it is slept on.
pub(crate) struct Awake {
    io: Io,
    /// None where other threads would be disturbed.
    pace: Option<Pace>,
}

/// How fast bytes have come lately.
#[derive(Debug)]
struct Pace {
    /// When something was read or written.
    last: Instant,
    streak: u32,
    /// How often somebody has looked since anything was read or written.
    looks: u32,
}

impl Awake {
    /// Within the runtime that the connection is read in.
    pub(crate) fn new(io: Io) -> Self {
        let is_alone = Handle::current().metrics().num_workers() == 1;
        Self {
            io,
            pace: is_alone.then(|| Pace::new(Instant::now())),
        }
    }

    fn wrote(&mut self, written: &Poll<io::Result<usize>>) {
        if let (Some(pace), Poll::Ready(Ok(_))) = (&mut self.pace, written) {
            pace.moved(Instant::now());
        }
    }
}

impl Pace {
    fn new(now: Instant) -> Self {
        Self {
            last: now,
            streak: 0,
            looks: 0,
        }
    }

    fn read(&mut self, now: Instant) {
        let is_soon = self.is_soon(now);
        self.moved(now);
        if is_soon {
            self.streak = STREAK.min(self.streak + 1);
        }
    }

    /// Something was read or written; what comes late begins anew.
    fn moved(&mut self, now: Instant) {
        if !self.is_soon(now) {
            self.streak = 0;
        }
        self.last = now;
        self.looks = 0;
    }

    fn expects_more(&self, now: Instant) -> bool {
        self.streak == STREAK && self.is_soon(now)
    }

    fn is_soon(&self, now: Instant) -> bool {
        now.duration_since(self.last) < PATIENCE
    }
}

impl AsyncRead for Awake {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        let Some(pace) = &mut self.pace else { return read };
        let now = Instant::now();
        if read.is_ready() {
            pace.read(now);
        } else if pace.expects_more(now) {
            // Whoever is to send them may wait for this very processor.
            if pace.looks > ANSWER {
                std::thread::yield_now();
            }
            pace.looks += 1;
            // The runtime does what there is to do, looks at its connections, and comes back.
            let _again = pin!(tokio::task::yield_now()).poll(cx);
        }
        read
    }
}

impl AsyncWrite for Awake {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        self.wrote(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.wrote(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `pace` says after bytes that came with these gaps, right after the last and a while later.
    #[track_caller]
    fn check(gaps_us: &[u64], expected: bool) {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        for gap in gaps_us {
            now += Duration::from_micros(*gap);
            pace.read(now);
        }
        assert_eq!(pace.expects_more(now), expected, "{gaps_us:?}");
        assert!(!pace.expects_more(now + PATIENCE), "{gaps_us:?}: it never sleeps");
    }

    #[test]
    fn more_is_expected_only_of_those_who_have_called_in_a_row() {
        check(&[], false);
        check(&[1_000_000, 40, 40], false);
        check(&[1_000_000, 40, 40, 40, 40], true);
        check(&[40; 100], true);
        check(&[40, 40, 40, 40, 200], false);
        check(&[150, 250, 150, 250, 150, 250], false);
    }

    #[test]
    fn nobody_is_looked_for_who_is_told_something_now_and_then() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        for _ in 0..100 {
            now += Duration::from_secs(1);
            pace.moved(now);
            // A host in Go acknowledges what it is told with a ping.
            now += Duration::from_micros(60);
            pace.read(now);
            assert!(!pace.expects_more(now));
        }
    }

    /// How often the runtime comes back to a connection that nothing comes from, after `calls` in a row.
    async fn looks(calls: usize) -> usize {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

        let (mut near, far) = tokio::io::duplex(64);
        let mut awake = Awake::new(Box::new(far));
        for _ in 0..calls {
            near.write_all(b"x").await.unwrap();
            assert_eq!(awake.read_u8().await.unwrap(), b'x');
        }
        let mut looks = 0;
        let silence = std::future::poll_fn(|cx| {
            looks += 1;
            let mut buf = [0];
            Pin::new(&mut awake).poll_read(cx, &mut ReadBuf::new(&mut buf))
        });
        let waited = tokio::time::timeout(Duration::from_millis(50), silence).await;
        assert!(waited.is_err(), "{waited:?}");
        looks
    }

    #[tokio::test]
    async fn a_row_of_calls_keeps_a_runtime_of_one_thread_awake_and_then_it_sleeps() {
        assert_eq!(looks(2).await, 2);
        // A row has gaps where the machine is busy.
        for _ in 0..50 {
            if looks(100).await > 2 {
                return;
            }
        }
        panic!("it sleeps at once, however fast the calls come");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn other_threads_are_not_disturbed() {
        assert_eq!(looks(100).await, 2);
    }
}
