//! Who is at the other end of a socket.

use std::fs;
use std::io;

use tokio::net::UnixStream;

use crate::address::Address;
use crate::io::Io;
use crate::listener;

/// How many shells and wrappers there may be between the process that was started and the one that listens.
const DEEPEST: usize = 16;

/// What was found instead of the plugin.
#[derive(Debug, thiserror::Error)]
#[error("process {found} listens there, which is not the plugin (process {expected}) nor a child of it")]
struct NotThePlugin {
    found: i32,
    expected: u32,
}

/// Connects to the plugin that is process `plugin` or was started by it; a socket of anybody else is left alone. A plugin
/// does not know which process its host's sockets are of.
///
/// Of a port it is not known who listens.
pub(crate) async fn dial(address: &Address, plugin: Option<u32>) -> io::Result<Io> {
    let (Address::Unix(path), Some(pid)) = (address, plugin) else {
        return listener::dial(address).await;
    };
    let stream = UnixStream::connect(path).await?;
    // Who is in another namespace of processes has no number here.
    let found = stream.peer_cred()?.pid().unwrap_or_default();
    if u32::try_from(found).is_ok_and(|found| descends(found, pid)) {
        Ok(Box::new(stream))
    } else {
        Err(io::Error::other(NotThePlugin { found, expected: pid }))
    }
}

fn descends(mut pid: u32, ancestor: u32) -> bool {
    for _ in 0..DEEPEST {
        match pid {
            0 => return false,
            pid if pid == ancestor => return true,
            _ => {}
        }
        let Some(parent) = stat(pid, 1) else {
            return false;
        };
        pid = u32::try_from(parent).unwrap_or_default();
    }
    false
}

/// When a process was started, in the kernel's ticks since boot.
#[cfg(feature = "host")]
pub(crate) fn start_time(pid: u32) -> Option<u64> {
    stat(pid, 19)
}

/// A number of `/proc/<pid>/stat`, counted from the one after the command's name, which may hold anything.
fn stat(pid: u32, index: usize) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(index)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_descends_from_itself_and_its_parents() {
        let own = std::process::id();
        assert!(descends(own, own));
        assert!(descends(own, std::os::unix::process::parent_id()));
        assert!(!descends(1, own));
        assert!(!descends(u32::MAX, own));
    }

    #[cfg(feature = "host")]
    #[test]
    fn the_start_of_a_process_does_not_change() {
        let own = std::process::id();
        assert!(start_time(own).is_some());
        assert_eq!(start_time(own), start_time(own));
        assert_eq!(start_time(u32::MAX), None);
    }
}
