//! [`Builder`]: the file system of a task, step by step.

use std::path::PathBuf;

use super::{Bind, HOST_DIRECTORIES, Kind, Mount, Rootfs, Switch};

/// The size of `/dev/shm` in bytes.
const SHM_SIZE: u64 = 64 * 1024 * 1024;
/// What a task is not to read: kernel memory, and what the node keeps about the task.
const MASKED: [&str; 3] = ["/proc/kcore", "/sys/firmware", "/private"];
/// What a task is not to write to: kernel switches, and everybody's logs.
const READ_ONLY: [&str; 5] = [
    "/proc/sys",
    "/proc/sysrq-trigger",
    "/proc/irq",
    "/proc/bus",
    "/alloc/logs",
];

/// Puts together a task's [`Rootfs`]: its own directory as `/`, directories of the host read-only in it, the kernel's
/// file systems, and whatever is added.
#[derive(Clone, Debug)]
pub struct Builder {
    root: PathBuf,
    host_directories: Vec<PathBuf>,
    shared_alloc: Option<PathBuf>,
    added: Vec<Mount>,
    shm_size: u64,
    switch: Switch,
}

impl Builder {
    pub(super) fn new(root: PathBuf) -> Self {
        Self {
            root,
            host_directories: HOST_DIRECTORIES.map(PathBuf::from).to_vec(),
            shared_alloc: None,
            added: Vec::new(),
            shm_size: SHM_SIZE,
            switch: Switch::PivotRoot,
        }
    }

    /// Directories of the host to show read-only at their own paths, instead of
    /// [`HOST_DIRECTORIES`](crate::HOST_DIRECTORIES).
    #[must_use]
    pub fn host_directories<P: Into<PathBuf>>(mut self, directories: impl IntoIterator<Item = P>) -> Self {
        self.host_directories = directories.into_iter().map(Into::into).collect();
        self
    }

    /// The allocation's shared directory, shown at `/alloc` with its `logs` read-only.
    #[must_use]
    pub fn shared_alloc(mut self, directory: impl Into<PathBuf>) -> Self {
        self.shared_alloc = Some(directory.into());
        self
    }

    /// A path of the host, over all that was added before it.
    #[must_use]
    pub fn bind(mut self, bind: Bind) -> Self {
        self.added.push(Mount::new(bind.target.clone(), Kind::Bind(bind)));
        self
    }

    /// A read-only file with this content, such as `/etc/resolv.conf`.
    #[must_use]
    pub fn file(mut self, target: impl Into<PathBuf>, content: impl Into<String>) -> Self {
        let content = content.into();
        self.added.push(Mount::new(target.into(), Kind::File { content }));
        self
    }

    /// The size of `/dev/shm` in bytes; 64 MiB unless told otherwise.
    #[must_use]
    pub fn shm_size(mut self, bytes: u64) -> Self {
        self.shm_size = bytes;
        self
    }

    /// How the old root is left; by `pivot_root` unless told otherwise.
    #[must_use]
    pub fn switch(mut self, switch: Switch) -> Self {
        self.switch = switch;
        self
    }

    /// The finished plan.
    pub fn build(self) -> Rootfs {
        let mut mounts: Vec<_> = self.host_directories.into_iter().map(host_directory).collect();
        mounts.push(Mount::new(
            "/dev",
            Kind::Dev {
                shm_size: self.shm_size,
            },
        ));
        mounts.push(Mount::new("/proc", Kind::Proc));
        mounts.push(Mount::new("/sys", Kind::Sysfs));
        if let Some(alloc) = self.shared_alloc {
            mounts.push(Mount::new("/alloc", Kind::AllocDirectory(alloc)));
        }
        mounts.extend(self.added);
        Rootfs {
            root: self.root,
            mounts,
            masked: MASKED.map(PathBuf::from).to_vec(),
            read_only: READ_ONLY.map(PathBuf::from).to_vec(),
            switch: self.switch,
        }
    }
}

fn host_directory(directory: PathBuf) -> Mount {
    Mount::new(directory.clone(), Kind::HostDirectory(directory))
}
