//! Tokens inside of strings, heredocs and bare templates.

use super::problem::Problem;
use super::scan::{Mode, Scanner, offset};
use super::token::{Kind, Token};
use crate::Range;

impl Scanner<'_> {
    /// The content of a quoted string that has been opened, if it is a literal without escapes: then it is passed, with
    /// its closing quote.
    pub(super) fn simple_string(&mut self) -> Option<Range> {
        let start = self.position;
        let rest = self.text.as_bytes().get(start..)?;
        let length = rest.iter().position(|byte| is_special(*byte))?;
        let end = start + length;
        if self.byte(end) != Some(b'"') {
            return None;
        }
        self.position = end + 1;
        self.modes.pop();
        Some(Range::new(offset(start), offset(end)))
    }

    pub(super) fn next_of_quoted(&mut self) -> Token {
        let start = self.position;
        match (self.byte(start), self.byte(start + 1)) {
            (None, _) => return self.token(Kind::End, start),
            (Some(b'"'), _) => {
                self.modes.pop();
                return self.token(Kind::CloseQuote, start + 1);
            }
            (Some(b'$' | b'%'), Some(b'{')) => return self.open_sequence(),
            (Some(b'\n' | b'\r'), _) => return self.quoted_newline(),
            (Some(b'\\'), Some(b'\n' | b'\r')) => {
                let token = self.token(Kind::Bad, start + 1);
                self.report(token.range);
                return token;
            }
            _ => {}
        }
        let mut at = start;
        while let Some(byte) = self.byte(at) {
            match byte {
                b'"' | b'\n' | b'\r' => break,
                b'\\' => match self.byte(at + 1) {
                    Some(b'\n' | b'\r') => break,
                    // The rest of a longer character is nothing special.
                    Some(_) => at += 2,
                    None => at += 1,
                },
                b'$' | b'%' => match self.template_mark(at) {
                    0 => break,
                    length => at += length,
                },
                _ => at += 1,
            }
        }
        self.token(Kind::QuotedText, at)
    }

    pub(super) fn next_of_heredoc(&mut self, marker: &str, line_start: bool) -> Token {
        if line_start && let Some(end) = self.marker_line(marker) {
            self.modes.pop();
            return self.token(Kind::CloseHeredoc, end);
        }
        let (end, whole) = self.line_of_text(true);
        if let Some(Mode::Heredoc { line_start, .. }) = self.modes.last_mut() {
            *line_start = whole;
        }
        if end == self.position {
            return self.open_sequence_or_end();
        }
        self.token(Kind::PlainText, end)
    }

    pub(super) fn next_of_bare(&mut self) -> Token {
        let (end, _) = self.line_of_text(false);
        if end == self.position {
            return self.open_sequence_or_end();
        }
        self.token(Kind::PlainText, end)
    }

    /// Where the text at hand ends: at a sequence, or after the line's end, which the flag tells.
    fn line_of_text(&mut self, in_heredoc: bool) -> (usize, bool) {
        let mut at = self.position;
        while let Some(byte) = self.byte(at) {
            match byte {
                b'\n' => return (at + 1, true),
                b'\r' if in_heredoc && self.byte(at + 1) != Some(b'\n') => {
                    self.problems.push(Problem::new(
                        "Invalid character",
                        "A carriage return is only used before a line feed, at the end of a line.",
                        Range::new(offset(at), offset(at + 1)),
                    ));
                    at += 1;
                }
                b'$' | b'%' => match self.template_mark(at) {
                    0 => break,
                    length => at += length,
                },
                _ => at += 1,
            }
        }
        (at, false)
    }

    /// The end of the line, without its line ending, if it has the heredoc's marker and nothing else. The last line of
    /// a text cannot be it: it does not end.
    fn marker_line(&self, marker: &str) -> Option<usize> {
        let rest = self.text.get(self.position..)?;
        let line = rest.get(..rest.find('\n')?)?;
        (line.trim() == marker).then(|| self.position + line.strip_suffix('\r').unwrap_or(line).len())
    }

    /// How long a literal `$` or `%` is: with what it escapes, three. Nothing where it opens a sequence.
    fn template_mark(&self, at: usize) -> usize {
        match (self.byte(at + 1), self.byte(at + 2)) {
            (Some(b'{'), _) => 0,
            (next, Some(b'{')) if next == self.byte(at) => 3,
            _ => 1,
        }
    }

    fn open_sequence_or_end(&mut self) -> Token {
        if self.position >= self.text.len() {
            return self.token(Kind::End, self.position);
        }
        self.open_sequence()
    }

    fn open_sequence(&mut self) -> Token {
        let at = self.position;
        let strip = self.byte(at + 2) == Some(b'~');
        let kind = match self.byte(at) {
            Some(b'$') => Kind::OpenInterpolation { strip },
            _ => Kind::OpenDirective { strip },
        };
        self.modes.push(Mode::Sequence { braces: 0 });
        self.token(kind, at + 2 + usize::from(strip))
    }

    fn quoted_newline(&mut self) -> Token {
        let rest = self.text.as_bytes().get(self.position..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        let token = self.token(Kind::QuotedNewline, self.position + length);
        self.problems.push(Problem::new(
            "Invalid multi-line string",
            "A quoted string must be on one line. Write \\n for a line ending in it, or use a heredoc (\"<<EOT\") for a text of several lines.",
            token.range,
        ));
        token
    }
}

/// Bytes at which a literal without escapes may end.
fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | b'$' | b'%' | b'\n' | b'\r')
}
