//! A driver whose tasks do what their script says, and a camp to run them in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use encamp_driver::{
    BoxStream, Capabilities, ConfigError, Driver, Error, ExitResult, Fingerprint, FsIsolation, MountConfigs, Plugin,
    PluginConfig, PluginInfo, Result, StartedTask, TaskConfig, TaskEvent, TaskHandle, TaskState, TaskStatus,
};
use encamp_hclspec::{Source, Spec, Type};
use encamp_runner::{
    AllocRecord, Allocation, Control, Desired, Drivers, Node, Outcome, Parts, RunError, Runner, Store, prepare, reap,
};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long anything may take here; in tests that stop the clock, more than a runner waits for anything.
const PATIENCE: Duration = Duration::from_mins(2);

/// What happened in the driver, and the tasks that live in it. Outlives every runner.
#[derive(Default)]
pub(crate) struct World {
    calls: Mutex<Vec<String>>,
    tasks: Mutex<BTreeMap<String, watch::Sender<Option<ExitResult>>>>,
    faults: Mutex<BTreeMap<String, Fault>>,
}

/// What keeps a call from succeeding, and how often yet.
#[derive(Clone, Copy, Default)]
struct Fault {
    times: u32,
    recoverable: bool,
}

/// The driver: a fresh one for every runner, all over one world. It removes only what it has started or taken back.
pub(crate) struct Scripted(pub(crate) Arc<World>, Mutex<BTreeSet<String>>);

/// A job in a world, with its records on disk.
pub(crate) struct Camp {
    pub(crate) world: Arc<World>,
    pub(crate) store: Store,
    job: String,
    dir: tempfile::TempDir,
}

/// A run under way.
pub(crate) struct Run {
    pub(crate) control: Control,
    task: JoinHandle<std::result::Result<Outcome, RunError>>,
}

impl World {
    /// What happened so far, `start web`, `stop web`, …, in order.
    pub(crate) fn calls(&self) -> Vec<String> {
        lock(&self.calls).clone()
    }

    /// Makes the next so many calls of this name fail, recoverably.
    pub(crate) fn fail_next(&self, call: &str, times: u32) {
        let recoverable = true;
        lock(&self.faults).insert(call.to_owned(), Fault { times, recoverable });
    }

    /// Makes the next so many calls of this name fail for good, as far as the driver knows.
    pub(crate) fn refuse_next(&self, call: &str, times: u32) {
        let recoverable = false;
        lock(&self.faults).insert(call.to_owned(), Fault { times, recoverable });
    }

    /// Makes every call succeed again.
    pub(crate) fn recover(&self) {
        lock(&self.faults).clear();
    }

    /// Ends every running task of this name.
    pub(crate) fn end(&self, task: &str, exit: &ExitResult) {
        for (id, state) in lock(&self.tasks).iter() {
            if name(id) == task {
                state.send_replace(Some(exit.clone()));
            }
        }
    }

    /// Forgets every task, as if the machine had been restarted.
    pub(crate) fn lose_everything(&self) {
        lock(&self.tasks).clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        lock(&self.tasks).is_empty()
    }

    fn note(&self, call: &str, id: &str) -> Result<()> {
        let call = format!("{call} {}", name(id));
        let mut faults = lock(&self.faults);
        let fault = faults.entry(call.clone()).or_default();
        lock(&self.calls).push(call);
        if fault.times == 0 {
            return Ok(());
        }
        fault.times -= 1;
        Err(if fault.recoverable {
            Error::recoverable("the script says so")
        } else {
            Error::fatal("the script says no")
        })
    }

    fn task(&self, id: &str) -> Result<watch::Receiver<Option<ExitResult>>> {
        let tasks = lock(&self.tasks);
        let state = tasks.get(id).ok_or_else(|| Error::TaskNotFound(id.to_owned()))?;
        Ok(state.subscribe())
    }
}

#[async_trait]
impl Plugin for Scripted {
    fn info(&self) -> PluginInfo {
        PluginInfo::driver("scripted", "0.1.0")
    }

    fn config_schema(&self) -> Spec {
        Spec::object::<String>([])
    }

    async fn set_config(&self, _: PluginConfig) -> std::result::Result<(), ConfigError> {
        Ok(())
    }
}

#[async_trait]
impl Driver for Scripted {
    async fn task_config_schema(&self) -> Result<Spec> {
        Ok(Spec::object([(
            "script",
            Spec::attr("script", Type::String).required(),
        )]))
    }

    async fn capabilities(&self) -> Result<Capabilities> {
        Ok(Capabilities {
            send_signals: true,
            exec: false,
            fs_isolation: FsIsolation::None,
            network_isolation_modes: Vec::new(),
            must_initiate_network: false,
            mount_configs: MountConfigs::None,
            disable_log_collection: true,
            dynamic_workload_users: false,
        })
    }

    async fn fingerprint(&self) -> Result<BoxStream<Result<Fingerprint>>> {
        Ok(Box::pin(tokio_stream::once(Ok(Fingerprint::healthy([])))))
    }

    async fn recover_task(&self, handle: TaskHandle) -> Result<()> {
        self.0.note("recover", &handle.config.id)?;
        self.0.task(&handle.config.id)?;
        lock(&self.1).insert(handle.config.id);
        Ok(())
    }

    async fn start_task(&self, task: TaskConfig) -> Result<StartedTask> {
        self.0.note("start", &task.id)?;
        let script = task
            .driver_config
            .get("script")
            .and_then(|script| script.as_str())
            .unwrap_or_default()
            .to_owned();
        let words: Vec<&str> = script.split_whitespace().collect();
        let exit = match words.as_slice() {
            ["exit", code] => Some(ExitResult::code(code.parse().expect("an exit code"))),
            ["too", "early"] => return Err(Error::fatal("there is nothing to start with").early()),
            ["refuse"] => return Err(Error::fatal("the script refuses")),
            ["hang"] => std::future::pending().await,
            ["linger"] => {
                lock(&self.0.tasks).insert(task.id.clone(), watch::channel(None).0);
                std::future::pending().await
            }
            ["run"] => None,
            other => panic!("unknown script {other:?}"),
        };
        lock(&self.0.tasks).insert(task.id.clone(), watch::channel(exit).0);
        lock(&self.1).insert(task.id.clone());
        Ok(StartedTask::new(b"state".to_vec()))
    }

    async fn wait_task(&self, id: &str) -> Result<ExitResult> {
        let mut state = self.0.task(id)?;
        let exit = state.wait_for(Option::is_some).await.map(|exit| exit.clone());
        exit.ok().flatten().ok_or_else(|| Error::TaskNotFound(id.to_owned()))
    }

    async fn stop_task(&self, id: &str, timeout: Duration, _: Option<&str>) -> Result<()> {
        self.0.note(if timeout.is_zero() { "kill" } else { "stop" }, id)?;
        if let Some(state) = lock(&self.0.tasks).get(id) {
            state.send_if_modified(|exit| exit.is_none() && exit.replace(ExitResult::signal(2)).is_none());
        }
        Ok(())
    }

    async fn destroy_task(&self, id: &str, _: bool) -> Result<()> {
        self.0.note("destroy", id)?;
        let gone = lock(&self.1).remove(id).then(|| lock(&self.0.tasks).remove(id));
        gone.map(drop).ok_or_else(|| Error::TaskNotFound(id.to_owned()))
    }

    async fn inspect_task(&self, id: &str) -> Result<TaskStatus> {
        let exit = self.0.task(id)?.borrow().clone();
        Ok(TaskStatus {
            id: id.to_owned(),
            name: name(id).to_owned(),
            state: if exit.is_some() {
                TaskState::Exited
            } else {
                TaskState::Running
            },
            started_at: None,
            completed_at: None,
            exit,
            attributes: BTreeMap::new(),
            network: None,
        })
    }

    async fn task_events(&self) -> Result<BoxStream<Result<TaskEvent>>> {
        Ok(Box::pin(tokio_stream::pending()))
    }
}

impl Camp {
    /// A batch job of these tasks; each is `(name, the body of its block but for driver and config, its script)`.
    pub(crate) fn new(tasks: &[(&str, &str, &str)]) -> Self {
        let tasks = tasks.iter().map(|(name, body, script)| {
            format!(
                "task \"{name}\" {{\n driver = \"scripted\"\n {body}\n config {{\n script = \"{script}\"\n }}\n }}\n"
            )
        });
        let restart = "restart {\n attempts = 0\n mode = \"fail\"\n }";
        let tasks = tasks.collect::<String>();
        let dir = tempfile::tempdir().unwrap();
        Self {
            world: Arc::default(),
            store: Store::new(dir.path().join("state")),
            job: format!("job \"j\" {{\n type = \"batch\"\n group \"g\" {{\n {restart}\n {tasks} }}\n }}\n"),
            dir,
        }
    }

    /// Starts a runner, the first or a later one.
    pub(crate) async fn start(&self) -> Run {
        let (record, allocation) = self.allocation();
        let lock = self.store.create(&record).unwrap();
        let parts = self.parts();
        let prepared = prepare(allocation, &parts)
            .await
            .unwrap_or_else(|problems| panic!("{problems}"));
        let (runner, control) = Runner::new(prepared, parts, lock);
        let task = tokio::spawn(runner.run());
        Run { control, task }
    }

    /// Ends what the records name, without the job.
    pub(crate) async fn reap(&self, desired: Desired) -> Outcome {
        let lock = self.store.lock("alloc").unwrap();
        let (record, _) = self.allocation();
        reap(&record, &self.parts(), self.dir.path(), &lock, desired)
            .await
            .unwrap()
    }

    fn allocation(&self) -> (AllocRecord, Allocation) {
        let source = Source::new("job.hcl", self.job.clone());
        let parsed = encamp_jobspec::parse(source, &BTreeMap::new()).unwrap_or_else(|problems| panic!("{problems}"));
        let mut job = parsed.job;
        let group = job.groups.remove(0);
        let record = AllocRecord {
            id: "alloc".to_owned(),
            job_file: "job.hcl".to_owned(),
            job_text: self.job.clone(),
            job_dir: None,
            variables: BTreeMap::new(),
            host_env: BTreeMap::new(),
            job_id: job.id.clone(),
            group: group.name.clone(),
            task_names: group.tasks.iter().map(|task| task.name.clone()).collect(),
            created_at: SystemTime::UNIX_EPOCH,
        };
        let allocation = Allocation {
            id: record.id.clone(),
            job,
            group,
            dir: self.dir.path().join("alloc"),
            node: Node::default(),
        };
        (record, allocation)
    }

    fn parts(&self) -> Parts {
        let driver: Arc<dyn Driver> = Arc::new(Scripted(Arc::clone(&self.world), Mutex::default()));
        Parts {
            drivers: [driver].into_iter().collect::<Drivers>(),
            alloc_hooks: Vec::new(),
            task_hooks: Vec::new(),
            store: self.store.clone(),
            host_env: BTreeMap::new(),
        }
    }

    /// Runs the job to its end.
    pub(crate) async fn run(&self) -> Outcome {
        self.start().await.end().await
    }

    /// Waits until the driver was called so.
    pub(crate) async fn called(&self, call: &str) {
        self.until(call, |camp| camp.world.calls().iter().any(|made| made == call))
            .await;
    }

    /// Waits for a condition, and says what the driver was called for if it does not come.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while !holds(self) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
        let calls = || self.world.calls();
        assert!(waited.await.is_ok(), "still not `{what}`; calls: {:?}", calls());
    }
}

impl Run {
    /// Waits for the end.
    pub(crate) async fn end(self) -> Outcome {
        let end = tokio::time::timeout(PATIENCE, self.task).await;
        end.expect("the run ends")
            .expect("the run does not panic")
            .expect("the run cleans up")
    }

    /// Waits for the end of a run that cannot be.
    pub(crate) async fn failure(self) -> RunError {
        let end = tokio::time::timeout(PATIENCE, self.task).await;
        end.expect("the run ends")
            .expect("the run does not panic")
            .expect_err("the run fails")
    }

    /// Kills the runner between two of its steps.
    pub(crate) async fn crash(self) {
        self.task.abort();
        drop(self.task.await);
    }
}

/// What the runner made of each task: `name:code`, `name:-` for one that never ran, with `!` for failed ones.
pub(crate) fn summary(outcome: &Outcome) -> Vec<String> {
    let tasks = outcome.tasks.iter().map(|task| {
        let code = task
            .exit
            .as_ref()
            .map_or_else(|| "-".to_owned(), |exit| exit.exit_code.to_string());
        format!("{}:{code}{}", task.name, if task.failed { "!" } else { "" })
    });
    tasks.collect()
}

fn name(id: &str) -> &str {
    id.split('/').nth(1).unwrap_or(id)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no test panics while it holds this")
}
