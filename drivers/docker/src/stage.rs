//! Volume sources where nobody can exchange them between our look and the engine's mount.
//!
//! The engine takes names, and a task can exchange what a name in its allocation means. So what was found by descriptor is
//! mounted once more, below a directory that only root can enter, and the engine gets that name. The container has mounts
//! of its own once it has started; ours end then.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::{SFlag, fstat};

/// The volume sources of one start.
#[derive(Debug)]
pub(crate) struct Stage(Option<Held>);

#[derive(Debug)]
struct Held {
    dir: PathBuf,
    /// Locked: it tells the leftovers of a process that died from a start that is under way.
    _lock: File,
    next: u32,
}

impl Stage {
    /// No stage: the engine gets the names as they are, and whoever can write to the allocation may win a race.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// A stage in `root`, for the start of the task that is called `name` here.
    pub(crate) fn new(root: &Path, name: &str) -> io::Result<Self> {
        let private = |path: &Path| DirBuilder::new().recursive(true).mode(0o700).create(path);
        private(root)?;
        let dir = fs::canonicalize(root)?.join(name);
        private(&dir)?;
        let lock = File::open(&dir)?;
        lock.try_lock()?;
        // An earlier start of the task may have been killed in the middle.
        empty(&dir);
        Ok(Self(Some(Held {
            dir,
            _lock: lock,
            next: 0,
        })))
    }

    /// The path to give to the engine for `source`, which was found at `path`.
    pub(crate) fn pin(&mut self, source: BorrowedFd<'_>, path: PathBuf) -> io::Result<PathBuf> {
        let Some(held) = &mut self.0 else { return Ok(path) };
        let at = held.dir.join(held.next.to_string());
        held.next += 1;
        place_for(source, &at)?;
        match mount_at(source, &at) {
            Ok(()) => Ok(at),
            // Root in name only.
            Err(Errno::EPERM) => Ok(path),
            Err(error) => Err(error.into()),
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(held) = &self.0 {
            take_down(&held.dir);
        }
    }
}

/// Something of the same kind to mount over.
fn place_for(source: BorrowedFd<'_>, at: &Path) -> io::Result<()> {
    let kind = SFlag::from_bits_truncate(fstat(source)?.st_mode) & SFlag::S_IFMT;
    if kind == SFlag::S_IFDIR {
        fs::create_dir(at)
    } else {
        File::create_new(at).map(drop)
    }
}

fn mount_at(source: BorrowedFd<'_>, at: &Path) -> nix::Result<()> {
    use std::os::fd::AsRawFd;
    let none = None::<&str>;
    let descriptor = format!("/proc/self/fd/{}", source.as_fd().as_raw_fd());
    mount(
        Some(descriptor.as_str()),
        at,
        none,
        MsFlags::MS_BIND | MsFlags::MS_REC,
        none,
    )?;
    // Else the end of this mount would be the end of those that it is a copy of.
    mount(none, at, none, MsFlags::MS_SLAVE | MsFlags::MS_REC, none)
}

/// Removes the stages in `root` that starts left which were killed in the middle.
pub(crate) fn clear(root: &Path) {
    for dir in fs::read_dir(root).into_iter().flatten().flatten() {
        let free = File::open(dir.path()).and_then(|lock| Ok(lock.try_lock()?));
        if free.is_ok() {
            take_down(&dir.path());
        }
    }
    // It stays where a start is under way.
    drop(fs::remove_dir(root));
}

fn take_down(dir: &Path) {
    empty(dir);
    if let Err(error) = fs::remove_dir(dir) {
        tracing::warn!(dir = %dir.display(), %error, "cannot remove what a task's volumes were mounted at");
    }
}

/// Unmounts and removes, without ever going into anything: what cannot be unmounted is left as it is.
fn empty(dir: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let _not_mounted = umount2(&path, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW);
        drop(fs::remove_dir(&path).or_else(|_| fs::remove_file(&path)));
    }
}

#[cfg(test)]
mod tests {
    use encamp_allocdir::Beneath;

    use super::*;

    fn mounts_in(dir: &Path) -> usize {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        mounts.matches(&dir.display().to_string()).count()
    }

    #[test]
    fn without_a_stage_names_stay_as_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let file = File::open(dir.path()).unwrap();
        let path = Stage::none().pin(file.as_fd(), "/some/where".into()).unwrap();
        assert_eq!(path, Path::new("/some/where"));
    }

    mod root {
        use super::*;

        /// An allocation with a directory and a file in it, and their descriptors.
        fn sources() -> (tempfile::TempDir, [std::os::fd::OwnedFd; 2]) {
            let alloc = tempfile::tempdir().unwrap();
            fs::create_dir(alloc.path().join("data")).unwrap();
            fs::write(alloc.path().join("data/file"), "ours").unwrap();
            let beneath = Beneath::open(alloc.path()).unwrap();
            let pinned = ["data", "data/file"].map(|path| beneath.pinned(path).unwrap().0);
            (alloc, pinned)
        }

        #[test]
        #[ignore = "needs root"]
        fn what_was_pinned_cannot_be_exchanged_and_leaves_nothing() {
            let (alloc, [dir, file]) = sources();
            let root = alloc.path().join("stage");
            let mut stage = Stage::new(&root, "t").unwrap();
            let by_name = alloc.path().join("data");
            let dir = stage.pin(dir.as_fd(), by_name.clone()).unwrap();
            let file = stage.pin(file.as_fd(), by_name.join("file")).unwrap();
            fs::rename(&by_name, alloc.path().join("away")).unwrap();
            std::os::unix::fs::symlink("/etc", &by_name).unwrap();
            assert_eq!(fs::read_to_string(dir.join("file")).unwrap(), "ours");
            assert_eq!(fs::read_to_string(&file).unwrap(), "ours");
            assert!(dir.starts_with(&root) && file.starts_with(&root));
            drop(stage);
            assert_eq!(mounts_in(alloc.path()), 0);
            assert!(fs::read_dir(&root).unwrap().next().is_none());
            assert!(
                alloc.path().join("away/file").exists(),
                "the volume itself is untouched"
            );
        }

        #[test]
        #[ignore = "needs root"]
        fn what_a_killed_process_left_is_removed_and_a_start_under_way_is_not() {
            let (alloc, [dir, file]) = sources();
            let root = alloc.path().join("stage");
            let mut left = Stage::new(&root, "left").unwrap();
            left.pin(dir.as_fd(), PathBuf::new()).unwrap();
            let mut kept = Stage::new(&root, "kept").unwrap();
            let at = kept.pin(file.as_fd(), PathBuf::new()).unwrap();
            // As death would: no clean-up, but no lock either.
            drop(left.0.take());
            let mut again = Stage::new(&root, "left").unwrap();
            again.pin(dir.as_fd(), PathBuf::new()).unwrap();
            drop(again.0.take());
            clear(&root);
            assert!(!root.join("left").exists());
            assert_eq!(fs::read_to_string(at).unwrap(), "ours");
            drop(kept);
            clear(&root);
            assert!(!root.exists());
            assert_eq!(mounts_in(alloc.path()), 0);
        }
    }
}
