//! `group` blocks.

use encamp_hclspec::{Block, Diagnostic};
use indexmap::IndexMap;
use serde::Deserialize;

use super::Builder;
use crate::job::{Group, JobType, Restart, Task};
use crate::names;
use crate::read::{Argument, Keys, Parts as _};

const GROUP: Keys = Keys {
    what: "group",
    arguments: &[("count", Argument::Number), ("meta", Argument::Map)],
    blocks: &["restart", "task"],
    ignored: &["constraint", "affinity", "spread"],
    later: &[
        "consul",
        "disconnect",
        "ephemeral_disk",
        "max_client_disconnect",
        "migrate",
        "network",
        "prevent_reschedule_on_lost",
        "reschedule",
        "scaling",
        "service",
        "shutdown_delay",
        "stop_after_client_disconnect",
        "update",
        "vault",
        "volume",
    ],
};

#[derive(Default, Deserialize)]
#[serde(default)]
struct GroupArguments {
    count: Option<u64>,
    meta: IndexMap<String, String>,
}

impl Builder<'_> {
    pub(super) fn group(&mut self, block: &Block, job_type: JobType) -> Option<Group> {
        let name = self.reader.label(block)?.to_owned();
        let body = block.body();
        self.check_name("group", names::group(&name), block.header_span());
        let arguments: GroupArguments = self.reader.arguments(&GROUP, body);
        if arguments.count.is_some_and(|count| count != 1) {
            let detail = "One instance of a group is run here: remove \"count\", or set it to 1.";
            let span = body.locate(&["count"]).unwrap_or_else(|| block.header_span());
            self.reader.error("Unsupported count", detail, span);
        }
        let own = self.restart_arguments(body);
        let restart = own.over(Restart::default_of(job_type));
        let tasks: Vec<Task> = body
            .blocks_of("task")
            .filter_map(|task| self.task(&task, restart))
            .collect();
        if body.blocks_of("task").next().is_none() {
            let detail = "A group holds one task at least: task \"name\" { .. }.";
            self.reader.error("Missing task block", detail, block.header_span());
        }
        self.check_unique("task", body);
        self.check_leaders(&tasks);
        Some(Group {
            name,
            meta: arguments.meta,
            restart,
            tasks,
            span: block.header_span(),
        })
    }

    fn check_leaders(&mut self, tasks: &[Task]) {
        let mut leaders = tasks.iter().filter(|task| task.leader);
        if let (Some(first), Some(second)) = (leaders.next(), leaders.next()) {
            let detail = "At most one task of a group can be its leader.";
            let diagnostic = Diagnostic::error("Two leaders", detail).with_span(second.span.clone());
            self.reader
                .diagnostics
                .push(diagnostic.with_context(first.span.clone()));
        }
    }
}
