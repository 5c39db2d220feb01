//! `encamp plugin validate`.

use anyhow::Result;
use serde_json::json;

use super::config;
use super::launch::Launcher;
use crate::cli::plugin::Validate;
use crate::exit::usage;
use crate::output;

pub(super) async fn validate(launcher: &Launcher, args: &Validate) -> Result<u8> {
    let running = launcher
        .launch(&args.path, &args.args, args.launch.start_timeout)
        .await?;
    let value = config::plugin_config(&running.plugin, &args.path, Some(&args.file))?;
    let answer = running.configure(value, None).await?;
    let (name, file) = (running.info().name, args.file.display().to_string());
    running.end().await;
    if let Err(reason) = answer {
        return Err(usage(format!(
            "plugin \"{name}\" refuses the configuration in {file}: {reason}"
        )));
    }
    if output::is_json() {
        output::print_json(&json!({ "valid": true, "plugin": name, "file": file }));
    } else {
        output::line(&format!("plugin \"{name}\" takes the configuration in {file}"));
    }
    Ok(0)
}
