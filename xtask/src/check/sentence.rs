//! A crate says one sentence of itself, in three places.

use std::fs;

use super::Finding;
use crate::workspace::{Package, Workspace};

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let readme = fs::read_to_string(workspace.root.join("README.md")).unwrap_or_default();
    let mut findings = Vec::new();
    for package in workspace.members() {
        let sentence = package.description.as_str();
        let Some(root) = root_of(package) else { continue };
        let file = root
            .strip_prefix(&workspace.root)
            .unwrap_or(root)
            .to_string_lossy()
            .into_owned();
        let text = fs::read_to_string(root).unwrap_or_default();
        match text.lines().next().and_then(|line| line.strip_prefix("//! ")) {
            Some(first) if first == sentence => {}
            first => findings.push(Finding::at(file, 1, differs(first.unwrap_or("nothing"), sentence))),
        }
        // What is not published is no crate to take from the table.
        if package.published {
            findings.extend(in_table(&readme, &package.name, sentence));
        }
    }
    findings
}

/// The file whose documentation is the crate's: that of its library, or of its only program.
fn root_of(package: &Package) -> Option<&std::path::PathBuf> {
    let of = |kinds: &[&str]| {
        package
            .targets
            .iter()
            .find(|target| kinds.contains(&target.kind.as_str()))
    };
    of(&["lib", "proc-macro"])
        .or_else(|| of(&["bin"]))
        .map(|target| &target.source)
}

/// Looks a crate up in the tables of the README: its name in backticks in one cell, its sentence in another.
fn in_table(readme: &str, name: &str, sentence: &str) -> Option<Finding> {
    let quoted = format!("`{name}`");
    let rows = readme.lines().enumerate().filter(|(_, line)| line.starts_with('|'));
    let cells = |line: &str| {
        line.trim()
            .trim_matches('|')
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect::<Vec<_>>()
    };
    for (number, line) in rows {
        let cells = cells(line);
        let of_crate = |cell: &String| *cell == quoted || cell.starts_with(&format!("[{quoted}]"));
        if cells.iter().any(of_crate) {
            let said = cells.last().map_or("nothing", String::as_str);
            let same = cells.iter().any(|cell| cell == sentence);
            return (!same).then(|| Finding::at("README.md", number + 1, differs(said, sentence)));
        }
    }
    Some(Finding::new(
        "README.md",
        format!("no row of a table is of {quoted} and says: {sentence}"),
    ))
}

fn differs(said: &str, sentence: &str) -> String {
    format!("says `{said}`, but the description in the manifest is `{sentence}`")
}

#[cfg(test)]
mod tests {
    use super::in_table;

    const README: &str = "\
# encamp

| folder | crate | |
|---|---|---|
| `drivers/logs` | [`encamp-logs`](drivers/logs) | Rotated task logs. |
| `plugins/launcher` | `encamp` | Run a job file. |
";

    #[test]
    fn the_row_of_a_crate_says_its_sentence() {
        assert_eq!(in_table(README, "encamp-logs", "Rotated task logs."), None);
        assert_eq!(in_table(README, "encamp", "Run a job file."), None);
    }

    #[test]
    fn another_sentence_and_a_missing_row_are_found() {
        let finding = in_table(README, "encamp-logs", "Task logs.").unwrap();
        assert_eq!(finding.line, Some(5));
        assert!(finding.what.contains("`Rotated task logs.`"), "{finding}");
        assert!(in_table(README, "encamp-caps", "Capabilities.").is_some());
    }
}
