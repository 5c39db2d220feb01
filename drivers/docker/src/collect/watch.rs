//! One inotify instance, and one thread that waits on it, for the log directories of all followed containers.
//!
//! The thread does nothing but pass events on and have new files opened: output that is slow to decode or to write must
//! not keep a rotation from being seen.

use std::collections::HashMap;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
use tokio::sync::Notify;

/// How long events may pile up before they are looked at, in milliseconds: the kernel merges equal ones, so a container
/// that writes without pause costs two hundred looks a second and no more.
const GATHER: u8 = 5;

/// How much the waiting thread comes before others, where it is allowed to: it has next to nothing to do, and a machine
/// that is too busy to let it run loses output.
const NICE: i32 = -10;

type OnRotation = Box<dyn Fn() + Send + Sync>;

/// What is known of one directory.
#[derive(Default)]
struct Watched {
    /// Something was written or renamed.
    changed: Notify,
    /// How often a file was renamed to `<anything>.1`, which is what a rotation does.
    rotations: AtomicU64,
    /// The kernel dropped events: the count is not to be trusted.
    overflowed: AtomicBool,
    on_rotation: OnceLock<OnRotation>,
}

/// A directory being watched, until this is dropped.
#[derive(Clone)]
pub(crate) struct Watch {
    shared: Arc<Shared>,
    watched: Arc<Watched>,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
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
        self.shared.drain().ok()?;
        let overflowed = self.watched.overflowed.load(Ordering::Acquire);
        (!overflowed).then(|| self.watched.rotations.load(Ordering::Acquire))
    }

    /// What to do, on the waiting thread, as soon as a rotation is seen. Can be set once.
    pub(crate) fn on_rotation(&self, act: impl Fn() + Send + Sync + 'static) {
        drop(self.watched.on_rotation.set(Box::new(act)));
    }
}

struct Shared {
    inotify: Inotify,
    directories: Mutex<HashMap<WatchDescriptor, Weak<Watched>>>,
    /// Saw a rotation that nobody has acted on.
    rotated: Mutex<Vec<Arc<Watched>>>,
    /// Wakes the waiting thread.
    wake: EventFd,
    stop: AtomicBool,
}

/// Watches directories; its thread ends when this is dropped.
pub(crate) struct Watcher(Arc<Shared>);

impl std::fmt::Debug for Watcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watcher").finish_non_exhaustive()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Release);
        self.0.wake();
    }
}

impl Watcher {
    pub(crate) fn start() -> io::Result<Self> {
        let shared = Arc::new(Shared {
            inotify: Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?,
            directories: Mutex::default(),
            rotated: Mutex::default(),
            wake: EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?,
            stop: AtomicBool::new(false),
        });
        let waiting = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("encamp-watch".to_owned());
        drop(thread.spawn(move || waiting.wait())?);
        Ok(Self(shared))
    }

    /// Watches a directory.
    pub(crate) fn watch(&self, dir: &Path) -> io::Result<Watch> {
        let flags = AddWatchFlags::IN_MODIFY
            | AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_ONLYDIR;
        let mut directories = self.0.directories.lock().unwrap_or_else(PoisonError::into_inner);
        directories.retain(|descriptor, watched| {
            let alive = watched.strong_count() > 0;
            if !alive {
                // Gone with its directory, usually.
                let _gone = self.0.inotify.rm_watch(*descriptor);
            }
            alive
        });
        let descriptor = self.0.inotify.add_watch(dir, flags)?;
        let watched = Arc::new(Watched::default());
        directories.insert(descriptor, Arc::downgrade(&watched));
        Ok(Watch {
            shared: Arc::clone(&self.0),
            watched,
        })
    }
}

impl Shared {
    fn wait(&self) {
        if let Err(error) = rustix::process::setpriority_process(None, NICE) {
            tracing::debug!(%error, "container logs are watched with no priority over other work");
        }
        let wake = || PollFd::new(self.wake.as_fd(), PollFlags::POLLIN);
        while !self.stop.load(Ordering::Acquire) {
            let mut both = [wake(), PollFd::new(self.inotify.as_fd(), PollFlags::POLLIN)];
            let polled = poll(&mut both, PollTimeout::NONE);
            if self.drain().is_err() || polled.is_err_and(|error| error != Errno::EINTR) {
                tracing::error!("container logs are no longer watched");
                return;
            }
            // An empty counter is what is wanted.
            let _counted = self.wake.read();
            let rotated = std::mem::take(&mut *self.rotated.lock().unwrap_or_else(PoisonError::into_inner));
            for act in rotated.iter().filter_map(|watched| watched.on_rotation.get()) {
                act();
            }
            // The pause between two looks, unless somebody wants one.
            let _woken = poll(&mut [wake()], PollTimeout::from(GATHER));
        }
    }

    fn wake(&self) {
        // Only a full counter refuses, and that wakes as well.
        let _woken = self.wake.write(1);
    }

    /// Passes on all events that there are. What a rotation calls for is left to the waiting thread: callers hold locks.
    fn drain(&self) -> io::Result<()> {
        let mut rotated = Vec::new();
        // Held over the reading: an event that one caller has read must be counted before another one looks.
        let directories = self.directories.lock().unwrap_or_else(PoisonError::into_inner);
        let drained = loop {
            match self.inotify.read_events() {
                Ok(events) => rotated.extend(events.iter().filter_map(|event| pass_on(&directories, event))),
                Err(Errno::EAGAIN) => break Ok(()),
                Err(Errno::EINTR) => {}
                Err(error) => break Err(error.into()),
            }
        };
        drop(directories);
        if !rotated.is_empty() {
            self.rotated
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .append(&mut rotated);
            self.wake();
        }
        drained
    }
}

fn pass_on(directories: &HashMap<WatchDescriptor, Weak<Watched>>, event: &InotifyEvent) -> Option<Arc<Watched>> {
    if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
        for watched in directories.values().filter_map(Weak::upgrade) {
            watched.overflowed.store(true, Ordering::Release);
            watched.changed.notify_one();
        }
        return None;
    }
    let watched = directories.get(&event.wd).and_then(Weak::upgrade)?;
    let to_first = event
        .name
        .as_ref()
        .is_some_and(|name| name.as_encoded_bytes().ends_with(b".1"));
    let rotation = event.mask.contains(AddWatchFlags::IN_MOVED_TO) && to_first;
    if rotation {
        watched.rotations.fetch_add(1, Ordering::AcqRel);
    }
    watched.changed.notify_one();
    rotation.then_some(watched)
}
