//! The checks, on real drivers.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests say what is wrong as tests do"
)]

mod docker;
mod faults;
mod raw_exec;
mod root;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use encamp_driver::Driver;
use encamp_executor::{Executor, testing};
use encamp_hclspec::Value;
use encamp_testkit::conformance::{Report, Subject, Suite, suite};
use tempfile::TempDir;

/// What `CONFORMANCE_ONLY` names, and all of it where it names nothing; with the whole report either way.
async fn check(suite: Suite) {
    let only = std::env::var("CONFORMANCE_ONLY").unwrap_or_default();
    let report: Report = suite.only(&only).run().await;
    println!("{report}");
    report.assert_passed();
}

/// Drivers of host tasks over one directory. What a check that fails leaves running is ended with it.
struct State(TempDir);

impl State {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn executor(&self) -> Executor {
        Executor::new(testing::program(), self.path().to_owned())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for State {
    fn drop(&mut self) {
        testing::destroy_all(self.path());
    }
}

/// The command of a driver whose tasks have a command and arguments.
fn command(command: &[&str]) -> [(&'static str, Value); 2] {
    let (program, arguments) = command.split_first().unwrap();
    [
        ("command", Value::from(*program)),
        ("args", Value::tuple(arguments.iter().copied())),
    ]
}
