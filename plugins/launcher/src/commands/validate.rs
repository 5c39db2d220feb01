//! `encamp validate`.

use anyhow::Result;

use crate::cli::Validate;
use crate::paths::DataDir;
use crate::plugins::Plugins;
use crate::wiring::{self, Role};
use crate::{load, output};

pub(crate) async fn validate(data: &DataDir, args: &Validate) -> Result<u8> {
    let (record, mut allocation, notices) = load::request(&args.job)?;
    allocation.dir = data.allocs().join(&allocation.id);
    let (job, group) = (allocation.job.id.clone(), allocation.group.name.clone());
    let tasks: Vec<String> = allocation.group.tasks.iter().map(|task| task.name.clone()).collect();
    let plugins = Plugins::asked(&args.plugins)?;
    let wired = wiring::wire_with(data, &record, Role::Visitor, plugins.as_ref()).await?;
    let prepared = load::prepare(allocation, &wired.parts).await;
    wired.close().await;
    drop(prepared?);
    load::show_notices(&notices);
    if output::is_json() {
        output::print_json(&serde_json::json!({ "valid": true, "job": job, "group": group, "tasks": tasks }));
    } else {
        output::line(&format!(
            "job \"{job}\", group \"{group}\" is valid; tasks: {}",
            tasks.join(", ")
        ));
    }
    Ok(0)
}
