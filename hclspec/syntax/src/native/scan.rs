//! From text to tokens, one at a time.

use super::chars::name_end;
use super::problem::{Problem, Problems};
use super::token::{Kind, Token};
use crate::Range;

/// Reads tokens. Which tokens there are depends on what is open: templates hold other tokens than expressions do.
pub(super) struct Scanner<'s> {
    pub(super) text: &'s str,
    pub(super) position: usize,
    /// What is open, innermost last; what is outside of it all is an expression or a body.
    pub(super) modes: Vec<Mode<'s>>,
    pub(super) problems: Problems,
    seen: Seen,
}

/// What is open.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mode<'s> {
    /// `${ .. }`, `%{ .. }`, and how many braces are open in it.
    Sequence {
        braces: usize,
    },
    Quoted,
    Heredoc {
        marker: &'s str,
        line_start: bool,
    },
    Bare,
}

/// How often what needs no more than a few reports was met.
#[derive(Default)]
struct Seen {
    bitwise: u8,
    backticks: u8,
    apostrophes: u8,
    semicolons: u8,
}

/// The byte offset as it is in ranges. Texts that are too long for it are never scanned.
pub(super) fn offset(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

impl<'s> Scanner<'s> {
    pub(super) fn new(text: &'s str, position: usize) -> Self {
        Self {
            text,
            position,
            modes: Vec::new(),
            problems: Problems::default(),
            seen: Seen::default(),
        }
    }

    /// The next token; the end again and again once it is reached.
    #[inline]
    pub(super) fn next(&mut self) -> Token {
        match self.modes.last() {
            None | Some(Mode::Sequence { .. }) => self.next_of_expression(),
            Some(Mode::Quoted) => self.next_of_quoted(),
            Some(Mode::Heredoc { marker, line_start }) => {
                let (marker, line_start) = (*marker, *line_start);
                self.next_of_heredoc(marker, line_start)
            }
            Some(Mode::Bare) => self.next_of_bare(),
        }
    }

    /// No more tokens but the end.
    pub(super) fn stop(&mut self) {
        self.position = self.text.len();
        self.modes.clear();
    }

    /// Whether the next token of an expression, past line endings, is the word `for`.
    pub(super) fn for_is_next(&self) -> bool {
        let mut at = self.position;
        loop {
            match self.byte(at) {
                Some(b' ' | b'\t' | b'\n') => at += 1,
                Some(b'\r') if self.byte(at + 1) == Some(b'\n') => at += 2,
                Some(b'#') => at = self.line_end(at),
                Some(b'/') if self.byte(at + 1) == Some(b'/') => at = self.line_end(at),
                Some(b'/') if self.byte(at + 1) == Some(b'*') => match self.comment_end(at) {
                    Some(end) => at = end,
                    None => return false,
                },
                Some(b'f') => return self.text.get(at..name_end(self.text, at)) == Some("for"),
                _ => return false,
            }
        }
    }

    #[inline]
    pub(super) fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// The token from the position to `end`, which becomes the position.
    #[inline]
    pub(super) fn token(&mut self, kind: Kind, end: usize) -> Token {
        let range = Range::new(offset(self.position), offset(end));
        self.position = end;
        Token { kind, range }
    }

    fn next_of_expression(&mut self) -> Token {
        loop {
            let at = self.position;
            let Some(byte) = self.byte(at) else {
                return self.token(Kind::End, at);
            };
            match byte {
                b' ' | b'\t' => self.position += 1,
                b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                    let end = name_end(self.text, at);
                    return self.token(Kind::Name, end);
                }
                b'\n' => return self.token(Kind::Newline, at + 1),
                b'0'..=b'9' => {
                    let end = self.number_end(at);
                    return self.token(Kind::Number, end);
                }
                b'"' => {
                    self.modes.push(Mode::Quoted);
                    return self.token(Kind::OpenQuote, at + 1);
                }
                b'#' => {
                    if let Some(newline) = self.line_comment() {
                        return newline;
                    }
                }
                b'/' if self.byte(at + 1) == Some(b'/') => {
                    if let Some(newline) = self.line_comment() {
                        return newline;
                    }
                }
                b'/' if self.byte(at + 1) == Some(b'*') => self.skip_comment(),
                b'\r' if self.byte(at + 1) == Some(b'\n') => return self.token(Kind::Newline, at + 2),
                _ => return self.symbol(byte),
            }
        }
    }

    fn symbol(&mut self, byte: u8) -> Token {
        let at = self.position;
        let next = self.byte(at + 1);
        let (kind, len) = match (byte, next) {
            (b'{', _) => {
                if let Some(Mode::Sequence { braces }) = self.modes.last_mut() {
                    *braces += 1;
                }
                (Kind::OpenBrace, 1)
            }
            (b'}', _) => (self.close_brace(), 1),
            (b'~', Some(b'}')) => {
                self.close_brace();
                (Kind::CloseSequence { strip: true }, 2)
            }
            (b'[', _) => (Kind::OpenBracket, 1),
            (b']', _) => (Kind::CloseBracket, 1),
            (b'(', _) => (Kind::OpenParen, 1),
            (b')', _) => (Kind::CloseParen, 1),
            (b',', _) => (Kind::Comma, 1),
            (b'.', Some(b'.')) if self.byte(at + 2) == Some(b'.') => (Kind::Ellipsis, 3),
            (b'.', _) => (Kind::Dot, 1),
            (b'=', Some(b'=')) => (Kind::DoubleEquals, 2),
            (b'=', Some(b'>')) => (Kind::FatArrow, 2),
            (b'=', _) => (Kind::Equals, 1),
            (b'!', Some(b'=')) => (Kind::NotEquals, 2),
            (b'!', _) => (Kind::Bang, 1),
            (b'<', Some(b'<')) => return self.heredoc_or_less(),
            (b'<', Some(b'=')) => (Kind::LessOrEqual, 2),
            (b'<', _) => (Kind::Less, 1),
            (b'>', Some(b'=')) => (Kind::GreaterOrEqual, 2),
            (b'>', _) => (Kind::Greater, 1),
            (b'&', Some(b'&')) => (Kind::And, 2),
            (b'|', Some(b'|')) => (Kind::Or, 2),
            (b':', Some(b':')) => (Kind::DoubleColon, 2),
            (b':', _) => (Kind::Colon, 1),
            (b'?', _) => (Kind::Question, 1),
            (b'*', _) => (Kind::Star, 1),
            (b'/', _) => (Kind::Slash, 1),
            (b'+', _) => (Kind::Plus, 1),
            (b'-', _) => (Kind::Minus, 1),
            (b'%', _) => (Kind::Percent, 1),
            _ => return self.unusual(),
        };
        self.token(kind, at + len)
    }

    /// What a closing brace closes: a brace in the sequence, or the sequence.
    fn close_brace(&mut self) -> Kind {
        match self.modes.last_mut() {
            Some(Mode::Sequence { braces: 0 }) => {
                self.modes.pop();
                Kind::CloseSequence { strip: false }
            }
            Some(Mode::Sequence { braces }) => {
                *braces -= 1;
                Kind::CloseBrace
            }
            _ => Kind::CloseBrace,
        }
    }

    /// A name of other scripts, or a character that is no part of the language.
    fn unusual(&mut self) -> Token {
        let at = self.position;
        let end = name_end(self.text, at);
        if end > at {
            return self.token(Kind::Name, end);
        }
        let length = self
            .text
            .get(at..)
            .and_then(|rest| rest.chars().next())
            .map_or(1, char::len_utf8);
        let token = self.token(Kind::Bad, at + length);
        self.report(token.range);
        token
    }

    fn heredoc_or_less(&mut self) -> Token {
        let at = self.position;
        let flush = self.byte(at + 2) == Some(b'-');
        let start = at + 2 + usize::from(flush);
        let end = name_end(self.text, start);
        let newline = match (self.byte(end), self.byte(end + 1)) {
            (Some(b'\n'), _) => 1,
            (Some(b'\r'), Some(b'\n')) => 2,
            _ => 0,
        };
        let Some(marker) = self.text.get(start..end).filter(|name| !name.is_empty() && newline > 0) else {
            return self.token(Kind::Less, at + 1);
        };
        self.modes.push(Mode::Heredoc {
            marker,
            line_start: true,
        });
        self.token(Kind::OpenHeredoc { flush }, end + newline)
    }

    fn number_end(&self, start: usize) -> usize {
        let mut end = start + 1;
        let mut at = end;
        loop {
            match self.byte(at) {
                Some(b'0'..=b'9') => {
                    at += 1;
                    end = at;
                }
                // Dots are only part of it where something follows them.
                Some(b'.') => at += 1,
                Some(b'e' | b'E') => {
                    let sign = usize::from(matches!(self.byte(at + 1), Some(b'+' | b'-')));
                    if !self.byte(at + 1 + sign).is_some_and(|byte| byte.is_ascii_digit()) {
                        return end;
                    }
                    at += 2 + sign;
                    end = at;
                }
                _ => return end,
            }
        }
    }

    /// The end of the line that holds `at`, its line ending included.
    fn line_end(&self, at: usize) -> usize {
        let rest = self.text.as_bytes().get(at..).unwrap_or_default();
        rest.iter()
            .position(|byte| *byte == b'\n')
            .map_or(self.text.len(), |length| at + length + 1)
    }

    /// Past a comment; it ends as a line does, unless the text ends there.
    fn line_comment(&mut self) -> Option<Token> {
        let end = self.line_end(self.position);
        let token = self.token(Kind::Newline, end);
        (self.byte(end - 1) == Some(b'\n')).then_some(token)
    }

    fn comment_end(&self, at: usize) -> Option<usize> {
        let inside = self.text.get(at + 2..)?;
        inside.find("*/").map(|length| at + 2 + length + 2)
    }

    fn skip_comment(&mut self) {
        let at = self.position;
        if let Some(end) = self.comment_end(at) {
            self.position = end;
            return;
        }
        self.problems.push(Problem::new(
            "Unterminated comment",
            "This comment has no end before the end of the file. It must be closed with \"*/\".",
            Range::new(offset(at), offset(at + 2)),
        ));
        self.position = self.text.len();
    }

    /// Reports a character that is no part of the language. Of those that come in swarms only the first few.
    pub(super) fn report(&mut self, range: Range) {
        let character = self.text.get(std::ops::Range::from(range)).unwrap_or_default();
        let (summary, detail) = match character {
            "&" | "|" | "^" | "~" => {
                self.seen.bitwise = self.seen.bitwise.saturating_add(1);
                if self.seen.bitwise > 4 {
                    return;
                }
                ("Unsupported operator", bitwise_advice(character))
            }
            "`" => {
                self.seen.backticks = self.seen.backticks.saturating_add(1);
                if !reports_quote(self.seen.backticks) {
                    return;
                }
                (
                    "Invalid character",
                    "Backticks are not used in HCL. A string over several lines is written as a heredoc, which begins with \"<<EOT\".",
                )
            }
            "'" => {
                self.seen.apostrophes = self.seen.apostrophes.saturating_add(1);
                if !reports_quote(self.seen.apostrophes) {
                    return;
                }
                (
                    "Invalid character",
                    "Strings are enclosed in double quotes (\"), not in single ones.",
                )
            }
            ";" => {
                self.seen.semicolons = self.seen.semicolons.saturating_add(1);
                if self.seen.semicolons > 1 {
                    return;
                }
                (
                    "Invalid character",
                    "Semicolons are not used in HCL. Arguments and blocks are separated by line endings, items in brackets by commas.",
                )
            }
            "\u{201c}" | "\u{201d}" => (
                "Invalid character",
                "This is a \"curly\" quotation mark, as word processors and web pages make them. Write a straight one (\").",
            ),
            "\\" => (
                "Invalid character",
                "A backslash is only used to begin an escape sequence in a quoted string, such as \\n.",
            ),
            _ => (
                "Invalid character",
                "This character is not used in HCL outside of strings and comments.",
            ),
        };
        self.problems.push(Problem::new(summary, detail, range));
    }
}

/// Of quotation marks that are none, the first and the third are reported: these open strings.
fn reports_quote(count: u8) -> bool {
    matches!(count, 1 | 3)
}

fn bitwise_advice(operator: &str) -> &'static str {
    match operator {
        "&" => "There are no bitwise operators in HCL. Did you mean the logical AND (\"&&\")?",
        "|" => "There are no bitwise operators in HCL. Did you mean the logical OR (\"||\")?",
        "~" => "There are no bitwise operators in HCL. Did you mean the logical NOT (\"!\")?",
        _ => "There are no bitwise operators in HCL.",
    }
}
