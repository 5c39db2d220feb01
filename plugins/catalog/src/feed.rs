//! Streams that stay open while the plugin behind them is started again.

use std::sync::Arc;
use std::time::Duration;

use encamp_driver::{BoxStream, Driver, Error, Fingerprint, Result, TaskEvent, TaskStats};
use futures_util::{StreamExt as _, future::BoxFuture};
use tokio::sync::mpsc::{self, Sender};
use tokio::time::{sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;

use crate::supervisor::{Live, Status, Supervisor};

/// A stream of a plugin's, and what to say while there is none.
struct Feed<T> {
    open: for<'a> fn(&'a dyn Driver) -> Opening<'a, T>,
    trouble: fn(&str) -> Option<T>,
}

type Opening<'a, T> = BoxFuture<'a, Result<BoxStream<Result<T>>>>;

/// How the plugin is, and that it is not while it is down.
pub(crate) fn fingerprints(supervisor: &Arc<Supervisor>) -> BoxStream<Result<Fingerprint>> {
    let feed = Feed {
        open: |driver| driver.fingerprint(),
        trouble: |why| Some(Fingerprint::unhealthy(why)),
    };
    open(supervisor, feed)
}

/// What the plugin has to tell of its tasks, while it is there.
pub(crate) fn task_events(supervisor: &Arc<Supervisor>) -> BoxStream<Result<TaskEvent>> {
    let feed = Feed {
        open: |driver| driver.task_events(),
        trouble: |_| None,
    };
    open(supervisor, feed)
}

fn open<T: Send + 'static>(supervisor: &Arc<Supervisor>, feed: Feed<T>) -> BoxStream<Result<T>> {
    let (items, stream) = mpsc::channel(1);
    let (supervisor, interest) = (Arc::clone(supervisor), supervisor.interest());
    tokio::spawn(async move {
        tokio::select! {
            () = pump(&supervisor, &feed, &items) => {}
            () = items.closed() => {}
        }
        drop(interest);
    });
    ReceiverStream::new(stream).boxed()
}

/// Passes on what each process of the plugin says, until it is over.
async fn pump<T>(supervisor: &Arc<Supervisor>, feed: &Feed<T>, items: &Sender<Result<T>>) {
    let mut state = supervisor.state.subscribe();
    let mut said = String::new();
    let mut reopened = 0;
    loop {
        let seen = state.borrow_and_update().clone();
        match seen.status {
            Status::Closed => return,
            Status::Up(live) if !live.instance.has_ended() => {
                let (why, any) = copy(live.driver(), feed, items, supervisor.settings.timing.answer).await;
                if any {
                    (said, reopened) = (String::new(), 0);
                }
                if supervisor.is_over() {
                    return;
                }
                if live.instance.has_ended() {
                    tell(feed, items, &mut said, "its process has ended").await;
                } else {
                    tell(feed, items, &mut said, &why).await;
                    reopened += 1;
                    sleep(supervisor.settings.timing.backoff.delay(reopened)).await;
                    continue;
                }
            }
            Status::Waiting => tell(feed, items, &mut said, &seen.why).await,
            Status::Idle => supervisor.begin(),
            Status::Up(_) | Status::Starting => {}
        }
        if state.changed().await.is_err() {
            return;
        }
    }
}

/// Passes on what one process says. Gives why that is over, and whether there was anything.
async fn copy<T>(driver: &dyn Driver, feed: &Feed<T>, items: &Sender<Result<T>>, patience: Duration) -> (String, bool) {
    let mut stream = match timeout(patience, (feed.open)(driver)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return (error.chain(), false),
        Err(_) => return (format!("it has said nothing for {patience:?}"), false),
    };
    let mut any = false;
    let mut failed: Option<String> = None;
    while let Some(item) = stream.next().await {
        if let Some(why) = failed.take() {
            tell(feed, items, &mut String::new(), &why).await;
        }
        match item {
            Ok(item) => {
                any = true;
                // Where nobody listens any more, all of this is about to end.
                items.send(Ok(item)).await.ok();
            }
            Err(error) => failed = Some(error.chain()),
        }
    }
    (failed.unwrap_or_else(|| "it has nothing more to say".to_owned()), any)
}

/// Says that there is trouble, once for each.
async fn tell<T>(feed: &Feed<T>, items: &Sender<Result<T>>, said: &mut String, why: &str) {
    if said == why {
        return;
    }
    why.clone_into(said);
    tracing::debug!(why, "A plugin's stream is interrupted");
    if let Some(item) = (feed.trouble)(why) {
        items.send(Ok(item)).await.ok();
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
        live.driver().task_stats(&self.id, self.interval).await
    }
}
