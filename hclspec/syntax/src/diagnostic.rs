//! Diagnostics: what is wrong, where, and what would be right.

use std::cmp::Ordering;
use std::fmt;

use serde_json::json;

use crate::{Span, Style, render};

/// How bad a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// The configuration is taken, but not as its author may think.
    Warning,
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in a few words.
    pub summary: String,
    /// What is wrong in full sentences, and what to do about it. May be empty.
    pub detail: String,
    /// The exact place.
    pub span: Option<Span>,
    /// A wider place that explains the exact one, such as the block it is in.
    pub context: Option<Span>,
    /// The path of the value at fault, outermost name first; an element of a list is named `[0]`.
    pub path: Vec<String>,
}

impl Diagnostic {
    /// An error without a place.
    pub fn error(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            summary: summary.into(),
            detail: detail.into(),
            span: None,
            context: None,
            path: Vec::new(),
        }
    }

    /// A warning without a place.
    pub fn warning(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(summary, detail)
        }
    }

    /// The same at an exact place.
    #[must_use]
    pub fn with_span(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// The same in a wider place.
    #[must_use]
    pub fn with_context(mut self, span: Span) -> Self {
        self.context = Some(span);
        self
    }

    /// The same, about the value at a path.
    #[must_use]
    pub fn with_path<S: Into<String>>(mut self, path: impl IntoIterator<Item = S>) -> Self {
        self.path = path.into_iter().map(Into::into).collect();
        self
    }

    /// The path as text: `logging.options[0]`. Empty where there is none.
    pub fn path_text(&self) -> String {
        let mut text = String::new();
        for part in &self.path {
            if !text.is_empty() && !part.starts_with('[') {
                text.push('.');
            }
            text.push_str(part);
        }
        text
    }

    /// As one element of [`Diagnostics::to_json`].
    pub fn to_json(&self) -> serde_json::Value {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        json!({
            "severity": severity,
            "summary": self.summary,
            "detail": self.detail,
            "path": self.path,
            "subject": self.span.as_ref().map(span_json),
            "context": self.context.as_ref().map(span_json),
        })
    }
}

/// One line: `file:line:column: summary; detail`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(span) = &self.span {
            write!(f, "{span}: ")?;
        }
        if self.severity == Severity::Warning {
            f.write_str("warning: ")?;
        }
        f.write_str(&render::visible(&self.summary))?;
        if !self.detail.is_empty() {
            write!(f, "; {}", render::visible(&self.detail).replace('\n', " "))?;
        }
        Ok(())
    }
}

/// How many are kept: nobody reads more, and each takes a hundred times the memory of the letter that it is about.
const MAX: usize = 1000;

/// Every problem that was found, in the order of the text; of more than a thousand those that were found first, and one
/// that says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    /// How many are errors: asked for so often that they are not counted each time.
    errors: usize,
}

impl Diagnostics {
    /// No diagnostics yet.
    pub const fn new() -> Self {
        Self {
            list: Vec::new(),
            errors: 0,
        }
    }

    /// Adds one. The same diagnostic is kept once.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.list.last() == Some(&diagnostic) {
            return;
        }
        self.errors += usize::from(diagnostic.severity == Severity::Error);
        match self.list.len().cmp(&MAX) {
            Ordering::Less => self.list.push(diagnostic),
            Ordering::Equal => self.list.push(Diagnostic::error(
                "Too many errors",
                "There are more errors, which are not listed. Mend these first.",
            )),
            Ordering::Greater => {}
        }
    }

    /// Whether any is an error.
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// How many are errors, those that are not listed included.
    pub fn error_count(&self) -> usize {
        self.errors
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// One after another.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// Puts them into the order of their places; those without a place come first.
    pub fn sort(&mut self) {
        // That there are more is said at the end.
        let listed = self.list.len().min(MAX);
        if let Some(listed) = self.list.get_mut(..listed) {
            listed.sort_by_key(|diagnostic| diagnostic.span.as_ref().map(|span| span.range().start));
        }
    }

    /// As blocks of text with the source lines and the places marked in them.
    pub fn render(&self, style: Style) -> String {
        render::render(&self.list, style)
    }

    /// As a JSON array of objects with `severity`, `summary`, `detail`, `path`, `subject` and `context`; the last two
    /// are `{filename, start: {line, column, byte}, end: {..}}` or null, where `byte` counts from the start of the
    /// file.
    pub fn to_json(&self) -> serde_json::Value {
        self.list.iter().map(Diagnostic::to_json).collect()
    }

    /// `Ok(value)` where there is no error, else these.
    ///
    /// # Errors
    /// These diagnostics, warnings included, where one of them is an error.
    pub fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.has_errors() { Err(self) } else { Ok(value) }
    }
}

impl std::error::Error for Diagnostics {}

/// All of them, one on a line.
impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.list.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        vec![diagnostic].into()
    }
}

impl From<Vec<Diagnostic>> for Diagnostics {
    fn from(diagnostics: Vec<Diagnostic>) -> Self {
        let errors = diagnostics.iter().filter(|found| found.severity == Severity::Error);
        Self {
            errors: errors.count(),
            list: diagnostics,
        }
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: I) {
        for diagnostic in diagnostics {
            self.push(diagnostic);
        }
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(diagnostics: I) -> Self {
        diagnostics.into_iter().collect::<Vec<_>>().into()
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}

fn span_json(span: &Span) -> serde_json::Value {
    let bom = span.source().bom_len();
    json!({
        "filename": span.source().name(),
        "start": {"line": span.line(), "column": span.column(), "byte": span.range().start + bom},
        "end": {"line": span.end_line(), "column": span.end_column(), "byte": span.range().end + bom},
    })
}
