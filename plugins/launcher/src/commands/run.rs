//! `encamp run`.

use anyhow::{Result, bail};
use encamp_runner::{Allocation, Desired, Lock, Outcome, Parts, Prepared, Runner};

use crate::attend::left_behind;
use crate::cli::Run;
use crate::commands::detach::detach;
use crate::exit::{self, INTERRUPTED};
use crate::paths::DataDir;
use crate::signals::{self, Signals};
use crate::ui::{Printer, Shown};
use crate::{load, output, purge, wiring};

pub(crate) async fn run(data: &DataDir, args: Run) -> Result<u8> {
    let (record, mut allocation, notices) = load::request(&args.job)?;
    allocation.dir = data.allocs().join(&allocation.id);
    let parts = wiring::parts(data, &record).await?;
    let prepared = load::prepare(allocation.clone(), &parts).await?;
    load::show_notices(&notices);
    let store = parts.store.clone();
    if args.detach {
        let lock = store.create(&record)?;
        return detach(data, &store, &allocation, lock).await;
    }
    let signals = Signals::catch()?;
    let lock = store.create(&record)?;
    let ended = foreground(&allocation, prepared, parts, lock, signals).await;
    if let Ok((outcome, _)) = &ended
        && let Some(left) = left_behind(&allocation.id, outcome.remains())
    {
        bail!(left);
    }
    let result = ended.map(|(_, code)| code);
    // A `stop --keep` elsewhere wants the same.
    if args.keep || store.is_kept(&allocation.id) {
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

/// Runs the group here, and shows what happens. Gives what became of it, and the exit code.
async fn foreground(
    allocation: &Allocation,
    prepared: Prepared,
    parts: Parts,
    lock: Lock,
    signals: Signals,
) -> Result<(Outcome, u8)> {
    let (runner, control) = Runner::new(prepared, parts, lock);
    let printer = Printer::start(Shown {
        alloc_id: allocation.id.clone(),
        logs: allocation.dir.join("alloc/logs"),
        tasks: allocation.group.tasks.iter().map(|task| task.name.clone()).collect(),
        events: control.events(),
    });
    let outcome = signals.run(runner, control, printer.notices()).await;
    // The tasks have ended; whoever does not read what they have said does not have to be waited for.
    let given_up = signals::deadly()?;
    let given_up = tokio::select! {
        () = printer.finish(outcome.as_ref().ok().cloned()) => None,
        signal = given_up => Some(signal),
    };
    let outcome = outcome?;
    let code = given_up.map_or_else(|| exit_code(&outcome), exit::killed_by);
    Ok((outcome, code))
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
