//! From the body of a job file to a [`Job`].

mod group;
mod task;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use encamp_hclspec::body::Schema;
use encamp_hclspec::{Block, Body, Context, Diagnostic, Diagnostics, Span};

use crate::job::{Group, Job, JobType};
use crate::read::{Level, Reader};
use crate::spec::identity_of;
use crate::spec::job::JobBlock;
use crate::{Options, Parsed, names, spec, support, variables};

static JOB: LazyLock<Level> = LazyLock::new(|| Level::new(&spec::JOB, &[("group", &["name"]), ("task", &["name"])]));

pub(crate) fn file(body: &Body, options: &Options) -> Result<Parsed, Diagnostics> {
    let schema = Schema::new()
        .with_block("job", ["name"])
        .with_block("variable", ["name"])
        .with_block("variables", Vec::<String>::new())
        .with_block("locals", Vec::<String>::new());
    let (parts, found) = body.content(&schema);
    let base = variables::base(options);
    let mut reader = Reader {
        context: &base,
        options,
        diagnostics: found,
    };
    let context = Arc::new(variables::context(&parts, &base, &mut reader));
    let mut builder = Builder {
        reader: Reader {
            context: &context,
            options,
            diagnostics: reader.diagnostics,
        },
        scope: Arc::clone(&context),
    };
    let blocks: Vec<Block> = parts.blocks;
    let job = builder.only_job(&blocks, body).and_then(|block| builder.job(block));
    let diagnostics = builder.reader.finish();
    match job {
        Some(job) if !diagnostics.has_errors() => Ok(Parsed {
            job,
            notices: diagnostics,
        }),
        _ => Err(diagnostics),
    }
}

/// Builds the parts of a job. A part that cannot be built has been reported.
struct Builder<'c> {
    reader: Reader<'c>,
    scope: Arc<Context>,
}

impl Builder<'_> {
    fn only_job<'b>(&mut self, blocks: &'b [Block], body: &Body) -> Option<&'b Block> {
        let mut jobs = blocks.iter().filter(|block| block.name() == "job");
        let Some(first) = jobs.next() else {
            // A job block that is no good has been reported.
            if !self.reader.diagnostics.has_errors() {
                let detail = "A job file holds one job: job \"name\" { .. }.";
                let span = Span::new(body.source(), 0..0);
                self.reader.error("Missing job block", detail, span);
            }
            return None;
        };
        if let Some(second) = jobs.next() {
            let detail = "A job file holds one job only.";
            let diagnostic = Diagnostic::error("Duplicate job block", detail).with_span(second.header_span());
            self.reader
                .diagnostics
                .push(diagnostic.with_context(first.header_span()));
        }
        Some(first)
    }

    fn job(&mut self, block: &Block) -> Option<Job> {
        let label = block.labels().first()?.text().to_owned();
        let body = block.body().with_dynamic_blocks(&self.scope);
        let before = self.reader.diagnostics.len();
        let (arguments, content) = self.reader.level::<JobBlock>(&JOB, &body);
        let is_clean = self.reader.diagnostics.len() == before;
        let unsupported = self.reader.options.unsupported;
        support::check("job", &content, &spec::JOB, unsupported, &mut self.reader.diagnostics);
        let is_good = arguments.is_some();
        let arguments = arguments.unwrap_or_default();
        self.job_type(arguments.job_type, &body);
        let id = arguments.id.clone().unwrap_or(label);
        let place = body.locate(&["id"]).unwrap_or_else(|| block.header_span());
        self.check_name("job", names::job(&id), place);
        let job_type = arguments.job_type;
        let mut groups = Vec::new();
        for nested in &content.blocks {
            match nested.name() {
                "group" => groups.extend(self.group(nested, job_type)),
                "task" => groups.extend(self.lone_task(nested, job_type)),
                _ => {}
            }
        }
        let is_tasks = |nested: &Block| matches!(nested.name(), "group" | "task");
        if is_clean && !content.blocks.iter().any(is_tasks) {
            let detail = "A job holds one group at least: group \"name\" { task \"name\" { .. } }.";
            self.reader.error("Missing group block", detail, block.header_span());
        }
        self.check_unique("group", &content.blocks);
        is_good.then(|| finish(arguments, id, groups, block.header_span()))
    }

    fn job_type(&mut self, job_type: JobType, body: &Body) {
        if matches!(job_type, JobType::Service | JobType::Batch) {
            return;
        }
        let detail = format!("Jobs of type \"{job_type}\" are not supported yet.");
        let span = body.locate(&["type"]).unwrap_or_else(|| body.header_span());
        let refusal = support::refusal("Invalid job type", detail, self.reader.options.unsupported);
        self.reader.diagnostics.push(refusal.with_span(span));
    }

    fn check_name(&mut self, what: &str, reason: Option<String>, place: Span) {
        if let Some(reason) = reason {
            let detail = format!("This cannot be the name of a {what}: {reason}.");
            self.reader.error(format!("Invalid {what} name"), detail, place);
        }
    }

    /// Reports blocks of a type that have the same label.
    fn check_unique(&mut self, what: &str, blocks: &[Block]) {
        let mut seen: HashMap<&str, &Block> = HashMap::new();
        for block in blocks.iter().filter(|block| block.name() == what) {
            let Some(label) = block.labels().first() else { continue };
            if let Some(first) = seen.get(label.text()) {
                let detail = format!("There is another {what} of this name before it. Each {what} needs its own name.");
                let diagnostic = Diagnostic::error(format!("Duplicate {what} name"), detail);
                let diagnostic = diagnostic.with_span(label.span()).with_context(first.header_span());
                self.reader.diagnostics.push(diagnostic);
            } else {
                seen.insert(label.text(), block);
            }
        }
    }
}

/// The job; what it says for its groups and tasks is theirs where they say nothing.
fn finish(arguments: JobBlock, id: String, mut groups: Vec<Group>, span: Span) -> Job {
    for group in &mut groups {
        group.update = group.update.take().or_else(|| arguments.update.clone());
        group.migrate = group.migrate.take().or_else(|| arguments.migrate.clone());
        group.reschedule = group.reschedule.take().or_else(|| arguments.reschedule.clone());
        identity_of(
            group,
            arguments.consul.as_ref(),
            arguments.vault.as_ref(),
            &arguments.secret,
        );
    }
    Job {
        name: arguments.name.unwrap_or_else(|| id.clone()),
        id,
        job_type: arguments.job_type,
        namespace: arguments.namespace,
        region: arguments.region,
        datacenters: arguments.datacenters.unwrap_or_else(|| vec!["*".to_owned()]),
        meta: arguments.meta,
        groups,
        span,
        priority: arguments.priority,
        all_at_once: arguments.all_at_once,
        node_pool: arguments.node_pool,
        constraints: arguments.constraint,
        affinities: arguments.affinity,
        spreads: arguments.spread,
        update: arguments.update,
        migrate: arguments.migrate,
        reschedule: arguments.reschedule,
        periodic: arguments.periodic,
        parameterized: arguments.parameterized,
        multiregion: arguments.multiregion,
        consul: arguments.consul,
        vault: arguments.vault,
        secrets: arguments.secret,
        ui: arguments.ui,
    }
}
