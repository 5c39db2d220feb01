//! One plugin, kept alive: launches that callers share, restarts, and a driver's tasks that go with them.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use encamp_device::DevicePlugin;
use encamp_driver::{ConfigError, Driver, PluginConfig, Result};
use tokio::sync::{Mutex as AsyncMutex, broadcast, watch};
use tokio::time::{Instant, sleep, timeout};

use crate::entry::Entry;
use crate::launch::Ended;
use crate::record::Records;
use crate::tasks::Tasks;
use crate::{Contract, Event, EventKind, Instance, Settings};

mod down;
mod start;

pub(crate) use self::down::Down;

/// How soon the end of a process is seen, once a call has said that it has ended.
const NOTICED_WITHIN: Duration = Duration::from_secs(5);

/// One plugin of either kind, kept alive. What only drivers have are tasks: a device plugin's supervisor knows of none.
pub(crate) struct Supervisor {
    pub(crate) entry: Entry,
    pub(crate) settings: Arc<Settings>,
    pub(crate) tasks: Tasks,
    pub(crate) state: watch::Sender<State>,
    records: Records,
    events: broadcast::Sender<Event>,
    /// Held while a process is started.
    starting: AsyncMutex<()>,
    /// A configuration that a caller has set after the operator's.
    config: Mutex<Option<PluginConfig>>,
    /// Attempts that have failed since a process last settled.
    failures: AtomicU32,
    generations: AtomicU64,
    /// Who wants the plugin to be up, beside its tasks.
    interest: AtomicUsize,
    /// Whether the process is a later host's.
    detached: AtomicBool,
}

/// How things stand.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) status: Status,
    /// How many attempts have failed, ever.
    failed: u64,
    /// Why the last one has, or what the last process came to.
    pub(crate) why: Arc<str>,
}

#[derive(Clone)]
pub(crate) enum Status {
    /// Nobody has asked for the plugin since it last was not there.
    Idle,
    /// An attempt is under way.
    Starting,
    /// It lives, or has just ended.
    Up(Arc<Live>),
    /// Another attempt will be made.
    Waiting,
    /// It is over.
    Closed,
}

/// A process that is ready.
pub(crate) struct Live {
    pub(crate) instance: Arc<dyn Instance>,
    pub(crate) generation: u64,
}

/// Keeps the plugin wanted as long as it is there.
pub(crate) struct Interest(Arc<Supervisor>);

impl Live {
    pub(crate) fn driver(&self) -> Result<&dyn Driver, Down> {
        match self.instance.contract() {
            Contract::Driver(driver) => Ok(driver),
            Contract::Device(device) => Err(Down::For(format!("plugin {} is no driver", device.info().name))),
        }
    }

    pub(crate) fn device(&self) -> Result<&dyn DevicePlugin, Down> {
        match self.instance.contract() {
            Contract::Device(device) => Ok(device),
            Contract::Driver(driver) => Err(Down::For(format!("plugin {} is no device plugin", driver.info().name))),
        }
    }
}

impl Supervisor {
    pub(crate) fn new(entry: Entry, settings: Arc<Settings>, events: broadcast::Sender<Event>) -> Self {
        let idle = State {
            status: Status::Idle,
            failed: 0,
            why: Arc::from(""),
        };
        Self {
            records: Records::new(settings.state_dir.clone(), entry.info.plugin_type),
            entry,
            settings,
            events,
            state: watch::channel(idle).0,
            tasks: Tasks::default(),
            starting: AsyncMutex::default(),
            config: Mutex::default(),
            failures: AtomicU32::new(0),
            generations: AtomicU64::new(0),
            interest: AtomicUsize::new(0),
            detached: AtomicBool::new(false),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.entry.info.name
    }

    // === for callers

    /// The number of the present process, if there is one that can be found again.
    pub(crate) fn pid(&self) -> Option<u32> {
        match &self.state.borrow().status {
            Status::Up(live) if !live.instance.has_ended() => live.instance.record().map(|record| record.pid),
            _ => None,
        }
    }

    /// The present process, which is started if there is none. All who ask together share one attempt, and its failure.
    pub(crate) async fn live(self: &Arc<Self>) -> Result<Arc<Live>, Down> {
        let mut state = self.state.subscribe();
        let before = state.borrow().failed;
        loop {
            let seen = state.borrow_and_update().clone();
            let waiting = matches!(seen.status, Status::Waiting);
            match seen.status {
                Status::Up(live) if !live.instance.has_ended() => return Ok(live),
                Status::Closed => return Err(Down::Over),
                Status::Idle | Status::Waiting if seen.failed > before => return Err(self.down(&seen.why)),
                Status::Idle => self.begin(),
                _ => {}
            }
            let changed = state.changed();
            if waiting {
                let changed = timeout(self.settings.timing.patience, changed).await;
                changed.map_err(|_| self.down(&seen.why))?.ok();
            } else {
                changed.await.ok();
            }
        }
    }

    /// A process that is later than this generation, however long it takes.
    pub(crate) async fn after(self: &Arc<Self>, generation: u64) -> Result<Arc<Live>, Down> {
        let mut state = self.state.subscribe();
        loop {
            let seen = state.borrow_and_update().clone();
            match seen.status {
                Status::Up(live) if live.generation > generation && !live.instance.has_ended() => return Ok(live),
                Status::Closed => return Err(Down::Over),
                Status::Idle => self.begin(),
                _ => {}
            }
            state.changed().await.ok();
        }
    }

    /// The process after one that has ended.
    pub(crate) async fn successor(self: &Arc<Self>, live: &Live) -> Result<Arc<Live>, Down> {
        let ended = timeout(NOTICED_WITHIN, live.instance.ended()).await;
        ended.map_err(|_| Down::Over)?;
        self.after(live.generation).await
    }

    /// The present process, if it knows the task by now, or can be told of it.
    pub(crate) async fn with_task(self: &Arc<Self>, id: &str) -> Result<Arc<Live>> {
        let live = self.live().await?;
        self.catch_up(&live, id).await?;
        Ok(live)
    }

    /// Tells a process of a task that was started in an earlier one, unless it was told.
    pub(crate) async fn catch_up(&self, live: &Live, id: &str) -> Result<()> {
        match self.tasks.behind(id, live.generation) {
            Some(handle) => self.recover(live, handle).await,
            None => Ok(()),
        }
    }

    pub(crate) fn interest(self: &Arc<Self>) -> Interest {
        self.interest.fetch_add(1, Ordering::Relaxed);
        Interest(Arc::clone(self))
    }

    /// Configures the present process, and all later ones if that one accepts it.
    pub(crate) async fn set_config(self: &Arc<Self>, config: PluginConfig) -> Result<(), ConfigError> {
        let live = self.live().await?;
        live.instance.contract().plugin().set_config(config.clone()).await?;
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = Some(config);
        Ok(())
    }

    /// The plugin's end: asked for, bounded, for good.
    pub(crate) async fn close(&self) {
        if self.detached.load(Ordering::Relaxed) {
            return;
        }
        let live = self.shut();
        // An attempt under way gives up when it sees this.
        let _last = self.starting.lock().await;
        let farewell = self.settings.timing.farewell;
        let last = async {
            match live {
                Some(live) => Some(live),
                None => self.found_again().await.map(start::Candidate::taken),
            }
        };
        let Ok(live) = timeout(farewell, last).await else {
            let plugin = self.name();
            return tracing::warn!(plugin, "An earlier host's process does not answer, and stays on record");
        };
        if let Some(live) = live {
            if let Contract::Driver(driver) = live.instance.contract() {
                let farewell = timeout(farewell, driver.shutdown()).await;
                if !matches!(farewell, Ok(Ok(()))) {
                    tracing::warn!(plugin = self.name(), ?farewell, "A plugin did not put things in order");
                }
            }
            live.instance.kill().await;
        }
        self.records.remove(self.name());
    }

    /// Leaves the process running, for a later host to find.
    pub(crate) fn detach(&self) {
        self.detached.store(true, Ordering::Relaxed);
        if let Some(live) = self.shut() {
            live.instance.detach();
        }
    }

    /// No more of it: the process that was up until now.
    fn shut(&self) -> Option<Arc<Live>> {
        let before = self.state.send_replace(State {
            status: Status::Closed,
            failed: 0,
            why: Arc::from("it was shut down"),
        });
        match before.status {
            Status::Up(live) => Some(live),
            _ => None,
        }
    }

    fn down(&self, why: &str) -> Down {
        Down::For(format!("plugin {} is down: {why}", self.name()))
    }

    fn tell(&self, kind: EventKind) {
        let (plugin, plugin_type) = (self.name().to_owned(), self.entry.info.plugin_type);
        match &kind {
            EventKind::Launched | EventKind::Reattached | EventKind::Recovered(_) => {
                tracing::info!(plugin, ?kind, "Plugin");
            }
            _ => tracing::warn!(plugin, ?kind, "Plugin"),
        }
        drop(self.events.send(Event {
            plugin,
            plugin_type,
            kind,
        }));
    }

    // === attempts

    /// Makes an attempt, unless somebody else does.
    pub(crate) fn begin(self: &Arc<Self>) {
        let begun = self.state.send_if_modified(|state| {
            let idle = matches!(state.status, Status::Idle);
            if idle {
                state.status = Status::Starting;
            }
            idle
        });
        if begun {
            tokio::spawn(supervise(Arc::downgrade(self)));
        }
    }

    fn is_wanted(&self) -> bool {
        self.interest.load(Ordering::Relaxed) > 0 || !self.tasks.is_empty()
    }

    /// Says how things stand, unless it is over.
    fn set(&self, status: Status) -> bool {
        self.change(|state| state.status = status)
    }

    fn change(&self, change: impl FnOnce(&mut State)) -> bool {
        self.state.send_if_modified(|state| {
            let open = !matches!(state.status, Status::Closed);
            if open {
                change(state);
            }
            open
        })
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state.borrow().status, Status::Closed)
    }

    async fn closed(&self) {
        let mut state = self.state.subscribe();
        state
            .wait_for(|state| matches!(state.status, Status::Closed))
            .await
            .ok();
    }

    /// One attempt, unless it is over: how to wait for the end of the process that is up now, and which one it is.
    async fn attempt(&self) -> Option<Result<(Ended, u64), String>> {
        let _one = self.starting.lock().await;
        if !self.set(Status::Starting) {
            return None;
        }
        let started = tokio::select! {
            started = self.start() => started,
            () = self.closed() => return None,
        };
        let candidate = match started {
            Ok(candidate) => candidate,
            Err(why) => return Some(Err(why)),
        };
        if !self.set(Status::Up(Arc::clone(&candidate.live))) {
            candidate.give_up().await;
            return None;
        }
        let live = candidate.taken();
        Some(Ok((live.instance.ended(), live.generation)))
    }

    /// Takes down that an attempt has failed. Gives when to make the next one.
    fn note_failure(&self, why: String) -> Option<Duration> {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let retry = self.is_wanted().then(|| self.settings.timing.backoff.delay(failures));
        let open = self.change(|state| {
            state.status = if retry.is_some() { Status::Waiting } else { Status::Idle };
            state.failed += 1;
            state.why = why.as_str().into();
        });
        self.tell(EventKind::Failed { why, retry });
        retry.filter(|_| open)
    }

    /// Takes down that a process has ended which was up. Gives when to start the next one.
    fn note_end(&self, generation: u64, lived: Duration) -> Option<Duration> {
        let timing = &self.settings.timing;
        let delay = if lived >= timing.settled {
            self.failures.store(0, Ordering::Relaxed);
            Duration::ZERO
        } else {
            let failures = self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
            timing.backoff.delay(failures)
        };
        let wanted = self.is_wanted();
        let ours = self.state.send_if_modified(|state| {
            let ours = matches!(&state.status, Status::Up(live) if live.generation == generation);
            if ours {
                state.status = if wanted { Status::Waiting } else { Status::Idle };
                state.why = Arc::from("its process has ended");
            }
            ours
        });
        if !ours {
            return None;
        }
        self.records.remove(self.name());
        self.tell(EventKind::Ended);
        wanted.then_some(delay)
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        self.0.interest.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Starts a plugin and waits for its end, again and again, as long as somebody wants it. This keeps neither it nor its
/// supervisor alive.
async fn supervise(me: Weak<Supervisor>) {
    let mut delay = Duration::ZERO;
    loop {
        sleep(delay).await;
        let Some(this) = me.upgrade() else { return };
        let next = match this.attempt().await {
            Some(Ok((ended, generation))) => {
                drop(this);
                let since = Instant::now();
                ended.await;
                let Some(this) = me.upgrade() else { return };
                this.note_end(generation, since.elapsed())
            }
            Some(Err(why)) => this.note_failure(why),
            None => return,
        };
        match next {
            Some(next) => delay = next,
            None => return,
        }
    }
}
