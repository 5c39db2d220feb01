//! From text to tokens, one at a time.
//!
//! Tokens are taken generously (any letters are a keyword, anything that looks like digits is a number), so that the
//! parser can say what is wrong with a whole word instead of one of its letters.

use crate::Range;

/// A token and its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) range: Range,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    OpenBrace,
    CloseBrace,
    OpenBracket,
    CloseBracket,
    Comma,
    Colon,
    /// No JSON, but what users of native HCL write for a colon.
    Equals,
    /// Letters and underscores.
    Keyword,
    Number,
    /// With its quotes.
    String {
        /// Whether there are backslashes in it.
        escaped: bool,
        /// What it breaks off or goes wrong by.
        defect: Option<StringDefect>,
    },
    /// A character that no token starts with.
    Unknown,
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StringDefect {
    /// The line or the text ends before the closing quote.
    Unclosed,
    /// There is a control character in it, first at this place.
    Control(u32),
}

pub(super) struct Scanner<'s> {
    text: &'s str,
    at: usize,
}

impl<'s> Scanner<'s> {
    pub(super) fn new(text: &'s str) -> Self {
        Self { text, at: 0 }
    }

    /// The text of a range; empty where it is not one of this text.
    pub(super) fn slice(&self, range: Range) -> &'s str {
        self.text.get(std::ops::Range::from(range)).unwrap_or_default()
    }

    pub(super) fn next(&mut self) -> Token {
        self.skip_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
        let start = self.at;
        let kind = match self.peek() {
            None => TokenKind::End,
            Some(b'"') => self.string(),
            Some(b'-' | b'+' | b'.' | b'0'..=b'9') => {
                self.skip_while(|byte| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9'));
                TokenKind::Number
            }
            Some(byte) if byte.is_ascii_alphabetic() => {
                self.skip_while(|byte| byte.is_ascii_alphabetic() || byte == b'_');
                TokenKind::Keyword
            }
            Some(byte) => self.punctuation(byte),
        };
        Token {
            kind,
            range: Range {
                start: offset(start),
                end: offset(self.at),
            },
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&wanted) {
            self.at += 1;
        }
    }

    fn punctuation(&mut self, byte: u8) -> TokenKind {
        let kind = match byte {
            b'{' => TokenKind::OpenBrace,
            b'}' => TokenKind::CloseBrace,
            b'[' => TokenKind::OpenBracket,
            b']' => TokenKind::CloseBracket,
            b',' => TokenKind::Comma,
            b':' => TokenKind::Colon,
            b'=' => TokenKind::Equals,
            _ => {
                self.at = self.text.ceil_char_boundary(self.at + 1);
                return TokenKind::Unknown;
            }
        };
        self.at += 1;
        kind
    }

    fn string(&mut self) -> TokenKind {
        self.at += 1;
        let mut escaped = false;
        let mut control = None;
        let defect = loop {
            self.skip_while(|byte| byte >= b' ' && byte != b'"' && byte != b'\\');
            match self.peek() {
                None | Some(b'\n' | b'\r') => break Some(StringDefect::Unclosed),
                Some(b'"') => {
                    self.at += 1;
                    break control.map(StringDefect::Control);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.at += 1;
                    // What is escaped may be a quote; anything else is looked at like the rest.
                    if matches!(self.peek(), Some(b'"' | b'\\')) {
                        self.at += 1;
                    }
                }
                Some(_) => {
                    control = control.or(Some(offset(self.at)));
                    self.at += 1;
                }
            }
        };
        TokenKind::String { escaped, defect }
    }
}

/// An offset into a text of less than 4 GiB, as the parser makes sure.
pub(super) fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
