//! From the body of a job file to a [`Job`].

mod group;
mod restart;
mod task;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use encamp_hclspec::{Block, Body, Context, Diagnostic, Diagnostics, Span};
use indexmap::IndexMap;
use serde::Deserialize;

use crate::job::{Job, JobType};
use crate::read::{Argument, Keys, Parts as _, Reader};
use crate::{Parsed, names, variables};

const FILE: Keys = Keys {
    what: "job file",
    arguments: &[],
    blocks: &["job", "variable", "locals"],
    ignored: &[],
    later: &["variables"],
};

const JOB: Keys = Keys {
    what: "job",
    arguments: &[
        ("id", Argument::Text),
        ("name", Argument::Text),
        ("type", Argument::Text),
        ("region", Argument::Text),
        ("namespace", Argument::Text),
        ("datacenters", Argument::Texts),
        ("meta", Argument::Map),
    ],
    blocks: &["group"],
    ignored: &["node_pool", "priority", "constraint", "affinity", "spread"],
    later: &[
        "all_at_once",
        "consul",
        "consul_token",
        "migrate",
        "multiregion",
        "parameterized",
        "periodic",
        "reschedule",
        "task",
        "ui",
        "update",
        "vault",
        "vault_token",
    ],
};

#[derive(Default, Deserialize)]
#[serde(default)]
struct JobArguments {
    id: Option<String>,
    name: Option<String>,
    #[serde(rename = "type")]
    job_type: Option<String>,
    region: Option<String>,
    namespace: Option<String>,
    datacenters: Option<Vec<String>>,
    meta: IndexMap<String, String>,
}

pub(crate) fn file(body: &Body, given: &BTreeMap<String, String>) -> Result<Parsed, Diagnostics> {
    let nothing = Context::new();
    let mut reader = Reader {
        context: &nothing,
        diagnostics: Diagnostics::new(),
    };
    reader.check_names(&FILE, body);
    let context = Arc::new(variables::context(body, given, &mut reader));
    let mut builder = Builder {
        reader: Reader {
            context: &context,
            diagnostics: reader.diagnostics,
        },
        scope: Arc::clone(&context),
    };
    let job = builder.only_job(body).and_then(|block| builder.job(&block));
    let mut diagnostics = builder.reader.diagnostics;
    diagnostics.sort();
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
    fn only_job(&mut self, body: &Body) -> Option<Block> {
        let mut jobs = body.blocks_of("job");
        let Some(first) = jobs.next() else {
            let detail = "A job file holds one job: job \"name\" { .. }.";
            let span = Span::new(body.source(), 0..0);
            self.reader.error("Missing job block", detail, span);
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
        let label = self.reader.label(block)?.to_owned();
        let body = block.body();
        let arguments: JobArguments = self.reader.arguments(&JOB, body);
        let job_type = self.job_type(arguments.job_type.as_deref(), body);
        let id = arguments.id.unwrap_or(label);
        let place = body.locate(&["id"]).unwrap_or_else(|| block.header_span());
        self.check_name("job", names::job(&id), place);
        let groups = body
            .blocks_of("group")
            .filter_map(|group| self.group(&group, job_type))
            .collect();
        if body.blocks_of("group").next().is_none() {
            let detail = "A job holds one group at least: group \"name\" { task \"name\" { .. } }.";
            self.reader.error("Missing group block", detail, block.header_span());
        }
        self.check_unique("group", body);
        Some(Job {
            name: arguments.name.unwrap_or_else(|| id.clone()),
            id,
            job_type,
            namespace: arguments.namespace.unwrap_or_else(|| "default".to_owned()),
            region: arguments.region.unwrap_or_else(|| "global".to_owned()),
            datacenters: arguments.datacenters.unwrap_or_else(|| vec!["*".to_owned()]),
            meta: arguments.meta,
            groups,
            span: block.header_span(),
        })
    }

    fn job_type(&mut self, name: Option<&str>, body: &Body) -> JobType {
        let detail = match name {
            None | Some("service") => return JobType::Service,
            Some("batch") => return JobType::Batch,
            Some(name @ ("system" | "sysbatch")) => format!("Jobs of type \"{name}\" are not supported yet."),
            Some(_) => "The type of a job is \"service\" or \"batch\".".to_owned(),
        };
        let span = body.locate(&["type"]).unwrap_or_else(|| body.span());
        self.reader.error("Invalid job type", detail, span);
        JobType::Service
    }

    fn check_name(&mut self, what: &str, reason: Option<String>, place: Span) {
        if let Some(reason) = reason {
            let detail = format!("This cannot be the name of a {what}: {reason}.");
            self.reader.error(format!("Invalid {what} name"), detail, place);
        }
    }

    /// Reports blocks of a type that have the same label.
    fn check_unique(&mut self, what: &str, body: &Body) {
        let mut seen: HashMap<String, Block> = HashMap::new();
        for block in body.blocks_of(what) {
            let Some(label) = block.labels().first() else { continue };
            if let Some(first) = seen.get(label.text()) {
                let detail = format!("There is another {what} of this name before it. Each {what} needs its own name.");
                let diagnostic = Diagnostic::error(format!("Duplicate {what} name"), detail);
                let diagnostic = diagnostic
                    .with_span(label.span().clone())
                    .with_context(first.header_span());
                self.reader.diagnostics.push(diagnostic);
            } else {
                seen.insert(label.text().to_owned(), block.clone());
            }
        }
    }
}
