//! Waiting for files to change.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};

/// How often files are looked at where the kernel has no inotify instance left for us.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// Tells when to look again at a directory and one file in it.
#[derive(Debug)]
pub(crate) struct Watch {
    inotify: Option<Inotify>,
    file: Option<WatchDescriptor>,
}

impl Watch {
    /// Watches `dir` for new files.
    pub(crate) fn new(dir: BorrowedFd<'_>) -> Self {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)
            .ok()
            .filter(|inotify| add(inotify, dir, AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO).is_some());
        Self { inotify, file: None }
    }

    /// Watches `file` for new content, and no longer the one before it.
    pub(crate) fn follow(&mut self, file: BorrowedFd<'_>) {
        let Some(inotify) = &self.inotify else { return };
        if let Some(old) = self.file.take() {
            // Already gone with its file, at worst.
            let _: nix::Result<()> = inotify.rm_watch(old);
        }
        self.file = add(inotify, file, AddWatchFlags::IN_MODIFY);
        if self.file.is_none() {
            self.inotify = None;
        }
    }

    pub(crate) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.inotify.as_ref().map(AsFd::as_fd)
    }

    /// Forgets what was told so far; to be called before looking, never after.
    pub(crate) fn clear(&self) {
        if let Some(inotify) = &self.inotify {
            while inotify.read_events().is_ok_and(|events| !events.is_empty()) {}
        }
    }

    /// Waits until there is a reason to look again or `deadline` has come.
    pub(crate) fn wait(&self, deadline: Instant) {
        let left = deadline.saturating_duration_since(Instant::now());
        let (mut fds, limit) = match self.fd() {
            Some(fd) => (vec![PollFd::new(fd, PollFlags::POLLIN)], left),
            None => (Vec::new(), left.min(LOOK_INTERVAL)),
        };
        // Rounded up: a wait of zero would spin through the last millisecond.
        let timeout = PollTimeout::try_from(limit.as_millis().saturating_add(1)).unwrap_or(PollTimeout::MAX);
        // An interrupted wait is only an early look.
        let _: nix::Result<i32> = poll(&mut fds, timeout);
    }
}

fn add(inotify: &Inotify, fd: BorrowedFd<'_>, events: AddWatchFlags) -> Option<WatchDescriptor> {
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    inotify.add_watch(path.as_str(), events).ok()
}
