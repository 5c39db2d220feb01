//! `encamp stop`.

use std::time::Duration;

use anyhow::{Context as _, Result};
use encamp_runner::{Desired, Runner, Store, Supervisor};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::cli::Stop;
use crate::exit::usage;
use crate::paths::DataDir;
use crate::target::{self, Alloc, Target};
use crate::{load, output, purge, signals, wiring};

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
    let id = &alloc.record.id;
    let desired = if args.force { Desired::Kill } else { Desired::Stop };
    match alloc.supervisor {
        Supervisor::None if alloc.is_over() => {}
        Supervisor::None => stop_unattended(data, alloc, desired).await?,
        Supervisor::Unnamed | Supervisor::Process(_) => {
            ask(store, id, desired).await?;
            // A runner that was killed meanwhile has not stopped its tasks.
            let alloc = Alloc::load(store, alloc.record.clone())?;
            if store.dir(id).exists() && !alloc.is_over() {
                stop_unattended(data, &alloc, desired).await?;
            }
        }
    }
    if args.keep {
        Ok(())
    } else {
        purge::purge(data, store, id)
    }
}

/// Asks the allocation's runner to stop it, and waits until the runner has ended.
async fn ask(store: &Store, alloc_id: &str, desired: Desired) -> Result<()> {
    let signal = if desired == Desired::Kill {
        Signal::SIGQUIT
    } else {
        Signal::SIGTERM
    };
    let mut asked = false;
    loop {
        match store.supervisor(alloc_id)? {
            Supervisor::None => return Ok(()),
            Supervisor::Process(pid) if !asked => {
                kill(Pid::from_raw(pid), signal).with_context(|| format!("cannot signal the runner, process {pid}"))?;
                asked = true;
            }
            Supervisor::Unnamed | Supervisor::Process(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Stops the tasks of an allocation whose runner has died: by running it, with the wish to end.
async fn stop_unattended(data: &DataDir, alloc: &Alloc, desired: Desired) -> Result<()> {
    let parts = wiring::parts(data, &alloc.record.id).await?;
    let lock = parts.store.lock(&alloc.record.id)?;
    let prepared = load::prepare(load::again(&alloc.record, data)?, &parts).await?;
    let (runner, control) = Runner::new(prepared, parts, lock);
    control.request(desired);
    let signals = tokio::spawn(signals::obey(control, output::notice));
    let outcome = runner.run().await;
    signals.abort();
    outcome?;
    Ok(())
}
