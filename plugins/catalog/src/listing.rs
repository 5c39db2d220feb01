//! What the operator has listed.

use std::sync::Arc;

use encamp_hclspec::body::Schema;
use encamp_hclspec::{
    Block, Body, Context, Diagnostic, Diagnostics, Source, Span, Spec, Spellings, Type, decode_partial, from_value,
};

/// A plugin that the operator has listed: nothing else is executed.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The name of its file in the plugin directory.
    pub name: String,
    /// What it is started with.
    pub args: Vec<String>,
    /// Its configuration, to be read by its own schema.
    pub config: Option<Body>,
    /// Where it is listed.
    pub span: Option<Span>,
}

impl Listed {
    /// A plugin without arguments and without a configuration.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            args: Vec::new(),
            config: None,
            span: None,
        }
    }

    /// The same, with a configuration.
    #[must_use]
    pub fn with_config(mut self, config: Body) -> Self {
        self.config = Some(config);
        self
    }

    /// The plugins of a file of blocks such as an agent's configuration has, in HCL or (by the name's end) in JSON:
    ///
    /// ```hcl
    /// plugin "nomad-driver-podman" {
    ///   args = ["-debug"]
    ///   config {
    ///     socket_path = "unix:///run/podman/podman.sock"
    ///   }
    /// }
    /// ```
    ///
    /// Of several blocks for one plugin, the later arguments and the later configuration win.
    ///
    /// # Errors
    /// All that is wrong with the file, but for what only the plugins' schemas know.
    pub fn read(source: Arc<Source>) -> Result<Vec<Self>, Diagnostics> {
        let body = Body::read(source)?;
        let (content, mut diagnostics) = body.content(&Schema::new().with_block("plugin", ["name"]));
        let mut all: Vec<Self> = Vec::new();
        for block in &content.blocks {
            let Some(listed) = read_block(block, &mut diagnostics) else {
                continue;
            };
            match all.iter_mut().find(|earlier| earlier.name == listed.name) {
                Some(earlier) => earlier.overlay(listed),
                None => all.push(listed),
            }
        }
        diagnostics.into_result(all)
    }

    fn overlay(&mut self, later: Self) {
        if !later.args.is_empty() {
            self.args = later.args;
        }
        if later.config.as_ref().is_some_and(|config| !is_empty(config)) {
            self.config = later.config;
        }
        self.span = later.span;
    }
}

/// Whether a body says nothing.
pub(crate) fn is_empty(body: &Body) -> bool {
    let (attributes, blocks) = body.everything();
    attributes.is_empty() && blocks.is_empty()
}

fn read_block(block: &Block, diagnostics: &mut Diagnostics) -> Option<Listed> {
    let schema = Schema::new()
        .with_attribute("args")
        .with_block("config", [] as [&str; 0]);
    let (content, found) = block.body().content(&schema);
    diagnostics.extend(found);
    let label = block.labels().first()?;
    if label.text().is_empty() {
        let detail = "A plugin is listed by the name of its file in the plugin directory.";
        diagnostics.push(Diagnostic::error("Plugin without a name", detail).with_span(label.span()));
        return None;
    }
    if let Some(second) = content.blocks.get(1) {
        let detail = "A plugin has one config block.";
        diagnostics.push(Diagnostic::error("Duplicate config block", detail).with_span(second.header_span()));
    }
    Some(Listed {
        name: label.text().to_owned(),
        args: args(block.body(), diagnostics),
        config: content.blocks.first().map(|config| config.body().clone()),
        span: Some(block.header_span()),
    })
}

fn args(body: &Body, diagnostics: &mut Diagnostics) -> Vec<String> {
    let spec = Spec::attr("args", Type::list(Type::String));
    match decode_partial(&spec, body, &Context::new(), Spellings::Strict) {
        Ok(value) if value.is_null() => Vec::new(),
        Ok(value) => from_value(value).unwrap_or_default(),
        Err(found) => {
            diagnostics.extend(found);
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Listed>, Diagnostics> {
        Listed::read(Source::new("plugins.hcl", text.to_owned()))
    }

    /// The diagnostics of a text that lists no plugins.
    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(read(text).unwrap_err().to_string(), expected);
    }

    #[test]
    fn plugins_are_listed_with_arguments_and_bodies() {
        let text = "plugin \"a\" {\n  args = [\"-x\", 1]\n  config {\n    y = 2\n  }\n}\nplugin \"b\" {}\n";
        let listed = read(text).unwrap();
        assert_eq!(listed.len(), 2);
        assert_eq!(
            (listed[0].name.as_str(), listed[0].args.as_slice()),
            ("a", ["-x".to_owned(), "1".to_owned()].as_slice())
        );
        assert_eq!(listed[0].config.as_ref().unwrap().source().name(), "plugins.hcl");
        assert!(listed[1].config.is_none());
        let json = "{\"plugin\": {\"a\": {\"args\": [\"-x\"], \"config\": {\"y\": 2}}}}";
        let listed = Listed::read(Source::new("plugins.json", json.to_owned())).unwrap();
        assert_eq!(listed[0].args, ["-x"]);
    }

    #[test]
    fn later_blocks_of_one_plugin_win() {
        let text = "plugin \"a\" {\n  args = [\"1\"]\n  config { x = 1 }\n}\nplugin \"a\" {\n  args = [\"2\"]\n  config {}\n}\n";
        let listed = read(text).unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].args, ["2"]);
        assert!(!is_empty(listed[0].config.as_ref().unwrap()));
    }

    #[test]
    fn what_is_no_list_of_plugins_is_refused_with_its_place() {
        check(
            "plugin \"a\" {\n  arg = []\n}\n",
            "plugins.hcl:2:3: Unsupported argument; An argument named \"arg\" is not expected here. Did you mean \"args\"?",
        );
        check(
            "plugin \"\" {}\n",
            "plugins.hcl:1:8: Plugin without a name; A plugin is listed by the name of its file in the plugin directory.",
        );
        check(
            "plugin \"a\" {\n  config {}\n  config {}\n}\n",
            "plugins.hcl:3:3: Duplicate config block; A plugin has one config block.",
        );
        read("plugin \"a\" {\n  args = 7\n}\n").unwrap_err();
        read("plugin {}\n").unwrap_err();
        read("plugin \"a\" {").unwrap_err();
    }
}
