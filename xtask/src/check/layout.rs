//! What the top level holds.

use std::fs;
use std::path::Path;

use super::Finding;

const FOLDERS: [&str; 7] = ["proto", "hclspec", "plugins", "netns", "drivers", "csi", "xtask"];

const FILES: [&str; 10] = [
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "deny.toml",
    "rust-toolchain.toml",
    "rustfmt.toml",
];

/// The files without which a visitor is lost.
const NEEDED: [&str; 4] = ["README.md", "ARCHITECTURE.md", "LICENSE-MIT", "LICENSE-APACHE"];

pub(super) fn check(root: &Path) -> Vec<Finding> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let entry = |entry: fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        (name, entry.file_type().is_ok_and(|kind| kind.is_dir()))
    };
    let mut findings = strangers(entries.map(entry));
    let missing = NEEDED.iter().filter(|file| !root.join(file).is_file());
    findings.extend(missing.map(|file| Finding::new(*file, "is missing")));
    findings.extend(toolchain(root));
    findings
}

fn strangers(entries: impl Iterator<Item = (String, bool)>) -> Vec<Finding> {
    let strange = entries.filter(|(name, folder)| {
        let known: &[&str] = if *folder { &FOLDERS } else { &FILES };
        !name.starts_with('.') && name != "target" && !known.contains(&name.as_str())
    });
    let finding = |(name, folder): (String, bool)| {
        let what = if folder {
            "is no folder of the top level"
        } else {
            "is no file of the top level"
        };
        Finding::new(name, format!("{what}: it belongs into a crate, or into the map first"))
    };
    strange.map(finding).collect()
}

/// The compiler that is used is the oldest one that is promised, so that the promise is kept.
fn toolchain(root: &Path) -> Option<Finding> {
    let value = |file: &str, key: &str| {
        let text = fs::read_to_string(root.join(file)).ok()?;
        super::manifest::value(&text, key).map(str::to_owned)
    };
    let (used, promised) = (
        value("rust-toolchain.toml", "channel")?,
        value("Cargo.toml", "rust-version")?,
    );
    (used != promised && used.strip_suffix(".0") != Some(promised.as_str())).then(|| {
        Finding::new(
            "rust-toolchain.toml",
            format!("channel is {used}, but rust-version in Cargo.toml is {promised}"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::strangers;

    #[test]
    fn only_what_the_map_shows_is_on_the_top_level() {
        let entries = [
            (".git", true),
            ("target", true),
            ("drivers", true),
            ("Cargo.toml", false),
            ("docs", true),
            ("notes.md", false),
        ];
        let findings = strangers(entries.into_iter().map(|(name, folder)| (name.to_owned(), folder)));
        let findings: Vec<_> = findings.iter().map(|finding| finding.file.as_str()).collect();
        assert_eq!(findings, ["docs", "notes.md"]);
    }
}
