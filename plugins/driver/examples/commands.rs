//! A driver that runs commands, as a plugin.

use std::collections::HashMap;
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use encamp_driver::{
    Driver, Error, ExitResult, Plugin, PluginInfo, Result, StartedTask, TaskConfig, TaskState, TaskStatus,
};
use encamp_hclspec::{HclSpec, Spec, from_value};
use serde::Deserialize;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, Notify, watch};

/// What a job may say about a task.
#[derive(Deserialize, HclSpec)]
struct Config {
    /// The program.
    command: String,
    /// Its arguments.
    args: Option<Vec<String>>,
}

#[derive(Default)]
struct Commands(Mutex<HashMap<String, Task>>);

#[derive(Clone)]
struct Task {
    name: String,
    kill: Arc<Notify>,
    exit: watch::Receiver<Option<ExitResult>>,
}

impl Plugin for Commands {
    fn info(&self) -> PluginInfo {
        PluginInfo::driver("commands", "0.1.0")
    }
}

#[async_trait]
impl Driver for Commands {
    async fn task_config_schema(&self) -> Result<Spec> {
        Ok(Config::hcl_spec())
    }

    async fn start_task(&self, task: TaskConfig) -> Result<StartedTask> {
        let config = from_value::<Config>(task.driver_config.clone());
        let config = config.map_err(|error| Error::InvalidConfig(error.to_string()))?;
        let mut command = Command::new(&config.command);
        command
            .args(config.args.unwrap_or_default())
            .env_clear()
            .envs(task.env.as_map());
        command.current_dir(task.task_dir()).stdin(Stdio::null());
        let child = command
            .spawn()
            .map_err(|error| Error::fatal("cannot start the command").because(error))?;
        let (kill, (ended, exit)) = (Arc::new(Notify::new()), watch::channel(None));
        tokio::spawn(supervise(child, Arc::clone(&kill), ended));
        let name = task.name;
        self.0.lock().await.insert(task.id.clone(), Task { name, kill, exit });
        Ok(StartedTask::new(task.id.into_bytes()))
    }

    async fn wait_task(&self, id: &str) -> Result<ExitResult> {
        let mut exit = self.task(id).await?.exit;
        let ended = exit.wait_for(Option::is_some).await;
        Ok(ended.ok().and_then(|exit| exit.clone()).unwrap_or_default())
    }

    async fn stop_task(&self, id: &str, _: Duration, _: Option<&str>) -> Result<()> {
        self.task(id).await?.kill.notify_one();
        self.wait_task(id).await.map(drop)
    }

    async fn destroy_task(&self, id: &str, force: bool) -> Result<()> {
        if !force && self.task(id).await?.exit.borrow().is_none() {
            return Err(Error::TaskRunning(id.to_owned()));
        }
        self.stop_task(id, Duration::ZERO, None).await?;
        self.0.lock().await.remove(id);
        Ok(())
    }

    async fn inspect_task(&self, id: &str) -> Result<TaskStatus> {
        let task = self.task(id).await?;
        let exit = task.exit.borrow().clone();
        Ok(TaskStatus {
            id: id.to_owned(),
            name: task.name,
            state: exit.as_ref().map_or(TaskState::Running, |_| TaskState::Exited),
            exit,
            ..TaskStatus::default()
        })
    }
}

impl Commands {
    async fn task(&self, id: &str) -> Result<Task> {
        let task = self.0.lock().await.get(id).cloned();
        task.ok_or_else(|| Error::TaskNotFound(id.to_owned()))
    }
}

async fn supervise(mut child: Child, kill: Arc<Notify>, ended: watch::Sender<Option<ExitResult>>) {
    let status = tokio::select! {
        status = child.wait() => status.ok(),
        () = kill.notified() => child.kill().await.ok().and(None),
    };
    let exit = status.and_then(|status| status.code());
    ended.send_replace(Some(exit.map_or(ExitResult::signal(9), ExitResult::code)));
}

#[tokio::main]
async fn main() -> ExitCode {
    encamp_driver_grpc::serve(Arc::new(Commands::default())).await
}
