//! Streams that stay open while the plugin behind them is started again.

use std::sync::Arc;
use std::time::Duration;

use encamp_base::chain;
use encamp_device::DeviceGroup;
use encamp_driver::{BoxStream, Error, Fingerprint, Result, TaskEvent, TaskStats};
use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture};
use tokio::sync::mpsc::{self, Sender};
use tokio::time::{sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;

use crate::supervisor::{Live, Status, Supervisor};

/// How the driver is, and that it is not while it is down.
pub(crate) fn fingerprints(supervisor: &Arc<Supervisor>) -> BoxStream<Fingerprint> {
    open(supervisor, looks, |_, why| Some(Fingerprint::unhealthy(why)))
}

fn looks(live: &Live) -> Opening<'_, Fingerprint> {
    async { live.driver()?.fingerprint().await }.map(with_reasons).boxed()
}

/// What the driver has to tell of its tasks, while it is there.
pub(crate) fn task_events(supervisor: &Arc<Supervisor>) -> BoxStream<TaskEvent> {
    open(supervisor, events, |_, _| None)
}

fn events(live: &Live) -> Opening<'_, TaskEvent> {
    async { live.driver()?.task_events().await }.map(with_reasons).boxed()
}

/// Which devices there are, or why nobody knows any.
pub(crate) type Devices = Result<Vec<DeviceGroup>, String>;

/// Which devices there are, and that nobody can use them while the plugin is down.
pub(crate) fn devices(supervisor: &Arc<Supervisor>) -> BoxStream<Devices> {
    open(supervisor, groups, |last, why| {
        let known = last.and_then(|last| last.as_ref().ok());
        let known = known.ok_or_else(|| why.to_owned());
        Some(known.map(|known| known.iter().map(|group| group.clone().unhealthy(why)).collect()))
    })
}

fn groups(live: &Live) -> Opening<'_, Devices> {
    let known = |groups: Reasoned<_>| groups.map(|groups| groups.map(|groups| groups.map(Ok)).boxed());
    let groups = async { live.device()?.fingerprint().await };
    groups.map(with_reasons).map(known).boxed()
}

/// A stream of a plugin's, with reasons for errors.
type Reasoned<T> = Result<BoxStream<Result<T, String>>, String>;

type Opening<'a, T> = BoxFuture<'a, Reasoned<T>>;

fn with_reasons<T: 'static, E: std::error::Error + 'static>(opened: Result<BoxStream<Result<T, E>>, E>) -> Reasoned<T> {
    let items = opened.map_err(|error| chain(&error))?;
    Ok(items.map(|item| item.map_err(|error| chain(&error))).boxed())
}

/// A stream of a plugin's, and who reads it.
struct Feed<T> {
    open: for<'a> fn(&'a Live) -> Opening<'a, T>,
    /// What to say while there is none, after what was said last.
    trouble: fn(Option<&T>, &str) -> Option<T>,
    items: Sender<T>,
    /// What the plugin has said last.
    last: Option<T>,
    /// The trouble that was told last.
    told: String,
}

fn open<T: Clone + Send + Sync + 'static>(
    supervisor: &Arc<Supervisor>,
    open: for<'a> fn(&'a Live) -> Opening<'a, T>,
    trouble: fn(Option<&T>, &str) -> Option<T>,
) -> BoxStream<T> {
    let (items, stream) = mpsc::channel(1);
    let mut feed = Feed {
        open,
        trouble,
        items: items.clone(),
        last: None,
        told: String::new(),
    };
    let (supervisor, interest) = (Arc::clone(supervisor), supervisor.interest());
    tokio::spawn(async move {
        tokio::select! {
            () = feed.pump(&supervisor) => {}
            () = items.closed() => {}
        }
        drop(interest);
    });
    ReceiverStream::new(stream).boxed()
}

impl<T: Clone> Feed<T> {
    /// Passes on what each process of the plugin says, until it is over.
    async fn pump(&mut self, supervisor: &Arc<Supervisor>) {
        let mut state = supervisor.state.subscribe();
        let mut reopened = 0;
        loop {
            let seen = state.borrow_and_update().clone();
            match seen.status {
                Status::Closed => return,
                Status::Up(live) if !live.instance.has_ended() => {
                    let (why, any) = self.copy(&live, supervisor.settings.timing.answer).await;
                    if any {
                        reopened = 0;
                    }
                    if supervisor.is_over() {
                        return;
                    }
                    if live.instance.has_ended() {
                        self.tell("its process has ended").await;
                    } else {
                        self.tell(&why).await;
                        reopened += 1;
                        sleep(supervisor.settings.timing.backoff.delay(reopened)).await;
                        continue;
                    }
                }
                Status::Waiting => self.tell(&seen.why).await,
                Status::Idle => supervisor.begin(),
                Status::Up(_) | Status::Starting => {}
            }
            if state.changed().await.is_err() {
                return;
            }
        }
    }

    /// Passes on what one process says. Gives why that is over, and whether there was anything.
    async fn copy(&mut self, live: &Live, patience: Duration) -> (String, bool) {
        let mut stream = match timeout(patience, (self.open)(live)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(why)) => return (why, false),
            Err(_) => return (format!("it has said nothing for {patience:?}"), false),
        };
        let (mut any, mut failed) = (false, None);
        while let Some(item) = stream.next().await {
            match item {
                Ok(item) => {
                    (any, failed) = (true, None);
                    self.told.clear();
                    self.last = Some(item.clone());
                    // Where nobody listens any more, all of this is about to end.
                    self.items.send(item).await.ok();
                }
                Err(why) => {
                    // What the end of the process makes of its streams is told as just that.
                    if !live.instance.has_ended() {
                        self.tell(&why).await;
                    }
                    failed = Some(why);
                }
            }
        }
        (failed.unwrap_or_else(|| "it has nothing more to say".to_owned()), any)
    }

    /// Says that there is trouble, once for each.
    async fn tell(&mut self, why: &str) {
        if self.told == why {
            return;
        }
        why.clone_into(&mut self.told);
        tracing::debug!(why, "A plugin's stream is interrupted");
        if let Some(item) = (self.trouble)(self.last.as_ref(), why) {
            self.items.send(item).await.ok();
        }
    }
}

/// A task whose usage is asked for. It is the supervisor's to keep.
pub(crate) struct Sampled {
    pub(crate) supervisor: Arc<Supervisor>,
    pub(crate) id: String,
    pub(crate) interval: Duration,
}

/// What a task uses, from one process of its driver and then from the next ones.
pub(crate) fn stats(
    task: Sampled,
    live: Arc<Live>,
    first: BoxStream<Result<TaskStats>>,
) -> BoxStream<Result<TaskStats>> {
    let (items, stream) = mpsc::channel(1);
    tokio::spawn(async move {
        let follow = async {
            if let Err(error) = task.follow(live, first, &items).await {
                items.send(Err(error)).await.ok();
            }
        };
        tokio::select! {
            () = follow => {}
            () = items.closed() => {}
        }
    });
    ReceiverStream::new(stream).boxed()
}

impl Sampled {
    async fn follow(
        &self,
        mut live: Arc<Live>,
        mut samples: BoxStream<Result<TaskStats>>,
        items: &Sender<Result<TaskStats>>,
    ) -> Result<()> {
        loop {
            loop {
                match samples.next().await {
                    Some(Err(Error::PluginShutdown)) => break,
                    Some(sample) => drop(items.send(sample).await),
                    None => return Ok(()),
                }
            }
            samples = loop {
                if !self.supervisor.tasks.has(&self.id) {
                    return Err(Error::PluginShutdown);
                }
                live = self.supervisor.successor(&live).await?;
                match self.open(&live).await {
                    Err(Error::PluginShutdown) => {}
                    opened => break opened?,
                }
            };
        }
    }

    async fn open(&self, live: &Live) -> Result<BoxStream<Result<TaskStats>>> {
        self.supervisor.catch_up(live, &self.id).await?;
        live.driver()?.task_stats(&self.id, self.interval).await
    }
}
