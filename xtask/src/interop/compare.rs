//! What a call of hcldec came to, and whether two are the same.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

/// What can be compared of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The JSON that was written, without what makes no difference to its meaning.
    Result(String),
    /// The exit code, and severity and range of every diagnostic; none for another message. The texts may differ.
    Diagnostics(i32, BTreeSet<String>),
    /// It ended in another way: by a signal or a panic.
    Other(String),
}

impl Outcome {
    pub(crate) fn of(code: Option<i32>, stdout: &str, stderr: &str) -> Self {
        let first = stderr.lines().next().unwrap_or_default();
        match (code, diagnostics(stderr)) {
            (Some(0), _) => Self::Result(references(stdout).unwrap_or_else(|| canonical(stdout))),
            (Some(code), Some(diagnostics)) => Self::Diagnostics(code, diagnostics),
            (Some(_), None) if first.starts_with("panic:") => Self::Other(first.to_owned()),
            (Some(code), None) => Self::Diagnostics(code, BTreeSet::new()),
            (None, _) => Self::Other("ended by a signal".to_owned()),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Result(json) => f.write_str(json),
            Self::Diagnostics(code, diagnostics) => {
                write!(f, "exit {code}")?;
                diagnostics
                    .iter()
                    .try_for_each(|diagnostic| write!(f, "; {diagnostic}"))
            }
            Self::Other(text) => f.write_str(text),
        }
    }
}

/// The references that `--var-refs` describes, in order: upstream's is another with every run.
fn references(stdout: &str) -> Option<String> {
    let json: Value = serde_json::from_str(stdout).ok()?;
    let all = json.as_array()?;
    if all.is_empty() || all.iter().any(|reference| reference.get("root_name").is_none()) {
        return None;
    }
    let sorted: BTreeSet<_> = all.iter().map(Value::to_string).collect();
    Some(sorted.into_iter().collect::<Vec<_>>().join("\n"))
}

fn diagnostics(stderr: &str) -> Option<BTreeSet<String>> {
    let json: Value = serde_json::from_str(stderr).ok()?;
    let all = json.get("diagnostics")?.as_array()?;
    Some(all.iter().map(describe).collect())
}

fn describe(diagnostic: &Value) -> String {
    let severity = diagnostic.get("severity").and_then(Value::as_str).unwrap_or_default();
    let Some(subject) = diagnostic.get("subject") else {
        return format!("{severity} nowhere");
    };
    let file = subject.get("filename").and_then(Value::as_str).unwrap_or_default();
    let place = |end: &str| {
        let number = |name: &str| {
            subject
                .pointer(&format!("/{end}/{name}"))
                .and_then(Value::as_u64)
                .unwrap_or(0)
        };
        format!("{}:{} ({})", number("line"), number("column"), number("byte"))
    };
    format!("{severity} {file} {} to {}", place("start"), place("end"))
}

/// JSON without white space between its tokens, and every string written in one way. Numbers stay as they are, but for
/// a zero, which has no sign.
fn canonical(json: &str) -> String {
    let mut out = String::new();
    let mut rest = json;
    while let Some(char) = rest.chars().next() {
        if char == '"' {
            let end = string_end(rest);
            let (token, after) = rest.split_at(end);
            let text: Option<String> = serde_json::from_str(token).ok();
            out.push_str(&text.map_or_else(|| token.to_owned(), |text| Value::from(text).to_string()));
            rest = after;
            continue;
        }
        let after = rest.get(char.len_utf8()..).unwrap_or_default();
        let is_zero = after
            .strip_prefix('0')
            .is_some_and(|more| !more.starts_with(|next: char| next.is_ascii_digit() || next == '.' || next == 'e'));
        if !(char.is_whitespace() || char == '-' && is_zero) {
            out.push(char);
        }
        rest = after;
    }
    out
}

/// Where the string that the text begins with ends.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::{Outcome, canonical};

    #[test]
    fn results_are_compared_by_meaning_and_numbers_by_every_digit() {
        assert_eq!(
            canonical("{ \"a\\u003c\" : [1.50, \"x y\\\"\"] }\n"),
            r#"{"a<":[1.50,"x y\""]}"#
        );
        let references = |first, second| {
            let json = format!(r#"[{{"root_name":"{first}"}},{{"root_name":"{second}"}}]"#);
            Outcome::of(Some(0), &json, "")
        };
        assert_eq!(references("a", "b"), references("b", "a"));
        assert_ne!(references("a", "b"), references("a", "c"));
        assert_eq!(canonical("[-0, -0.5, 1e-05]"), "[0,-0.5,1e-05]");
        assert_ne!(
            Outcome::of(Some(0), "0.1", ""),
            Outcome::of(Some(0), "0.1000000000000000000001", "")
        );
    }

    #[test]
    fn diagnostics_are_compared_by_severity_and_range() {
        let json = |summary: &str, line: u32| {
            format!(
                r#"{{"diagnostics":[{{"severity":"error","summary":"{summary}","subject":{{"filename":"a","start":{{"line":{line},"column":2,"byte":3}},"end":{{"line":4,"column":5,"byte":6}}}}}}]}}"#
            )
        };
        let of = |code, summary, line| Outcome::of(Some(code), "", &json(summary, line));
        assert_eq!(of(2, "One", 1), of(2, "Other", 1));
        assert_ne!(of(2, "One", 1), of(2, "One", 2));
        assert_ne!(of(2, "One", 1), of(1, "One", 1));
        assert_eq!(of(2, "One", 1).to_string(), "exit 2; error a 1:2 (3) to 4:5 (6)");
        assert_eq!(
            Outcome::of(Some(2), "", "panic: runtime error\n\ngoroutine 1").to_string(),
            "panic: runtime error"
        );
    }
}
