//! Collecting task output in process: from the engine into rotated files, or into pipes that somebody else reads.
//!
//! One thread serves all tasks. Where the engine keeps a json file that can be read, that file is read (inotify wakes
//! us, nothing polls); else the engine is asked to hand the output out. A cursor per task makes the result exact across
//! the death of this process: nothing is lost and nothing comes twice.

mod api;
mod cursor;
mod decode;
mod file;
mod pipe;
mod sink;
mod tail;
mod watch;
mod writer;

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use encamp_driver::TaskOutput;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch as flag};
use tokio::task::{AbortHandle, JoinHandle};

use self::cursor::{CursorFile, Source};
use self::sink::Sink;
use self::watch::Watcher;
use self::writer::Output;
use crate::engine::{Container, Engine};
use crate::events::{Events, TaskRef};

pub use self::decode::Batch;
pub(crate) use self::sink::begin;

/// What to collect, and where to.
pub(crate) struct Order {
    pub(crate) task: TaskRef,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) container: Container,
    pub(crate) to: TaskOutput,
}

/// Collects the output of all tasks, on a thread that is started when the first one comes.
#[derive(Debug)]
pub(crate) struct Collector {
    state_dir: PathBuf,
    events: Events,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    thread: Option<Thread>,
    followers: HashMap<String, Follower>,
}

#[derive(Debug)]
struct Follower {
    finish: flag::Sender<bool>,
    abort: AbortHandle,
    done: Option<JoinHandle<()>>,
}

impl Collector {
    pub(crate) fn new(state_dir: PathBuf, events: Events) -> Self {
        Self {
            state_dir,
            events,
            inner: Mutex::default(),
        }
    }

    /// Begins or resumes. A task that is followed already is left alone.
    pub(crate) fn follow(&self, order: Order) -> io::Result<()> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.followers.contains_key(&order.task.id) {
            return Ok(());
        }
        let thread = match inner.thread.take() {
            Some(thread) => thread,
            None => Thread::start()?,
        };
        let (finish, finished) = flag::channel(false);
        let id = order.task.id.clone();
        let done = thread
            .handle
            .spawn(self.follower(order, thread.watcher.clone(), finished));
        inner.thread = Some(thread);
        inner.followers.insert(
            id,
            Follower {
                finish,
                abort: done.abort_handle(),
                done: Some(done),
            },
        );
        Ok(())
    }

    fn follower(
        &self,
        order: Order,
        watcher: Option<Arc<Watcher>>,
        finish: flag::Receiver<bool>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let file = CursorFile::new(&self.state_dir, &order.task.id);
        file.make_dir();
        let events = self.events.clone();
        async move {
            let container = order.container;
            let cursor = file.load(&container.id);
            let Some(sink) = Sink::open(order.to, &order.task.name, cursor.as_ref(), &finish) else {
                return;
            };
            let output = Output::new(order.task, container.id.clone(), sink, file, events);
            if cursor.is_none() {
                // Before the first byte: a death before the first real cursor must not make it come twice.
                output.store(Source::Start);
            }
            let readable = container.log_driver == "json-file" && std::fs::File::open(&container.log_path).is_ok();
            if readable || file::resume_point(cursor.as_ref()).is_some() {
                let resume = file::resume_point(cursor.as_ref());
                file::follow(container.log_path, watcher, resume, output, finish).await;
            } else {
                let resume = api::resume_point(cursor.as_ref());
                api::follow(order.engine, container.tty, resume, output, finish).await;
            }
        }
    }

    /// Takes over what there still is of a container that has ended, however long that takes. It does come to an end:
    /// a source that gives nothing more is given up by whoever reads it, who tells what is missing.
    pub(crate) async fn finish(&self, task_id: &str) {
        let done = {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            inner.followers.get_mut(task_id).and_then(|follower| {
                follower.finish.send_replace(true);
                follower.done.take()
            })
        };
        let Some(done) = done else { return };
        if let Err(error) = done.await {
            tracing::error!(task = task_id, %error, "task output was not collected to its end");
        }
    }

    /// Forgets a task, its cursor included: also one that was not taken back.
    pub(crate) fn forget(&self, task_id: &str) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(follower) = inner.followers.remove(task_id) {
            follower.abort.abort();
        }
        CursorFile::new(&self.state_dir, task_id).remove();
    }
}

/// The thread that all followers share, with a runtime of its own: a runtime of many threads would hand every line from
/// one to the next. It ends when this is dropped, and the watcher's with it.
#[derive(Debug)]
struct Thread {
    handle: Handle,
    watcher: Option<Arc<Watcher>>,
    _end: oneshot::Sender<()>,
}

impl Thread {
    fn start() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let watcher = Watcher::start()
            .inspect_err(|error| tracing::warn!(%error, "no inotify; container logs are looked at twice a second"))
            .ok()
            .map(Arc::new);
        let (end, ended) = oneshot::channel::<()>();
        std::thread::Builder::new()
            .name("encamp-logs".to_owned())
            .spawn(move || drop(runtime.block_on(ended)))?;
        Ok(Self {
            handle,
            watcher,
            _end: end,
        })
    }
}
