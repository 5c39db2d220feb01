//! Behaviour of the crate as its users see it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

mod accepted;
mod blocks;
mod config;
mod dynamic;
mod functions;
mod hostile;
mod json;
mod refused;

use std::collections::BTreeMap;

use encamp_hclspec::{Diagnostics, Source};
use encamp_jobspec::{Parsed, parse};

pub(crate) fn parse_text(text: &str, variables: &[(&str, &str)]) -> Result<Parsed, Diagnostics> {
    let variables: BTreeMap<String, String> = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    parse(Source::new("job.hcl", text.to_owned()), &variables)
}

/// A job with one task, with `group` and `task` as further text of its group and task.
pub(crate) fn job(group: &str, task: &str) -> String {
    format!("job \"j\" {{\ngroup \"g\" {{\n{group}\ntask \"t\" {{\ndriver = \"exec\"\n{task}\n}}\n}}\n}}\n")
}
