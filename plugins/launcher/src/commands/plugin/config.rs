//! A plugin's configuration, from the file that the user wrote.

use std::path::Path;

use anyhow::Result;
use encamp_base_grpc::RemotePlugin;
use encamp_driver::Plugin as _;
use encamp_hclspec::body::Schema;
use encamp_hclspec::{
    Body, Context, Diagnostic, Diagnostics, Source, Spec, Spellings, Value, decode_partial, decode_with,
};

use crate::exit::BadInput;
use crate::load;

/// The plugin's configuration by its schema; the defaults where there is no file.
///
/// The file is the configuration itself, or has it in a `plugin` block with the name of the plugin or of its program, as
/// an agent's configuration does.
pub(super) fn plugin_config(plugin: &RemotePlugin, program: &Path, file: Option<&Path>) -> Result<Value> {
    let body = match file {
        Some(path) => read("configuration", path)?,
        None => nothing("the defaults")?,
    };
    let spec = plugin.config_schema();
    let own = plugin.info().name;
    let program = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let value = decode_config(&spec, &body, &[&own, &program]);
    Ok(value.map_err(BadInput::Job)?)
}

/// What a task's `config` block says, by the driver's schema for tasks.
pub(super) fn task_config(spec: &Spec, body: &Body) -> Result<Value> {
    Ok(decode(spec, body).map_err(BadInput::Job)?)
}

/// The configuration that stands in braces: a body, or an object.
pub(super) fn block_config(spec: &Spec, block: &str) -> Result<Value> {
    let inner = block.trim().strip_prefix('{').and_then(|inner| inner.strip_suffix('}'));
    if let Some(Ok(body)) = inner.map(|inner| Body::parse(Source::new("block", inner.to_owned()))) {
        return task_config(spec, &body);
    }
    let source = Source::new("block", format!("config = {block}"));
    let body = Body::parse(source).map_err(BadInput::Job)?;
    let config = Spec::block("config", spec.clone());
    let value = decode_with(&config, &body, &Context::default(), Spellings::Every);
    Ok(value.map_err(BadInput::Job)?)
}

/// A body in the native syntax, or in JSON by the file's name.
pub(super) fn read(what: &str, path: &Path) -> Result<Body> {
    let name = if path == Path::new("-") {
        "<stdin>".to_owned()
    } else {
        path.display().to_string()
    };
    let source = Source::from_bytes(&name, load::read(what, path)?).map_err(BadInput::Job)?;
    Ok(Body::read(source).map_err(BadInput::Job)?)
}

fn nothing(name: &str) -> Result<Body> {
    Ok(Body::parse(Source::new(name, String::new())).map_err(BadInput::Job)?)
}

fn decode_config(spec: &Spec, body: &Body, names: &[&str]) -> Result<Value, Diagnostics> {
    if spec.implied_schema().labels("plugin").is_some() {
        return decode(spec, body);
    }
    let (content, _) = body.partial_content(&Schema::new().with_block("plugin", ["name"]));
    let label = |block: &encamp_hclspec::Block| block.labels().first().map(|label| label.text().to_owned());
    let labels: Vec<String> = content.blocks.iter().filter_map(label).collect();
    let Some(first) = content.blocks.first() else {
        return decode(spec, body);
    };
    let is_ours = |block: &&encamp_hclspec::Block| label(block).is_some_and(|label| names.contains(&label.as_str()));
    let Some(block) = content.blocks.iter().rev().find(is_ours) else {
        let detail = format!(
            "The configuration is for {}; there is no plugin block with the label \"{}\".",
            list(&labels),
            names.join("\" or \"")
        );
        let diagnostic = Diagnostic::error("No configuration of this plugin", detail);
        return Err(diagnostic.with_span(first.header_span()).into());
    };
    if !has_config(block.body()) {
        let empty = Body::parse(Source::new(body.source().name(), String::new()))?;
        return decode(spec, &empty);
    }
    decode(spec, block.body())
}

fn has_config(body: &Body) -> bool {
    let asked = Schema::new()
        .with_block::<String>("config", [])
        .with_attribute("config");
    let (content, _) = body.partial_content(&asked);
    !content.blocks.is_empty() || content.attributes.contains_key("config")
}

/// A body that is a configuration, or has it in a `config` block.
fn decode(spec: &Spec, body: &Body) -> Result<Value, Diagnostics> {
    let context = Context::default();
    let own = spec.implied_schema();
    if !has_config(body) || own.has_attribute("config") || own.labels("config").is_some() {
        return decode_with(spec, body, &context, Spellings::Every);
    }
    let block = Spec::block("config", spec.clone());
    decode_partial(&block, body, &context, Spellings::Every)
}

fn list(names: &[String]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
    quoted.join(", ")
}
