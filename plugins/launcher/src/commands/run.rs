//! `encamp run`.

use std::time::Duration;

use anyhow::Result;
use encamp_runner::{Allocation, Desired, Lock, Outcome, Parts, Phase, Prepared, Runner, Store, Supervisor};

use crate::cli::Run;
use crate::exit::{self, INTERRUPTED};
use crate::output;
use crate::paths::DataDir;
use crate::ui::{Printer, Shown};
use crate::{load, purge, resume, signals, wiring};

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
    let (runner, control) = Runner::new(prepared, parts, lock);
    let printer = Printer::start(Shown {
        alloc_id: allocation.id.clone(),
        logs: allocation.dir.join("alloc/logs"),
        tasks: allocation.group.tasks.iter().map(|task| task.name.clone()).collect(),
        events: control.events(),
    });
    let signals = tokio::spawn(signals::obey(control, printer.notices()));
    let outcome = runner.run().await;
    signals.abort();
    // The tasks have ended; whoever does not read what they have said does not have to be waited for.
    let given_up = signals::deadly()?;
    tokio::select! {
        () = printer.finish(outcome.as_ref().ok().cloned()) => {}
        signal = given_up => return Ok(exit::killed_by(signal)),
    }
    Ok(exit_code(&outcome?))
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
