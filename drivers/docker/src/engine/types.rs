//! What the engine tells and is told, apart from the container's description.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use tokio::io::AsyncWrite;

use super::RawRead;

/// What the engine is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineInfo {
    /// Its version.
    pub version: String,
    /// The operating system of its containers.
    pub os_type: String,
    /// The names of its OCI runtimes.
    pub runtimes: Vec<String>,
}

/// A local image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Its id.
    pub id: String,
    /// The user that its containers run as, if it names one.
    pub user: Option<String>,
    /// The references that name it.
    pub tags: Vec<String>,
}

/// Credentials for a registry.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RegistryAuth {
    /// The user.
    pub username: String,
    /// The password.
    pub password: String,
    /// The registry's address.
    pub server_address: String,
}

impl fmt::Debug for RegistryAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryAuth")
            .field("server_address", &self.server_address)
            .finish_non_exhaustive()
    }
}

/// One message of a pull.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullProgress {
    /// The layer; empty when the message is about the whole image.
    pub layer: String,
    /// What is being done (`Downloading`, `Extracting`, `Pull complete`).
    pub status: String,
    /// Bytes done.
    pub current: Option<u64>,
    /// Bytes in all.
    pub total: Option<u64>,
}

/// A container. `Debug` prints neither its labels nor the options of its log driver: either may hold secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Container {
    /// Its id.
    pub id: String,
    /// Its name, without the leading slash.
    pub name: String,
    /// The id of its image.
    pub image_id: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The state that it is in.
    pub state: ContainerState,
    /// Whether it has a terminal.
    pub tty: bool,
    /// The signal that asks it to stop, if the image names one.
    pub stop_signal: Option<String>,
    /// Its log driver.
    pub log_driver: String,
    /// The log driver's options.
    pub log_options: BTreeMap<String, String>,
    /// Where the engine keeps its log; empty when it keeps none in a file.
    pub log_path: PathBuf,
    /// Its IPv4 addresses by network name.
    pub addresses: BTreeMap<String, String>,
}

impl fmt::Debug for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Container")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("image_id", &self.image_id)
            .field("state", &self.state)
            .field("log_driver", &self.log_driver)
            .finish_non_exhaustive()
    }
}

/// The state of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerState {
    /// The engine's word for it: `created`, `running`, `paused`, `restarting`, `removing`, `exited` or `dead`.
    pub status: String,
    /// Whether it has a process.
    pub running: bool,
    /// Whether the kernel killed something in it for want of memory.
    pub oom_killed: bool,
    /// Its first process; 0 when there is none.
    pub pid: i64,
    /// Its exit status.
    pub exit_code: i64,
    /// What went wrong when it was started.
    pub error: String,
    /// When it started.
    pub started_at: Option<SystemTime>,
    /// When it ended.
    pub finished_at: Option<SystemTime>,
}

/// What to read of a container's output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// Stay and read what comes, until the container ends.
    pub follow: bool,
    /// Put the time before each message.
    pub timestamps: bool,
    /// Nothing older than this, in seconds and nanoseconds since the epoch, as `1700000000.000000001`.
    pub since: Option<String>,
    /// Only so many messages from the end.
    pub tail: Option<u64>,
}

/// One sample of a container's resource usage. Times are in nanoseconds, memory in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatsSample {
    /// When the sample was taken.
    pub read: Option<SystemTime>,
    /// Processor time of the container.
    pub cpu_total: u64,
    /// The part of it spent in the kernel.
    pub cpu_kernel: u64,
    /// The part of it spent in user space.
    pub cpu_user: u64,
    /// Processor time of the whole machine.
    pub system: u64,
    /// How many processors the container can use.
    pub cpus: u64,
    /// How often it was held back by its quota.
    pub throttled_periods: u64,
    /// For how long.
    pub throttled_time: u64,
    /// Memory in use.
    pub memory_usage: u64,
    /// The most that was ever in use; 0 where the kernel does not say.
    pub memory_max: u64,
    /// The kernel's own figures by name.
    pub memory: BTreeMap<String, u64>,
}

/// A command to run in a container. `Debug` does not print the command.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ExecSpec {
    /// The command and its arguments.
    pub command: Vec<String>,
    /// Whether it reads standard input.
    pub stdin: bool,
    /// Whether it gets a terminal.
    pub tty: bool,
}

impl fmt::Debug for ExecSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecSpec")
            .field("stdin", &self.stdin)
            .field("tty", &self.tty)
            .finish_non_exhaustive()
    }
}

/// The streams of a running command. Shutting `input` down is the end of its standard input.
pub struct ExecSession {
    /// What it writes.
    pub output: RawRead,
    /// What it reads.
    pub input: Box<dyn AsyncWrite + Send + Unpin>,
}

impl fmt::Debug for ExecSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecSession").finish_non_exhaustive()
    }
}

/// The state of a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExecState {
    /// Whether it runs.
    pub running: bool,
    /// Its exit status, once it has one.
    pub exit_code: Option<i64>,
    /// Its process id on the engine's machine; 0 when unknown.
    pub pid: i64,
}
