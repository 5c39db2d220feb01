//! Where `unsafe` stands, and that it cannot stand elsewhere.

use std::fs;
use std::path::{Path, PathBuf};

use super::Finding;
use crate::workspace::Workspace;

/// The crates that make system calls which have no safe wrapper.
const MAY_BE_UNSAFE: [&str; 3] = ["drivers/mount", "drivers/executor", "netns/ns"];

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in workspace.members() {
        let room = package.room.as_deref().unwrap_or_default();
        if MAY_BE_UNSAFE.contains(&room) {
            continue;
        }
        for file in rust_files(&workspace.root.join(room)) {
            let name = file
                .strip_prefix(&workspace.root)
                .unwrap_or(&file)
                .to_string_lossy()
                .into_owned();
            let text = fs::read_to_string(&file).unwrap_or_default();
            let lines = unsafe_lines(&text).into_iter();
            findings.extend(lines.map(|line| Finding::at(&name, line, "`unsafe` stands in system crates only")));
            let is_root =
                |target: &&crate::workspace::Target| ["lib", "bin", "proc-macro"].contains(&target.kind.as_str());
            let of_target = package
                .targets
                .iter()
                .filter(is_root)
                .any(|target| target.source == file);
            if of_target && !text.lines().any(|line| line.trim() == "#![forbid(unsafe_code)]") {
                findings.push(Finding::new(&name, "lacks `#![forbid(unsafe_code)]`"));
            }
        }
    }
    findings
}

fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && !path.ends_with("target") => open.push(path),
                Ok(kind) if kind.is_file() && path.extension().is_some_and(|end| end == "rs") => files.push(path),
                _ => {}
            }
        }
    }
    files.sort();
    files
}

/// The lines where the keyword `unsafe` is code.
fn unsafe_lines(text: &str) -> Vec<usize> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let code = code_only(text);
    let has = |line: &str| line.split(|c| !is_word(c)).any(|word| word == "unsafe");
    code.lines()
        .enumerate()
        .filter(|(_, line)| has(line))
        .map(|(number, _)| number + 1)
        .collect()
}

/// Rust text with its comments and literals blanked out; the lines stay where they are.
fn code_only(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = blank(rest, code.chars().next_back());
        if length == 0 {
            code.push(first);
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        } else {
            let skipped = rest.get(..length).unwrap_or(rest);
            code.extend(skipped.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = rest.get(length..).unwrap_or_default();
        }
    }
    code
}

/// How many bytes of a comment or of a literal the text begins with, if with either.
fn blank(text: &str, before: Option<char>) -> usize {
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return block_comment(text);
    }
    if text.starts_with('"') {
        return quoted(text, '"');
    }
    if text.starts_with('\'') {
        return character(text);
    }
    if !in_word && text.starts_with(['r', 'b', 'c']) {
        return raw_string(text);
    }
    0
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// A literal that begins with its quote; a backslash escapes the next character.
fn quoted(text: &str, quote: char) -> usize {
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => _ = letters.next(),
            _ if letter == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A character literal; a lifetime is none.
fn character(text: &str) -> usize {
    let mut letters = text.chars().skip(1);
    match (letters.next(), letters.next()) {
        (Some('\\'), _) | (_, Some('\'')) => quoted(text, '\''),
        _ => 0,
    }
}

/// A raw string with any number of hashes.
fn raw_string(text: &str) -> usize {
    let opened = text.trim_start_matches(['b', 'c']);
    let Some(opened) = opened.strip_prefix('r') else {
        return 0;
    };
    let hashes = opened.len() - opened.trim_start_matches('#').len();
    let Some(inside) = opened.trim_start_matches('#').strip_prefix('"') else {
        return 0;
    };
    let end = format!("\"{}", "#".repeat(hashes));
    let start = text.len() - inside.len();
    inside.find(&end).map_or(text.len(), |at| start + at + end.len())
}

#[cfg(test)]
mod tests {
    use super::unsafe_lines;

    #[test]
    fn only_the_keyword_in_code_counts() {
        let cases = [
            ("unsafe { f() }", vec![1]),
            ("#![forbid(unsafe_code)]", vec![]),
            ("// unsafe\n/* unsafe /* unsafe */ unsafe */ unsafe fn f() {}", vec![2]),
            ("let a = \"unsafe \\\" unsafe\"; unsafe {}", vec![1]),
            (
                "let a = r#\"unsafe \" unsafe\"#;\nlet b = b\"unsafe\"; let c = br\"unsafe\";",
                vec![],
            ),
            ("let a = '\"'; unsafe {}\nlet b = '\\''; // '", vec![1]),
            ("fn f<'a>(a: &'a str) {}\nunsafe impl Send for A<'_> {}", vec![2]),
            ("let var = 1; let r = 2; for r\"unsafe\" in x {}", vec![]),
            ("let x = \"multi\nunsafe\nline\";\nunsafe {}", vec![4]),
        ];
        for (text, wanted) in cases {
            assert_eq!(unsafe_lines(text), wanted, "{text}");
        }
    }
}
