//! What a check stands on: a life of the driver, and tasks with directories of their own.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use encamp_driver::{
    Capabilities, Driver, Error, ExitResult, PluginConfig, Resources, StartedTask, TaskConfig, TaskHandle, TaskOutput,
    TaskState, Topology,
};
use encamp_hclspec::cty::json;
use encamp_hclspec::{Body, Context, Source, Spec, Spellings, Value, decode_with};
use tempfile::TempDir;
use tokio::time::timeout;

use super::output::Output;
use super::report::{Checked, During as _, Verdict, ensure};
use super::{Claims, Subject};
use crate::{Loopback, Session, loopback};

tokio::task_local! {
    /// How long anything may take that is on its way, in the check that runs.
    pub(super) static PATIENCE: Duration;
}

pub(super) fn patience() -> Duration {
    PATIENCE.get()
}

/// The name of every task.
const NAME: &str = "web";
const MIB: u64 = 1024 * 1024;

pub(super) struct Ground {
    subject: Arc<dyn Subject>,
    pub(super) over_grpc: bool,
    pub(super) claims: Claims,
    pub(super) capabilities: Capabilities,
    life: Mutex<Life>,
    root: PathBuf,
    /// Removed with the check.
    _dir: Option<TempDir>,
    started: Mutex<Vec<TaskHandle>>,
}

/// A life of the driver.
struct Life {
    driver: Arc<dyn Driver>,
    _plugin: Option<Loopback>,
}

/// A task that was started.
pub(super) struct Task {
    pub(super) config: TaskConfig,
    pub(super) started: StartedTask,
    output: Output,
}

impl Task {
    pub(super) fn id(&self) -> &str {
        &self.config.id
    }

    pub(super) fn stdout(&self) -> String {
        self.output.stdout()
    }

    pub(super) fn stderr(&self) -> String {
        self.output.stderr()
    }

    /// Waits until it has printed this.
    pub(super) async fn prints(&self, text: &str) -> Checked {
        let printed = || self.stdout();
        let printed = eventually(printed, |printed| printed.contains(text)).await;
        let errors = self.stderr();
        printed.map(drop).map_err(|printed| {
            Verdict::Failed(format!(
                "the task does not print {text:?}, but {printed:?} and {errors:?}"
            ))
        })
    }

    /// What an agent that was restarted has of it: everything but the driver's configuration.
    pub(super) fn handle(&self) -> TaskHandle {
        TaskHandle {
            version: self.started.version,
            config: TaskConfig {
                driver_config: Value::NULL,
                ..self.config.clone()
            },
            state: TaskState::Unknown,
            driver_state: self.started.driver_state.clone(),
        }
    }
}

impl Ground {
    pub(super) async fn new(subject: Arc<dyn Subject>, over_grpc: bool) -> Result<Self, Verdict> {
        let life = Life::of(&*subject, over_grpc).await?;
        let capabilities = life.driver.capabilities().await.during("capabilities")?;
        let (root, dir) = match subject.alloc_root() {
            Some(root) => (root, None),
            None => directory()
                .map(|dir| (dir.path().to_owned(), Some(dir)))
                .map_err(broken)?,
        };
        Ok(Self {
            claims: subject.claims(),
            subject,
            over_grpc,
            capabilities,
            life: Mutex::new(life),
            root,
            _dir: dir,
            started: Mutex::default(),
        })
    }

    pub(super) fn driver(&self) -> Arc<dyn Driver> {
        Arc::clone(&self.life.lock().unwrap_or_else(PoisonError::into_inner).driver)
    }

    /// The driver's own configuration, again.
    pub(super) async fn configure(&self) -> Checked {
        configure(&*self.subject, &*self.driver()).await
    }

    /// Ends this life of the driver and begins the next one.
    pub(super) async fn restart(&self) -> Checked {
        self.live(Life::none());
        self.live(Life::of(&*self.subject, self.over_grpc).await?);
        Ok(())
    }

    fn live(&self, life: Life) {
        let former = std::mem::replace(&mut *self.life.lock().unwrap_or_else(PoisonError::into_inner), life);
        drop(former);
    }

    /// A task that runs this script, not started yet.
    pub(super) async fn task(&self, script: &str) -> Result<TaskConfig, Verdict> {
        self.task_of(&[&self.claims.shell, "-c", script]).await
    }

    pub(super) async fn task_of(&self, command: &[&str]) -> Result<TaskConfig, Verdict> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let alloc_id = format!("{:08x}-0000-4000-8000-{n:012x}", std::process::id());
        let alloc_dir = self.root.join(&alloc_id);
        allocation(&alloc_dir).map_err(broken)?;
        let schema = self.driver().task_config_schema().await.during("task_config_schema")?;
        let config = decoded(&schema, &self.subject.config(command))?;
        let logs = alloc_dir.join("alloc/logs");
        let output = if self.capabilities.disable_log_collection {
            TaskOutput::Files {
                dir: logs,
                max_files: 10,
                max_file_size: 10 * MIB,
            }
        } else {
            TaskOutput::Fifo {
                stdout: logs.join(format!(".{NAME}.stdout.fifo")),
                stderr: logs.join(format!(".{NAME}.stderr.fifo")),
            }
        };
        let task = TaskConfig {
            id: format!("{alloc_id}/{NAME}/{n:08x}"),
            name: NAME.to_owned(),
            alloc_id,
            job_id: "conformance".to_owned(),
            job_name: "conformance".to_owned(),
            task_group_name: "group".to_owned(),
            namespace: "default".to_owned(),
            node_name: "node".to_owned(),
            node_id: "node".to_owned(),
            driver_config: config,
            env: [("PATH", "/usr/local/bin:/usr/bin:/bin")].into_iter().collect(),
            resources: Resources {
                cpu_mhz: 100,
                memory_mb: 64,
                ..Resources::default()
            },
            alloc_dir,
            output,
            ..TaskConfig::default()
        };
        Ok(self.subject.prepare(task))
    }

    /// Starts a task that runs this script.
    pub(super) async fn start(&self, script: &str) -> Result<Task, Verdict> {
        let task = self.task(script).await?;
        self.start_task(task).await
    }

    pub(super) async fn start_task(&self, config: TaskConfig) -> Result<Task, Verdict> {
        let output = Output::of(&config).map_err(broken)?;
        self.remember(&config, Vec::new());
        let started = within("start_task", self.driver().start_task(config.clone())).await?;
        let started = started.during("start_task")?;
        self.remember(&config, started.driver_state.clone());
        Ok(Task {
            config,
            started,
            output,
        })
    }

    fn remember(&self, config: &TaskConfig, driver_state: Vec<u8>) {
        let handle = TaskHandle {
            version: 1,
            config: config.clone(),
            state: TaskState::Unknown,
            driver_state,
        };
        self.started.lock().unwrap_or_else(PoisonError::into_inner).push(handle);
    }

    /// The end of a task.
    pub(super) async fn end(&self, task: &Task) -> Result<ExitResult, Verdict> {
        within("wait_task", self.driver().wait_task(task.id()))
            .await?
            .during("wait_task")
    }

    /// A command in a task.
    pub(super) fn session(&self, task: &Task, script: &str, tty: Option<encamp_driver::TerminalSize>) -> Session {
        Session::start(self.driver(), task.id(), &[&self.claims.shell, "-c", script], tty)
    }

    /// That the task is as well as before.
    pub(super) async fn still_runs(&self, task: &Task) -> Checked {
        let status = within("inspect_task", self.driver().inspect_task(task.id())).await?;
        let state = status.during("inspect_task")?.state;
        ensure!(
            state == TaskState::Running,
            "the task is {state:?} where it should still run"
        );
        Ok(())
    }

    /// Removes all that the check started.
    pub(super) async fn clear(&self) {
        let started = std::mem::take(&mut *self.started.lock().unwrap_or_else(PoisonError::into_inner));
        let driver = self.driver();
        for handle in started.into_iter().rev() {
            let id = handle.config.id.clone();
            let remove = async {
                if is_unknown(&driver.destroy_task(&id, true).await) && driver.recover_task(handle).await.is_ok() {
                    drop(driver.destroy_task(&id, true).await);
                }
            };
            // Most are gone; the others have a minute.
            drop(timeout(Duration::from_mins(1), remove).await);
        }
    }
}

impl Life {
    /// What stands in while there is none.
    fn none() -> Self {
        Self {
            driver: Arc::new(crate::ScriptedDriver::new()),
            _plugin: None,
        }
    }

    async fn of(subject: &dyn Subject, over_grpc: bool) -> Result<Self, Verdict> {
        let driver = subject.driver().await;
        let life = if over_grpc {
            let plugin = loopback(driver).await;
            let plugin = plugin.map_err(|error| Verdict::Failed(format!("cannot connect: {error}")))?;
            Self {
                driver: Arc::new(plugin.driver().clone()),
                _plugin: Some(plugin),
            }
        } else {
            Self { driver, _plugin: None }
        };
        configure(subject, &*life.driver).await?;
        life.driver.init().await.during("init")?;
        Ok(life)
    }
}

async fn configure(subject: &dyn Subject, driver: &dyn Driver) -> Checked {
    let config = decoded(&driver.config_schema(), &subject.plugin_config())?;
    // As hosts do that are about to start tasks.
    let cores = std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX));
    let config = PluginConfig {
        topology: Some(Arc::new(Topology::uniform(cores, 2000))),
        client_ports: Some(14_000..=14_512),
        ..PluginConfig::new(config)
    };
    let accepted = driver.set_config(config).await;
    accepted.map_err(|error| Verdict::Failed(format!("set_config: {error}")))
}

/// A configuration as a host hands it over: by the schema, with its defaults.
fn decoded(schema: &Spec, value: &Value) -> Result<Value, Verdict> {
    let failed = |error: String| Verdict::Failed(format!("the configuration does not fit its schema: {error}"));
    let text = json::to_plain_string(value).map_err(|error| failed(error.to_string()))?;
    // Texts are templates in this syntax.
    let text = text.replace("${", "$${").replace("%{", "%%{");
    let body = Body::parse_json(Source::new("the subject's configuration", text));
    let body = body.map_err(|error| failed(error.to_string()))?;
    decode_with(schema, &body, &Context::default(), Spellings::Every).map_err(|error| failed(error.to_string()))
}

/// A directory for allocations, which everybody may enter.
fn directory() -> io::Result<TempDir> {
    let open = fs::Permissions::from_mode(0o755);
    tempfile::Builder::new()
        .prefix("conformance")
        .permissions(open)
        .tempdir()
}

/// The directories of an allocation with one task, as hosts make them.
fn allocation(dir: &Path) -> io::Result<()> {
    for path in ["alloc/logs", "alloc/data", "alloc/tmp"] {
        fs::create_dir_all(dir.join(path))?;
    }
    for path in ["local", "secrets", "private", "tmp"] {
        fs::create_dir_all(dir.join(NAME).join(path))?;
    }
    for path in ["alloc/data", "alloc/tmp", NAME, "web/local", "web/secrets", "web/tmp"] {
        fs::set_permissions(dir.join(path), fs::Permissions::from_mode(0o777))?;
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "it is passed to map_err")]
fn broken(error: io::Error) -> Verdict {
    Verdict::Failed(format!("the check itself cannot run: {error}"))
}

/// What comes of a step that must not hang.
pub(super) async fn within<T>(step: &str, future: impl Future<Output = T>) -> Result<T, Verdict> {
    let done = timeout(patience(), future).await;
    done.map_err(|_| Verdict::Failed(format!("{step}: no answer within {:?}", patience())))
}

/// Looks again and again until what is seen is good. What was seen last is the error.
pub(super) async fn eventually<T>(mut look: impl FnMut() -> T, good: impl Fn(&T) -> bool) -> Result<T, T> {
    let end = tokio::time::Instant::now() + patience();
    loop {
        let seen = look();
        if good(&seen) {
            return Ok(seen);
        }
        if tokio::time::Instant::now() > end {
            return Err(seen);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Whether a call says that there is no such task.
pub(super) fn is_unknown<T>(answer: &Result<T, Error>) -> bool {
    matches!(answer, Err(Error::TaskNotFound(_)))
}
