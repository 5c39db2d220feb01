//! What a driver says, for people and as JSON.

use std::fmt::Write as _;

use encamp_driver::{ExitResult, Fingerprint, TaskEvent, TaskState, TaskStats, TaskStatus};
use serde_json::{Value, json};

use super::super::info::{show_rows, word};
use crate::commands::status::age;
use crate::output;
use crate::session::plain;

pub(super) fn fingerprint(found: &Fingerprint) {
    if output::is_json() {
        return output::print_json(&json!({ "fingerprint": found }));
    }
    output::line(&plain(&health(found)));
    for (name, value) in &found.attributes {
        output::line(&plain(&format!("  {name} = {value}")));
    }
}

pub(super) fn health(found: &Fingerprint) -> String {
    let health = word(&found.health);
    match found.health_description.as_str() {
        "" => health,
        description => format!("{health} ({description})"),
    }
}

/// How something has ended.
pub(super) fn exit(exit: &ExitResult) -> String {
    let mut text = match exit.signal {
        0 => format!("exit code {}", exit.exit_code),
        signal => format!("killed by signal {signal}"),
    };
    if exit.oom_killed {
        text.push_str(", out of memory");
    }
    if let Some(error) = &exit.err {
        text.push_str(": ");
        text.push_str(error);
    }
    text
}

pub(super) fn state(state: TaskState) -> &'static str {
    match state {
        TaskState::Unknown => "unknown",
        TaskState::Running => "running",
        TaskState::Exited => "exited",
    }
}

pub(super) fn status(status: &TaskStatus) {
    if output::is_json() {
        return output::print_json(&status_json(status));
    }
    let mut rows = vec![
        ("Id", status.id.clone()),
        ("Name", status.name.clone()),
        ("State", state(status.state).to_owned()),
    ];
    let ago = |time| format!("{} ago", age(time));
    rows.extend(status.started_at.map(|time| ("Started", ago(time))));
    rows.extend(status.completed_at.map(|time| ("Completed", ago(time))));
    rows.extend(status.exit.as_ref().map(|result| ("Result", exit(result))));
    rows.extend(
        status
            .network
            .as_ref()
            .map(|network| ("Address", network.address.clone())),
    );
    rows.extend(
        status
            .attributes
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone())),
    );
    show_rows(&rows);
}

fn status_json(status: &TaskStatus) -> Value {
    json!({
        "id": status.id,
        "name": status.name,
        "state": status.state,
        "started_at": status.started_at,
        "completed_at": status.completed_at,
        "exit": status.exit,
        "attributes": status.attributes,
        "network": status.network,
    })
}

pub(super) fn stats(name: &str, stats: &TaskStats) {
    if output::is_json() {
        return output::print_json(&json!({ "task": name, "stats": stats }));
    }
    let (cpu, memory) = (&stats.total.cpu, &stats.total.memory);
    let mut line = format!("{name}: {:.1} % of a core ({:.0} MHz)", cpu.percent, cpu.total_ticks);
    let sizes = [
        ("resident", memory.rss),
        ("cache", memory.cache),
        ("swap", memory.swap),
        ("in use", memory.usage),
        ("at most", memory.max_usage),
    ];
    for (what, bytes) in sizes.into_iter().filter(|(_, bytes)| *bytes > 0) {
        let _ = write!(line, ", {what} {}", size(bytes));
    }
    if !stats.by_pid.is_empty() {
        let _ = write!(line, "; processes {}", stats.by_pid.len());
    }
    output::line(&line);
}

fn size(bytes: u64) -> String {
    const KIB: u64 = 1024;
    const MIB: u64 = 1024 * KIB;
    match bytes {
        0..KIB => format!("{bytes} B"),
        KIB..MIB => format!("{} KiB", bytes / KIB),
        _ => format!("{} MiB", bytes / MIB),
    }
}

pub(super) fn event(event: &TaskEvent) -> (String, Value) {
    let mut text = format!("{}: {}", event.task_name, event.message);
    for (name, value) in &event.annotations {
        let _ = write!(text, " {name}={value}");
    }
    let json = json!({
        "event": "driver",
        "task": event.task_name,
        "task_id": event.task_id,
        "alloc_id": event.alloc_id,
        "timestamp": event.timestamp,
        "message": event.message,
        "annotations": event.annotations,
    });
    (text, json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(result: &ExitResult, text: &str) {
        assert_eq!(exit(result), text);
    }

    #[test]
    fn an_end_is_told_with_its_reason() {
        check(&ExitResult::code(3), "exit code 3");
        check(&ExitResult::signal(9), "killed by signal 9");
        let mut killed = ExitResult::signal(9);
        killed.oom_killed = true;
        killed.err = Some("no memory".to_owned());
        check(&killed, "killed by signal 9, out of memory: no memory");
    }

    #[test]
    fn sizes_are_told_in_their_unit() {
        assert_eq!([size(12), size(2048), size(3 << 20)], ["12 B", "2 KiB", "3 MiB"]);
    }
}
