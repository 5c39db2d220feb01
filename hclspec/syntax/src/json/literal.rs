//! Numbers, keywords and strings.

use smol_str::SmolStr;

use super::parser::{MAX_ERRORS, Parsed, Parser, invalid, whole};
use super::scan::{StringDefect, Token, TokenKind, offset};
use super::string::{is_number, unescape};
use super::{NodeKind, Text};
use crate::{Diagnostic, Range, did_you_mean};

impl Parser<'_> {
    pub(super) fn number(&mut self) -> Parsed {
        let range = self.advance().range;
        let text = self.scanner.slice(range);
        if is_number(text) {
            return whole(NodeKind::Number(SmolStr::new(text)), range);
        }
        self.error(
            range,
            "Invalid JSON number",
            "A number is digits without a leading zero, perhaps with a minus sign, a fraction (.5) and an exponent (e3).",
        );
        invalid(range)
    }

    pub(super) fn keyword(&mut self) -> Parsed {
        let range = self.advance().range;
        let word = self.scanner.slice(range);
        let kind = match word {
            "true" => NodeKind::Bool(true),
            "false" => NodeKind::Bool(false),
            "null" => NodeKind::Null,
            _ => {
                let hint = did_you_mean(word, ["true", "false", "null"])
                    .map_or_else(String::new, |word| format!(" Did you mean {word}?"));
                let detail = format!(
                    "There is no keyword {word:?} in JSON: there are true, false and null. A text needs quotes.{hint}"
                );
                self.error(range, "Invalid JSON keyword", &detail);
                return invalid(range);
            }
        };
        whole(kind, range)
    }

    pub(super) fn string_value(&mut self) -> Parsed {
        let Token {
            kind: TokenKind::String { escaped, defect },
            range,
        } = self.advance()
        else {
            return invalid(self.token.range);
        };
        let problem = match defect {
            Some(StringDefect::Unclosed) => {
                let end = range.end;
                let next = self.source.text().as_bytes().get(end as usize).map_or(end, |_| end + 1);
                Some((
                    end..next,
                    "The string has no closing quote. A line break within it is written \\n.",
                ))
            }
            Some(StringDefect::Control(at)) => Some((
                at..at + 1,
                "A control character in a string must be escaped; a tab is written \\t.",
            )),
            None => None,
        };
        if let Some((at, detail)) = problem {
            return self.bad_string(
                range,
                Range {
                    start: at.start,
                    end: at.end,
                },
                detail,
            );
        }
        let inner = Range {
            start: range.start + 1,
            end: range.end - 1,
        };
        let raw = self.scanner.slice(inner);
        if !escaped {
            return whole(
                NodeKind::String(Text {
                    text: SmolStr::new(raw),
                    escaped,
                }),
                range,
            );
        }
        if let Err(bad) = unescape(raw, &mut self.scratch) {
            let at = Range {
                start: inner.start + offset(bad.start),
                end: inner.start + offset(bad.end),
            };
            return self.bad_string(
                range,
                at,
                r#"There is no such escape: there are \" \\ \/ \b \f \n \r \t and \u with four hexadecimal digits."#,
            );
        }
        let text = SmolStr::new(&self.scratch);
        whole(NodeKind::String(Text { text, escaped }), range)
    }

    fn bad_string(&mut self, string: Range, at: Range, detail: &str) -> Parsed {
        if self.diagnostics.len() < MAX_ERRORS {
            let diagnostic = Diagnostic::error("Invalid JSON string", detail)
                .with_span(self.span(at))
                .with_context(self.span(string));
            self.diagnostics.push(diagnostic);
        }
        invalid(string)
    }
}
