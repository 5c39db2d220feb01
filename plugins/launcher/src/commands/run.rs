//! `encamp run`.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Result;
use encamp_runner::{Allocation, Desired, Event, Lock, Outcome, Parts, Phase, Prepared, Runner, Store, Supervisor};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::cli::Run;
use crate::exit::INTERRUPTED;
use crate::output;
use crate::paths::DataDir;
use crate::ui::{LogPrinter, Ui};
use crate::{load, purge, resume, signals, wiring};

/// How long the last events may take to be shown.
const LAST_EVENTS: Duration = Duration::from_secs(1);

pub(crate) async fn run(data: &DataDir, args: Run) -> Result<u8> {
    let (record, mut allocation, notices) = load::request(&args.job)?;
    allocation.dir = data.allocs().join(&allocation.id);
    let parts = wiring::parts(data, &record.id).await?;
    let prepared = load::prepare(allocation.clone(), &parts).await?;
    load::show_notices(&notices);
    parts.store.create(&record)?;
    if args.detach {
        return detach(data, &parts.store, &allocation).await;
    }
    let lock = parts.store.lock(&record.id)?;
    let store = parts.store.clone();
    let result = foreground(&allocation, prepared, parts, lock).await;
    if args.keep {
        return result;
    }
    match purge::purge(data, &store, &allocation.id) {
        Ok(()) => result,
        Err(error) => {
            output::error(&format!("{error:#}"));
            // What went wrong first is told too.
            result.and(Ok(1))
        }
    }
}

/// Runs the group here, shows what happens, and gives the exit code.
async fn foreground(allocation: &Allocation, prepared: Prepared, parts: Parts, lock: Lock) -> Result<u8> {
    let tasks: Vec<String> = allocation.group.tasks.iter().map(|task| task.name.clone()).collect();
    let ui = Arc::new(Mutex::new(Ui::new(&allocation.id, &tasks)));
    let logs = LogPrinter::start(allocation.dir.join("alloc/logs"), tasks, Arc::clone(&ui));
    let (runner, control) = Runner::new(prepared, parts, lock);
    let watching = tokio::spawn(watch(control.events(), Arc::clone(&ui)));
    let signals = tokio::spawn(signals::obey(control));
    let outcome = runner.run().await;
    signals.abort();
    // With the runner and its control gone the last event has been sent; what is under way is still shown.
    drop(tokio::time::timeout(LAST_EVENTS, watching).await);
    tokio::task::spawn_blocking(move || logs.finish()).await?;
    let outcome = outcome?;
    if let Ok(mut ui) = ui.lock() {
        ui.finish(&outcome);
    }
    Ok(exit_code(&outcome))
}

/// Shows events until nobody can send any more.
async fn watch(mut events: broadcast::Receiver<Event>, ui: Arc<Mutex<Ui>>) {
    loop {
        match events.recv().await {
            Ok(event) => show(&ui, &event),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

fn show(ui: &Mutex<Ui>, event: &Event) {
    if let Ok(mut ui) = ui.lock() {
        ui.event(event);
    }
}

/// The exit code of the first task that failed; of an interrupted run, that of an interrupted command.
fn exit_code(outcome: &Outcome) -> u8 {
    let failed = outcome.tasks.iter().find(|task| task.failed);
    if let Some(task) = failed {
        let code = task.exit.as_ref().map_or(1, |exit| exit.exit_code);
        return u8::try_from(code).ok().filter(|code| *code != 0).unwrap_or(1);
    }
    if outcome.desired == Desired::Run {
        0
    } else {
        INTERRUPTED
    }
}

/// Leaves the run to a runner in the background; returns once every task that is to run at first has begun to.
async fn detach(data: &DataDir, store: &Store, allocation: &Allocation) -> Result<u8> {
    resume::supervise(data, store, &allocation.id).await?;
    if output::is_json() {
        output::print_json(&serde_json::json!({ "alloc_id": allocation.id }));
    } else {
        output::line(&allocation.id);
    }
    loop {
        let mut waiting = false;
        for task in &allocation.group.tasks {
            let record = store.task(&allocation.id, &task.name)?;
            let first = task.lifecycle.is_none();
            waiting |= first && matches!(record.phase, Phase::Pending | Phase::Starting) && !record.failed;
        }
        if !waiting || store.supervisor(&allocation.id)? == Supervisor::None {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    report_failed_starts(store, allocation)
}

fn report_failed_starts(store: &Store, allocation: &Allocation) -> Result<u8> {
    let mut code = 0;
    for task in &allocation.group.tasks {
        let record = store.task(&allocation.id, &task.name)?;
        if record.failed {
            let why = record
                .events
                .last()
                .map(|event| event.message.as_str())
                .unwrap_or_default();
            output::error(&format!("task \"{}\" failed: {why}", task.name));
            code = 1;
        }
    }
    Ok(code)
}
