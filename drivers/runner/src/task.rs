//! One task: started, watched, stopped, restarted, until it is dead.

mod hooks;
mod recover;
mod remains;
mod stop;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use encamp_driver::{Driver, Error, ExitResult, StartedTask, TaskConfig};
use encamp_hook::{AllocContext, TaskContext};
use encamp_jobspec::JobType;
use tokio::sync::{mpsc, watch};

use crate::allocation::new_task_id;
use crate::context::Shared;
use crate::lifecycle::{Order, Progress, Role};
use crate::prepare::Surroundings;
use crate::restart::{End, Verdict};
use crate::store::{Phase, TaskRecord};
use crate::task::recover::Recovered;
use crate::task::stop::Stopper;
use crate::{Event, EventKind, PreparedTask, TaskOutcome};

/// The longest wait between two attempts at something that must succeed in the end.
const MAX_BACKOFF: Duration = Duration::from_secs(10);

/// The pause before a driver that could not wait for a task is asked for it again.
const WAIT_PAUSE: Duration = Duration::from_millis(500);

/// How often a clean-up that fails is tried.
const DESTROY_ATTEMPTS: u32 = 5;

/// How long after [`Desired::Kill`](crate::Desired::Kill) a driver may leave it open whether a task is gone. The task is
/// given up then, and its record says what may be left.
pub const KILL_PATIENCE: Duration = Duration::from_secs(30);

/// Runs one task to its death.
pub(crate) struct TaskRunner {
    shared: Arc<Shared>,
    alloc: Arc<AllocContext>,
    spec: PreparedTask,
    context: TaskContext,
    record: TaskRecord,
    wires: Wires,
}

/// What connects a task to its allocation.
pub(crate) struct Wires {
    /// What the group wants of the task.
    pub(crate) orders: watch::Receiver<Order>,
    /// What has become of it.
    pub(crate) progress: watch::Sender<Progress>,
    /// Events that others have told already, to be kept in its record.
    pub(crate) mail: mpsc::Receiver<Event>,
    /// Where such events go.
    pub(crate) mailbox: mpsc::Sender<Event>,
}

impl TaskRunner {
    pub(crate) fn new(shared: Arc<Shared>, alloc: Arc<AllocContext>, spec: PreparedTask, wires: Wires) -> Self {
        let context = TaskContext {
            alloc_id: shared.allocation.id.clone(),
            task: spec.task.name.clone(),
            alloc_dir: shared.allocation.dir.clone(),
            env: alloc.env.clone(),
            mounts: Vec::new(),
            devices: Vec::new(),
        };
        Self {
            shared,
            alloc,
            spec,
            context,
            record: TaskRecord::default(),
            wires,
        }
    }

    pub(crate) async fn run(mut self) -> TaskOutcome {
        self.load();
        let orders = self.wires.orders.clone();
        let settled = tokio::select! {
            () = self.settle() => true,
            () = out_of_patience(orders) => false,
        };
        if !settled {
            self.give_up();
        }
        let ran = self.record.exit.is_some() || self.record.started_at.is_some();
        let failed = self.record.failed;
        self.wires.progress.send_replace(Progress::Dead { ran, failed });
        TaskOutcome {
            name: self.spec.task.name,
            failed,
            exit: self.record.exit,
            remains: self.record.remains,
        }
    }

    /// Brings the task to its death, and removes what an earlier runner could not.
    async fn settle(&mut self) {
        self.sweep().await;
        if self.record.phase != Phase::Dead {
            self.record.failed = self.live().await;
            self.stop_hooks().await;
            self.set_phase(Phase::Dead);
        }
    }

    /// Takes up the record of an earlier runner.
    fn load(&mut self) {
        match self
            .shared
            .parts
            .store
            .task(&self.shared.allocation.id, &self.spec.task.name)
        {
            Ok(record) => self.record = record,
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "Task record is lost"),
        }
        if self.record.driver.is_empty() {
            self.record.driver.clone_from(&self.spec.driver_name);
            self.event(EventKind::Received, "task received");
        }
    }

    /// Goes through starts and ends; says whether the task has failed.
    async fn live(&mut self) -> bool {
        let mut recovered = self.recover().await;
        loop {
            let end = match recovered.take() {
                Some(Recovered::Running) => self.see_to_its_end().await,
                Some(Recovered::Ended(end)) => end,
                None => {
                    if !self.turn_comes().await {
                        // What an interrupted start had made would be nobody's.
                        if self.record.phase == Phase::Starting {
                            self.destroy().await;
                        }
                        return false;
                    }
                    match self.start().await {
                        Ok(()) => self.see_to_its_end().await,
                        Err(end) => end,
                    }
                }
            };
            if self.must_end() {
                return false;
            }
            let service = self.shared.allocation.job.job_type == JobType::Service;
            let on_success = Role::of(&self.spec.task).restarts_on_success(service);
            let policy = &self.spec.task.restart;
            match self
                .record
                .restart_tracker
                .decide(end, policy, on_success, SystemTime::now())
            {
                Verdict::Complete => return false,
                Verdict::Fail => {
                    self.event(EventKind::NotRestarting, why_not(end));
                    return true;
                }
                Verdict::RestartAfter(delay) => self.pause(delay).await,
            }
        }
    }

    /// Waits until the task is to run; `false` when it is to end instead.
    async fn turn_comes(&mut self) -> bool {
        ordered(&mut self.wires.orders, |order| order != Order::Wait).await == Order::Run
    }

    fn must_end(&self) -> bool {
        ends(*self.wires.orders.borrow())
    }

    async fn pause(&mut self, delay: Duration) {
        self.record.restarts = self.record.restarts.saturating_add(1);
        self.event(EventKind::Restarting, format!("task restarting in {delay:?}"));
        self.set_phase(Phase::Waiting);
        drop(tokio::time::timeout(delay, ordered(&mut self.wires.orders, ends)).await);
    }

    // === starting

    async fn start(&mut self) -> Result<(), End> {
        // An interrupted start goes on under its own id, so that the driver knows what it had made for it.
        let fresh = self.record.phase != Phase::Starting;
        if fresh {
            self.record.task_id = new_task_id(&self.shared.allocation.id, &self.spec.task.name);
        }
        self.record.driver_state.clear();
        self.sweep().await;
        self.event(EventKind::TaskSetup, "building task directory and environment");
        self.prestart_hooks().await?;
        let config = self.config().map_err(|message| self.refuse(&message))?;
        self.try_set_phase(Phase::Starting)
            .map_err(|message| self.start_failed(&message))?;
        let driver = Arc::clone(&self.spec.driver);
        let mut orders = self.wires.orders.clone();
        let started = tokio::select! {
            started = driver.start_task(config) => started,
            _ = ordered(&mut orders, ends) => {
                self.abandon_start().await;
                return Err(End::StartFailed);
            }
        };
        match started {
            Ok(started) => {
                self.note_start(started);
                self.poststart_hooks().await;
                Ok(())
            }
            Err(error) => {
                self.event(EventKind::DriverFailure, error.chain());
                if !(fresh && error.is_early()) {
                    self.destroy().await;
                }
                self.set_phase(Phase::Waiting);
                Err(if error.is_recoverable() {
                    End::StartFailed
                } else {
                    End::StartRefused
                })
            }
        }
    }

    fn note_start(&mut self, started: StartedTask) {
        self.record.handle_version = started.version;
        self.record.driver_state = started.driver_state;
        self.record.network = started.network.map(Into::into);
        self.record.started_at = Some(unix_millis_now());
        self.record.finished_at = None;
        self.event(EventKind::Started, "task started by client");
        self.set_phase(Phase::Running);
    }

    fn refuse(&mut self, message: &str) -> End {
        self.event(EventKind::SetupFailure, message);
        End::StartRefused
    }

    fn start_failed(&mut self, message: &str) -> End {
        self.event(EventKind::SetupFailure, message);
        End::StartFailed
    }

    /// Ends a start that is no longer wanted; whatever it had made by then is found and removed.
    async fn abandon_start(&mut self) {
        // Not found is not the same as not there: what never ran is known to `destroy` alone.
        self.is_there().await;
        self.destroy().await;
        self.event(EventKind::Killed, "start given up");
    }

    fn config(&self) -> Result<TaskConfig, String> {
        let config = self.spec.task_config(&self.surroundings(), &self.record.task_id);
        config.map_err(|diagnostics| diagnostics.to_string())
    }

    fn surroundings(&self) -> Surroundings<'_> {
        Surroundings {
            allocation: &self.shared.allocation,
            host_env: &self.shared.parts.host_env,
            alloc: &self.alloc,
            task: &self.context,
        }
    }

    // === watching and stopping

    /// Waits for the task's end, stops it when that is ordered, and removes what is left of it.
    async fn see_to_its_end(&mut self) -> End {
        self.wires.progress.send_replace(Progress::Started);
        let exit = self.watch().await;
        self.read_mail();
        let end = self.note_exit(exit);
        self.exited_hooks().await;
        self.destroy().await;
        end
    }

    /// Waits for the task's end beside whatever stops it. Both are gone when this returns: a stop that still holds on to
    /// the task would keep it from being destroyed.
    async fn watch(&mut self) -> ExitResult {
        let driver = Arc::clone(&self.spec.driver);
        let id = self.record.task_id.clone();
        let mut stopping = std::pin::pin!(Stopper::new(self).stop_when_ordered());
        let mut waiting = std::pin::pin!(wait(driver, id));
        loop {
            tokio::select! {
                exit = &mut waiting => {
                    if let Ok(exit) = exit {
                        return exit;
                    }
                    if !self.is_there().await {
                        return lost(&Error::TaskNotFound(self.record.task_id.clone()));
                    }
                    waiting.set(wait(Arc::clone(&self.spec.driver), self.record.task_id.clone()));
                }
                () = &mut stopping => {}
                Some(event) = self.wires.mail.recv() => {
                    self.record.push_event(event);
                    self.save();
                }
            }
        }
    }

    fn note_exit(&mut self, exit: ExitResult) -> End {
        let end = if exit.successful() { End::Success } else { End::Failure };
        self.record.finished_at = Some(unix_millis_now());
        self.event(EventKind::Terminated, describe(&exit));
        if self.must_end() {
            self.event(EventKind::Killed, "task ended as asked");
        }
        self.record.exit = Some(exit);
        self.set_phase(Phase::Exited);
        end
    }

    /// Removes what is left of the task, however often it takes within reason; what stays is noted.
    async fn destroy(&mut self) {
        let mut backoff = Duration::from_millis(50);
        for attempt in 1..=DESTROY_ATTEMPTS {
            match self.spec.driver.destroy_task(&self.record.task_id, true).await {
                Ok(()) | Err(Error::TaskNotFound(_)) => return,
                Err(error) if attempt == DESTROY_ATTEMPTS => {
                    self.leave(format!("cannot clean up after the task: {}", error.chain()));
                    return;
                }
                Err(error) => self.trouble(&format!("cannot clean up after the task yet: {}", error.chain())),
            }
            tokio::time::sleep(backoff).await;
            backoff = (backoff * 4).min(MAX_BACKOFF);
        }
    }

    // === the record

    /// Takes down a failure that is tried again, once as long as nothing else happens.
    fn trouble(&mut self, message: &str) {
        let latest = self.record.events.iter().rev();
        let mut troubles = latest.take_while(|event| event.kind == EventKind::DriverFailure);
        if !troubles.any(|event| event.message == message) {
            self.event(EventKind::DriverFailure, message);
            self.save();
        }
    }

    /// Takes down what others have told of the task.
    fn read_mail(&mut self) {
        while let Ok(event) = self.wires.mail.try_recv() {
            self.record.push_event(event);
        }
    }

    fn event(&mut self, kind: EventKind, message: impl Into<String>) {
        let event = Event::now(&self.spec.task.name, kind, message);
        self.record.push_event(event.clone());
        self.shared.tell(event);
    }

    fn set_phase(&mut self, phase: Phase) {
        self.record.phase = phase;
        self.save();
    }

    /// As [`Self::set_phase`], where going on without the record would risk a leak.
    fn try_set_phase(&mut self, phase: Phase) -> Result<(), String> {
        self.record.phase = phase;
        self.put().map_err(|error| format!("task not started: {error}"))
    }

    fn save(&self) {
        if let Err(error) = self.put() {
            tracing::warn!(error = &error as &dyn std::error::Error, "Task record not written");
        }
    }

    fn put(&self) -> Result<(), crate::StoreError> {
        let (alloc, task) = (&self.shared.allocation.id, &self.spec.task.name);
        self.shared.parts.store.put_task(alloc, task, &self.record)
    }
}

/// The first order that is as wanted. Never, once the allocation was dropped: nothing more is to be done to its tasks.
async fn ordered(orders: &mut watch::Receiver<Order>, wanted: fn(Order) -> bool) -> Order {
    let order = orders.wait_for(|order| wanted(*order)).await.map(|order| *order);
    match order {
        Ok(order) => order,
        Err(_) => std::future::pending().await,
    }
}

fn ends(order: Order) -> bool {
    matches!(order, Order::Stop | Order::Kill)
}

/// The task's exit; `Err` when the driver must first find the task again. Only its word that there is no such task
/// makes one up.
async fn wait(driver: Arc<dyn Driver>, id: String) -> Result<ExitResult, ()> {
    match driver.wait_task(&id).await {
        Ok(exit) => Ok(exit),
        Err(error @ Error::TaskNotFound(_)) => Ok(lost(&error)),
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "Driver cannot wait for the task"
            );
            tokio::time::sleep(WAIT_PAUSE).await;
            Err(())
        }
    }
}

/// Ends some time after the order to kill: nothing that is asked of a driver then may last longer.
async fn out_of_patience(mut orders: watch::Receiver<Order>) {
    ordered(&mut orders, |order| order == Order::Kill).await;
    tokio::time::sleep(KILL_PATIENCE).await;
}

fn lost(error: &Error) -> ExitResult {
    ExitResult {
        exit_code: -1,
        err: Some(error.chain()),
        ..ExitResult::default()
    }
}

fn describe(exit: &ExitResult) -> String {
    let mut parts = vec![format!("exit code: {}", exit.exit_code)];
    if exit.signal != 0 {
        parts.push(format!("signal: {}", exit.signal));
    }
    if exit.oom_killed {
        parts.push("killed for want of memory".to_owned());
    }
    parts.extend(exit.err.clone());
    parts.join(", ")
}

fn why_not(end: End) -> &'static str {
    match end {
        End::StartRefused => "error is unrecoverable: the job must be changed",
        _ => "restart attempts of the interval are used up",
    }
}

fn unix_millis_now() -> u64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
