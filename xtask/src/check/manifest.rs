//! What every crate's manifest says, and that a README lies beside it.

use std::fs;

use super::Finding;
use crate::workspace::Workspace;

/// What a crate takes from the workspace.
const INHERITED: [&str; 4] = ["version", "edition", "rust-version", "license"];

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in workspace.members() {
        let room = package.room.as_deref().unwrap_or_default();
        let file = format!("{room}/Cargo.toml");
        let text = fs::read_to_string(workspace.root.join(&file)).unwrap_or_default();
        findings.extend(missing(&text).into_iter().map(|what| Finding::new(&file, what)));
        if !is_name_of(&package.name, room) {
            findings.push(Finding::new(
                &file,
                format!("the crate in {room} is not to be called {}", package.name),
            ));
        }
        if !workspace.root.join(room).join("README.md").is_file() {
            findings.push(Finding::new(format!("{room}/README.md"), "is missing"));
        }
    }
    findings
}

/// What a manifest should say and does not.
fn missing(text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    for key in INHERITED {
        if !lines_of(text, "package").any(|line| squeezed(line) == format!("{key}.workspace=true")) {
            findings.push(format!("[package] lacks `{key}.workspace = true`"));
        }
    }
    if !lines_of(text, "lints").any(|line| squeezed(line) == "workspace=true") {
        findings.push("lacks `[lints] workspace = true`".to_owned());
    }
    findings
}

/// A crate is named by its path; the folder is left out where what is in it stands for itself.
fn is_name_of(name: &str, room: &str) -> bool {
    if matches!(room, "xtask" | "plugins/launcher") {
        return true;
    }
    let Some((folder, last)) = room.rsplit_once('/') else {
        return name == format!("encamp-{room}");
    };
    name == format!("encamp-{last}") || name == format!("encamp-{folder}-{last}")
}

/// A quoted value in the text of a TOML file; the first one of that key.
pub(super) fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let value = |line: &'a str| {
        line.split_once('=')
            .filter(|(name, _)| name.trim() == key)
            .map(|(_, value)| value.trim())
    };
    text.lines().find_map(value)?.strip_prefix('"')?.split('"').next()
}

/// The lines of one section of a TOML file.
fn lines_of<'a>(text: &'a str, section: &str) -> impl Iterator<Item = &'a str> {
    let heading = format!("[{section}]");
    let after = text.lines().skip_while(move |line| line.trim() != heading).skip(1);
    after.take_while(|line| !line.trim_start().starts_with('['))
}

fn squeezed(line: &str) -> String {
    line.chars().filter(|c| !c.is_whitespace()).collect()
}

#[cfg(test)]
mod tests {
    use super::{is_name_of, missing, value};

    const GOOD: &str = "\
[package]
name = \"x\"
version.workspace = true
edition.workspace = true
rust-version.workspace = true
license.workspace = true

[lints]
workspace = true
";

    #[test]
    fn a_manifest_inherits_from_the_workspace() {
        assert_eq!(missing(GOOD), Vec::<String>::new());
        let bad = GOOD
            .replace("edition.workspace = true", "edition = \"2021\"")
            .replace("[lints]", "[other]");
        assert_eq!(
            missing(&bad),
            [
                "[package] lacks `edition.workspace = true`",
                "lacks `[lints] workspace = true`"
            ]
        );
    }

    #[test]
    fn a_crate_is_named_by_its_path() {
        for (name, room, expected) in [
            ("encamp-jobspec", "hclspec/jobspec", true),
            ("encamp-hclspec-cty", "hclspec/cty", true),
            ("encamp-cty-hclspec", "hclspec/cty", false),
            ("jobspec", "hclspec/jobspec", false),
            ("encamp", "plugins/launcher", true),
        ] {
            assert_eq!(is_name_of(name, room), expected, "{name} in {room}");
        }
    }

    #[test]
    fn a_quoted_value_is_read() {
        assert_eq!(value("[a]\nchannel = \"1.95.0\"  # why\n", "channel"), Some("1.95.0"));
        assert_eq!(value(GOOD, "channel"), None);
    }
}
