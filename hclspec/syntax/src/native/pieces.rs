//! The items of a template in a row, as they are read, with blanks stripped.

use std::borrow::Cow;

use super::for_expression::LoopNames;
use super::scan::offset;
use crate::Range;
use crate::ast::Expr;

/// What a template is a sequence of.
pub(super) enum Item<'s> {
    Literal {
        text: Cow<'s, str>,
        range: Range,
    },
    Interpolation {
        expr: Expr,
        range: Range,
    },
    If {
        condition: Box<Expr>,
        range: Range,
    },
    Else(Range),
    EndIf(Range),
    For {
        names: Box<LoopNames>,
        collection: Box<Expr>,
        range: Range,
    },
    EndFor(Range),
}

impl Item<'_> {
    pub(super) fn extend_to(&mut self, last: Range) {
        let (Self::Literal { range, .. }
        | Self::Interpolation { range, .. }
        | Self::If { range, .. }
        | Self::For { range, .. }
        | Self::Else(range)
        | Self::EndIf(range)
        | Self::EndFor(range)) = self;
        *range = range.to(last);
    }
}

/// Gathers items. Literals that follow each other become one.
pub(super) struct Pieces<'s> {
    /// What ranges are of.
    text: &'s str,
    items: Vec<Item<'s>>,
    /// What may yet lose the blanks at its end.
    last: Option<(Cow<'s, str>, Range)>,
    literal: Option<Literal<'s>>,
    indent: Option<Indent>,
}

struct Literal<'s> {
    text: Cow<'s, str>,
    range: Range,
    /// Where lines start in it that lose their indent.
    lines: Vec<usize>,
}

/// The indent that all lines of a flush heredoc lose.
struct Indent {
    /// The smallest, in characters.
    smallest: usize,
    /// Whether the next piece begins a line.
    line_start: bool,
    /// The literals that have such lines, by their place among the items, and the lines' starts.
    literals: Vec<(usize, Vec<usize>)>,
}

impl<'s> Pieces<'s> {
    pub(super) fn new(text: &'s str, flush: bool) -> Self {
        Self {
            text,
            items: Vec::new(),
            last: None,
            literal: None,
            indent: flush.then(|| Indent {
                smallest: usize::MAX,
                line_start: true,
                literals: Vec::new(),
            }),
        }
    }

    /// Literal text, which loses the blanks at its start if they are to be stripped.
    pub(super) fn literal(&mut self, text: Cow<'s, str>, range: Range, strip: bool) {
        self.commit();
        let text = match (strip, text) {
            (false, text) => text,
            (true, Cow::Borrowed(text)) => Cow::Borrowed(text.trim_start()),
            (true, Cow::Owned(text)) => Cow::Owned(text.trim_start().to_owned()),
        };
        self.last = Some((text, range));
    }

    /// A sequence begins; the literal text right before it may lose the blanks at its end.
    pub(super) fn end_literal(&mut self, strip: bool) {
        if let Some((text, _)) = self.last.as_mut().filter(|_| strip) {
            let length = text.trim_end().len();
            match text {
                Cow::Borrowed(text) => *text = text.get(..length).unwrap_or_default(),
                Cow::Owned(text) => text.truncate(length),
            }
        }
        self.commit();
    }

    pub(super) fn item(&mut self, item: Item<'s>) {
        self.commit();
        self.end_run();
        if let Some(indent) = &mut self.indent
            && std::mem::take(&mut indent.line_start)
        {
            indent.smallest = 0;
        }
        self.items.push(item);
    }

    pub(super) fn finish(mut self) -> Vec<Item<'s>> {
        self.commit();
        self.end_run();
        if let Some(indent) = self.indent {
            for (index, lines) in indent.literals {
                if let Some(Item::Literal { text, range }) = self.items.get_mut(index) {
                    unindent(text, range, &lines, indent.smallest);
                }
            }
        }
        self.items
    }

    /// The last piece of literal text is as it will be.
    fn commit(&mut self) {
        let Some((text, range)) = self.last.take() else {
            return;
        };
        let start = self.literal.as_ref().map_or(0, |literal| literal.text.len());
        let is_indented = self.indent.as_mut().is_some_and(|indent| indent.note(&text));
        match &mut self.literal {
            Some(literal) => {
                literal.add(text, range, self.text);
            }
            None => {
                self.literal = Some(Literal {
                    text,
                    range,
                    lines: Vec::new(),
                });
            }
        }
        if let Some(literal) = self.literal.as_mut().filter(|_| is_indented) {
            literal.lines.push(start);
        }
    }

    /// The literals that follow each other end here.
    fn end_run(&mut self) {
        let Some(literal) = self.literal.take() else {
            return;
        };
        if let Some(indent) = self.indent.as_mut().filter(|_| !literal.lines.is_empty()) {
            indent.literals.push((self.items.len(), literal.lines));
        }
        self.items.push(Item::Literal {
            text: literal.text,
            range: literal.range,
        });
    }
}

impl<'s> Literal<'s> {
    /// Goes on with a piece: what is written in a row as it is meant need not be copied.
    fn add(&mut self, piece: Cow<'s, str>, range: Range, whole: &'s str) {
        let all = self.range.to(range);
        match (&self.text, piece) {
            (Cow::Borrowed(text), Cow::Borrowed(piece)) if text.len() + piece.len() == all.len() as usize => {
                self.text = Cow::Borrowed(whole.get(std::ops::Range::from(all)).unwrap_or_default());
            }
            (_, piece) => self.text.to_mut().push_str(&piece),
        }
        self.range = all;
    }
}

impl Indent {
    /// Takes a piece of literal text into account, and tells whether it begins a line that is to lose its indent.
    /// Blank lines have none.
    fn note(&mut self, text: &str) -> bool {
        let begins = self.line_start;
        self.line_start = text.ends_with('\n');
        let indent = text.len() - text.trim_start().len();
        if !begins || (indent == text.len() && text.ends_with('\n')) {
            // The middle of a line does not make a line's end forgotten.
            return false;
        }
        let characters = text.get(..indent).unwrap_or_default().chars().count();
        self.smallest = self.smallest.min(characters);
        true
    }
}

/// Takes that many characters from each of the lines that start there.
fn unindent(text: &mut Cow<'_, str>, range: &mut Range, lines: &[usize], characters: usize) {
    if characters == 0 {
        return;
    }
    let mut result = String::with_capacity(text.len());
    let mut copied = 0;
    for start in lines {
        let line = text.get(*start..).unwrap_or_default();
        let length: usize = line.chars().take(characters).map(char::len_utf8).sum();
        result.push_str(text.get(copied..*start).unwrap_or_default());
        copied = start + length;
        if *start == 0 {
            range.start += offset(length);
        }
    }
    result.push_str(text.get(copied..).unwrap_or_default());
    *text = Cow::Owned(result);
}
