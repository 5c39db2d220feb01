//! What a catalog is handed.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use encamp_driver::Topology;

use crate::{Backoff, Launch, Listed, Processes, Safety};

/// What a catalog is handed.
#[derive(Clone)]
pub struct Settings {
    /// The plugin directory. It is looked at one level deep.
    pub dir: PathBuf,
    /// The plugins that the operator has listed. Nothing else is executed.
    pub listed: Vec<Listed>,
    /// Where it is written down which processes run, for the next host to find them. Hosts that run at the same time have
    /// one each; without one, nothing is written down.
    pub state_dir: Option<PathBuf>,
    /// What starts plugins: by default as processes.
    pub launch: Arc<dyn Launch>,
    /// Which files may be executed: by default what only root and this process's user can change.
    pub safety: Safety,
    /// What plugins are told about the node.
    pub node: Node,
    /// How long things may take.
    pub timing: Timing,
}

/// What plugins are told about the node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// Its processors.
    pub topology: Option<Arc<Topology>>,
    /// The ports that plugins' own processes may listen on.
    pub client_ports: Option<RangeInclusive<u16>>,
}

/// How long things may take. The clock is tokio's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// The delays between attempts to start a plugin, or to open one of its streams.
    pub backoff: Backoff,
    /// A process that ends sooner than this counts as one more failed attempt. 10 s by default.
    pub settled: Duration,
    /// How long a plugin may take for its configuration, to get ready, and to take back tasks. 30 s each by default.
    pub answer: Duration,
    /// How long a call waits for a plugin that is down. 10 s by default.
    pub patience: Duration,
    /// How long a plugin may take to put things in order before it is made to end. 2 s by default.
    pub farewell: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            backoff: Backoff::default(),
            settled: Duration::from_secs(10),
            answer: Duration::from_secs(30),
            patience: Duration::from_secs(10),
            farewell: Duration::from_secs(2),
        }
    }
}

impl Settings {
    /// The listed plugins of a directory, as processes, with all defaults.
    pub fn new(dir: impl Into<PathBuf>, listed: Vec<Listed>, state_dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            listed,
            state_dir: Some(state_dir.into()),
            launch: Arc::new(Processes::default()),
            safety: Safety::of_this_process(),
            node: Node::default(),
            timing: Timing::default(),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("dir", &self.dir)
            .field("listed", &self.listed)
            .field("state_dir", &self.state_dir)
            .finish_non_exhaustive()
    }
}
