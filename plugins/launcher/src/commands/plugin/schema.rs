//! `encamp plugin schema`.

use anyhow::{Context as _, Result};
use encamp_driver::{Driver as _, Plugin as _, PluginType};
use encamp_driver_grpc::RemoteDriver;
use encamp_hclspec::{Spec, export};
use serde_json::{Map, Value};

use super::launch::{Launcher, Running};
use crate::cli::plugin::{Format, Schema};
use crate::exit::usage;
use crate::output;
use crate::session::plain;

/// What a schema is of, as the output names it.
const CONFIG: &str = "config";
const TASK: &str = "task";

pub(super) async fn schema(launcher: &Launcher, args: &Schema) -> Result<u8> {
    let running = launcher
        .launch(&args.path, &args.args, args.launch.start_timeout)
        .await?;
    let is_driver = running.info().plugin_type == PluginType::Driver;
    if args.task && !is_driver {
        let name = running.info().name;
        return Err(usage(format!(
            "plugin \"{name}\" is no driver: it has no tasks to configure"
        )));
    }
    let mut schemas = Vec::new();
    if !args.task {
        schemas.push((
            CONFIG,
            running.plugin.is_configurable().then(|| running.plugin.config_schema()),
        ));
    }
    if is_driver && !args.config {
        schemas.push((TASK, Some(task_schema(&running).await?)));
    }
    let format = if output::is_json() {
        Format::JsonSchema
    } else {
        args.format
    };
    show(&schemas, format)?;
    running.end().await;
    Ok(0)
}

async fn task_schema(running: &Running) -> Result<Spec> {
    let driver = RemoteDriver::new(running.plugin.clone(), running.client.channel());
    let asked = running.within("to say how tasks are configured", driver.task_config_schema());
    asked.await?.context("cannot ask for the schema of tasks")
}

fn show(schemas: &[(&str, Option<Spec>)], format: Format) -> Result<()> {
    if format == Format::JsonSchema {
        return show_json(schemas);
    }
    let single = schemas.len() == 1;
    for (index, (name, spec)) in schemas.iter().enumerate() {
        if index > 0 {
            output::line("");
        }
        if !single {
            output::line(&title(name, format));
        }
        output::line(&text(spec.as_ref(), format));
    }
    Ok(())
}

/// A schema alone is a document; of two, each has its name.
fn show_json(schemas: &[(&str, Option<Spec>)]) -> Result<()> {
    let json = |spec: &Option<Spec>| spec.as_ref().map_or(Value::Null, export::json_schema);
    let value = if let [(_, spec)] = schemas {
        json(spec)
    } else {
        let named = schemas.iter().map(|(name, spec)| ((*name).to_owned(), json(spec)));
        Value::Object(named.collect::<Map<_, _>>())
    };
    if output::is_json() {
        output::print_json(&value);
    } else {
        output::line(&serde_json::to_string_pretty(&value).context("cannot write the schema")?);
    }
    Ok(())
}

fn title(name: &str, format: Format) -> String {
    let what = if name == TASK {
        "Configuration of tasks"
    } else {
        "Configuration of the plugin"
    };
    match format {
        Format::Markdown => format!("## {what}\n"),
        Format::Hcl => format!("# {what}"),
        Format::Table | Format::JsonSchema => format!("{what}:\n"),
    }
}

fn text(spec: Option<&Spec>, format: Format) -> String {
    let Some(spec) = spec else {
        return "none is taken".to_owned();
    };
    let text = match format {
        Format::Hcl => spec.to_string(),
        Format::Markdown => export::markdown(spec),
        Format::Table | Format::JsonSchema => aligned(&export::markdown(spec)),
    };
    match text.trim_end() {
        "" => "there is nothing to configure".to_owned(),
        text => plain(text),
    }
}

/// The tables of a document as those of a terminal.
fn aligned(markdown: &str) -> String {
    let mut lines = Vec::new();
    let mut rows: Vec<Vec<String>> = Vec::new();
    for line in markdown.lines() {
        if line.starts_with("|---") {
            continue;
        }
        if line.starts_with('|') {
            rows.push(cells(line));
            continue;
        }
        lines.extend(output::aligned(&std::mem::take(&mut rows)));
        lines.push(match line.strip_prefix("### ") {
            Some(title) => format!("{}:", title.replace('`', "")),
            None => line.to_owned(),
        });
    }
    lines.extend(output::aligned(&rows));
    lines.join("\n")
}

/// What stands in a line of a table.
fn cells(line: &str) -> Vec<String> {
    const BAR: char = '\u{0}';
    let line = line.replace("\\|", &BAR.to_string());
    let cells = line.trim_matches('|').split('|').map(str::trim);
    cells
        .map(|cell| {
            let code = cell.strip_prefix('`').and_then(|cell| cell.strip_suffix('`'));
            code.unwrap_or(cell).replace(BAR, "|")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use encamp_hclspec::Type;

    use super::*;

    #[test]
    fn a_table_for_the_terminal_has_what_the_document_has() {
        let nested = Spec::object([("a", Spec::attr("a", Type::Bool).required().described("x | y"))]);
        let spec = Spec::object([
            ("memory", Spec::default_value(Spec::attr("memory", Type::Number), 64)),
            ("b", Spec::block("b", nested)),
        ]);
        let expected = "option  type    default  what it does\n\
                        memory  number  64\n\
                        b       block\n\
                        \n\
                        b:\n\
                        \n\
                        option  type  default   what it does\n\
                        a       bool  required  x | y";
        assert_eq!(aligned(&export::markdown(&spec)), expected);
    }

    #[test]
    fn what_cannot_be_configured_is_said() {
        assert_eq!(text(None, Format::Table), "none is taken");
        let empty = Spec::object::<String>([]);
        assert_eq!(text(Some(&empty), Format::Markdown), "there is nothing to configure");
    }
}
