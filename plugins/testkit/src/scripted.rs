//! A driver that does what a test says.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use encamp_driver::{
    BoxStream, Capabilities, ConfigError, Driver, Error, ExecIo, ExecOptions, ExecOutput, ExitResult, Fingerprint,
    FsIsolation, MountConfigs, NetworkIsolation, NetworkIsolationMode, Plugin, PluginConfig, PluginInfo, Result,
    StartedTask, TaskConfig, TaskEvent, TaskHandle, TaskState, TaskStats, TaskStatus,
};
use encamp_hclspec::{Spec, Type};
use futures_util::{StreamExt as _, future, stream};

/// What a scripted driver answers to a call, when it is asked to.
pub type Answer<T, E = Error> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

type Script<A, T, E = Error> = Arc<dyn Fn(A) -> Answer<T, E> + Send + Sync>;

macro_rules! calls {
    ($($(#[$doc:meta])* $on:ident, $call:ident: ($($argument:ty),*) -> $answer:ty;)*) => {
        #[derive(Clone)]
        struct Scripts {
            $($call: Script<($($argument,)*), $answer>,)*
        }

        impl ScriptedDriver {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $on<F>(mut self, answer: impl Fn(($($argument,)*)) -> F + Send + Sync + 'static) -> Self
                where
                    F: Future<Output = Result<$answer>> + Send + 'static,
                {
                    self.scripts.$call = script(answer);
                    self
                }
            )*
        }
    };
}

calls! {
    /// Says what `init` does.
    on_init, init: () -> ();
    /// Says what `task_config_schema` does.
    on_task_config_schema, task_config_schema: () -> Spec;
    /// Says what `capabilities` does.
    on_capabilities, capabilities: () -> Capabilities;
    /// Says what `fingerprint` does.
    on_fingerprint, fingerprint: () -> BoxStream<Result<Fingerprint>>;
    /// Says what `recover_task` does.
    on_recover_task, recover_task: (TaskHandle) -> ();
    /// Says what `start_task` does.
    on_start_task, start_task: (TaskConfig) -> StartedTask;
    /// Says what `wait_task` does, with the task's id.
    on_wait_task, wait_task: (String) -> ExitResult;
    /// Says what `stop_task` does, with the task's id, the timeout and the signal.
    on_stop_task, stop_task: (String, Duration, Option<String>) -> ();
    /// Says what `destroy_task` does, with the task's id and the force.
    on_destroy_task, destroy_task: (String, bool) -> ();
    /// Says what `inspect_task` does, with the task's id.
    on_inspect_task, inspect_task: (String) -> TaskStatus;
    /// Says what `task_stats` does, with the task's id and the interval.
    on_task_stats, task_stats: (String, Duration) -> BoxStream<Result<TaskStats>>;
    /// Says what `task_events` does.
    on_task_events, task_events: () -> BoxStream<Result<TaskEvent>>;
    /// Says what `signal_task` does, with the task's id and the signal.
    on_signal_task, signal_task: (String, String) -> ();
    /// Says what `exec_task` does, with the task's id, the command and the timeout.
    on_exec_task, exec_task: (String, Vec<String>, Duration) -> ExecOutput;
    /// Says what `exec_task_streaming` does, with the task's id.
    on_exec_task_streaming, exec_task_streaming: (String, ExecOptions, ExecIo) -> ExitResult;
    /// Says what `create_network` does, with the allocation's id and the host name.
    on_create_network, create_network: (String, Option<String>) -> (NetworkIsolation, bool);
    /// Says what `destroy_network` does, with the allocation's id.
    on_destroy_network, destroy_network: (String, NetworkIsolation) -> ();
    /// Says what `shutdown` does.
    on_shutdown, shutdown: () -> ();
}

/// A driver that does what a test says, call by call.
///
/// Unless told otherwise, [a new one](Self::new) is healthy, can do everything, starts, stops and finds every task, and no
/// task of its ever ends; exec sessions and networks it has none. One [over another driver](Self::over) does what that one
/// does.
#[derive(Clone)]
pub struct ScriptedDriver {
    info: PluginInfo,
    schema: Spec,
    configure: Script<PluginConfig, (), ConfigError>,
    scripts: Scripts,
}

impl fmt::Debug for ScriptedDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedDriver")
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}

impl Default for ScriptedDriver {
    fn default() -> Self {
        Self::new()
    }
}

impl ScriptedDriver {
    /// A driver that does what it does unless told otherwise.
    pub fn new() -> Self {
        Self {
            info: PluginInfo::driver("scripted", "0.2.0"),
            schema: Spec::object::<String>([]),
            configure: Arc::new(|_| Box::pin(future::ok(()))),
            scripts: Scripts {
                init: script(|()| future::ok(())),
                task_config_schema: script(|()| {
                    future::ok(Spec::object([("command", Spec::attr("command", Type::String))]))
                }),
                capabilities: script(|()| future::ok(everything())),
                fingerprint: script(|()| {
                    let healthy = stream::once(future::ready(Ok(Fingerprint::healthy([]))));
                    future::ok(healthy.chain(stream::pending()).boxed())
                }),
                recover_task: script(|_| future::ok(())),
                start_task: script(|_| future::ok(StartedTask::new(b"scripted".to_vec()))),
                wait_task: script(|_| future::pending()),
                stop_task: script(|_| future::ok(())),
                destroy_task: script(|_| future::ok(())),
                inspect_task: script(|(id,)| future::ok(running(id))),
                task_stats: script(|_| future::ok(stream::pending().boxed())),
                task_events: script(|()| future::ok(stream::pending().boxed())),
                signal_task: script(|_| future::ok(())),
                exec_task: script(|_| future::ok(ExecOutput::default())),
                exec_task_streaming: script(|_| future::err(Error::Unsupported("driver does not support exec"))),
                create_network: script(|_| {
                    future::err(Error::Unsupported("CreateNetwork RPC not supported by driver"))
                }),
                destroy_network: script(|_| {
                    future::err(Error::Unsupported("DestroyNetwork RPC not supported by driver"))
                }),
                shutdown: script(|()| future::ok(())),
            },
        }
    }

    /// A driver that does what `driver` does unless told otherwise: one fault in an otherwise good one.
    pub fn over(driver: &Arc<dyn Driver>) -> Self {
        let to = |driver: &Arc<dyn Driver>| Arc::clone(driver);
        macro_rules! pass_on {
            ($call:ident($($argument:ident: $type:ty),*) => $($passed:expr),*) => {{
                let driver = to(driver);
                script(move |($($argument,)*): ($($type,)*)| {
                    let driver = to(&driver);
                    async move { driver.$call($($passed),*).await }
                })
            }};
        }
        let configured = to(driver);
        Self {
            info: driver.info(),
            schema: driver.config_schema(),
            configure: Arc::new(move |config| {
                let driver = to(&configured);
                Box::pin(async move { driver.set_config(config).await })
            }),
            scripts: Scripts {
                init: pass_on!(init() =>),
                task_config_schema: pass_on!(task_config_schema() =>),
                capabilities: pass_on!(capabilities() =>),
                fingerprint: pass_on!(fingerprint() =>),
                recover_task: pass_on!(recover_task(handle: TaskHandle) => handle),
                start_task: pass_on!(start_task(task: TaskConfig) => task),
                wait_task: pass_on!(wait_task(id: String) => &id),
                stop_task: pass_on!(stop_task(id: String, timeout: Duration, signal: Option<String>) => &id, timeout, signal.as_deref()),
                destroy_task: pass_on!(destroy_task(id: String, force: bool) => &id, force),
                inspect_task: pass_on!(inspect_task(id: String) => &id),
                task_stats: pass_on!(task_stats(id: String, interval: Duration) => &id, interval),
                task_events: pass_on!(task_events() =>),
                signal_task: pass_on!(signal_task(id: String, signal: String) => &id, &signal),
                exec_task: pass_on!(exec_task(id: String, command: Vec<String>, timeout: Duration) => &id, &command, timeout),
                exec_task_streaming: pass_on!(exec_task_streaming(id: String, options: ExecOptions, io: ExecIo) => &id, options, io),
                create_network: pass_on!(create_network(alloc_id: String, hostname: Option<String>) => &alloc_id, hostname.as_deref()),
                destroy_network: pass_on!(destroy_network(alloc_id: String, network: NetworkIsolation) => &alloc_id, &network),
                shutdown: pass_on!(shutdown() =>),
            },
        }
    }

    /// Says who the driver is.
    #[must_use]
    pub fn with_info(self, info: PluginInfo) -> Self {
        Self { info, ..self }
    }

    /// Says what may be configured.
    #[must_use]
    pub fn with_config_schema(self, schema: Spec) -> Self {
        Self { schema, ..self }
    }

    /// Says what `set_config` does.
    #[must_use]
    pub fn on_set_config<F>(mut self, answer: impl Fn(PluginConfig) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), ConfigError>> + Send + 'static,
    {
        self.configure = Arc::new(move |config| Box::pin(answer(config)));
        self
    }
}

fn script<A, T, F>(answer: impl Fn(A) -> F + Send + Sync + 'static) -> Script<A, T>
where
    F: Future<Output = Result<T>> + Send + 'static,
{
    Arc::new(move |arguments| Box::pin(answer(arguments)))
}

fn everything() -> Capabilities {
    Capabilities {
        send_signals: true,
        exec: true,
        fs_isolation: FsIsolation::None,
        network_isolation_modes: vec![NetworkIsolationMode::Host],
        must_initiate_network: false,
        mount_configs: MountConfigs::Any,
        disable_log_collection: false,
        dynamic_workload_users: false,
    }
}

fn running(id: String) -> TaskStatus {
    TaskStatus {
        name: id.clone(),
        id,
        state: TaskState::Running,
        started_at: None,
        completed_at: None,
        exit: None,
        attributes: [].into(),
        network: None,
    }
}

#[async_trait]
impl Plugin for ScriptedDriver {
    fn info(&self) -> PluginInfo {
        self.info.clone()
    }

    fn config_schema(&self) -> Spec {
        self.schema.clone()
    }

    async fn set_config(&self, config: PluginConfig) -> Result<(), ConfigError> {
        (self.configure)(config).await
    }
}

#[async_trait]
impl Driver for ScriptedDriver {
    async fn init(&self) -> Result<()> {
        (self.scripts.init)(()).await
    }

    async fn task_config_schema(&self) -> Result<Spec> {
        (self.scripts.task_config_schema)(()).await
    }

    async fn capabilities(&self) -> Result<Capabilities> {
        (self.scripts.capabilities)(()).await
    }

    async fn fingerprint(&self) -> Result<BoxStream<Result<Fingerprint>>> {
        (self.scripts.fingerprint)(()).await
    }

    async fn recover_task(&self, handle: TaskHandle) -> Result<()> {
        (self.scripts.recover_task)((handle,)).await
    }

    async fn start_task(&self, task: TaskConfig) -> Result<StartedTask> {
        (self.scripts.start_task)((task,)).await
    }

    async fn wait_task(&self, id: &str) -> Result<ExitResult> {
        (self.scripts.wait_task)((id.to_owned(),)).await
    }

    async fn stop_task(&self, id: &str, timeout: Duration, signal: Option<&str>) -> Result<()> {
        (self.scripts.stop_task)((id.to_owned(), timeout, signal.map(str::to_owned))).await
    }

    async fn destroy_task(&self, id: &str, force: bool) -> Result<()> {
        (self.scripts.destroy_task)((id.to_owned(), force)).await
    }

    async fn inspect_task(&self, id: &str) -> Result<TaskStatus> {
        (self.scripts.inspect_task)((id.to_owned(),)).await
    }

    async fn task_stats(&self, id: &str, interval: Duration) -> Result<BoxStream<Result<TaskStats>>> {
        (self.scripts.task_stats)((id.to_owned(), interval)).await
    }

    async fn task_events(&self) -> Result<BoxStream<Result<TaskEvent>>> {
        (self.scripts.task_events)(()).await
    }

    async fn signal_task(&self, id: &str, signal: &str) -> Result<()> {
        (self.scripts.signal_task)((id.to_owned(), signal.to_owned())).await
    }

    async fn exec_task(&self, id: &str, command: &[String], timeout: Duration) -> Result<ExecOutput> {
        (self.scripts.exec_task)((id.to_owned(), command.to_vec(), timeout)).await
    }

    async fn exec_task_streaming(&self, id: &str, options: ExecOptions, io: ExecIo) -> Result<ExitResult> {
        (self.scripts.exec_task_streaming)((id.to_owned(), options, io)).await
    }

    async fn create_network(&self, alloc_id: &str, hostname: Option<&str>) -> Result<(NetworkIsolation, bool)> {
        (self.scripts.create_network)((alloc_id.to_owned(), hostname.map(str::to_owned))).await
    }

    async fn destroy_network(&self, alloc_id: &str, network: &NetworkIsolation) -> Result<()> {
        (self.scripts.destroy_network)((alloc_id.to_owned(), network.clone())).await
    }

    async fn shutdown(&self) -> Result<()> {
        (self.scripts.shutdown)(()).await
    }
}
