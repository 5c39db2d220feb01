//! Many connections over the one that both ends have: yamux, and who each new one is for.
//!
//! A new connection does not say what it is for. Whoever wants one knocks before, on the broker's stream; after the answer
//! the next connection is the one that was asked for.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use encamp_proto::plugin::ConnInfo;
use encamp_proto::plugin::conn_info::Knock;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedMutexGuard, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt as _, TokioAsyncReadCompatExt as _};
use yamux::{Config, Connection, Mode};

use crate::io::Io;
#[cfg(feature = "plugin")]
use crate::listener::Listener;

/// How long a knock waits for somebody to listen, and its answer for the connection; the other end waits no longer either.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many knocks may wait for somebody to listen, and how many connections may be waited for.
const MOST: usize = 1024;

/// Many connections over one. A clone is the same one.
#[derive(Clone, Debug)]
pub(crate) struct Mux(Arc<Inner>);

/// Where connections come in.
#[derive(Debug)]
pub(crate) struct Door(mpsc::Receiver<Io>);

#[derive(Debug)]
struct Inner {
    wishes: mpsc::Sender<Wish>,
    rooms: Mutex<Rooms>,
    /// One end's knocks come one after another, for an answer is for the next connection.
    turn: Arc<tokio::sync::Mutex<()>>,
}

/// Somebody wants to connect.
type Wish = oneshot::Sender<io::Result<yamux::Stream>>;

/// Who waits for connections.
#[derive(Debug, Default)]
struct Rooms {
    /// Takes connections that nobody has knocked for.
    main: Option<mpsc::Sender<Io>>,
    listening: HashMap<u32, mpsc::Sender<Io>>,
    /// Whom the next connections are for, and since when they are waited for.
    expected: VecDeque<(u32, Instant)>,
    /// Knocks that nobody has answered yet.
    early: HashMap<u32, Instant>,
}

/// The host's end, over the connection that `dial` makes.
#[cfg(feature = "host")]
pub(crate) async fn connect(dial: impl Future<Output = io::Result<Io>>) -> io::Result<Mux> {
    let io = dial.await?;
    let (mux, wishes) = Mux::new(None);
    tokio::spawn(drive(io, Mode::Client, mux.clone(), wishes));
    Ok(mux)
}

/// The plugin's end, over the first connection that comes.
#[cfg(feature = "plugin")]
pub(crate) fn serve(listener: Listener) -> (Mux, Door) {
    let (main, door) = mpsc::channel(16);
    let (mux, wishes) = Mux::new(Some(main.clone()));
    let driven = mux.clone();
    tokio::spawn(async move {
        let first = tokio::select! {
            () = main.closed() => return,
            first = listener.accept() => first,
        };
        drop(main);
        match first {
            Ok(io) => drive(io, Mode::Server, driven, wishes).await,
            Err(error) => tracing::error!(%error, "Cannot accept the host's connection"),
        }
        drop(listener);
    });
    (mux, Door(door))
}

/// Moves bytes until the connection ends, or nobody is interested any more.
async fn drive(io: Io, mode: Mode, mux: Mux, mut wishes: mpsc::Receiver<Wish>) {
    let mut connection = Connection::new(io.compat(), Config::default(), mode);
    let mut waiting = VecDeque::new();
    let rooms = Arc::downgrade(&mux.0);
    drop(mux);
    poll_fn(|cx| {
        loop {
            match wishes.poll_recv(cx) {
                Poll::Ready(Some(wish)) => waiting.push_back(wish),
                // Everybody has gone.
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending => break,
            }
        }
        while !waiting.is_empty() {
            let Poll::Ready(stream) = connection.poll_new_outbound(cx) else {
                break;
            };
            if let Some(wish) = waiting.pop_front() {
                drop(wish.send(stream.map_err(io::Error::other)));
            }
        }
        loop {
            match connection.poll_next_inbound(cx) {
                Poll::Ready(Some(Ok(stream))) => {
                    if let Some(inner) = rooms.upgrade() {
                        inner.rooms().admit(Box::new(stream.compat()));
                    }
                }
                Poll::Ready(end) => {
                    tracing::debug!(error = ?end.and_then(Result::err), "The multiplexed connection has ended");
                    return Poll::Ready(());
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await;
    if let Some(inner) = rooms.upgrade() {
        *inner.rooms() = Rooms::default();
    }
}

// === impl Mux ===

impl Mux {
    fn new(main: Option<mpsc::Sender<Io>>) -> (Self, mpsc::Receiver<Wish>) {
        let (sender, wishes) = mpsc::channel(16);
        let rooms = Rooms {
            main,
            ..Rooms::default()
        };
        let inner = Inner {
            wishes: sender,
            rooms: Mutex::new(rooms),
            turn: Arc::default(),
        };
        (Self(Arc::new(inner)), wishes)
    }

    /// A new connection, for whoever the other end takes it for.
    #[cfg(feature = "host")]
    pub(crate) async fn open(&self) -> io::Result<Io> {
        Ok(Box::new(self.stream().await?))
    }

    /// The next connection is this end's, until it has been used: then the other end knows of it.
    pub(crate) async fn turn(&self) -> Turn {
        Turn(Arc::clone(&self.0.turn).lock_owned().await)
    }

    /// A new connection for whom was knocked in this turn.
    pub(crate) async fn open_in(&self, turn: Turn) -> io::Result<Io> {
        Ok(Box::new(InTurn {
            stream: self.stream().await?,
            turn: Some(turn),
        }))
    }

    async fn stream(&self) -> io::Result<Compat<yamux::Stream>> {
        let (wish, stream) = oneshot::channel();
        let gone = || io::Error::from(io::ErrorKind::NotConnected);
        self.0.wishes.send(wish).await.map_err(|_| gone())?;
        Ok(stream.await.map_err(|_| gone())??.compat())
    }

    /// Listens as `id`, unless somebody does already. Who has knocked before is answered now.
    pub(crate) async fn listen(&self, id: u32, outgoing: &mpsc::Sender<ConnInfo>) -> Option<Door> {
        let (sender, door) = mpsc::channel(16);
        let knocked = {
            let mut rooms = self.0.rooms();
            rooms.listening.retain(|_, room| !room.is_closed());
            if rooms.listening.contains_key(&id) {
                return None;
            }
            rooms.listening.insert(id, sender);
            rooms.early.remove(&id).is_some_and(is_waited_for)
        };
        if knocked {
            self.knocked(id, outgoing).await;
        }
        Some(Door(door))
    }

    /// The other end has knocked for `id`.
    pub(crate) async fn knocked(&self, id: u32, outgoing: &mpsc::Sender<ConnInfo>) {
        let Some(knock) = self.0.rooms().expect(id) else {
            return;
        };
        let answer = ConnInfo {
            service_id: id,
            knock: Some(knock),
            ..ConnInfo::default()
        };
        // A broker that has ended answers nobody.
        drop(outgoing.send(answer).await);
    }
}

impl Inner {
    fn rooms(&self) -> MutexGuard<'_, Rooms> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rooms {
    /// The answer to a knock: whether the next connection can be for `id`. Where nobody listens yet, there is none, and
    /// the knock is remembered.
    fn expect(&mut self, id: u32) -> Option<Knock> {
        let is_listened_on = self.listening.get(&id).is_some_and(|room| !room.is_closed());
        if !is_listened_on {
            self.early.retain(|_, at| is_waited_for(*at));
            if self.early.len() < MOST {
                self.early.insert(id, Instant::now());
            }
            return None;
        }
        self.expected.retain(|(_, at)| is_waited_for(*at));
        let error = if self.expected.len() < MOST {
            self.expected.push_back((id, Instant::now()));
            String::new()
        } else {
            format!("{MOST} connections are waited for already")
        };
        Some(Knock {
            knock: true,
            ack: true,
            error,
        })
    }

    /// Lets a connection in. Whoever has knocked and not come in time has given up: the next connection is another's.
    fn admit(&mut self, io: Io) {
        self.expected.retain(|(_, at)| is_waited_for(*at));
        let room = match self.expected.pop_front() {
            Some((id, _)) => self.listening.get(&id),
            None => self.main.as_ref(),
        };
        let admitted = room.is_some_and(|room| room.try_send(io).is_ok());
        if !admitted {
            tracing::warn!("The other end has opened a connection that nobody waits for");
        }
    }
}

fn is_waited_for(since: Instant) -> bool {
    since.elapsed() < PATIENCE
}

// === impl Door ===

impl Door {
    /// The next connection; nothing once there can be none.
    pub(crate) async fn accept(&mut self) -> Option<Io> {
        self.0.recv().await
    }
}

/// The right to open the next connection.
#[derive(Debug)]
pub(crate) struct Turn(#[expect(dead_code, reason = "held")] OwnedMutexGuard<()>);

/// A connection that keeps its turn until it is used for the first time: a stream is announced with its first bytes.
struct InTurn {
    stream: Compat<yamux::Stream>,
    turn: Option<Turn>,
}

impl AsyncRead for InTurn {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for InTurn {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        if written.is_ready() {
            self.turn = None;
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A plugin's end that listens as 1 and as 2, and what it answers.
    struct Bed {
        mux: Mux,
        main: Door,
        doors: [Door; 2],
        outgoing: mpsc::Sender<ConnInfo>,
        answers: mpsc::Receiver<ConnInfo>,
        _wishes: mpsc::Receiver<Wish>,
    }

    impl Bed {
        async fn new() -> Self {
            let (main, door) = mpsc::channel(16);
            let (mux, wishes) = Mux::new(Some(main));
            let (outgoing, answers) = mpsc::channel(16);
            let mut doors = Vec::new();
            for id in [1, 2] {
                doors.push(mux.listen(id, &outgoing).await.unwrap());
            }
            Self {
                mux,
                main: Door(door),
                doors: doors.try_into().unwrap(),
                outgoing,
                answers,
                _wishes: wishes,
            }
        }

        /// What is said against a knock.
        async fn knock(&mut self, id: u32) -> String {
            self.mux.knocked(id, &self.outgoing).await;
            let answer = self.answers.recv().await.unwrap();
            let knock = answer.knock.unwrap();
            assert!(answer.service_id == id && knock.knock && knock.ack);
            knock.error
        }

        /// Which door a connection comes to, 0 being the main one.
        fn connect(&mut self) -> Option<usize> {
            self.mux.0.rooms().admit(Box::new(tokio::io::empty()));
            let [first, second] = &mut self.doors;
            let doors = [&mut self.main, first, second];
            doors.into_iter().position(|door| door.0.try_recv().is_ok())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn connections_are_for_those_who_have_knocked_in_turn() {
        let mut bed = Bed::new().await;
        assert_eq!(bed.connect(), Some(0));
        for id in [2, 1] {
            assert_eq!(bed.knock(id).await, "");
        }
        assert_eq!(
            [bed.connect(), bed.connect(), bed.connect()],
            [Some(2), Some(1), Some(0)]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_knock_that_was_given_up_takes_no_later_connection() {
        let mut bed = Bed::new().await;
        bed.knock(1).await;
        tokio::time::advance(PATIENCE / 2).await;
        bed.knock(2).await;
        tokio::time::advance(PATIENCE / 2).await;
        assert_eq!(bed.connect(), Some(2));
        bed.knock(1).await;
        tokio::time::advance(PATIENCE).await;
        assert_eq!(bed.connect(), Some(0));
    }

    #[tokio::test(start_paused = true)]
    async fn the_other_end_cannot_fill_this_ends_memory_with_knocks() {
        let mut bed = Bed::new().await;
        for _ in 0..MOST {
            assert_eq!(bed.knock(1).await, "");
        }
        assert!(bed.knock(2).await.contains("are waited for already"));
        for id in 3..3000 {
            bed.mux.knocked(id, &bed.outgoing).await;
        }
        assert_eq!(bed.mux.0.rooms().early.len(), MOST);
        tokio::time::advance(PATIENCE).await;
        assert_eq!(bed.knock(2).await, "");
        assert_eq!(bed.connect(), Some(2));
    }
}
