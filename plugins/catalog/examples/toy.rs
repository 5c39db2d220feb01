//! A driver whose tasks are files, so that they outlive the plugin: a task runs until an exit code is written into its.
//! `toy [NAME [VERSION [API-VERSION]]]` is for hosts to start; its option `store` is the directory of the files. A pipe
//! `.info` or `.init` there holds up who asks for that, until somebody has written to it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};
use std::{env, fs, future, process};

use async_trait::async_trait;
use encamp_driver::{self as driver, BoxStream, ConfigError, Driver, Error, Plugin, PluginConfig, PluginInfo, Result};
use encamp_hclspec::{Spec, Type, Value};
use futures_util::{StreamExt as _, stream};
use tokio::sync::broadcast;
use tokio_stream::wrappers::{BroadcastStream, IntervalStream};

struct Toy {
    info: PluginInfo,
    store: OnceLock<PathBuf>,
    known: Mutex<BTreeSet<String>>,
    events: broadcast::Sender<driver::TaskEvent>,
}

impl Toy {
    fn known(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn path(&self, id: &str) -> PathBuf {
        self.store.get().cloned().unwrap_or_default().join(id.replace('/', "_"))
    }
    /// Waits as long as there is something to wait for. Nothing is configured yet when a host starts the toy.
    fn held_up(&self, by: &str) {
        if let Some(store) = self.store.get() {
            tokio::task::block_in_place(|| drop(fs::read(store.join(by))));
        }
    }
    /// The file of a task that this life of the plugin knows.
    fn file(&self, id: &str) -> Result<PathBuf> {
        let known = self.known().contains(id);
        known
            .then(|| self.path(id))
            .ok_or_else(|| Error::TaskNotFound(id.to_owned()))
    }
    fn take(&self, task: driver::TaskConfig, message: &str) {
        self.known().insert(task.id.clone());
        let (timestamp, message) = (SystemTime::now(), message.to_owned());
        let (task_id, task_name, alloc_id, annotations) = (task.id, task.name, task.alloc_id, [].into());
        drop(self.events.send(driver::TaskEvent {
            task_id,
            task_name,
            alloc_id,
            timestamp,
            message,
            annotations,
        }));
    }
}

#[async_trait]
impl Plugin for Toy {
    fn info(&self) -> PluginInfo {
        self.held_up(".info");
        self.info.clone()
    }
    fn config_schema(&self) -> Spec {
        let greeting = Spec::default_value(Spec::attr("greeting", Type::String), Value::from("hello"));
        Spec::object([
            ("store", Spec::attr("store", Type::String).required()),
            ("greeting", greeting),
        ])
    }
    async fn set_config(&self, config: PluginConfig) -> Result<(), ConfigError> {
        let store = PathBuf::from(config.config.get("store").and_then(Value::as_str).unwrap_or_default());
        if !store.is_absolute() {
            return Err(ConfigError::new("store", "it must be an absolute path"));
        }
        self.store.set(store).or(Ok(()))
    }
}

#[async_trait]
impl Driver for Toy {
    async fn init(&self) -> Result<()> {
        self.held_up(".init");
        Ok(())
    }
    async fn task_config_schema(&self) -> Result<Spec> {
        Ok(Spec::object([("say", Spec::attr("say", Type::String))]))
    }
    async fn capabilities(&self) -> Result<driver::Capabilities> {
        let nothing = serde_json::json!({
            "send_signals": false, "exec": false, "fs_isolation": "none", "network_isolation_modes": ["host"],
            "must_initiate_network": false, "mount_configs": "none", "disable_log_collection": false,
            "dynamic_workload_users": false,
        });
        serde_json::from_value(nothing).map_err(|error| Error::fatal("no capabilities").because(error))
    }
    async fn fingerprint(&self) -> Result<BoxStream<Result<driver::Fingerprint>>> {
        let pid = ("driver.toy.pid".to_owned(), i64::from(process::id()).into());
        Ok(stream::iter([Ok(driver::Fingerprint::healthy([pid]))])
            .chain(stream::pending())
            .boxed())
    }
    async fn recover_task(&self, handle: driver::TaskHandle) -> Result<()> {
        let task = handle.config;
        fs::metadata(self.path(&task.id)).map_err(|_| Error::TaskNotFound(task.id.clone()))?;
        self.take(task, "recovered");
        Ok(())
    }
    async fn start_task(&self, task: driver::TaskConfig) -> Result<driver::StartedTask> {
        let failed = |error| Error::fatal("cannot start").because(error);
        fs::write(self.path(&task.id), "").map_err(failed)?;
        if let (Some(say), driver::TaskOutput::Fifo { stdout, .. }) = (task.driver_config.get("say"), &task.output) {
            fs::write(stdout, say.as_str().unwrap_or_default()).map_err(failed)?;
        }
        self.take(task, "started");
        Ok(driver::StartedTask::new(b"toy".to_vec()))
    }
    async fn wait_task(&self, id: &str) -> Result<driver::ExitResult> {
        let mut looks = tokio::time::interval(Duration::from_millis(10));
        loop {
            looks.tick().await;
            if let Ok(code) = fs::read_to_string(self.file(id)?).unwrap_or_default().trim().parse() {
                return Ok(driver::ExitResult::code(code));
            }
        }
    }
    async fn stop_task(&self, id: &str, _: Duration, _: Option<&str>) -> Result<()> {
        fs::write(self.file(id)?, "143").map_err(|error| Error::fatal("cannot stop").because(error))
    }
    async fn destroy_task(&self, id: &str, _: bool) -> Result<()> {
        fs::remove_file(self.file(id)?).ok();
        self.known().remove(id);
        Ok(())
    }
    async fn inspect_task(&self, _: &str) -> Result<driver::TaskStatus> {
        Err(Error::Unsupported("a toy cannot be inspected"))
    }
    async fn task_stats(&self, id: &str, interval: Duration) -> Result<BoxStream<Result<driver::TaskStats>>> {
        self.file(id)?;
        let sample = |_| {
            let (total, by_pid) = (driver::ResourceUsage::default(), [].into());
            Ok(driver::TaskStats {
                timestamp: SystemTime::now(),
                total,
                by_pid,
            })
        };
        Ok(IntervalStream::new(tokio::time::interval(interval)).map(sample).boxed())
    }
    async fn task_events(&self) -> Result<BoxStream<Result<driver::TaskEvent>>> {
        let events = BroadcastStream::new(self.events.subscribe());
        Ok(events.filter_map(|event| future::ready(event.ok().map(Ok))).boxed())
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let or = |index: usize, other: &str| args.get(index).map_or(other, String::as_str).to_owned();
    let mut info = PluginInfo::driver(&or(0, "toy"), &or(1, "0.2.0"));
    info.api_versions = vec![or(2, "v0.1.0")];
    let (store, known) = (OnceLock::new(), Mutex::default());
    let toy = Toy {
        info,
        store,
        known,
        events: broadcast::channel(16).0,
    };
    encamp_driver_grpc::serve(Arc::new(toy)).await
}
