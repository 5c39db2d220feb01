//! `encamp plugin validate`.

use anyhow::Result;
use serde_json::json;

use super::config::Given;
use super::launch::Launcher;
use crate::cli::plugin::Validate;
use crate::exit::usage;
use crate::output;

pub(super) async fn validate(launcher: &Launcher, args: &Validate) -> Result<u8> {
    let given = Given::read(Some(&args.file))?;
    let words = given.args(&args.path, &args.args)?;
    let running = launcher.launch(&args.path, &words, args.launch.start_timeout).await?;
    let value = given.value(&running.plugin, &args.path)?;
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
