//! Whether the kernel killed something in a container for want of memory, as the kernel itself tells it.
//!
//! The engine learns of it from an event that races with the removal of the container's cgroup, and misses some on
//! cgroup v2. The kernel's log names the cgroup, which is named after the container, and is still there afterwards.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The kernel gives one record a read, none longer than this.
const RECORD: usize = 8 * 1024;

/// Whether the kernel's log has such a kill in `container`. A log that cannot be read says nothing.
pub(crate) async fn killed(container: String) -> bool {
    let look = tokio::task::spawn_blocking(move || {
        let nonblocking = nix::libc::O_NONBLOCK;
        let log = File::options()
            .read(true)
            .custom_flags(nonblocking)
            .open(Path::new("/dev/kmsg"));
        log.is_ok_and(|log| tells_of_a_kill(log, &container))
    });
    look.await.unwrap_or_default()
}

fn tells_of_a_kill(mut log: impl Read, container: &str) -> bool {
    // An empty name would be in every record.
    if container.is_empty() {
        return false;
    }
    let named = memchr::memmem::Finder::new(container);
    let kill = memchr::memmem::Finder::new("oom-kill:");
    let mut record = vec![0; RECORD];
    loop {
        match log.read(&mut record) {
            Ok(length) if length > 0 => {
                let text = record.get(..length).unwrap_or_default();
                if kill.find(text).is_some() && named.find(text).is_some() {
                    return true;
                }
            }
            // The oldest records went while they were read, which is told once.
            Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::Interrupted) => {}
            // There are no more for now.
            Ok(_) | Err(_) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one record a read, as the kernel does; `None` for records that are gone.
    struct Log(std::vec::IntoIter<Option<String>>);

    impl Read for Log {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let record = self.0.next().ok_or(io::ErrorKind::WouldBlock)?;
            let record = record.ok_or(io::ErrorKind::BrokenPipe)?;
            buffer[..record.len()].copy_from_slice(record.as_bytes());
            Ok(record.len())
        }
    }

    #[track_caller]
    fn check(records: &[Option<&str>], killed: bool) {
        let records: Vec<_> = records.iter().map(|record| record.map(str::to_owned)).collect();
        assert_eq!(
            tells_of_a_kill(Log(records.clone().into_iter()), "c0ffee"),
            killed,
            "{records:?}"
        );
    }

    #[test]
    fn the_kernels_log_tells_of_kills_by_container() {
        let kill = "6,7,8,-;oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=c0ffee,mems_allowed=0,\
                    oom_memcg=/docker/c0ffee,task_memcg=/docker/c0ffee/app,task=dd,pid=1,uid=0";
        check(&[], false);
        check(&[Some("6,1,1,-;docker0: port 1"), Some(kill)], true);
        check(&[None, Some(kill)], true);
        check(&[Some(&kill.replace("c0ffee", "badcafe"))], false);
        check(&[Some("6,1,1,-;container c0ffee started")], false);
    }
}
