//! The allocation as a whole: hooks around it, its tasks in order.

use std::collections::BTreeMap;
use std::sync::Arc;

use encamp_driver::{PROGRESS, TaskEvent};
use encamp_hook::{AllocContext, TaskInfo};
use futures_util::StreamExt as _;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinSet;

use crate::context::Shared;
use crate::lifecycle::{self, Desired, Order, Progress, Role};
use crate::outcome::{Outcome, TaskOutcome};
use crate::task::{TaskRunner, Wires};
use crate::{Event, EventKind, Lock, Parts, Prepared, PreparedTask, RunError};

/// How many events a slow watcher may fall behind before it misses some.
const EVENT_BACKLOG: usize = 1024;

/// How many driver events may wait to be written into a task's record.
const MAILBOX: usize = 64;

/// Runs one allocation to its end.
#[derive(Debug)]
pub struct Runner {
    prepared: Prepared,
    parts: Parts,
    desired: watch::Receiver<Desired>,
    events: broadcast::Sender<Event>,
    set_up: watch::Sender<bool>,
    _lock: Lock,
}

/// The handle to a running [`Runner`].
#[derive(Clone, Debug)]
pub struct Control {
    desired: Arc<watch::Sender<Desired>>,
    events: broadcast::Sender<Event>,
    set_up: watch::Receiver<bool>,
}

/// One task's strings, as the allocation holds them.
struct Seat {
    role: Role,
    order: watch::Sender<Order>,
    progress: watch::Receiver<Progress>,
}

impl Runner {
    /// A runner for a prepared allocation whose lock the caller holds, and the handle to it.
    pub fn new(prepared: Prepared, parts: Parts, lock: Lock) -> (Self, Control) {
        let (desired_tx, desired) = watch::channel(Desired::Run);
        let (events, _) = broadcast::channel(EVENT_BACKLOG);
        let (set_up, is_set_up) = watch::channel(false);
        let control = Control {
            desired: Arc::new(desired_tx),
            events: events.clone(),
            set_up: is_set_up,
        };
        let runner = Self {
            prepared,
            parts,
            desired,
            events,
            set_up,
            _lock: lock,
        };
        (runner, control)
    }

    /// Runs the allocation to its end. Tasks that an earlier runner of it left are taken back first.
    ///
    /// # Errors
    /// When the allocation could not be set up or cleaned up. A task that fails is no error but part of the [`Outcome`].
    ///
    /// # Cancel safety
    /// A dropped run leaves its tasks running; another runner takes them back.
    pub async fn run(self) -> Result<Outcome, RunError> {
        let Self {
            prepared,
            parts,
            desired,
            events,
            set_up,
            _lock,
        } = self;
        let shared = Arc::new(Shared {
            allocation: prepared.allocation,
            parts,
            events,
        });
        shared.check_records()?;
        init_drivers(&prepared.tasks).await?;
        let mut context = shared.alloc_context();
        shared.prerun(&mut context).await?;
        set_up.send_replace(true);
        let context = Arc::new(context);
        let tasks = run_tasks(&shared, &context, prepared.tasks, desired.clone()).await;
        let outcome = Outcome {
            tasks,
            desired: *desired.borrow(),
        };
        if outcome.remains().next().is_some() {
            // What may still run is not to lose what the hooks made for it; the runner that removes it cleans up.
            return Ok(outcome);
        }
        let failures = shared.postrun(&context).await;
        if failures.is_empty() {
            Ok(outcome)
        } else {
            Err(RunError::Postrun { failures })
        }
    }
}

impl Control {
    /// Asks for the allocation's end. A wish once given is not taken back: `Run` after `Stop` changes nothing.
    pub fn request(&self, desired: Desired) {
        self.desired.send_if_modified(|now| {
            let stronger = desired > *now;
            if stronger {
                *now = desired;
            }
            stronger
        });
    }

    /// Waits until the allocation is set up and its tasks' turn has come; false when that is not to be.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn set_up(&self) -> bool {
        self.set_up.clone().wait_for(|set_up| *set_up).await.is_ok()
    }

    /// What happens from now on. A watcher that falls too far behind misses events, not the runner.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }
}

impl Shared {
    fn alloc_context(&self) -> AllocContext {
        AllocContext {
            alloc_id: self.allocation.id.clone(),
            alloc_dir: self.allocation.dir.clone(),
            tasks: self
                .allocation
                .group
                .tasks
                .iter()
                .map(|task| TaskInfo {
                    name: task.name.clone(),
                    driver: task.driver.clone(),
                    user: task.user.clone(),
                })
                .collect(),
            env: encamp_driver::Env::default(),
            network: None,
            dns: None,
        }
    }

    /// A task whose record cannot be read may run: it must not be started a second time.
    fn check_records(&self) -> Result<(), RunError> {
        let mut tasks = self.allocation.group.tasks.iter();
        tasks.try_for_each(|task| {
            let record = self.parts.store.task(&self.allocation.id, &task.name);
            record.map(drop).map_err(RunError::Record)
        })
    }

    /// Runs the hooks in order; at the first failure, cleans up after all of them.
    async fn prerun(&self, context: &mut AllocContext) -> Result<(), RunError> {
        for hook in &self.parts.alloc_hooks {
            let Err(source) = hook.prerun(context).await else {
                continue;
            };
            let name = hook.name();
            self.tell(Event::now("", EventKind::SetupFailure, format!("{name}: {source}")));
            for failure in self.postrun(context).await {
                self.tell(Event::now("", EventKind::SetupFailure, failure));
            }
            return Err(RunError::Prerun { hook: name, source });
        }
        Ok(())
    }

    /// Runs the hooks in the reverse order, all of them; says which failed.
    async fn postrun(&self, context: &AllocContext) -> Vec<String> {
        let mut failures = Vec::new();
        for hook in self.parts.alloc_hooks.iter().rev() {
            if let Err(error) = hook.postrun(context).await {
                failures.push(format!("{}: {error}", hook.name()));
            }
        }
        failures
    }
}

/// Tells every driver of the allocation, once, that it will be used.
async fn init_drivers(tasks: &[PreparedTask]) -> Result<(), RunError> {
    let drivers: BTreeMap<_, _> = tasks.iter().map(|task| (&task.driver_name, &task.driver)).collect();
    for (name, driver) in drivers {
        let failed = |source| RunError::Driver {
            driver: name.clone(),
            source,
        };
        driver.init().await.map_err(failed)?;
    }
    Ok(())
}

async fn run_tasks(
    shared: &Arc<Shared>,
    context: &Arc<AllocContext>,
    tasks: Vec<PreparedTask>,
    desired: watch::Receiver<Desired>,
) -> Vec<TaskOutcome> {
    let mut seats = Vec::new();
    let mut runs = JoinSet::new();
    let mut mailboxes = Vec::new();
    for (index, task) in tasks.into_iter().enumerate() {
        let (order, orders) = watch::channel(Order::Wait);
        let (report, progress) = watch::channel(Progress::Pending);
        let (mailbox, mail) = mpsc::channel(MAILBOX);
        let wires = Wires {
            orders,
            progress: report,
            mail,
            mailbox: mailbox.clone(),
        };
        seats.push(Seat {
            role: Role::of(&task.task),
            order,
            progress,
        });
        mailboxes.push((task.task.name.clone(), task.driver_name.clone(), mailbox));
        let runner = TaskRunner::new(Arc::clone(shared), Arc::clone(context), task, wires);
        runs.spawn(async move { (index, runner.run().await) });
    }
    let pumps = pump_driver_events(shared, &mailboxes).await;
    let outcomes = conduct(&seats, runs, desired).await;
    drop(pumps);
    outcomes
}

/// Gives orders whenever something changes, until every task is dead.
async fn conduct(
    seats: &[Seat],
    mut runs: JoinSet<(usize, TaskOutcome)>,
    mut desired: watch::Receiver<Desired>,
) -> Vec<TaskOutcome> {
    let mut outcomes = Vec::new();
    let mut progress = futures_util::stream::select_all(
        seats
            .iter()
            .map(|seat| tokio_stream::wrappers::WatchStream::from_changes(seat.progress.clone())),
    );
    while !runs.is_empty() {
        give_orders(seats, *desired.borrow_and_update());
        tokio::select! {
            Some(_) = progress.next() => {}
            Ok(()) = desired.changed() => {}
            Some(Ok(outcome)) = runs.join_next() => outcomes.push(outcome),
        }
    }
    outcomes.sort_by_key(|(index, _)| *index);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

fn give_orders(seats: &[Seat], desired: Desired) {
    let tasks: Vec<_> = seats.iter().map(|seat| (seat.role, *seat.progress.borrow())).collect();
    for (seat, order) in seats.iter().zip(lifecycle::orders(&tasks, desired)) {
        seat.order.send_if_modified(|now| {
            let changed = *now != order;
            *now = order;
            changed
        });
    }
}

/// Reads every driver's events for as long as the result lives, and passes ours on to their tasks.
async fn pump_driver_events(shared: &Arc<Shared>, mailboxes: &[(String, String, mpsc::Sender<Event>)]) -> JoinSet<()> {
    let mut pumps = JoinSet::new();
    let mut names: Vec<&str> = mailboxes.iter().map(|(_, driver, _)| driver.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let Some(driver) = shared.parts.drivers.get(name) else {
            continue;
        };
        let Ok(mut events) = driver.task_events().await else {
            continue;
        };
        let shared = Arc::clone(shared);
        let mailboxes = mailboxes.to_vec();
        pumps.spawn(async move {
            while let Some(Ok(event)) = events.next().await {
                if event.alloc_id == shared.allocation.id {
                    deliver(&shared, &mailboxes, event);
                }
            }
        });
    }
    pumps
}

/// Tells watchers of a driver's event, and has all but mere progress kept in the task's record.
fn deliver(shared: &Shared, mailboxes: &[(String, String, mpsc::Sender<Event>)], event: TaskEvent) {
    let progress = event.annotations.contains_key(PROGRESS);
    let event = Event {
        task: event.task_name,
        time: event.timestamp,
        kind: EventKind::Driver,
        message: event.message,
        annotations: event.annotations,
    };
    let mailbox = mailboxes.iter().find(|(task, ..)| *task == event.task);
    if let (Some((.., mailbox)), false) = (mailbox, progress) {
        // A full mailbox means that the record misses an event, which is better than to hold up the driver.
        drop(mailbox.try_send(event.clone()));
    }
    shared.tell(event);
}
