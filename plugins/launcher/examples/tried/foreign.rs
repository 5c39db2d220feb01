//! A driver that gives its tasks the pipes themselves, as most drivers do, and knows them as long as it lives.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use encamp_driver::{
    BoxStream, Capabilities, ConfigError, Driver, Error, ExitResult, Fingerprint, Plugin, PluginConfig, PluginInfo,
    Result, StartedTask, TaskConfig, TaskEvent, TaskHandle, TaskOutput, TaskStats, TaskStatus,
};
use encamp_hclspec::{Spec, Type, Value};
use futures_util::{StreamExt as _, stream};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::Command;
use tokio::sync::watch;

/// Host tasks.
#[derive(Default)]
pub(crate) struct Foreign(Mutex<HashMap<String, Task>>);

#[derive(Clone)]
struct Task {
    group: Pid,
    end: watch::Receiver<Option<ExitResult>>,
}

impl Foreign {
    fn tasks(&self) -> MutexGuard<'_, HashMap<String, Task>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn task(&self, id: &str) -> Result<Task> {
        let task = self.tasks().get(id).cloned();
        task.ok_or_else(|| Error::TaskNotFound(id.to_owned()))
    }
}

#[async_trait::async_trait]
impl Plugin for Foreign {
    fn info(&self) -> PluginInfo {
        PluginInfo::driver("tried", "1.2.3")
    }

    fn config_schema(&self) -> Spec {
        Spec::object::<String>([])
    }

    async fn set_config(&self, _: PluginConfig) -> Result<(), ConfigError> {
        Ok(())
    }
}

#[async_trait::async_trait]
impl Driver for Foreign {
    async fn task_config_schema(&self) -> Result<Spec> {
        Ok(Spec::object([
            ("command", Spec::attr("command", Type::String).required()),
            ("args", Spec::attr("args", Type::list(Type::String))),
        ]))
    }

    async fn capabilities(&self) -> Result<Capabilities> {
        let nothing = serde_json::json!({
            "send_signals": false, "exec": false, "fs_isolation": "none", "network_isolation_modes": ["host"],
            "must_initiate_network": false, "mount_configs": "none", "disable_log_collection": false,
            "dynamic_workload_users": false,
        });
        serde_json::from_value(nothing).map_err(|error| Error::fatal("no capabilities").because(error))
    }

    async fn fingerprint(&self) -> Result<BoxStream<Result<Fingerprint>>> {
        let look = stream::iter([Ok(Fingerprint::healthy([]))]);
        Ok(look.chain(stream::pending()).boxed())
    }

    async fn recover_task(&self, handle: TaskHandle) -> Result<()> {
        self.task(&handle.config.id).map(drop)
    }

    async fn start_task(&self, task: TaskConfig) -> Result<StartedTask> {
        let failed = |error: io::Error| Error::fatal("cannot start").because(error);
        let TaskOutput::Fifo { stdout, stderr } = &task.output else {
            return Err(Error::fatal("there are no pipes"));
        };
        let config = &task.driver_config;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let args = config.get("args").and_then(Value::as_list).unwrap_or_default();
        let mut command = Command::new(config.get("command").map(text).unwrap_or_default());
        command
            .args(args.iter().map(text))
            .process_group(0)
            .stdin(Stdio::null());
        command
            .stdout(writer(stdout).map_err(failed)?)
            .stderr(writer(stderr).map_err(failed)?);
        let mut child = command.spawn().map_err(failed)?;
        let number = child.id().and_then(|pid| i32::try_from(pid).ok()).unwrap_or_default();
        let (sender, end) = watch::channel(None);
        let group = Pid::from_raw(number);
        self.tasks().insert(task.id, Task { group, end });
        tokio::spawn(async move {
            let code = child.wait().await.ok().and_then(|status| status.code());
            sender.send_replace(Some(ExitResult::code(code.unwrap_or(-1))));
        });
        Ok(StartedTask::new(b"foreign".to_vec()))
    }

    async fn wait_task(&self, id: &str) -> Result<ExitResult> {
        let mut end = self.task(id)?.end;
        let ended = end.wait_for(Option::is_some).await.ok().and_then(|end| end.clone());
        ended.ok_or_else(|| Error::fatal("nobody waits for it"))
    }

    async fn stop_task(&self, id: &str, _: Duration, _: Option<&str>) -> Result<()> {
        let task = self.task(id)?;
        let _gone = killpg(task.group, Signal::SIGKILL);
        self.wait_task(id).await.map(drop)
    }

    async fn destroy_task(&self, id: &str, _: bool) -> Result<()> {
        self.stop_task(id, Duration::ZERO, None).await?;
        self.tasks().remove(id);
        Ok(())
    }

    async fn inspect_task(&self, _: &str) -> Result<TaskStatus> {
        Err(Error::Unsupported("nothing is known"))
    }

    async fn task_stats(&self, _: &str, _: Duration) -> Result<BoxStream<Result<TaskStats>>> {
        Err(Error::Unsupported("nothing is measured"))
    }

    async fn task_events(&self) -> Result<BoxStream<Result<TaskEvent>>> {
        Ok(stream::pending().boxed())
    }
}

/// The end that a task writes to, and no other.
fn writer(pipe: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).open(pipe)
}
