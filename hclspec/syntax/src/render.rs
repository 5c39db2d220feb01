//! Diagnostics as blocks of text with source lines.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::renderer::DEFAULT_TERM_WIDTH;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use crate::{Diagnostic, Severity, Source, Span};

/// How diagnostics are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// With colours, as ANSI escape sequences.
    Terminal,
    /// As text alone.
    #[default]
    Plain,
}

/// Lines that are longer are cut before they are drawn.
const MAX_LINE: usize = 400;
/// A context that reaches over more lines is named by its first line alone.
const MAX_CONTEXT_LINES: usize = 12;

pub(crate) fn render(diagnostics: &[Diagnostic], style: Style) -> String {
    let renderer = match style {
        Style::Terminal => Renderer::styled(),
        Style::Plain => Renderer::plain(),
    }
    .term_width(DEFAULT_TERM_WIDTH);
    let blocks: Vec<String> = diagnostics
        .iter()
        .map(|diagnostic| block(&renderer, diagnostic))
        .collect();
    blocks.join("\n\n")
}

/// Text with its control characters escaped, so that a file cannot send commands to the terminal.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| c.is_control() && c != '\n') {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && c != '\n' {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

fn block(renderer: &Renderer, diagnostic: &Diagnostic) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(visible(&diagnostic.summary));
    let mut group = match &diagnostic.span {
        Some(span) => title.element(snippet(span, diagnostic.context.as_ref())),
        None => Group::with_title(title),
    };
    if !diagnostic.detail.is_empty() {
        group = group.element(Level::NOTE.no_name().message(visible(&diagnostic.detail)));
    }
    let drawn = renderer.render(&[group]);
    match &diagnostic.span {
        Some(span) => with_column(drawn, span),
        None => drawn,
    }
}

/// The drawing with the column that the span has: the renderer counts from where a line was cut, and otherwise than we
/// do where several code points make one character.
fn with_column(mut drawn: String, span: &Span) -> String {
    let place = format!("{}:{}:", visible(span.source().name()), span.line());
    let arrow = drawn.find("-->").unwrap_or(0);
    let found = drawn.get(arrow..).and_then(|rest| rest.find(&place));
    let Some(start) = found.map(|found| arrow + found + place.len()) else {
        return drawn;
    };
    let rest = drawn.get(start..).unwrap_or_default();
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    drawn.replace_range(start..start + digits, &span.column().to_string());
    drawn
}

fn snippet<'a>(span: &'a Span, context: Option<&'a Span>) -> Snippet<'a, Annotation<'a>> {
    let source = span.source();
    let near = context
        .filter(|context| span.line().abs_diff(context.line()) <= MAX_CONTEXT_LINES)
        .filter(|context| is_same_text(context.source(), source));
    let first = near.map_or(span.line(), |context| context.line().min(span.line()));
    let last = near.map_or(span.line(), |context| context.line().max(span.line()));
    let start = source.line_range(first - 1).start;
    let end = source.line_range(last - 1).end;
    let text = source.text().get(start..end).unwrap_or_default();
    if text.len() > MAX_LINE * (last + 1 - first) {
        return cut(span);
    }
    let snippet = Snippet::source(drawable(text))
        .line_start(first)
        .path(visible(source.name()))
        .annotation(AnnotationKind::Primary.span(on_line(span, start, text.len())));
    match near {
        Some(context) if context != span => {
            let line = source.line_range(context.line() - 1);
            let head = context.range().start - start..context.range().end.min(line.end) - start;
            snippet.annotation(AnnotationKind::Context.span(head))
        }
        _ => snippet,
    }
}

/// Two texts may have one name.
fn is_same_text(a: &Arc<Source>, b: &Arc<Source>) -> bool {
    Arc::ptr_eq(a, b) || (a.name() == b.name() && a.text() == b.text())
}

/// The part of a very long line around the span.
fn cut(span: &Span) -> Snippet<'_, Annotation<'_>> {
    let source = span.source();
    let line = source.line_range(span.line() - 1);
    let from = source
        .text()
        .floor_char_boundary(span.range().start.saturating_sub(40).max(line.start));
    let to = source
        .text()
        .floor_char_boundary((span.range().start + 80).min(line.end))
        .max(from);
    let text = source.text().get(from..to).unwrap_or_default();
    Snippet::source(drawable(text))
        .line_start(span.line())
        .path(visible(source.name()))
        .annotation(AnnotationKind::Primary.span(on_line(span, from, text.len())))
}

/// Source text without the control characters that the renderer lets through; every character keeps its length.
fn drawable(text: &str) -> Cow<'_, str> {
    let is_bad = |c: char| c.is_control() && c.len_utf8() == 2;
    if !text.contains(is_bad) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace(is_bad, "\u{b7}"))
}

/// The span's range relative to `start`, at most up to the end of a text of `len` bytes.
fn on_line(span: &Span, start: usize, len: usize) -> Range<usize> {
    let from = (span.range().start - start).min(len);
    let to = (span.range().end - start).min(len);
    from..to.max(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(span: Span, context: Option<Span>) -> String {
        let mut diagnostic = Diagnostic::error("Wrong", "").with_span(span);
        diagnostic.context = context;
        let styled = render(std::slice::from_ref(&diagnostic), Style::Terminal);
        let plain = render(&[diagnostic], Style::Plain);
        let place = plain.split_once("--> ").unwrap().1.lines().next().unwrap();
        assert!(styled.contains(place), "{styled}");
        plain
    }

    #[test]
    fn the_place_on_a_long_line_is_that_in_the_file() {
        let source = Source::new("a.hcl", format!("\nx = {}", "[".repeat(1000)));
        let text = drawn(Span::new(&source, 505..506), None);
        assert!(text.contains("--> a.hcl:2:505\n"), "{text}");
        let short = Source::new("a.hcl", "\ne\u{301}\u{301} = )".to_owned());
        let text = drawn(Span::new(&short, 9..10), None);
        assert!(text.contains("--> a.hcl:2:5\n"), "{text}");
    }

    #[test]
    fn a_context_in_another_text_of_the_same_name_is_not_drawn() {
        let first = Source::new("", "x = 1\n".to_owned());
        let second = Source::new("", "\n\n\n\ny = 1\nx = 1\n".to_owned());
        let text = drawn(Span::new(&second, 10..11), Some(Span::new(&first, 0..1)));
        assert!(text.contains("6 | x = 1"), "{text}");
        let text = drawn(Span::new(&first, 0..1), Some(Span::new(&second, 10..11)));
        assert!(text.contains("1 | x = 1"), "{text}");
    }
}
