//! What the runner acts on, of all that job files may say.

use encamp_hclspec::body::{Content, Schema};
use encamp_hclspec::{Block, Diagnostic, Diagnostics, Span, Spec};

use crate::Unsupported;

/// What is not acted on yet, by block. What is in no list is acted on: who makes the runner act on something takes it
/// off here.
struct Entry {
    /// The block.
    block: &'static str,
    /// What only places a job: it is taken, with a notice.
    placing: &'static [&'static str],
    /// What a job would run wrongly without: it is refused.
    later: &'static [&'static str],
}

const TABLE: [Entry; 6] = [
    Entry {
        block: "job",
        placing: &["node_pool", "priority", "constraint", "affinity", "spread"],
        later: &[
            "all_at_once",
            "consul",
            "consul_token",
            "migrate",
            "multiregion",
            "parameterized",
            "periodic",
            "reschedule",
            "secret",
            "task",
            "ui",
            "update",
            "vault",
            "vault_token",
        ],
    },
    Entry {
        block: "group",
        placing: &["constraint", "affinity", "spread"],
        later: &[
            "consul",
            "disconnect",
            "ephemeral_disk",
            "max_client_disconnect",
            "max_run_duration",
            "migrate",
            "network",
            "prevent_reschedule_on_lost",
            "reschedule",
            "scaling",
            "secret",
            "service",
            "shutdown_delay",
            "stop_after_client_disconnect",
            "update",
            "vault",
            "volume",
        ],
    },
    Entry {
        block: "task",
        placing: &["constraint", "affinity"],
        later: &[
            "action",
            "artifact",
            "consul",
            "csi_plugin",
            "dispatch_payload",
            "identity",
            "kind",
            "scaling",
            "schedule",
            "secret",
            "service",
            "shutdown_delay",
            "template",
            "vault",
            "volume_mount",
        ],
    },
    Entry {
        block: "resources",
        placing: &[],
        later: &["device", "disk", "iops", "network", "numa", "secrets"],
    },
    Entry {
        block: "restart",
        placing: &[],
        later: &["render_templates"],
    },
    Entry {
        block: "logs",
        placing: &[],
        later: &["enabled"],
    },
];

/// Reports what is not acted on in a block, and in the blocks in it that are. `schema` is the block's.
pub(crate) fn check(
    block: &str,
    content: &Content,
    spec: &Spec,
    unsupported: Unsupported,
    diagnostics: &mut Diagnostics,
) {
    let Some(entry) = TABLE.iter().find(|entry| entry.block == block) else {
        return;
    };
    for attribute in content.attributes.values() {
        diagnostics.extend(entry.report(attribute.name(), attribute.name_span(), "argument", unsupported));
    }
    for nested in &content.blocks {
        diagnostics.extend(entry.report(nested.name(), nested.name_span(), "block", unsupported));
        if let Some(schema) = TABLE
            .iter()
            .any(|entry| entry.block == nested.name())
            .then(|| schema_of(spec, nested))
            .flatten()
        {
            let (content, _) = nested.body().partial_content(&schema);
            check(nested.name(), &content, spec, unsupported, diagnostics);
        }
    }
}

/// The schema of a block in another one.
fn schema_of(spec: &Spec, block: &Block) -> Option<Schema> {
    match spec {
        Spec::Object(parts) => match parts.get(block.name())? {
            Spec::Described { nested, .. } => block_schema(nested),
            part => block_schema(part),
        },
        Spec::Validate { nested, .. } | Spec::Described { nested, .. } => schema_of(nested, block),
        _ => None,
    }
}

fn block_schema(spec: &Spec) -> Option<Schema> {
    match spec {
        Spec::Block { nested, .. } => Some(nested.implied_schema()),
        _ => None,
    }
}

impl Entry {
    fn report(&self, name: &str, span: Span, form: &str, unsupported: Unsupported) -> Option<Diagnostic> {
        if self.placing.contains(&name) {
            let detail = "Ignored: encamp places nothing.";
            let notice = Diagnostic::warning(format!("\"{name}\" has no effect"), detail);
            return Some(notice.with_span(span));
        }
        if !self.later.contains(&name) {
            return None;
        }
        let place = match self.block {
            "job" | "group" | "task" => self.block.to_owned(),
            other => format!("{other} block"),
        };
        let detail = format!("\"{name}\" in a {place} is not supported yet. Remove it to run the job here.");
        Some(refusal(format!("Unsupported {form}"), detail, unsupported).with_span(span))
    }
}

/// That something is not supported: an error, or a notice for who does not run the job.
pub(crate) fn refusal(summary: impl Into<String>, detail: impl Into<String>, unsupported: Unsupported) -> Diagnostic {
    match unsupported {
        Unsupported::Refuse => Diagnostic::error(summary, detail),
        Unsupported::Note => Diagnostic::warning(summary, detail),
    }
}
