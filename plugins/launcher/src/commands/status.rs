//! `encamp status`.

use std::time::{Duration, SystemTime};

use anyhow::Result;
use encamp_driver::ExitResult;
use encamp_runner::{Phase, Store, Supervisor, TaskRecord};

use crate::attend::left_behind;
use crate::cli::Status;
use crate::paths::DataDir;
use crate::target::{self, Alloc};
use crate::{output, resume};

pub(crate) async fn status(data: &DataDir, args: &Status) -> Result<u8> {
    let store = Store::new(data.state());
    let Some(words) = &args.target else {
        let mut allocs = target::all(&store)?;
        for alloc in &mut allocs {
            see_to(data, &store, alloc).await;
        }
        list(&allocs);
        return Ok(0);
    };
    let mut alloc = target::find(&store, Some(words))?.alloc;
    see_to(data, &store, &mut alloc).await;
    if output::is_json() {
        output::print_json(&json(&alloc));
    } else {
        show(&alloc);
    }
    Ok(0)
}

/// Has the allocation taken up if its runner has died. One that cannot be is shown as it is, and hides no other.
async fn see_to(data: &DataDir, store: &Store, alloc: &mut Alloc) {
    if let Err(error) = resume::ensure_supervised(data, store, alloc).await {
        let id = alloc.short_id();
        output::notice(&format!(
            "nobody runs {id}, and it cannot be taken up: {error:#}; `encamp stop {id}` ends it"
        ));
    }
}

fn list(allocs: &[Alloc]) {
    if output::is_json() {
        for alloc in allocs {
            output::print_json(&json(alloc));
        }
        return;
    }
    if allocs.is_empty() {
        output::line("no allocations");
        return;
    }
    let heading = ["ID", "Job", "Group", "Status", "Tasks", "Created"]
        .map(str::to_owned)
        .to_vec();
    let rows = allocs.iter().map(|alloc| {
        let running = alloc
            .tasks
            .iter()
            .filter(|(_, task)| task.phase == Phase::Running)
            .count();
        vec![
            alloc.short_id().to_owned(),
            alloc.record.job_id.clone(),
            alloc.record.group.clone(),
            alloc.status().to_owned(),
            format!("{running}/{} running", alloc.tasks.len()),
            format!("{} ago", age(alloc.record.created_at)),
        ]
    });
    output::table(&std::iter::once(heading).chain(rows).collect::<Vec<_>>());
}

fn show(alloc: &Alloc) {
    let runner = runner(alloc).map_or_else(|| "none".to_owned(), |pid| format!("process {pid}"));
    for (name, value) in [
        ("ID", alloc.record.id.as_str()),
        ("Job", &alloc.record.job_id),
        ("Group", &alloc.record.group),
        ("Status", alloc.status()),
        ("Job file", &alloc.record.job_file),
        ("Created", &format!("{} ago", age(alloc.record.created_at))),
        ("Runner", &runner),
    ] {
        output::line(&format!("{name:<9} = {value}"));
    }
    for (name, task) in &alloc.tasks {
        output::line("");
        let state = format!("{}, restarts: {}", state(task), task.restarts);
        output::line(&format!("Task \"{name}\" ({}) is {state}", task.driver));
        let rows = task.events.iter().map(|event| {
            let kind = serde_json::to_value(event.kind).ok();
            let kind = kind.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
            vec![
                format!("  {} ago", age(event.time)),
                kind.to_owned(),
                event.message.clone(),
            ]
        });
        output::table(&rows.collect::<Vec<_>>());
    }
    if let Some(left) = left_behind(alloc.short_id(), alloc.remains()) {
        output::line("");
        output::line(&format!("Not cleaned up: {left}"));
    }
}

/// The process that runs the allocation, as far as it is known.
fn runner(alloc: &Alloc) -> Option<i32> {
    match alloc.supervisor {
        Supervisor::Process(pid) => Some(pid),
        Supervisor::None | Supervisor::Unnamed => None,
    }
}

fn state(task: &TaskRecord) -> String {
    match (task.phase, &task.exit) {
        (Phase::Dead, last) if !task.remains.is_empty() => format!("dead{}, not cleaned up", exit(last.as_ref())),
        (Phase::Dead, _) if task.failed => format!("dead, failed{}", exit(task.exit.as_ref())),
        (Phase::Dead, last) => format!("dead{}", exit(last.as_ref())),
        (Phase::Running, _) => "running".to_owned(),
        (Phase::Exited | Phase::Waiting, last) => format!("waiting for a restart{}", exit(last.as_ref())),
        (Phase::Pending | Phase::Starting, _) => "pending".to_owned(),
    }
}

fn exit(exit: Option<&ExitResult>) -> String {
    exit.map(|exit| format!(", exit code {}", exit.exit_code))
        .unwrap_or_default()
}

fn json(alloc: &Alloc) -> serde_json::Value {
    let tasks = alloc.tasks.iter().map(|(name, task)| {
        serde_json::json!({
            "name": name,
            "driver": task.driver,
            "state": task.phase,
            "failed": task.failed,
            "restarts": task.restarts,
            "started_at": task.started_at,
            "finished_at": task.finished_at,
            "exit": task.exit,
            "remains": task.remains.iter().map(|start| &start.reason).collect::<Vec<_>>(),
            "events": task.events,
        })
    });
    serde_json::json!({
        "id": alloc.record.id,
        "job": alloc.record.job_id,
        "group": alloc.record.group,
        "status": alloc.status(),
        "runner": runner(alloc),
        "tasks": tasks.collect::<Vec<_>>(),
    })
}

/// How long ago, in the largest unit.
pub(super) fn age(time: SystemTime) -> String {
    let seconds = SystemTime::now()
        .duration_since(time)
        .unwrap_or(Duration::ZERO)
        .as_secs();
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86400),
    }
}
