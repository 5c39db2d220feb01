//! What hosts rely on, as checks that any driver can be put through.
//!
//! ```
//! use std::sync::Arc;
//!
//! use async_trait::async_trait;
//! use encamp_driver::Driver;
//! use encamp_hclspec::Value;
//! use encamp_testkit::ScriptedDriver;
//! use encamp_testkit::conformance::{Subject, suite};
//!
//! struct Mine;
//!
//! #[async_trait]
//! impl Subject for Mine {
//!     async fn driver(&self) -> Arc<dyn Driver> {
//!         Arc::new(ScriptedDriver::new())
//!     }
//!
//!     fn config(&self, command: &[&str]) -> Value {
//!         Value::object([("command", command.join(" "))])
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let report = suite(Mine).over_grpc().only("capabilities").run().await;
//! println!("{report}");
//! report.assert_passed();
//! # }
//! ```

mod checks;
mod ground;
mod output;
mod report;

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use encamp_driver::{Driver, TaskConfig};
use encamp_hclspec::Value;
use futures_util::FutureExt as _;
use tokio::time::{Instant, timeout};

use checks::{CHECKS, Check};
use ground::{Ground, PATIENCE};
pub use report::{Outcome, Report, Verdict};

/// How long a check may take. None needs a tenth of it where all is well.
const LIMIT: Duration = Duration::from_mins(2);

/// A driver to be checked, and how to make tasks for it.
#[async_trait]
pub trait Subject: Send + Sync {
    /// Another life of the driver, over what its earlier lives left: a new value over the same state and the same
    /// engine, as after a restart of its host. It is not configured yet.
    async fn driver(&self) -> Arc<dyn Driver>;

    /// The `config` block of a task that runs this command. Arguments that are not named have the schema's defaults.
    fn config(&self, command: &[&str]) -> Value;

    /// The driver's own configuration. Options that are not named have the schema's defaults.
    fn plugin_config(&self) -> Value {
        Value::object::<String, Value>([])
    }

    /// Gives a task what the driver needs besides its configuration: a user, resources, a network.
    fn prepare(&self, task: TaskConfig) -> TaskConfig {
        task
    }

    /// Where allocations get their directories. Default: a new directory for each check, which everybody may enter.
    fn alloc_root(&self) -> Option<PathBuf> {
        None
    }

    /// What the driver can beyond its capabilities, and what there is in its tasks.
    fn claims(&self) -> Claims {
        Claims::default()
    }
}

/// What a driver can beyond its capabilities, and what there is in its tasks. What it does not claim is skipped.
#[expect(clippy::struct_excessive_bools, reason = "each is a claim of its own")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// A POSIX shell inside of every task, with `cat`, `echo`, `head`, `kill`, `sleep`, `stty` and `test`. Default:
    /// `/bin/sh`.
    pub shell: String,
    /// It reports usage. Default: yes.
    pub stats: bool,
    /// Its exec sessions can have terminals. Default: yes.
    pub terminals: bool,
    /// Its tasks outlive it, and are found again. Default: yes.
    pub recovery: bool,
    /// It finds what an interrupted start left by the configuration alone, as this contract has it and Nomad's own drivers
    /// do not. Default: yes.
    pub interrupted_starts: bool,
    /// It writes rotated files where it is told to, as this contract has it and no agent asks for. Default: yes; over gRPC
    /// nobody can ask for it.
    pub output_files: bool,
}

impl Default for Claims {
    fn default() -> Self {
        Self {
            shell: "/bin/sh".to_owned(),
            stats: true,
            terminals: true,
            recovery: true,
            interrupted_starts: true,
            output_files: true,
        }
    }
}

/// The checks that a driver is to be put through.
#[must_use = "it is run by `run`"]
pub struct Suite {
    subject: Arc<dyn Subject>,
    over_grpc: bool,
    only: String,
    without: Vec<(String, String)>,
    patience: Duration,
}

/// All checks of this driver, over the trait.
///
/// In a test, on one line: `suite(Mine).run().await.assert_passed()`.
pub fn suite(subject: impl Subject + 'static) -> Suite {
    Suite {
        subject: Arc::new(subject),
        over_grpc: false,
        only: String::new(),
        without: Vec::new(),
        patience: Duration::from_secs(20),
    }
}

impl std::fmt::Debug for Suite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Suite")
            .field("over_grpc", &self.over_grpc)
            .field("only", &self.only)
            .field("without", &self.without)
            .finish_non_exhaustive()
    }
}

impl Suite {
    /// Puts a wire between the checks and the driver, with both ends in this process.
    pub fn over_grpc(self) -> Self {
        Self {
            over_grpc: true,
            ..self
        }
    }

    /// Only the checks with this in their names.
    pub fn only(self, part: &str) -> Self {
        Self {
            only: part.to_owned(),
            ..self
        }
    }

    /// Leaves out a check, for a reason that is written into the report.
    pub fn without(mut self, check: &str, reason: &str) -> Self {
        self.without.push((check.to_owned(), reason.to_owned()));
        self
    }

    /// How long anything may take that is on its way, such as the start of a task or its output. Default: 20 s.
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Runs the checks, one after another. Each has its own life of the driver and removes what it started.
    pub async fn run(self) -> Report {
        let mut outcomes = Vec::new();
        for check in CHECKS.iter().filter(|check| check.name.contains(&self.only)) {
            let start = Instant::now();
            let verdict = PATIENCE.scope(self.patience, self.verdict(check)).await;
            outcomes.push(Outcome {
                name: check.name,
                verdict,
                took: start.elapsed(),
            });
        }
        let unknown = self.without.iter().map(|(name, _)| name);
        let unknown = unknown.filter(|name| CHECKS.iter().all(|check| check.name != name.as_str()));
        Report {
            outcomes,
            unknown: unknown.cloned().collect(),
        }
    }

    async fn verdict(&self, check: &Check) -> Verdict {
        let reason = self.without.iter().find(|(name, _)| name == check.name);
        if let Some((_, reason)) = reason {
            return Verdict::Skipped(reason.clone());
        }
        let ground = match Ground::new(Arc::clone(&self.subject), self.over_grpc).await {
            Ok(ground) => ground,
            Err(verdict) => return verdict,
        };
        let checked = AssertUnwindSafe((check.run)(&ground)).catch_unwind();
        let verdict = match timeout(LIMIT, checked).await {
            Err(_) => Verdict::Failed(format!("not done within {LIMIT:?}")),
            Ok(Err(panic)) => Verdict::Failed(format!("panicked: {}", text_of(&*panic))),
            Ok(Ok(Err(verdict))) => verdict,
            Ok(Ok(Ok(()))) => Verdict::Passed,
        };
        ground.clear().await;
        verdict
    }
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("with no words")
}
