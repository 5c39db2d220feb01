//! What a parser finds wrong, before it is put in terms of a source.

use std::borrow::Cow;
use std::sync::Arc;

use crate::{Diagnostic, Diagnostics, Range, Source};

/// How many problems are kept of each of the two kinds, those of tokens and those of the grammar.
const KEPT: usize = 250;

/// One problem. All are errors.
pub(super) struct Problem {
    pub(super) summary: Cow<'static, str>,
    /// [`PLACE`] in it stands for `place`.
    pub(super) detail: Cow<'static, str>,
    pub(super) subject: Range,
    pub(super) context: Option<Range>,
    /// Another place that the detail speaks of.
    pub(super) place: Option<Range>,
}

/// What is replaced in a detail by the name of a place.
pub(super) const PLACE: &str = "{place}";

impl Problem {
    pub(super) fn new(
        summary: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
        subject: Range,
    ) -> Self {
        Self {
            summary: summary.into(),
            detail: detail.into(),
            subject,
            context: None,
            place: None,
        }
    }

    /// The same in what reaches from `first` to the subject's end.
    pub(super) fn since(mut self, first: Range) -> Self {
        self.context = Some(first.to(self.subject));
        self
    }

    pub(super) fn within(mut self, context: Range) -> Self {
        self.context = Some(context);
        self
    }

    pub(super) fn about(mut self, place: Range) -> Self {
        self.place = Some(place);
        self
    }

    fn into_diagnostic(self, source: &Arc<Source>, map: impl Fn(Range) -> Range) -> Diagnostic {
        let detail = match self.place {
            Some(place) => {
                let place = source.span(map(place)).to_string();
                self.detail.replacen(PLACE, &place, 1)
            }
            None => self.detail.into_owned(),
        };
        let diagnostic = Diagnostic::error(self.summary, detail).with_span(source.span(map(self.subject)));
        match self.context {
            Some(context) => diagnostic.with_context(source.span(map(context))),
            None => diagnostic,
        }
    }
}

/// A list of problems that does not grow for ever.
#[derive(Default)]
pub(super) struct Problems {
    kept: Vec<Problem>,
    count: usize,
}

impl Problems {
    pub(super) fn push(&mut self, problem: Problem) {
        self.count += 1;
        if self.kept.len() < KEPT {
            self.kept.push(problem);
        }
    }

    /// How many there are, those that were not kept included.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// All of both, in the order of the text.
    pub(super) fn into_diagnostics(
        self,
        more: Self,
        source: &Arc<Source>,
        map: impl Fn(Range) -> Range,
    ) -> Diagnostics {
        let lost = self.count + more.count - self.kept.len() - more.kept.len();
        let mut diagnostics: Diagnostics = self
            .kept
            .into_iter()
            .chain(more.kept)
            .map(|problem| problem.into_diagnostic(source, &map))
            .collect();
        diagnostics.sort();
        if lost > 0 {
            diagnostics.push(Diagnostic::error(
                "Too many errors",
                format!("There are {lost} more errors, which are not listed. Mend these first."),
            ));
        }
        diagnostics
    }
}
