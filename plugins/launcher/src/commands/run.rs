//! `encamp run`.

use anyhow::{Result, bail};
use encamp_runner::{AllocRecord, Allocation, Desired, Lock, Outcome, Parts, Prepared, Runner, Store};

use crate::attend::left_behind;
use crate::cli::Run;
use crate::commands::detach::detach;
use crate::exit::{self, INTERRUPTED};
use crate::paths::DataDir;
use crate::plugins::{self, Plugins};
use crate::signals::{self, Signals};
use crate::ui::{Printer, Shown};
use crate::wiring::{self, Role, Wired};
use crate::{load, output, purge};

pub(crate) async fn run(data: &DataDir, args: Run) -> Result<u8> {
    let (record, mut allocation, notices) = load::request(&args.job)?;
    allocation.dir = data.allocs().join(&allocation.id);
    let plugins = Plugins::asked(&args.plugins)?;
    if let Some(plugins) = &plugins {
        plugins.keep(data, &record.id)?;
    }
    // A runner in the background has plugins of its own.
    let role = if args.detach { Role::Visitor } else { Role::Runner };
    let ended = async {
        let ready = ready(data, &record, &allocation, (role, plugins.as_ref()));
        let (wired, prepared) = if plugins.is_some() {
            // Plugins may take long, and some ignore the signals of a terminal.
            let deadly = signals::deadly()?;
            tokio::select! {
                ready = ready => ready?,
                signal = deadly => return Ok(exit::killed_by(signal)),
            }
        } else {
            ready.await?
        };
        load::show_notices(&notices);
        let ended = run_with(data, &args, (&record, &allocation, prepared), &wired).await;
        wired.close().await;
        ended
    };
    let ended = Box::pin(ended).await;
    if plugins.is_some() && !Store::new(data.state()).dir(&record.id).exists() {
        plugins::forget(data, &record.id)?;
    }
    ended
}

/// The parts, and what their drivers make of the job. Nothing is started but plugins.
async fn ready(
    data: &DataDir,
    record: &AllocRecord,
    allocation: &Allocation,
    (role, plugins): (Role, Option<&Plugins>),
) -> Result<(Wired, Prepared)> {
    let wired = wiring::wire_with(data, record, role, plugins).await?;
    match load::prepare(allocation.clone(), &wired.parts).await {
        Ok(prepared) => Ok((wired, prepared)),
        Err(error) => {
            wired.close().await;
            Err(error)
        }
    }
}

async fn run_with(
    data: &DataDir,
    args: &Run,
    (record, allocation, prepared): (&AllocRecord, &Allocation, Prepared),
    wired: &Wired,
) -> Result<u8> {
    let parts = wired.parts.clone();
    let store = parts.store.clone();
    if args.detach {
        let lock = store.create(record)?;
        wired.close().await;
        return detach(data, &store, allocation, lock).await;
    }
    let signals = Signals::catch()?;
    let lock = store.create(record)?;
    let ended = foreground(allocation, prepared, parts, lock, signals).await;
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
