//! A plugin's configuration, from the file that the user wrote.

use std::ffi::OsString;
use std::path::Path;

use anyhow::Result;
use encamp_base_grpc::RemotePlugin;
use encamp_driver::Plugin as _;
use encamp_hclspec::body::Schema;
use encamp_hclspec::{
    Body, Context, Diagnostic, Diagnostics, Source, Spec, Spellings, Type, Value, decode_partial, decode_with,
    from_value,
};

use crate::exit::{BadInput, usage};
use crate::load;

/// What the user has written for a plugin: the configuration itself, or a file that has it in a `plugin` block with the
/// name of the plugin or of its program, as an agent's configuration does.
pub(super) struct Given(Body);

impl Given {
    /// Reads the file. Without one there are the defaults.
    pub(super) fn read(file: Option<&Path>) -> Result<Self> {
        Ok(Self(match file {
            Some(path) => read("configuration", path)?,
            None => nothing("the defaults")?,
        }))
    }

    /// What the program is started with: the words of the command line, or without any the `args` of its block, as an
    /// agent starts it. The plugin's own name is not known before it runs.
    pub(super) fn args(&self, program: &Path, words: &[OsString]) -> Result<Vec<OsString>> {
        if !words.is_empty() {
            return Ok(words.to_vec());
        }
        let name = name_of(program);
        let (content, _) = self.0.partial_content(&Schema::new().with_block("plugin", ["name"]));
        let mut args = Vec::new();
        for block in &content.blocks {
            let ours = block.labels().first().is_some_and(|label| label.text() == name);
            let later = if ours { args_of(block.body())? } else { Vec::new() };
            if !later.is_empty() {
                args = later;
            }
        }
        Ok(args.into_iter().map(OsString::from).collect())
    }

    /// The plugin's configuration by its schema.
    pub(super) fn value(&self, plugin: &RemotePlugin, program: &Path) -> Result<Value> {
        let value = decode_config(
            &plugin.config_schema(),
            &self.0,
            &[&plugin.info().name, &name_of(program)],
        );
        Ok(value.map_err(BadInput::Job)?)
    }
}

fn name_of(program: &Path) -> String {
    program.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn args_of(body: &Body) -> Result<Vec<String>> {
    let spec = Spec::attr("args", Type::list(Type::String));
    let args = decode_partial(&spec, body, &Context::default(), Spellings::Strict).map_err(BadInput::Job)?;
    if args.is_null() {
        return Ok(Vec::new());
    }
    from_value(args).map_err(|error| usage(format!("args of a plugin block: {error}")))
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
