//! What plugins have left behind that were killed before they could remove it.
//!
//! A directory is one, if it is named as plugins name theirs, is our user's, holds nothing but a socket, is not new, and nobody
//! holds its lock: whoever listens does, and no child of it.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use super::{SOCKET, is_named_so, lock};

/// How many names are looked at.
const MOST: usize = 10_000;

/// A directory is not locked in the moment after it was made.
const NEW: Duration = Duration::from_mins(1);

/// Removes what is in `parent`. Whatever cannot be looked at stays.
pub(super) fn remove(parent: &Path) {
    let entries = fs::read_dir(parent).into_iter().flatten().take(MOST).flatten();
    for entry in entries.filter(|entry| is_named_so(entry.file_name().as_bytes())) {
        let path = entry.path();
        if !is_old_and_ours(&path) {
            continue;
        }
        // Held until the directory is gone.
        let lock = lock(&path);
        if lock.is_some() && holds_a_socket_only(&path) {
            tracing::debug!(path = %path.display(), "Removing what a plugin has left");
            drop(fs::remove_dir_all(&path));
        }
    }
}

fn is_old_and_ours(dir: &Path) -> bool {
    fs::symlink_metadata(dir).is_ok_and(|metadata| {
        let age = metadata.modified().ok().and_then(|modified| modified.elapsed().ok());
        metadata.is_dir() && metadata.uid() == nix::unistd::geteuid().as_raw() && age.is_some_and(|age| age > NEW)
    })
}

fn holds_a_socket_only(dir: &Path) -> bool {
    let names: Option<Vec<_>> = fs::read_dir(dir)
        .ok()
        .and_then(|entries| entries.collect::<Result<_, _>>().ok());
    names.is_some_and(|names| matches!(names.as_slice(), [only] if only.file_name() == SOCKET))
}

#[cfg(test)]
mod tests {
    use std::fs::{File, FileTimes};
    use std::time::SystemTime;

    use super::*;
    use crate::listener::{Listener, SocketDir, SocketPlace};

    fn age(dir: &Path) {
        let old = SystemTime::now() - 2 * NEW;
        File::open(dir)
            .unwrap()
            .set_times(FileTimes::new().set_modified(old))
            .unwrap();
    }

    #[tokio::test]
    async fn what_a_killed_plugin_has_left_goes_with_the_start_of_the_next() {
        let temp = tempfile::tempdir().unwrap();
        let place = SocketPlace {
            dir: SocketDir::OwnIn(temp.path().to_owned()),
            group: None,
        };
        let make = |name: &str, file: &str, old: bool| {
            let dir = temp.path().join(name);
            fs::create_dir(&dir).unwrap();
            fs::write(dir.join(file), "").unwrap();
            if old {
                age(&dir);
            }
            dir
        };
        let gone = make("plugin-0123456789abcdef", "socket", true);
        let stays = [
            make("plugin-1123456789abcdef", "socket", false),
            make("plugin-2123456789abcdef", "plugin17", true),
            make("plugin-3123456789abcdefg", "socket", true),
            make("plugin-mine", "socket", true),
            make("plugin-host-4123456789abcdef", "socket", true),
        ];
        let lives = Listener::unix(&place).unwrap();
        let crate::Address::Unix(socket) = lives.address().clone() else {
            panic!("not a unix socket")
        };
        age(socket.parent().unwrap());
        remove(temp.path());
        assert!(!gone.exists());
        assert!(socket.exists());
        assert!(stays.iter().all(|dir| dir.exists()));
    }
}
