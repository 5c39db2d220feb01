//! What tests of both ends stand on.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use encamp_goplugin::{Client, Cookie, Host, LogRecord, Program};

#[allow(warnings, clippy::all, clippy::pedantic, reason = "generated")]
pub(crate) mod kv {
    include!("../../examples/kv/generated/kv.rs");
}

use kv::kv_client::KvClient;
use tonic::transport::Channel;

/// How long anything may take.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) fn cookie() -> Cookie {
    Cookie::new("KV_PLUGIN", "hello")
}

/// The plugin of `examples/kv`, which cargo builds with the tests.
pub(crate) fn example() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let path = own.parent().unwrap().parent().unwrap().join("examples/kv");
    assert!(path.exists(), "build it: cargo build -p encamp-goplugin --example kv");
    path
}

/// A host whose plugins' sockets and logs a test sees.
pub(crate) struct Bed {
    pub(crate) dir: tempfile::TempDir,
    logs: Arc<Mutex<Vec<LogRecord>>>,
}

impl Bed {
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            logs: Arc::default(),
        }
    }

    pub(crate) fn host(&self) -> Host {
        fs::create_dir_all(self.sockets()).unwrap();
        let logs = Arc::clone(&self.logs);
        Host::new(cookie(), [1])
            .socket_dir(self.sockets())
            .start_timeout(SOON)
            .log_to(move |record| logs.lock().unwrap().push(record.clone()))
    }

    pub(crate) fn sockets(&self) -> PathBuf {
        self.dir.path().join("s")
    }

    pub(crate) async fn launch(&self) -> Client {
        self.host().launch(Program::new(example())).await.unwrap()
    }

    /// A program that is a script of ours.
    pub(crate) fn script(&self, script: &str) -> Program {
        let path = self.dir.path().join("script");
        fs::write(&path, format!("#!/bin/bash\n{script}\n")).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        Program::new(path)
    }

    pub(crate) fn logs(&self) -> Vec<LogRecord> {
        self.logs.lock().unwrap().clone()
    }

    pub(crate) async fn logged(&self, text: &str) {
        poll(
            &format!("a log line {text:?}"),
            || self.logs().iter().any(|record| record.message.contains(text)),
            || format!("{:?}", self.logs()),
        )
        .await;
    }

    /// No socket and no directory is left.
    pub(crate) async fn nothing_is_left(&self) {
        let left = || {
            fs::read_dir(self.sockets())
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .collect::<Vec<_>>()
        };
        poll("an empty directory", || left().is_empty(), || format!("{:?}", left())).await;
    }
}

pub(crate) fn client(plugin: &Client) -> KvClient<Channel> {
    KvClient::new(plugin.channel())
}

/// Waits for a condition, and tells the last state if it does not come.
pub(crate) async fn poll(what: &str, condition: impl Fn() -> bool, state: impl Fn() -> String) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < SOON, "no {what}: {}", state());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits for something that must come soon.
pub(crate) async fn soon<T>(what: &str, wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, wait)
        .await
        .unwrap_or_else(|_| panic!("{what} does not come"))
}

pub(crate) fn is_alive(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}
