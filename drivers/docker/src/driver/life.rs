//! A task's life: start, recovery, signals, stop, removal.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use encamp_allocdir::Beneath;
use encamp_driver::{Error, NetworkOverride, Result, StartedTask, TaskConfig, TaskHandle, TaskOutput};
use nix::sys::signal::Signal;
use tokio::time::Instant;

use super::{Docker, Settings, Slot};
use crate::collect::{self, Order};
use crate::config::{PluginOptions, TaskOptions};
use crate::container::{container, container_name, image_reference, is_made_for};
use crate::engine::{Container, Engine, EngineError, RegistryAuth};
use crate::events::TaskRef;
use crate::image::Wanted;
use crate::stage::Stage;
use crate::start;
use crate::state::DriverState;
use crate::task::{Info, Sent, Task};

/// How long the end of a killed task may take to be seen.
const KILLED: Duration = Duration::from_secs(30);
/// How long an engine that is away is waited for, where a call cannot do without it.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longer than anybody's patience; the clock cannot count to every duration.
const FOREVER: Duration = Duration::from_hours(365 * 24);
const PAUSE: Duration = Duration::from_millis(250);

/// Keeps a task id from being started twice at once; gives it back when the start comes to nothing.
struct Reservation<'a> {
    driver: &'a Docker,
    id: String,
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let mut slots = self.driver.slots();
        if matches!(slots.get(&self.id), Some(Slot::Reserved)) {
            slots.remove(&self.id);
        }
    }
}

impl Docker {
    pub(super) async fn begin(&self, task: TaskConfig) -> Result<StartedTask> {
        let _reservation = self
            .reserve(&task.id)
            .ok_or_else(|| Error::TaskExists(task.id.clone()))?;
        let settings = self.settings();
        let options = TaskOptions::from_value(task.driver_config.clone())?;
        // All that can be wrong with the job is found before anything is pulled.
        container(&task, &options, &settings.options, &mut Stage::none())?;
        let output = settings.options.output(&task);
        collect::begin(&output, &task.name);
        let image = self.image(&settings, &task, &options).await.map_err(Error::early)?;
        let started = self.launch(&settings, &task, &options).await;
        if started.is_err() {
            self.let_go(&settings, &image, &task.id);
        }
        let found = started?;
        let state = DriverState {
            version: DriverState::VERSION,
            network: network(&found, options.network_mode.as_deref()),
            container_id: found.id.clone(),
            image_id: found.image_id.clone(),
            output: Some(output.clone()),
        };
        self.collect(&settings, &task, found.clone(), output);
        self.adopt(&settings, &task, &found, state.network.clone());
        Ok(StartedTask {
            network: state.network.clone(),
            ..StartedTask::new(state.encode())
        })
    }

    async fn launch(&self, settings: &Settings, task: &TaskConfig, options: &TaskOptions) -> Result<Container> {
        let mut stage = self.stage(settings, task).await?;
        let mut spec = container(task, options, &settings.options, &mut stage)?;
        let cores = &mut spec.host_config.cpuset_cpus;
        if cores.is_empty() {
            *cores = shared_cores(Path::new(&task.resources.linux.cpuset_cgroup));
        }
        start::start(&settings.engine, &container_name(task), &spec).await
    }

    /// Where the task's volumes are put for the engine, if it can find them there.
    async fn stage(&self, settings: &Settings, task: &TaskConfig) -> Result<Stage> {
        if !rustix::process::geteuid().is_root() || !settings.engine.sees_our_mounts().await {
            return Ok(Stage::none());
        }
        let stage = Stage::new(&self.volumes, &container_name(task));
        stage.map_err(|error| Error::recoverable("cannot prepare the task's volumes for the engine").because(error))
    }

    /// A task that is gone is forgotten here, as hosts do not destroy what was not taken back.
    pub(super) async fn take_back(&self, handle: TaskHandle) -> Result<()> {
        let task = handle.config;
        let Some(_reservation) = self.reserve(&task.id) else {
            return Ok(());
        };
        let settings = self.settings();
        let state = DriverState::decode(&handle.driver_state);
        let name = state
            .as_ref()
            .map_or_else(|| container_name(&task), |state| state.container_id.clone());
        let found = patiently(|| settings.engine.inspect(&name)).await;
        let found = match found {
            Ok(found) => found,
            Err(EngineError::NotFound(_)) => {
                self.collector.forget(&task.id);
                return Err(Error::TaskNotFound(task.id));
            }
            Err(error) => return Err(Error::recoverable("cannot look for the task's container").because(error)),
        };
        // A container that was made and not started is what an interrupted start left.
        if !is_made_for(&found, &task.id) || found.state.status == "created" {
            return Err(Error::TaskNotFound(task.id));
        }
        let output = recovered_output(&settings.options, &task, state.as_ref());
        let address = state.map_or_else(|| network(&found, None), |state| state.network);
        self.images.used(&found.image_id, &task.id);
        self.collect(&settings, &task, found.clone(), output);
        self.adopt(&settings, &task, &found, address);
        Ok(())
    }

    fn reserve(&self, id: &str) -> Option<Reservation<'_>> {
        let mut slots = self.slots();
        if slots.contains_key(id) {
            return None;
        }
        slots.insert(id.to_owned(), Slot::Reserved);
        Some(Reservation {
            driver: self,
            id: id.to_owned(),
        })
    }

    /// Brings the image here and returns its id.
    async fn image(&self, settings: &Settings, task: &TaskConfig, options: &TaskOptions) -> Result<String> {
        let reference = image_reference(&options.image)?;
        let task_ref = TaskRef::from(task);
        if let Some(archive) = options.load.as_ref().filter(|_| !options.force_pull) {
            load(&*settings.engine, task, reference, archive).await?;
        }
        let auth = options.auth.as_ref().map(|auth| RegistryAuth {
            username: auth.username.clone(),
            password: auth.password.clone(),
            server_address: auth.server_address.clone(),
        });
        let wanted = Wanted {
            reference: reference.to_owned(),
            auth: auth.filter(|auth| !(auth.username.is_empty() && auth.password.is_empty())),
            force: options.force_pull,
            loaded: options.load.is_some() && !options.force_pull,
            timeout: options
                .image_pull_timeout
                .unwrap_or(settings.options.image_pull_timeout),
            activity: settings.options.pull_activity_timeout,
        };
        let (image, pulled) = self
            .pulls
            .get(&settings.engine, &wanted, &self.events, &task_ref)
            .await?;
        self.images.used(&image.id, &task.id);
        if pulled {
            self.images.pulled(&image.id, reference);
        }
        Ok(image.id)
    }

    /// Takes a container that runs, or has run, into the books.
    fn adopt(&self, settings: &Settings, task: &TaskConfig, found: &Container, network: Option<NetworkOverride>) {
        let info = Info {
            task: TaskRef::from(task),
            engine: Arc::clone(&settings.engine),
            container: found.id.clone(),
            image: found.image_id.clone(),
            stop_signal: found.stop_signal.clone(),
            network,
            sent: Sent::default(),
        };
        let watched = Task::watch(info, self.events.clone(), Arc::clone(&self.collector));
        self.slots().insert(task.id.clone(), Slot::Task(Arc::new(watched)));
    }

    fn collect(&self, settings: &Settings, task: &TaskConfig, container: Container, to: TaskOutput) {
        if to == TaskOutput::Discard {
            return;
        }
        let order = Order {
            task: TaskRef::from(task),
            engine: Arc::clone(&settings.engine),
            container,
            to,
        };
        if let Err(error) = self.collector.follow(order) {
            let text = format!("task output is not collected: {error}");
            self.events.emit(&TaskRef::from(task), text);
        }
    }

    pub(super) async fn signal(&self, task: &Task, signal: &str) -> Result<()> {
        let signal = signal_name(signal)?;
        if !task.is_running() {
            return Err(Error::fatal("the task has ended; there is nobody to signal"));
        }
        task.info.sent.note(signal);
        let sent = task.info.engine.kill(&task.info.container, signal).await;
        sent.map_err(|error| Error::recoverable(format!("cannot send {signal} to the container")).because(error))
    }

    /// Signals, waits and kills by ourselves: the engine's own stop answers only after the whole grace period, and then
    /// to nobody, if the connection did not last as long. Returns when the task's output was taken over as well.
    pub(super) async fn stop(&self, task: &Task, timeout: Duration, signal: Option<&str>) -> Result<()> {
        self.stop_container(task, timeout, signal).await?;
        task.waiter().end().await;
        Ok(())
    }

    async fn stop_container(&self, task: &Task, timeout: Duration, signal: Option<&str>) -> Result<()> {
        let gentle = match signal.filter(|signal| !signal.is_empty()) {
            Some(signal) => signal_name(signal)?,
            None => task.info.stop_signal.as_deref().unwrap_or("SIGTERM"),
        };
        let now = Instant::now();
        let deadline = now.checked_add(timeout).unwrap_or(now + FOREVER);
        if !timeout.is_zero() && self.send(task, gentle, deadline).await? {
            let ended = tokio::time::timeout_at(deadline, task.waiter().stopped()).await;
            if ended.is_ok() {
                return Ok(());
            }
        }
        let last = Instant::now() + KILLED.max(PATIENCE);
        if !self.send(task, "SIGKILL", last).await? {
            return Ok(());
        }
        match tokio::time::timeout_at(last, task.waiter().stopped()).await {
            Ok(()) => Ok(()),
            Err(_) => Err(Error::recoverable(format!(
                "the container was killed and has not ended within {KILLED:?}"
            ))),
        }
    }

    /// Sends a signal; false when there is nobody left to get it. An engine that is away is waited for until `deadline`.
    async fn send(&self, task: &Task, signal: &str, deadline: Instant) -> Result<bool> {
        task.info.sent.note(signal);
        loop {
            if !task.is_running() {
                return Ok(false);
            }
            let error = match task.info.engine.kill(&task.info.container, signal).await {
                Ok(()) => return Ok(true),
                // It has ended or is gone; whoever waits for it is about to know.
                Err(EngineError::Conflict(_) | EngineError::NotFound(_)) => {
                    return Ok(tokio::time::timeout_at(deadline, task.waiter().stopped())
                        .await
                        .is_err());
                }
                Err(error) => error,
            };
            if !error.is_ambiguous() || Instant::now() + PAUSE >= deadline {
                if signal != "SIGKILL" && error.is_ambiguous() {
                    return Ok(true);
                }
                return Err(Error::recoverable(format!("cannot send {signal} to the container")).because(error));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    pub(super) async fn destroy(&self, id: &str, force: bool) -> Result<()> {
        let Ok(task) = self.task(id) else {
            return self.destroy_unknown(id, force).await;
        };
        if task.exit().is_none() {
            if !force {
                return Err(Error::TaskRunning(id.to_owned()));
            }
            self.stop(&task, Duration::ZERO, None).await?;
        }
        let settings = self.settings();
        let info = &task.info;
        if settings.options.gc.container {
            let removed = patiently(|| info.engine.remove(&info.container)).await;
            removed.map_err(|error| Error::recoverable("cannot remove the task's container").because(error))?;
        }
        self.collector.forget(id);
        self.slots().remove(id);
        self.let_go(&settings, &info.image, id);
        Ok(())
    }

    /// Removes what a start left that was broken off before its container ran: nobody took that into the books.
    async fn destroy_unknown(&self, id: &str, force: bool) -> Result<()> {
        let engine = self.settings().engine;
        let unsure = |error| Error::recoverable("cannot look for the task's container").because(error);
        let left = patiently(|| start::made_for(&*engine, id)).await.map_err(unsure)?;
        if left.is_empty() || !force {
            return Err(Error::TaskNotFound(id.to_owned()));
        }
        for container in left {
            let removed = patiently(|| engine.remove(&container)).await;
            removed.map_err(|error| Error::recoverable("cannot remove the task's container").because(error))?;
        }
        Ok(())
    }

    fn let_go(&self, settings: &Settings, image: &str, task: &str) {
        if settings.options.gc.image {
            let engine = Arc::clone(&settings.engine);
            self.images
                .release(engine, image, task, settings.options.gc.image_delay);
        }
    }
}

/// The cores of the cgroup that a host made for a task: those that nobody has reserved. None where it cannot be read.
fn shared_cores(cgroup: &Path) -> String {
    let names = ["cpuset.cpus.effective", "cpuset.effective_cpus"];
    let mut cores = names.iter().filter(|_| cgroup.is_absolute());
    let cores = cores.find_map(|name| std::fs::read_to_string(cgroup.join(name)).ok());
    cores.unwrap_or_default().trim().to_owned()
}

/// Where the output of a task goes that is taken back: where it went before. Whoever wants none has his own reason.
fn recovered_output(options: &PluginOptions, task: &TaskConfig, state: Option<&DriverState>) -> TaskOutput {
    if task.output == TaskOutput::Discard {
        return TaskOutput::Discard;
    }
    let known = state.and_then(|state| state.output.clone());
    known.unwrap_or_else(|| options.output(task))
}

/// Repeats a call while the engine is away, for as long as we have patience.
async fn patiently<T, F: Future<Output = Result<T, EngineError>>>(call: impl Fn() -> F) -> Result<T, EngineError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match call().await {
            Err(error) if error.is_ambiguous() && Instant::now() < deadline => tokio::time::sleep(PAUSE).await,
            other => return other,
        }
    }
}

/// Loads an archive out of the task's own directory, unless the image is here.
async fn load(engine: &dyn Engine, task: &TaskConfig, reference: &str, archive: &str) -> Result<()> {
    if engine.image(reference).await.is_ok() {
        return Ok(());
    }
    let local = task.task_dir().join("local");
    let unusable = |error: std::io::Error| {
        Error::fatal(format!(
            "archive `{archive}` in the task's local directory cannot be loaded"
        ))
        .because(error)
    };
    let (_held, pinned) = Beneath::open(&local)
        .and_then(|dir| dir.pinned(Path::new(archive)))
        .map_err(unusable)?;
    engine.load(&pinned).await.map_err(|error| {
        let text = format!("archive `{archive}` cannot be loaded into the engine");
        if error.is_unreachable() {
            Error::recoverable(text)
        } else {
            Error::fatal(text)
        }
        .because(error)
    })
}

fn signal_name(signal: &str) -> Result<&'static str> {
    let long = if signal.starts_with("SIG") {
        signal.to_owned()
    } else {
        format!("SIG{signal}")
    };
    let known: Result<Signal, _> = long.to_uppercase().parse();
    known
        .map(Signal::as_str)
        .map_err(|_| Error::InvalidConfig(format!("`{signal}` is not a signal; write it like `SIGTERM`")))
}

/// The task's own address: on the network that it names, else on the first one by name.
fn network(found: &Container, wanted: Option<&str>) -> Option<NetworkOverride> {
    let named = wanted.and_then(|name| found.addresses.get_key_value(name));
    let (name, address) = named.or_else(|| found.addresses.iter().next())?;
    Some(NetworkOverride {
        port_map: std::collections::BTreeMap::new(),
        address: address.clone(),
        auto_advertise: !matches!(name.as_str(), "bridge" | "nat"),
    })
}
