//! `group` blocks.

use std::sync::LazyLock;

use encamp_hclspec::{Block, Diagnostic};

use super::Builder;
use crate::job::{Group, JobType, Restart, Task};
use crate::read::Level;
use crate::spec::group::GroupBlock;
use crate::spec::policy::RestartArguments;
use crate::{names, spec, support};

static GROUP: LazyLock<Level> = LazyLock::new(|| Level::new(&spec::GROUP, &[("task", &["name"])]));

impl RestartArguments {
    /// What is said here, over a policy.
    pub(super) fn over(&self, policy: Restart) -> Restart {
        Restart {
            attempts: self.attempts.unwrap_or(policy.attempts),
            interval: self.interval.map_or(policy.interval, |time| time.0),
            delay: self.delay.map_or(policy.delay, |time| time.0),
            mode: self.mode.unwrap_or(policy.mode),
        }
    }
}

impl Builder<'_> {
    pub(super) fn group(&mut self, block: &Block, job_type: JobType) -> Option<Group> {
        let name = block.labels().first()?.text().to_owned();
        let body = block.body();
        self.check_name("group", names::group(&name), block.header_span());
        let before = self.reader.diagnostics.len();
        let (arguments, content) = self.reader.level::<GroupBlock>(&GROUP, body);
        let is_clean = self.reader.diagnostics.len() == before;
        let unsupported = self.reader.options.unsupported;
        support::check(
            "group",
            &content,
            &spec::GROUP,
            unsupported,
            &mut self.reader.diagnostics,
        );
        let is_good = arguments.is_some();
        let arguments = arguments.unwrap_or_default();
        if arguments.count.is_some_and(|count| count != 1) {
            let detail = "One instance of a group is run here: remove \"count\", or set it to 1.";
            let span = body.locate(&["count"]).unwrap_or_else(|| block.header_span());
            let refusal = support::refusal("Unsupported count", detail, unsupported);
            self.reader.diagnostics.push(refusal.with_span(span));
        }
        let policy = Restart::default_of(job_type);
        let restart = arguments.restart.as_ref().map_or(policy, |own| own.over(policy));
        let blocks = content.blocks.iter().filter(|nested| nested.name() == "task");
        let tasks: Vec<Task> = blocks.clone().filter_map(|task| self.task(task, restart)).collect();
        if is_clean && blocks.count() == 0 {
            let detail = "A group holds one task at least: task \"name\" { .. }.";
            self.reader.error("Missing task block", detail, block.header_span());
        }
        self.check_unique("task", &content.blocks);
        self.check_leaders(&tasks);
        is_good.then(|| finish(arguments, name, restart, tasks, block))
    }

    /// A task in a job: a group of its own.
    pub(super) fn lone_task(&mut self, block: &Block, job_type: JobType) -> Option<Group> {
        let restart = Restart::default_of(job_type);
        let task = self.task(block, restart)?;
        let name = task.name.clone();
        Some(finish(GroupBlock::default(), name, restart, vec![task], block))
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

/// The group; what it says for its tasks is theirs where they say nothing.
fn finish(arguments: GroupBlock, name: String, restart: Restart, tasks: Vec<Task>, block: &Block) -> Group {
    let mut group = Group {
        name,
        meta: arguments.meta,
        restart,
        tasks,
        span: block.header_span(),
        count: arguments.count.unwrap_or(1),
        shutdown_delay: arguments.shutdown_delay.map(|time| time.0),
        max_run_duration: arguments.max_run_duration.map(|time| time.0),
        stop_after_client_disconnect: arguments.stop_after_client_disconnect.map(|time| time.0),
        max_client_disconnect: arguments.max_client_disconnect.map(|time| time.0),
        prevent_reschedule_on_lost: arguments.prevent_reschedule_on_lost,
        constraints: arguments.constraint,
        affinities: arguments.affinity,
        spreads: arguments.spread,
        networks: arguments.network,
        services: arguments.service,
        volumes: arguments.volume,
        ephemeral_disk: arguments.ephemeral_disk,
        update: arguments.update,
        migrate: arguments.migrate,
        reschedule: arguments.reschedule,
        disconnect: arguments.disconnect,
        scaling: arguments.scaling,
        consul: None,
    };
    spec::identity_of(
        &mut group,
        arguments.consul.as_ref(),
        arguments.vault.as_ref(),
        &arguments.secret,
    );
    group
}
