//! More connections between the two ends, beside the one that both have.
//!
//! One end picks an id, tells it to the other by a call of its own, and [accepts](Broker::accept) it; the other
//! [dials](Broker::dial) the same id.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use encamp_proto::plugin::ConnInfo;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Channel;

use crate::address::{Address, AddressError};
use crate::listener::{ListenError, Listener, SocketPlace};
#[cfg(feature = "mux")]
use crate::mux::Mux;
use crate::peer;
use crate::security::Security;
use crate::server::{self, Signals, Source};

/// How long one end waits for the other, as all implementations do.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many connections may be offered that nobody has asked for.
const MOST_UNCLAIMED: usize = 1024;

/// How long a call may go on after its server was told to end.
const GRACE: Duration = Duration::from_millis(100);

/// More connections between the two ends, beside the one that both have.
///
/// A clone is the same broker.
#[derive(Clone, Debug)]
pub struct Broker(Arc<Inner>);

/// An id that is listened on: serve it, or drop it.
#[derive(Debug)]
#[must_use = "nobody can connect once it is dropped"]
pub struct Accepted {
    source: Source,
    security: Security,
    closed: CancellationToken,
}

/// Why there is no such connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// The other end, or this one, has ended.
    #[error("the broker is closed")]
    Closed,
    /// The other end has not accepted the id within five seconds.
    #[error("the other end has not accepted connection {0} within 5 s")]
    Timeout(u32),
    /// The other end says no.
    #[error("the other end refuses connection {id}: {reason}")]
    Refused {
        /// The id.
        id: u32,
        /// What the other end says.
        reason: String,
    },
    /// The id is being dialed or accepted already.
    #[error("connection {0} is in use")]
    InUse(u32),
    /// There is no socket to listen on.
    #[error("cannot listen for the other end")]
    Listen(#[from] ListenError),
    /// The other end has told an address that is of no use.
    #[error("the other end's address cannot be used")]
    Address(#[from] AddressError),
    /// The other end cannot be reached, or was lost.
    #[error("the connection to the other end failed")]
    Transport(#[from] tonic::transport::Error),
}

/// What carries the connections.
#[derive(Clone, Debug)]
pub(crate) enum Carrier {
    /// A unix socket for each.
    Unix {
        place: SocketPlace,
        /// The plugin's process, where it is the other end.
        plugin: Option<u32>,
    },
    /// A port for each.
    #[cfg(feature = "plugin")]
    Tcp { first: u16, last: u16 },
    /// The one connection that both ends have.
    #[cfg(feature = "mux")]
    Mux(Mux),
}

/// The broker's end of the stream of messages.
pub(crate) type Outgoing = mpsc::Receiver<ConnInfo>;

#[derive(Debug)]
struct Inner {
    next_id: AtomicU32,
    outgoing: mpsc::Sender<ConnInfo>,
    answers: Mutex<HashMap<u32, Answer>>,
    carrier: Carrier,
    security: Security,
    closed: CancellationToken,
}

/// What is known of an id that the other end listens on.
#[derive(Debug)]
enum Answer {
    Awaited(oneshot::Sender<ConnInfo>),
    Given(ConnInfo, Instant),
}

// === impl Broker ===

impl Broker {
    /// The messages for the other end come from the second part; `closed` ends all that is served.
    pub(crate) fn new(carrier: Carrier, security: Security, closed: CancellationToken) -> (Self, Outgoing) {
        let (outgoing, messages) = mpsc::channel(16);
        let broker = Self(Arc::new(Inner {
            next_id: AtomicU32::new(0),
            outgoing,
            answers: Mutex::default(),
            carrier,
            security,
            closed,
        }));
        (broker, messages)
    }

    /// An id that this end has not used before. Ids of the two ends have nothing to do with each other.
    pub fn next_id(&self) -> u32 {
        self.0.next_id.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }

    /// Listens for connections of the other end to `id`. When this returns, the other end may dial.
    ///
    /// # Errors
    /// There is no socket, the id is accepted already (multiplexed connections only), or the broker is closed.
    ///
    /// # Cancel safety
    /// What was listened on is gone; the other end may have been told.
    pub async fn accept(&self, id: u32) -> Result<Accepted, BrokerError> {
        let source = match &self.0.carrier {
            Carrier::Unix { place, .. } => self.announce(id, Listener::unix(place)?).await?,
            #[cfg(feature = "plugin")]
            Carrier::Tcp { first, last } => self.announce(id, Listener::tcp(*first, *last).await?).await?,
            #[cfg(feature = "mux")]
            Carrier::Mux(mux) => Source::Mux(mux.listen(id, &self.0.outgoing).await.ok_or(BrokerError::InUse(id))?),
        };
        Ok(Accepted {
            source,
            security: self.0.security.clone(),
            closed: self.0.closed.child_token(),
        })
    }

    /// Connects to what the other end serves as `id`, waiting up to five seconds for it to be accepted there.
    ///
    /// # Errors
    /// The other end has not accepted it, cannot be reached, or the broker is closed.
    ///
    /// # Cancel safety
    /// An address that the other end has told is lost with the call.
    pub async fn dial(&self, id: u32) -> Result<Channel, BrokerError> {
        #[cfg(feature = "mux")]
        if let Carrier::Mux(mux) = &self.0.carrier {
            return self.dial_through(mux.clone(), id).await;
        }
        let info = self.answer(id)?.await?;
        let address = Arc::new(Address::parse(&info.network, &info.address)?);
        let plugin = match self.0.carrier {
            Carrier::Unix { plugin, .. } => plugin,
            #[cfg(any(feature = "plugin", feature = "mux"))]
            _ => None,
        };
        let security = self.0.security.clone();
        let dial = move || {
            let (address, security) = (Arc::clone(&address), security.clone());
            async move { security.connect(peer::dial(&address, plugin).await?).await }
        };
        Ok(crate::channel::connect(dial).await?)
    }

    /// Takes a message of the other end.
    #[cfg_attr(
        not(feature = "mux"),
        expect(clippy::unused_async, reason = "only a question is answered")
    )]
    pub(crate) async fn receive(&self, info: ConnInfo) {
        #[cfg(feature = "mux")]
        if info.knock.as_ref().is_some_and(|knock| knock.knock && !knock.ack) {
            if let Carrier::Mux(mux) = &self.0.carrier {
                mux.knocked(info.service_id, &self.0.outgoing).await;
            }
            return;
        }
        self.answered(info);
    }

    #[cfg(feature = "mux")]
    async fn dial_through(&self, mux: Mux, id: u32) -> Result<Channel, BrokerError> {
        // Asked for at once, so that the reason of a refusal is not lost in gRPC's.
        let first = Mutex::new(Some(self.knock(&mux, id).await?));
        let broker = self.clone();
        let dial = move || {
            let first = first.lock().unwrap_or_else(PoisonError::into_inner).take();
            let (broker, mux) = (broker.clone(), mux.clone());
            async move {
                let io = match first {
                    Some(io) => io,
                    None => broker.knock(&mux, id).await.map_err(std::io::Error::other)?,
                };
                broker.0.security.connect(io).await
            }
        };
        Ok(crate::channel::connect(dial).await?)
    }

    /// A connection for `id`, once the other end has said that it listens.
    #[cfg(feature = "mux")]
    async fn knock(&self, mux: &Mux, id: u32) -> Result<crate::io::Io, BrokerError> {
        use encamp_proto::plugin::conn_info::Knock;

        let turn = mux.turn().await;
        let answer = self.answer(id)?;
        let question = Knock {
            knock: true,
            ..Knock::default()
        };
        let question = ConnInfo {
            service_id: id,
            knock: Some(question),
            ..ConnInfo::default()
        };
        self.0.outgoing.send(question).await.map_err(|_| BrokerError::Closed)?;
        let answer = answer.await?.knock.unwrap_or_default();
        if !answer.ack || !answer.error.is_empty() {
            return Err(BrokerError::Refused {
                id,
                reason: answer.error,
            });
        }
        mux.open_in(turn).await.map_err(|_| BrokerError::Closed)
    }

    async fn announce(&self, id: u32, listener: Listener) -> Result<Source, BrokerError> {
        let info = ConnInfo {
            service_id: id,
            network: listener.address().network().to_owned(),
            address: listener.address().to_string(),
            knock: None,
        };
        tokio::select! {
            () = self.0.closed.cancelled() => Err(BrokerError::Closed),
            sent = self.0.outgoing.send(info) => sent.map_err(|_| BrokerError::Closed),
        }?;
        Ok(Source::Socket(listener))
    }

    /// What the other end says about `id`, once it has.
    fn answer(&self, id: u32) -> Result<impl Future<Output = Result<ConnInfo, BrokerError>> + use<>, BrokerError> {
        let (sender, receiver) = oneshot::channel();
        let mut answers = self.answers();
        match answers.remove(&id) {
            Some(Answer::Given(info, at)) if at.elapsed() < PATIENCE => drop(sender.send(info)),
            Some(Answer::Awaited(other)) if !other.is_closed() => {
                answers.insert(id, Answer::Awaited(other));
                return Err(BrokerError::InUse(id));
            }
            _ => drop(answers.insert(id, Answer::Awaited(sender))),
        }
        drop(answers);
        let closed = self.0.closed.clone();
        Ok(async move {
            tokio::select! {
                answer = tokio::time::timeout(PATIENCE, receiver) => match answer {
                    Ok(answer) => answer.map_err(|_| BrokerError::Closed),
                    Err(_) => Err(BrokerError::Timeout(id)),
                },
                () = closed.cancelled() => Err(BrokerError::Closed),
            }
        })
    }

    fn answered(&self, info: ConnInfo) {
        let mut answers = self.answers();
        answers.retain(|_, answer| match answer {
            Answer::Awaited(sender) => !sender.is_closed(),
            Answer::Given(_, at) => at.elapsed() < PATIENCE,
        });
        let id = info.service_id;
        match answers.remove(&id) {
            Some(Answer::Awaited(sender)) => drop(sender.send(info)),
            _ if answers.len() < MOST_UNCLAIMED => drop(answers.insert(id, Answer::Given(info, Instant::now()))),
            _ => tracing::warn!(id, "The other end offers more connections than anybody asks for"),
        }
    }

    fn answers(&self) -> MutexGuard<'_, HashMap<u32, Answer>> {
        self.0.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Accepted ===

impl Accepted {
    /// Serves `routes` to the other end, until the broker closes or the future is dropped.
    pub async fn serve(self, routes: Routes) {
        let signals = Signals {
            stop: self.closed,
            ..Signals::default()
        };
        server::serve(self.source, self.security, routes, signals, GRACE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listener::SocketDir;

    fn broker(dir: &std::path::Path) -> (Broker, Outgoing) {
        let place = SocketPlace {
            dir: SocketDir::Given(dir.to_owned()),
            group: None,
        };
        Broker::new(
            Carrier::Unix { place, plugin: None },
            Security::Plain,
            CancellationToken::new(),
        )
    }

    fn offer(id: u32) -> ConnInfo {
        ConnInfo {
            service_id: id,
            network: "udp".to_owned(),
            ..ConnInfo::default()
        }
    }

    #[tokio::test]
    async fn the_other_end_cannot_fill_this_ends_memory() {
        let temp = tempfile::tempdir().unwrap();
        let (broker, _messages) = broker(temp.path());
        for id in 0..3000 {
            broker.receive(offer(id)).await;
        }
        assert_eq!(broker.answers().len(), MOST_UNCLAIMED);
    }

    #[tokio::test(start_paused = true)]
    async fn an_id_is_dialed_by_one_at_a_time_and_not_for_ever() {
        let temp = tempfile::tempdir().unwrap();
        let (broker, _messages) = broker(temp.path());
        let dial = |id| {
            let broker = broker.clone();
            async move { broker.dial(id).await.map(drop).unwrap_err() }
        };
        let (first, second) = tokio::join!(dial(1), dial(1));
        assert!(matches!(
            (first, second),
            (BrokerError::Timeout(1), BrokerError::InUse(1))
        ));
        // Who has given up leaves nothing in the way.
        broker.receive(offer(1)).await;
        assert!(matches!(dial(1).await, BrokerError::Address(_)));
    }

    #[tokio::test]
    async fn whoever_waits_is_told_that_the_broker_is_closed() {
        let temp = tempfile::tempdir().unwrap();
        let (broker, messages) = broker(temp.path());
        let closed = broker.0.closed.clone();
        let dialing = broker.dial(1);
        closed.cancel();
        assert!(matches!(dialing.await, Err(BrokerError::Closed)));
        drop(messages);
        assert!(matches!(broker.accept(2).await, Err(BrokerError::Closed)));
        assert_eq!(std::fs::read_dir(temp.path()).unwrap().count(), 0);
    }

    #[test]
    fn ids_begin_with_one() {
        let temp = tempfile::tempdir().unwrap();
        let (broker, _messages) = broker(temp.path());
        assert_eq!((broker.next_id(), broker.next_id()), (1, 2));
    }
}
