//! `encamp stop`.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use encamp_runner::{
    AllocRecord, Desired, KILL_PATIENCE, Lock, LockError, Outcome, Phase, RunError, Store, Supervisor, reap,
};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::attend::{left_behind, take_up};
use crate::cli::Stop;
use crate::exit::usage;
use crate::paths::DataDir;
use crate::signals::Signals;
use crate::target::{self, Alloc, Target};
use crate::wiring::{self, Role};
use crate::{output, purge};

/// How long a stop may take before it says what it waits for.
const LONG: Duration = Duration::from_secs(3);

/// How long a runner may take to end once it was told to kill its tasks: more than it gives their drivers.
const RUNNER_PATIENCE: Duration = KILL_PATIENCE.saturating_add(Duration::from_secs(15));

/// How long a new runner may take to say which process it is.
const UNNAMED_PATIENCE: Duration = Duration::from_secs(10);

pub(crate) async fn stop(data: &DataDir, args: &Stop) -> Result<u8> {
    let store = Store::new(data.state());
    let allocs = match &args.target {
        Some(words) => vec![whole(target::find(&store, Some(words))?)?],
        None => target::all(&store)?,
    };
    let mut code = 0;
    for alloc in allocs {
        let id = alloc.short_id().to_owned();
        match stop_one(data, &store, &alloc, args).await {
            Ok(()) if output::is_json() => {
                output::print_json(&serde_json::json!({ "alloc_id": alloc.record.id, "stopped": true }));
            }
            Ok(()) => output::line(&format!("{id} stopped")),
            Err(error) => {
                output::error(&format!("cannot stop {id}: {error:#}"));
                code = 1;
            }
        }
    }
    Ok(code)
}

/// The allocation that is meant; a task of it cannot be stopped alone.
fn whole(target: Target) -> Result<Alloc> {
    match target.task {
        None => Ok(target.alloc),
        Some(task) => {
            let id = target.alloc.short_id();
            Err(usage(format!(
                "an allocation is stopped as a whole: name {id} rather than its task \"{task}\""
            )))
        }
    }
}

async fn stop_one(data: &DataDir, store: &Store, alloc: &Alloc, args: &Stop) -> Result<()> {
    let record = &alloc.record;
    let desired = if args.force { Desired::Kill } else { Desired::Stop };
    if args.keep {
        // The end of a run in a terminal removes everything unless it finds this.
        store.keep(&record.id)?;
    }
    let left = tokio::select! {
        left = end(data, store, record, desired) => left?,
        never = say_what_is_awaited(store, record) => match never {},
    };
    match left {
        Some(left) => bail!(left),
        None if args.keep => Ok(()),
        None => purge::purge(data, store, &record.id),
    }
}

/// Brings the allocation to its end: through its runner, or here, if it has none. Says what is left of it.
async fn end(data: &DataDir, store: &Store, record: &AllocRecord, desired: Desired) -> Result<Option<String>> {
    let mut asked = false;
    while store.dir(&record.id).exists() {
        let alloc = Alloc::load(store, record.clone())?;
        if alloc.supervisor != Supervisor::None {
            ask(store, &record.id, desired).await?;
            asked = true;
        } else if alloc.is_over() && (asked || alloc.remains().next().is_none()) {
            return Ok(left_behind(alloc.short_id(), alloc.remains()));
        } else if let Some(outcome) = end_here(data, store, record, desired).await? {
            // Also after a runner that was killed while it stopped its tasks. The records are not asked again: on a full
            // disk they may be old.
            return Ok(left_behind(alloc.short_id(), outcome.remains()));
        }
    }
    Ok(None)
}

/// Asks the allocation's runner to stop it, and waits until the runner has ended.
async fn ask(store: &Store, alloc_id: &str, desired: Desired) -> Result<()> {
    let signal = if desired == Desired::Kill {
        Signal::SIGQUIT
    } else {
        Signal::SIGTERM
    };
    let mut asked = None;
    let mut since = Instant::now();
    let mut unnamed = None;
    loop {
        let supervisor = store.supervisor(alloc_id)?;
        if supervisor != Supervisor::Unnamed {
            unnamed = None;
        }
        match supervisor {
            Supervisor::None => return Ok(()),
            Supervisor::Process(pid) if asked != Some(pid) => {
                match kill(Pid::from_raw(pid), signal) {
                    // It has just ended.
                    Ok(()) | Err(Errno::ESRCH) => {}
                    Err(error) => {
                        return Err(error).with_context(|| format!("cannot signal the runner, process {pid}"));
                    }
                }
                (asked, since) = (Some(pid), Instant::now());
            }
            Supervisor::Process(pid) if desired == Desired::Kill && since.elapsed() > RUNNER_PATIENCE => bail!(
                "the runner, process {pid}, was told to kill the tasks and has not ended in {RUNNER_PATIENCE:?}; \
                 kill it and run `encamp stop` again: its tasks do not notice"
            ),
            // For a moment also one that is ending: its descriptors are gone from sight before its lock is.
            Supervisor::Unnamed if unnamed.get_or_insert_with(Instant::now).elapsed() > UNNAMED_PATIENCE => bail!(
                "a process that cannot be seen from here runs the allocation: it holds {}; \
                 stop it as its user, and in its container if it is in one",
                store.dir(alloc_id).join("lock").display()
            ),
            Supervisor::Process(_) | Supervisor::Unnamed => {}
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Stops the tasks of an allocation whose runner has died: by running it, with the wish to end. No outcome if
/// somebody else has taken the allocation up.
async fn end_here(data: &DataDir, store: &Store, record: &AllocRecord, desired: Desired) -> Result<Option<Outcome>> {
    let signals = Signals::catch()?;
    let Some(lock) = try_lock(store, record)? else {
        return Ok(None);
    };
    let run = async {
        let (runner, control, wired) = take_up(data, record, lock).await?;
        control.request(desired);
        let outcome = signals.run(runner, control, output::notice).await;
        wired.close().await;
        anyhow::Ok(outcome?)
    };
    let error = match run.await {
        Ok(outcome) => return Ok(Some(outcome)),
        Err(error) => error,
    };
    if let Some(RunError::Postrun { .. } | RunError::Record(_)) = error.downcast_ref() {
        return Err(error);
    }
    output::notice(&format!(
        "the allocation cannot be set up again ({error:#}); what its records name is ended all the same"
    ));
    let Some(lock) = try_lock(store, record)? else {
        return Ok(None);
    };
    let wired = wiring::wire(data, record, Role::Runner).await?;
    let dir = data.allocs().join(&record.id);
    let reaped = reap(record, &wired.parts, &dir, &lock, desired).await;
    wired.close().await;
    Ok(Some(reaped?))
}

/// The right to run the allocation; none when somebody else has it.
fn try_lock(store: &Store, record: &AllocRecord) -> Result<Option<Lock>> {
    match store.lock(&record.id) {
        Ok(lock) => Ok(Some(lock)),
        Err(LockError::Held(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Says what a stop that takes long waits for, whenever that changes.
async fn say_what_is_awaited(store: &Store, record: &AllocRecord) -> Infallible {
    let mut said = BTreeMap::new();
    loop {
        tokio::time::sleep(LONG).await;
        let Ok(alloc) = Alloc::load(store, record.clone()) else {
            continue;
        };
        for (name, task) in &alloc.tasks {
            let latest = task.events.last().map(|event| event.message.clone());
            let is_there = matches!(task.phase, Phase::Starting | Phase::Running | Phase::Exited);
            let is_there = is_there || !task.remains.is_empty();
            if let Some(latest) = latest.filter(|_| is_there)
                && said.get(name) != Some(&latest)
            {
                output::notice(&format!(
                    "still waiting for task \"{name}\" of {}: {latest}",
                    alloc.short_id()
                ));
                said.insert(name.clone(), latest);
            }
        }
    }
}
