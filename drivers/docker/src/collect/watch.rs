//! One inotify instance for the log directories of all followed containers.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;

/// How long events may pile up before they are looked at: the kernel merges equal ones, so a container that writes
/// without pause costs two hundred looks a second and no more.
const GATHER: Duration = Duration::from_millis(5);

/// What is known of one directory.
#[derive(Debug, Default)]
struct Watched {
    /// Something was written or renamed.
    changed: Notify,
    /// How often a file was renamed to `<anything>.1`, which is what a rotation does.
    rotations: AtomicU64,
    /// The kernel dropped events: the count is not to be trusted.
    overflowed: AtomicBool,
}

/// A directory being watched, until this is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    watcher: Watcher,
    watched: Arc<Watched>,
}

impl Watch {
    /// Returns once something was written or renamed since it last returned.
    ///
    /// # Cancel safety
    /// Nothing is lost by dropping it.
    pub(crate) async fn changed(&self) {
        self.watched.changed.notified().await;
    }

    /// How many rotations there were up to now; `None` when some may have been missed.
    pub(crate) fn rotations(&self) -> Option<u64> {
        self.watcher.drain().ok()?;
        let overflowed = self.watched.overflowed.load(Ordering::Acquire);
        (!overflowed).then(|| self.watched.rotations.load(Ordering::Acquire))
    }
}

type Directories = Arc<Mutex<HashMap<WatchDescriptor, Weak<Watched>>>>;

/// The runtime wants the older trait.
#[derive(Debug)]
struct Source(Inotify);

impl AsRawFd for Source {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

/// Watches directories.
#[derive(Clone, Debug)]
pub(crate) struct Watcher {
    inotify: Arc<AsyncFd<Source>>,
    directories: Directories,
}

impl Watcher {
    /// Must be called inside the runtime that then runs [`Watcher::run`].
    #[expect(
        deprecated,
        reason = "the only constructor that is no `unsafe`; our descriptor stays what it is"
    )]
    pub(crate) fn new() -> io::Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        Ok(Self {
            inotify: Arc::new(AsyncFd::new(Source(inotify))?),
            directories: Directories::default(),
        })
    }

    /// Watches a directory.
    pub(crate) fn watch(&self, dir: &Path) -> io::Result<Watch> {
        let flags = AddWatchFlags::IN_MODIFY
            | AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_ONLYDIR;
        let mut directories = self.directories.lock().unwrap_or_else(PoisonError::into_inner);
        directories.retain(|descriptor, watched| {
            let alive = watched.strong_count() > 0;
            if !alive {
                // Gone with its directory, usually.
                let _gone = self.inotify.get_ref().0.rm_watch(*descriptor);
            }
            alive
        });
        let descriptor = self.inotify.get_ref().0.add_watch(dir, flags)?;
        let known = directories.get(&descriptor).and_then(Weak::upgrade);
        let watched = known.unwrap_or_default();
        directories.insert(descriptor, Arc::downgrade(&watched));
        Ok(Watch {
            watcher: self.clone(),
            watched,
        })
    }

    /// Passes events on, for as long as the runtime lives.
    pub(crate) async fn run(self) {
        loop {
            let Ok(mut ready) = self.inotify.readable().await else {
                return;
            };
            if let Err(error) = self.drain() {
                tracing::error!(%error, "container logs are no longer watched");
                return;
            }
            ready.clear_ready();
            tokio::time::sleep(GATHER).await;
        }
    }

    fn drain(&self) -> io::Result<()> {
        loop {
            match self.inotify.get_ref().0.read_events() {
                Ok(events) => events.iter().for_each(|event| self.pass_on(event)),
                Err(Errno::EAGAIN) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn pass_on(&self, event: &InotifyEvent) {
        let directories = self.directories.lock().unwrap_or_else(PoisonError::into_inner);
        if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
            for watched in directories.values().filter_map(Weak::upgrade) {
                watched.overflowed.store(true, Ordering::Release);
                watched.changed.notify_one();
            }
            return;
        }
        let Some(watched) = directories.get(&event.wd).and_then(Weak::upgrade) else {
            return;
        };
        let to_first = event
            .name
            .as_ref()
            .is_some_and(|name| name.as_encoded_bytes().ends_with(b".1"));
        if event.mask.contains(AddWatchFlags::IN_MOVED_TO) && to_first {
            watched.rotations.fetch_add(1, Ordering::AcqRel);
        }
        watched.changed.notify_one();
    }
}
