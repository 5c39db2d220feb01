//! The smallest parts of a text.

use crate::Range;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    OpenBrace,
    CloseBrace,
    OpenBracket,
    CloseBracket,
    OpenParen,
    CloseParen,
    OpenQuote,
    CloseQuote,
    /// `<<MARKER` with its line ending; the flag is set for `<<-MARKER`.
    OpenHeredoc {
        flush: bool,
    },
    /// The line that has the marker, without its line ending.
    CloseHeredoc,
    /// `${`; the flag is set for `${~`.
    OpenInterpolation {
        strip: bool,
    },
    /// `%{`, `%{~`.
    OpenDirective {
        strip: bool,
    },
    /// The `}` or `~}` of the two above.
    CloseSequence {
        strip: bool,
    },
    /// Text between quotes, where backslashes escape.
    QuotedText,
    /// Text of a heredoc or a bare template; a line of it at most.
    PlainText,
    /// Line endings where a quoted string must not have any.
    QuotedNewline,
    Number,
    Name,
    /// A line ending, with the line comment before it if there is one.
    Newline,
    Star,
    Slash,
    Plus,
    Minus,
    Percent,
    Equals,
    DoubleEquals,
    NotEquals,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    And,
    Or,
    Bang,
    Dot,
    Comma,
    Colon,
    DoubleColon,
    Question,
    Ellipsis,
    FatArrow,
    /// What is no part of the language. The scanner has reported it.
    Bad,
    End,
}

impl Kind {
    /// The bracket that closes this one, or opens it. Either opener of a template sequence is as good as the other.
    pub(super) fn counterpart(self) -> Option<Self> {
        Some(match self {
            Self::OpenBrace => Self::CloseBrace,
            Self::CloseBrace => Self::OpenBrace,
            Self::OpenBracket => Self::CloseBracket,
            Self::CloseBracket => Self::OpenBracket,
            Self::OpenParen => Self::CloseParen,
            Self::CloseParen => Self::OpenParen,
            Self::OpenQuote => Self::CloseQuote,
            Self::CloseQuote => Self::OpenQuote,
            Self::OpenHeredoc { .. } => Self::CloseHeredoc,
            Self::CloseHeredoc => Self::OpenHeredoc { flush: false },
            Self::OpenInterpolation { .. } | Self::OpenDirective { .. } => Self::CloseSequence { strip: false },
            Self::CloseSequence { .. } => Self::OpenInterpolation { strip: false },
            _ => return None,
        })
    }

    /// The same without what does not matter to the balance of brackets.
    pub(super) fn plain(self) -> Self {
        match self {
            Self::OpenInterpolation { .. } | Self::OpenDirective { .. } => Self::OpenInterpolation { strip: false },
            Self::CloseSequence { .. } => Self::CloseSequence { strip: false },
            Self::OpenHeredoc { .. } => Self::OpenHeredoc { flush: false },
            other => other,
        }
    }
}

/// A token and its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) range: Range,
}
