//! Where the parser stands: tokens, recovery, problems.

use std::borrow::Cow;
use std::sync::Arc;

use smol_str::SmolStr;

use super::problem::{Problem, Problems};
use super::scan::{Mode, Scanner};
use super::token::{Kind, Token};
use crate::ast::{Expr, ExprKind};
use crate::{Range, Source, Text};

/// How deep brackets, templates, blocks and the like may be inside of each other.
const MAX_DEPTH: usize = 200;

/// Reads a tree off tokens by recursive descent.
///
/// After a syntax error the parser looks for a place to go on from. Since it may be wrong about that place, from then
/// on (`recovery`) errors that only say that some token was not expected are not reported any more.
pub(super) struct Parser<'s> {
    pub(super) scanner: Scanner<'s>,
    /// What the text is of, unless it was made of something else.
    source: Option<&'s Arc<Source>>,
    peeked: Option<Token>,
    /// The token that was read last.
    previous: Option<Range>,
    /// Whether line endings are tokens here.
    pub(super) newlines: bool,
    pub(super) problems: Problems,
    pub(super) recovery: bool,
    depth: usize,
    /// Nesting was too deep: nothing more is read or reported.
    stopped: bool,
}

impl<'s> Parser<'s> {
    pub(super) fn new(text: &'s str, position: usize, mode: Option<Mode<'s>>) -> Self {
        let mut scanner = Scanner::new(text, position);
        scanner.modes.extend(mode);
        Self {
            scanner,
            source: None,
            peeked: None,
            previous: None,
            newlines: true,
            problems: Problems::default(),
            recovery: false,
            depth: 0,
            stopped: false,
        }
    }

    /// Of a source's own text.
    pub(super) fn of(source: &'s Arc<Source>, text: &'s str, position: usize, mode: Option<Mode<'s>>) -> Self {
        Self {
            source: Some(source),
            ..Self::new(text, position, mode)
        }
    }

    #[inline]
    pub(super) fn peek(&mut self) -> Token {
        loop {
            let token = match self.peeked {
                Some(token) => token,
                None => self.scanner.next(),
            };
            if token.kind != Kind::Newline || self.newlines {
                self.peeked = Some(token);
                return token;
            }
            self.peeked = None;
        }
    }

    #[inline]
    pub(super) fn read(&mut self) -> Token {
        let token = self.peek();
        self.peeked = None;
        self.previous = Some(token.range);
        token
    }

    /// Reads the next token if it is one of this kind.
    pub(super) fn read_if(&mut self, kind: Kind) -> Option<Token> {
        (self.peek().kind == kind).then(|| self.read())
    }

    /// The place of the token that was read last; before the first, that of the first.
    pub(super) fn previous(&mut self) -> Range {
        match self.previous {
            Some(range) => range,
            None => self.peek().range,
        }
    }

    /// The content of a simple quoted string, right after its opening quote was read.
    pub(super) fn read_simple_string(&mut self) -> Option<Range> {
        let content = self.scanner.simple_string()?;
        self.previous = Some(Range::new(content.end, content.end + 1));
        Some(content)
    }

    #[inline]
    pub(super) fn text(&self, range: Range) -> &'s str {
        self.scanner.text.get(std::ops::Range::from(range)).unwrap_or_default()
    }

    #[inline]
    pub(super) fn name(&self, range: Range) -> SmolStr {
        SmolStr::new(self.text(range))
    }

    /// Text as it is written at a range.
    pub(super) fn written(&self, range: Range) -> Text {
        match self.source {
            Some(source) => Text::of(source, range),
            None => self.name(range).into(),
        }
    }

    /// Literal text that was made of what is written at a range.
    pub(super) fn literal(&self, text: Cow<'_, str>, range: Range) -> Text {
        match text {
            Cow::Borrowed(text) if text.len() == range.len() as usize => self.written(range),
            text => SmolStr::from(text).into(),
        }
    }

    /// Whether the next token is this word.
    pub(super) fn word_is_next(&mut self, word: &str) -> bool {
        let token = self.peek();
        token.kind == Kind::Name && self.text(token.range) == word
    }

    /// Reports a problem, unless nothing is reported any more.
    pub(super) fn report(&mut self, problem: Problem) {
        if !self.stopped {
            self.problems.push(problem);
        }
    }

    /// Reports a problem that may just follow from an earlier one: not while in recovery.
    pub(super) fn report_unless_recovering(&mut self, problem: Problem) {
        if !self.recovery {
            self.report(problem);
        }
    }

    /// Whether there were errors since there were `before` of them.
    pub(super) fn has_errors_since(&self, before: usize) -> bool {
        self.problems.count() > before
    }

    /// Whether there were errors since there were `before` of them, and the place in the text was lost.
    #[inline]
    pub(super) fn is_lost_since(&self, before: usize) -> bool {
        self.recovery && self.has_errors_since(before)
    }

    /// One level deeper; [`Parser::leave`] goes back. Where that is too deep, it is an error and the end of parsing.
    pub(super) fn enter(&mut self, place: Range) -> bool {
        if self.depth < MAX_DEPTH {
            self.depth += 1;
            return true;
        }
        self.too_deep(place);
        false
    }

    /// The end of parsing.
    pub(super) fn too_deep(&mut self, place: Range) {
        self.report(Problem::new(
            "Nesting too deep",
            format!("Brackets, templates, operators and blocks may be inside of each other {MAX_DEPTH} levels deep, not deeper. What follows was not read."),
            place,
        ));
        self.recovery = true;
        self.stopped = true;
        self.scanner.stop();
        self.peeked = None;
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Reads past the next token of this kind that has no opening counterpart after here, and returns it; the end of
    /// the text if there is none.
    pub(super) fn recover(&mut self, end: Kind) -> Token {
        let opener = end.counterpart();
        let end = end.plain();
        self.recovery = true;
        let mut open = 0_usize;
        loop {
            let token = self.read();
            let kind = token.kind.plain();
            if kind == end {
                if open == 0 {
                    return token;
                }
                open -= 1;
            } else if Some(kind) == opener {
                open += 1;
            } else if kind == Kind::End {
                return token;
            }
        }
    }

    /// Reads past the next parenthesis and what is in it.
    pub(super) fn recover_over_parentheses(&mut self) {
        while !matches!(self.read().kind, Kind::OpenParen | Kind::End) {}
        self.recover(Kind::CloseParen);
    }

    /// Reads to the end of the line that an argument or block ends on, as far as brackets can be told from here.
    pub(super) fn recover_after_item(&mut self) {
        self.recovery = true;
        let mut open: Vec<Kind> = Vec::new();
        loop {
            let kind = self.read().kind.plain();
            match kind {
                Kind::Newline if open.is_empty() => return,
                Kind::End => return,
                Kind::OpenBrace
                | Kind::OpenBracket
                | Kind::OpenParen
                | Kind::OpenQuote
                | Kind::OpenHeredoc { .. }
                | Kind::OpenInterpolation { .. } => open.push(kind),
                Kind::CloseBrace
                | Kind::CloseBracket
                | Kind::CloseParen
                | Kind::CloseQuote
                | Kind::CloseHeredoc
                | Kind::CloseSequence { .. } => {
                    let opener = kind.counterpart();
                    while open.pop().is_some_and(|last| Some(last) != opener) {}
                }
                _ => {}
            }
        }
    }
}

/// In place of what could not be parsed.
pub(super) fn invalid(range: Range) -> Expr {
    Expr {
        kind: ExprKind::Invalid,
        range,
    }
}
