//! The corpus: text files of cases.
//!
//! A file is sections, each under a line of its own. `=== NAME` begins a case; a section before the first case is for
//! every case that has none of its kind. The sections of a case:
//!
//! - `--- spec`: the spec file;
//! - `--- native`, `--- json`: an input file; several are given in their order;
//! - `--- lines native`, `--- lines json`: each line is an input, and a case of its own;
//! - `--- lines expression`: each line is an expression, the `v` of a native input, and a case of its own;
//! - `--- file NAME`: a file of that name beside them;
//! - `--- args`: options, one a line, in place of `--with-type` and `--keep-nulls`.
//!
//! `escaped` after the kind stands for a text with `\n`, `\r`, `\t`, `\\`, `\0` and `\xff` for what cannot be seen, whose
//! last line break does not count. Lines of a section that begin with `#:` are left out: they are comments of the corpus.

use anyhow::{Context, Result, bail};

/// One call of the program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Case {
    /// The file's name and the case's; of a line, also the line.
    pub(crate) id: String,
    /// Names and contents of what it finds in its directory.
    pub(crate) files: Vec<(String, Vec<u8>)>,
    pub(crate) args: Vec<String>,
}

#[derive(Clone, Debug, Default)]
struct Section {
    kind: String,
    text: Vec<u8>,
}

/// The cases of a file, by the file's name without extension.
pub(crate) fn parse(name: &str, text: &str) -> Result<Vec<Case>> {
    let mut shared = Vec::new();
    let mut cases: Vec<(String, Vec<Section>)> = Vec::new();
    for line in text.split_inclusive('\n') {
        if let Some(title) = line.strip_prefix("=== ") {
            cases.push((title.trim().to_owned(), Vec::new()));
            continue;
        }
        let sections = cases.last_mut().map_or(&mut shared, |(_, sections)| sections);
        if let Some(kind) = line.strip_prefix("--- ") {
            let kind = kind.trim().to_owned();
            sections.push(Section { kind, text: Vec::new() });
        } else if line.starts_with("#:") {
        } else if let Some(section) = sections.last_mut() {
            section.text.extend_from_slice(line.as_bytes());
        } else if !line.trim().is_empty() {
            bail!("{name}: a text that belongs to no section: {line:?}");
        }
    }
    let mut all = Vec::new();
    for (title, sections) in cases {
        let id = format!("{name}/{title}");
        let context = || format!("in the case {id}");
        let made = expand(&id, with_shared(sections, &shared)).with_context(context)?;
        all.extend(made);
    }
    Ok(all)
}

/// A case's own sections, and those of its file that it has none of.
fn with_shared(own: Vec<Section>, shared: &[Section]) -> Vec<Section> {
    let role = |section: &Section| match section.kind.trim_end_matches(" escaped") {
        "native" | "json" | "lines native" | "lines json" | "lines expression" => "input".to_owned(),
        kind => kind.to_owned(),
    };
    let missing: Vec<_> = shared
        .iter()
        .filter(|section| own.iter().all(|other| role(other) != role(section)))
        .cloned()
        .collect();
    missing.into_iter().chain(own).collect()
}

fn expand(id: &str, sections: Vec<Section>) -> Result<Vec<Case>> {
    let mut base = Case {
        id: id.to_owned(),
        ..Case::default()
    };
    let mut options = vec!["--with-type".to_owned(), "--keep-nulls".to_owned()];
    let mut inputs = Vec::new();
    let mut lines = Vec::new();
    for section in sections {
        let (kind, text) = match section.kind.strip_suffix(" escaped") {
            Some(kind) => (kind.to_owned(), unescape(&section.text)?),
            None => (section.kind, section.text),
        };
        match kind.as_str() {
            "spec" => base.files.push(("spec.hcldec".to_owned(), text)),
            "native" | "json" => {
                let name = format!("input{}.{}", inputs.len() + 1, extension(&kind));
                inputs.push(name.clone());
                base.files.push((name, text));
            }
            "args" => options = String::from_utf8(text)?.lines().map(str::to_owned).collect(),
            _ => {
                if let Some(kind) = kind.strip_prefix("lines ") {
                    let text = String::from_utf8(text)?;
                    let texts = text.lines().filter(|line| !line.trim().is_empty());
                    lines.extend(texts.map(|line| (kind.to_owned(), line.to_owned())));
                } else if let Some(name) = kind.strip_prefix("file ") {
                    base.files.push((name.to_owned(), text));
                } else {
                    bail!("there is no section of the kind {kind:?}");
                }
            }
        }
    }
    base.args = ["--spec=spec.hcldec", "--diags=json"].map(str::to_owned).to_vec();
    base.args.append(&mut options);
    base.args.append(&mut inputs);
    if lines.is_empty() {
        return Ok(vec![base]);
    }
    Ok(lines
        .into_iter()
        .map(|(kind, line)| line_case(&base, &kind, &line))
        .collect())
}

fn line_case(base: &Case, kind: &str, line: &str) -> Case {
    let name = format!("input1.{}", extension(kind));
    let text = match kind {
        "expression" => format!("v = {line}\n"),
        _ => format!("{line}\n"),
    };
    let mut case = base.clone();
    case.id = format!("{}/{line}", base.id);
    case.files.push((name.clone(), text.into_bytes()));
    case.args.push(name);
    case
}

fn extension(kind: &str) -> &'static str {
    if kind == "json" { "json" } else { "hcl" }
}

fn unescape(text: &[u8]) -> Result<Vec<u8>> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        out.push(match rest.next() {
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'0') => 0,
            Some(b'\\') => b'\\',
            Some(b'x') => {
                let digits: Vec<u8> = rest.by_ref().take(2).collect();
                let digits = str::from_utf8(&digits)?;
                u8::from_str_radix(digits, 16).with_context(|| format!("there is no byte \\x{digits}"))?
            }
            other => bail!("there is no escape \\{}", other.map(char::from).unwrap_or_default()),
        });
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_case_is_its_own_sections_and_what_it_shares() {
        let text = "--- spec\nliteral {}\n=== one\n--- native\na = 1\n--- json\n{}\n=== two\n--- spec\n#: other\nx\n--- args\n-v\n";
        let cases = parse("f", text).unwrap();
        assert_eq!(cases.len(), 2);
        let (one, two) = (&cases[0], &cases[1]);
        assert_eq!(one.id, "f/one");
        assert_eq!(
            one.args.join(" "),
            "--spec=spec.hcldec --diags=json --with-type --keep-nulls input1.hcl input2.json"
        );
        assert_eq!(one.files[0], ("spec.hcldec".to_owned(), b"literal {}\n".to_vec()));
        assert_eq!(two.files, [("spec.hcldec".to_owned(), b"x\n".to_vec())]);
        assert_eq!(two.args.join(" "), "--spec=spec.hcldec --diags=json -v");
    }

    #[test]
    fn every_line_can_be_a_case() {
        let cases = parse("f", "--- spec\ns\n=== sums\n--- lines expression\n1 + 1\n\n2\n").unwrap();
        let ids: Vec<_> = cases.iter().map(|case| case.id.as_str()).collect();
        assert_eq!(ids, ["f/sums/1 + 1", "f/sums/2"]);
        assert_eq!(cases[0].files[1], ("input1.hcl".to_owned(), b"v = 1 + 1\n".to_vec()));
    }

    #[test]
    fn what_cannot_be_seen_can_be_escaped() {
        let cases = parse("f", "=== x\n--- native escaped\na\\r\\n\\xff\\\\\n").unwrap();
        assert_eq!(cases[0].files[0].1, b"a\r\n\xff\\");
        assert!(parse("f", "=== x\n--- native escaped\n\\q\n").is_err());
        assert!(parse("f", "=== x\n--- nothing\n").is_err());
    }
}
