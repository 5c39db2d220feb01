//! `encamp signal`.

use anyhow::{Context as _, Result};
use encamp_runner::{Phase, Store};

use crate::attach::attach;
use crate::cli::Signal;
use crate::exit::usage;
use crate::paths::DataDir;
use crate::wiring::{self, Role};
use crate::{output, target};

pub(crate) async fn signal(data: &DataDir, args: &Signal) -> Result<u8> {
    let target = target::find(&Store::new(data.state()), Some(&args.target))?;
    let wired = wiring::wire(data, &target.alloc.record, Role::Visitor).await?;
    let running = target
        .alloc
        .tasks
        .iter()
        .filter(|(_, record)| record.phase == Phase::Running);
    let tasks: Vec<&str> = match &target.task {
        Some(task) => vec![task],
        None => running.map(|(name, _)| name.as_str()).collect(),
    };
    if tasks.is_empty() {
        return Err(usage(format!("no task of {} runs", target.alloc.short_id())));
    }
    let name = signal_name(&args.signal);
    for task in tasks {
        let attached = attach(data, &wired.parts, &target.alloc, task).await?;
        let sent = attached.driver.signal_task(&attached.id, &name).await;
        sent.with_context(|| format!("cannot send {name} to task \"{task}\""))?;
        if output::is_json() {
            output::print_json(&serde_json::json!({ "task": task, "signal": name }));
        }
    }
    wired.close().await;
    Ok(0)
}

/// `hup` and `HUP` are `SIGHUP`, as `kill` has it.
fn signal_name(text: &str) -> String {
    let upper = text.to_ascii_uppercase();
    if upper.starts_with("SIG") {
        upper
    } else {
        format!("SIG{upper}")
    }
}
