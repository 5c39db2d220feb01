//! Source text and places in it.

use std::fmt;
use std::ops;
use std::sync::{Arc, OnceLock};

use unicode_segmentation::UnicodeSegmentation;

use crate::{Diagnostic, Diagnostics, Range};

/// A configuration file in memory: its name, for messages, and its text.
pub struct Source {
    name: String,
    text: String,
    had_bom: bool,
    line_starts: OnceLock<Vec<usize>>,
    is_ascii: OnceLock<bool>,
    marks: OnceLock<Vec<Mark>>,
}

/// How many grapheme clusters there are before a place that is the boundary of one.
#[derive(Clone, Copy)]
struct Mark {
    offset: usize,
    clusters: usize,
}

/// How far marks are apart, in bytes, or a cluster more.
const MARK_DISTANCE: usize = 4096;

impl Source {
    /// A source of the given name. A UTF-8 byte order mark at the start of the text is dropped.
    pub fn new(name: impl Into<String>, text: String) -> Arc<Self> {
        let stripped = text.strip_prefix('\u{feff}').map(str::to_owned);
        Arc::new(Self {
            name: name.into(),
            had_bom: stripped.is_some(),
            text: stripped.unwrap_or(text),
            line_starts: OnceLock::new(),
            is_ascii: OnceLock::new(),
            marks: OnceLock::new(),
        })
    }

    /// A source from the bytes of a file.
    ///
    /// # Errors
    /// One diagnostic, at the first byte that is not UTF-8.
    pub fn from_bytes(name: impl Into<String>, bytes: Vec<u8>) -> Result<Arc<Self>, Diagnostics> {
        let error = match String::from_utf8(bytes) {
            Ok(text) => return Ok(Self::new(name, text)),
            Err(error) => error,
        };
        let at = error.utf8_error().valid_up_to();
        // Replacing the bad bytes keeps the good ones before them where they are, so the place stays right.
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        let source = Self::new(name, text);
        let at = at - source.bom_len();
        let span = Span::new(&source, at..at + '\u{fffd}'.len_utf8());
        Err(Diagnostic::error(
            "Invalid character encoding",
            "This is not UTF-8 text. Configuration files must be UTF-8; is this a binary file?",
        )
        .with_span(span)
        .into())
    }

    /// The name that messages use, usually a file's path.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text, without a byte order mark.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many bytes of the file come before [`Source::text`]: 3 where it began with a byte order mark, else 0.
    pub fn bom_len(&self) -> usize {
        if self.had_bom { '\u{feff}'.len_utf8() } else { 0 }
    }

    /// The text of a range; empty where the range is not one of this text.
    pub fn slice(&self, range: Range) -> &str {
        self.text.get(ops::Range::from(range)).unwrap_or_default()
    }

    /// A range of this text as a span.
    pub fn span(self: &Arc<Self>, range: Range) -> Span {
        Span::new(self, range.into())
    }

    /// The zero-based index of the line that holds the byte offset.
    fn line_index(&self, offset: usize) -> usize {
        self.line_starts()
            .partition_point(|start| *start <= offset)
            .saturating_sub(1)
    }

    /// The byte range of a line, by its zero-based index, without its line ending.
    pub(crate) fn line_range(&self, index: usize) -> ops::Range<usize> {
        let starts = self.line_starts();
        let start = starts.get(index).copied().unwrap_or(self.text.len());
        let end = starts.get(index + 1).copied().unwrap_or(self.text.len());
        let line = self.text.get(start..end).unwrap_or_default();
        start..start + line.trim_end_matches(['\n', '\r']).len()
    }

    fn line_starts(&self) -> &[usize] {
        self.line_starts.get_or_init(|| {
            let newlines = self.text.match_indices('\n').map(|(index, _)| index + 1);
            std::iter::once(0).chain(newlines).collect()
        })
    }

    /// The column of a byte offset, from 1, in grapheme clusters.
    fn column(&self, offset: usize) -> usize {
        let starts = self.line_starts();
        let start = starts.get(self.line_index(offset)).copied().unwrap_or_default();
        let before = self.text.get(start..offset).unwrap_or_default();
        // Asked once for all of the text: a line can be very long, and can hold very many places.
        if *self.is_ascii.get_or_init(|| self.text.is_ascii()) {
            return before.len() + 1;
        }
        if before.len() <= MARK_DISTANCE {
            return before.graphemes(true).count() + 1;
        }
        self.clusters_before(offset) - self.clusters_before(start) + 1
    }

    /// How many clusters begin before a byte offset. Marks keep this fast in very long lines.
    fn clusters_before(&self, offset: usize) -> usize {
        let marks = self.marks.get_or_init(|| self.make_marks());
        let index = marks.partition_point(|mark| mark.offset <= offset).saturating_sub(1);
        let mark = marks.get(index).copied().unwrap_or(Mark { offset: 0, clusters: 0 });
        let rest = self.text.get(mark.offset..offset).unwrap_or_default();
        mark.clusters + rest.graphemes(true).count()
    }

    fn make_marks(&self) -> Vec<Mark> {
        let mut marks = vec![Mark { offset: 0, clusters: 0 }];
        let mut next = MARK_DISTANCE;
        for (clusters, (offset, _)) in self.text.grapheme_indices(true).enumerate() {
            if offset >= next {
                marks.push(Mark { offset, clusters });
                next = offset + MARK_DISTANCE;
            }
        }
        marks
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("name", &self.name)
            .field("bytes", &self.text.len())
            .finish_non_exhaustive()
    }
}

/// A range of a [`Source`].
#[derive(Clone)]
pub struct Span {
    source: Arc<Source>,
    start: usize,
    end: usize,
}

impl Span {
    /// A span over a byte range of the source's text.
    ///
    /// A range that reaches beyond the text or into the middle of a character is moved to the nearest place before
    /// it that does not.
    pub fn new(source: &Arc<Source>, range: ops::Range<usize>) -> Self {
        let start = source.text.floor_char_boundary(range.start);
        let end = source.text.floor_char_boundary(range.end).max(start);
        Self {
            source: Arc::clone(source),
            start,
            end,
        }
    }

    /// The source.
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// The byte range in [`Source::text`].
    pub fn range(&self) -> ops::Range<usize> {
        self.start..self.end
    }

    /// The text that the span covers.
    pub fn text(&self) -> &str {
        self.source.text.get(self.range()).unwrap_or_default()
    }

    /// The line that the span starts on, from 1.
    pub fn line(&self) -> usize {
        self.source.line_index(self.start) + 1
    }

    /// The column that the span starts in, from 1, in grapheme clusters: what a reader takes for one character.
    pub fn column(&self) -> usize {
        self.source.column(self.start)
    }

    /// The line that the span ends on, from 1.
    pub fn end_line(&self) -> usize {
        self.source.line_index(self.end) + 1
    }

    /// The column after the span's last character, from 1.
    pub fn end_column(&self) -> usize {
        self.source.column(self.end)
    }
}

impl PartialEq for Span {
    fn eq(&self, other: &Self) -> bool {
        self.range() == other.range() && self.source.name == other.source.name
    }
}

impl Eq for Span {}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.source.name, self.line(), self.column())
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}..{}", self.source.name, self.start, self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_what_readers_see_as_one_character_however_long_the_line() {
        let source = Source::new("a.hcl", "e\u{301}\u{1f468}\u{200d}\u{1f469} = 1".to_owned());
        assert_eq!(Span::new(&source, 14..15).column(), 3);
        let source = Source::new("a.hcl", format!("\n{}x", "e\u{301}".repeat(5000)));
        let span = Span::new(&source, 15_001..15_002);
        assert_eq!(
            (span.text(), span.line(), span.column(), span.end_column()),
            ("x", 2, 5001, 5002)
        );
    }

    #[test]
    fn lines_and_columns_count_characters_from_one() {
        let source = Source::new("a.hcl", "é = 1\r\nb = 2".to_owned());
        let span = Span::new(&source, 8..9);
        assert_eq!((span.line(), span.column(), span.text()), (2, 1, "b"));
        let span = Span::new(&source, 3..4);
        assert_eq!((span.line(), span.column(), span.text()), (1, 3, "="));
    }

    #[test]
    fn a_byte_order_mark_is_dropped_and_remembered() {
        let source = Source::from_bytes("a.hcl", b"\xef\xbb\xbfa = 1".to_vec()).unwrap();
        assert_eq!((source.text(), source.bom_len()), ("a = 1", 3));
    }

    #[test]
    fn bytes_that_are_not_text_are_refused_where_they_stand() {
        let error = Source::from_bytes("a.hcl", b"a = 1\nb\xff\xfe".to_vec()).unwrap_err();
        assert!(
            error.to_string().starts_with("a.hcl:2:2: Invalid character encoding"),
            "{error}"
        );
        let error = Source::from_bytes("a.hcl", b"\xef\xbb\xbfa\xff".to_vec()).unwrap_err();
        assert!(error.to_string().starts_with("a.hcl:1:2: "), "{error}");
    }

    #[test]
    fn a_span_never_leaves_the_text_or_splits_a_character() {
        let source = Source::new("a.hcl", "é".to_owned());
        assert_eq!(Span::new(&source, 1..9).range(), 0..2);
        assert_eq!(Span::new(&source, 1..1).range(), 0..0);
    }
}
