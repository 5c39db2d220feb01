//! A look over the text before it is parsed: what the parser would not survive, or would not explain.
//!
//! The parser takes quadratic time for large object expressions and names no place for an unclosed brace. This pass
//! takes linear time. It knows strings, templates, heredocs, comments and brackets, and nothing else of the grammar.

use std::sync::Arc;

use crate::{Diagnostic, Diagnostics, Source, Span};

/// The deepest nesting of brackets and templates.
const MAX_DEPTH: usize = 64;
/// The most keys of one object expression.
const MAX_KEYS: usize = 4096;
/// The most comparisons of keys in all object expressions together.
const MAX_COMPARISONS: usize = 4 * MAX_KEYS * MAX_KEYS;

/// What a bracket, a quote or a marker opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Root,
    Block,
    Object,
    Parenthesis,
    Bracket,
    /// Code inside of `${ }` or `%{ }`.
    Template,
    Quote,
    Heredoc,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    kind: Kind,
    start: usize,
    /// The width of the white space that its line begins with.
    indent: usize,
    /// In a body: whether this is to the right of an `=`.
    in_value: bool,
    /// In an object: how many keys it has, and how many `?` wait for their `:`.
    keys: usize,
    questions: usize,
    /// The delimiter of a heredoc.
    delimiter: (usize, usize),
}

struct Scanner<'s> {
    source: &'s Arc<Source>,
    bytes: &'s [u8],
    at: usize,
    line_start: usize,
    frames: Vec<Frame>,
    comparisons: usize,
    /// A brace whose closing one stands further out than its line: likely the one that lacks it.
    suspect: Option<usize>,
}

type Step = Result<(), Diagnostics>;

/// Looks over a body, or over a single expression.
pub(crate) fn scan(source: &Arc<Source>, is_expression: bool) -> Step {
    let mut scanner = Scanner {
        source,
        bytes: source.text().as_bytes(),
        at: 0,
        line_start: 0,
        frames: Vec::new(),
        comparisons: 0,
        suspect: None,
    };
    scanner.push(Kind::Root)?;
    if let Some(root) = scanner.frames.last_mut() {
        root.in_value = is_expression;
    }
    while scanner.at < scanner.bytes.len() {
        match scanner.top().kind {
            Kind::Quote => scanner.quote()?,
            Kind::Heredoc => scanner.heredoc()?,
            _ => scanner.code()?,
        }
    }
    scanner.finish(is_expression)
}

impl Scanner<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn top(&self) -> Frame {
        self.frames.last().copied().unwrap_or(Frame {
            kind: Kind::Root,
            start: 0,
            indent: 0,
            in_value: false,
            keys: 0,
            questions: 0,
            delimiter: (0, 0),
        })
    }

    fn update(&mut self, change: impl FnOnce(&mut Frame)) {
        if let Some(frame) = self.frames.last_mut() {
            change(frame);
        }
    }

    fn span(&self, start: usize, len: usize) -> Span {
        Span::new(self.source, start..start + len)
    }

    fn push(&mut self, kind: Kind) -> Step {
        if self.frames.len() > MAX_DEPTH {
            let detail = format!("Blocks and expressions may be nested at most {MAX_DEPTH} levels deep.");
            return Err(Diagnostic::error("Nesting too deep", detail)
                .with_span(self.span(self.at, 1))
                .into());
        }
        self.frames.push(Frame {
            kind,
            start: self.at,
            indent: self.indent(),
            in_value: false,
            keys: 0,
            questions: 0,
            delimiter: (0, 0),
        });
        Ok(())
    }

    fn indent(&self) -> usize {
        let line = self.bytes.get(self.line_start..self.at).unwrap_or_default();
        line.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
    }

    fn code(&mut self) -> Step {
        let width = match (self.peek(0), self.peek(1)) {
            (b'#', _) | (b'/', b'/') => return self.line_comment(),
            (b'/', b'*') => return self.comment(),
            (b'<', b'<') => return self.heredoc_start(),
            (b'=' | b'!' | b'<' | b'>', b'=') | (b'=', b'>') | (b':', b':') => 2,
            (b'"', _) => {
                self.push(Kind::Quote)?;
                1
            }
            (b'{' | b'(' | b'[', _) => {
                self.open()?;
                1
            }
            (b'}' | b')' | b']', _) => {
                self.close()?;
                1
            }
            (b'\n', _) => {
                self.newline();
                1
            }
            (byte, _) => {
                self.punctuation(byte)?;
                1
            }
        };
        self.at += width;
        Ok(())
    }

    fn newline(&mut self) {
        self.line_start = self.at + 1;
        let is_body = matches!(self.top().kind, Kind::Root | Kind::Block);
        self.update(|frame| {
            frame.questions = 0;
            if is_body {
                frame.in_value = false;
            }
        });
    }

    fn punctuation(&mut self, byte: u8) -> Step {
        let is_object = self.top().kind == Kind::Object;
        match byte {
            b'=' if is_object => self.key()?,
            b'=' => self.update(|frame| frame.in_value = true),
            b',' => self.update(|frame| frame.questions = 0),
            b'?' => self.update(|frame| frame.questions += 1),
            b':' if is_object && self.top().questions == 0 => self.key()?,
            b':' => self.update(|frame| frame.questions = frame.questions.saturating_sub(1)),
            _ => self.check_character(byte)?,
        }
        Ok(())
    }

    fn key(&mut self) -> Step {
        self.update(|frame| frame.keys += 1);
        let Frame { keys, start, .. } = self.top();
        self.comparisons += keys;
        if keys <= MAX_KEYS && self.comparisons <= MAX_COMPARISONS {
            return Ok(());
        }
        let detail = format!(
            "An object may have at most {MAX_KEYS} keys, and all objects of a file together about four times as many. \
             Use blocks, or several files.",
        );
        Err(Diagnostic::error("Too many object keys", detail)
            .with_span(self.span(self.at, 1))
            .with_context(self.span(start, 1))
            .into())
    }

    fn check_character(&self, byte: u8) -> Step {
        if byte >= b' ' && byte != 0x7f || matches!(byte, b'\t' | b'\r' | b'\n') {
            return Ok(());
        }
        let detail = format!(
            "The control character U+{byte:04X} is not allowed here. Is this a binary file? In a quoted string, such \
             a character is written \"\\u{byte:04x}\"."
        );
        Err(Diagnostic::error("Invalid character", detail)
            .with_span(self.span(self.at, 1))
            .into())
    }

    fn open(&mut self) -> Step {
        let top = self.top();
        let kind = match self.peek(0) {
            b'(' => Kind::Parenthesis,
            b'[' => Kind::Bracket,
            _ if matches!(top.kind, Kind::Root | Kind::Block) && !top.in_value => Kind::Block,
            _ => Kind::Object,
        };
        self.push(kind)
    }

    fn close(&mut self) -> Step {
        let closer = self.peek(0);
        let top = self.top();
        let matches = match top.kind {
            Kind::Parenthesis => closer == b')',
            Kind::Bracket => closer == b']',
            Kind::Block | Kind::Object | Kind::Template => closer == b'}',
            _ => false,
        };
        if !matches {
            return Err(self.mismatch(top));
        }
        let indent = self.indent();
        let begins_line = self.line_start + indent == self.at;
        if closer == b'}' && begins_line && indent < top.indent && self.suspect.is_none() {
            self.suspect = Some(top.start);
        }
        self.frames.pop();
        Ok(())
    }

    fn mismatch(&self, top: Frame) -> Diagnostics {
        let closer = char::from(self.peek(0));
        let here = self.span(self.at, 1);
        let Some(wanted) = closer_of(top.kind) else {
            let detail = format!("There is nothing open that this `{closer}` could close.");
            return Diagnostic::error("Unexpected closing bracket", detail)
                .with_span(here)
                .into();
        };
        let detail = format!("Expected `{wanted}`, which closes the bracket marked above, but found `{closer}`.");
        Diagnostic::error("Mismatched brackets", detail)
            .with_span(here)
            .with_context(self.span(top.start, 1))
            .into()
    }

    fn line_comment(&mut self) -> Step {
        while self.at < self.bytes.len() && self.peek(0) != b'\n' {
            self.check_character(self.peek(0))?;
            self.at += 1;
        }
        Ok(())
    }

    fn comment(&mut self) -> Step {
        let start = self.at;
        self.at += 2;
        while self.at < self.bytes.len() {
            match (self.peek(0), self.peek(1)) {
                (b'*', b'/') => {
                    self.at += 2;
                    return Ok(());
                }
                (b'\n', _) => self.line_start = self.at + 1,
                (byte, _) => self.check_character(byte)?,
            }
            self.at += 1;
        }
        let detail = "There is no `*/` to end this comment before the end of the file.";
        Err(Diagnostic::error("Unterminated comment", detail)
            .with_span(self.span(start, 2))
            .into())
    }

    /// A quoted string or label, up to its next interesting character.
    fn quote(&mut self) -> Step {
        let width = match (self.peek(0), self.peek(1), self.peek(2)) {
            (b'\n', ..) | (b'\\', b'\n', _) => return Err(self.unterminated_quote()),
            (b'\\', ..) => 2,
            (b'"', ..) => {
                self.frames.pop();
                1
            }
            (b'$', b'$', b'{') | (b'%', b'%', b'{') => 3,
            (b'$' | b'%', b'{', _) => {
                self.push(Kind::Template)?;
                2
            }
            (byte, ..) => {
                self.check_character(byte)?;
                1
            }
        };
        self.at += width;
        Ok(())
    }

    fn unterminated_quote(&self) -> Diagnostics {
        let start = self.top().start;
        let len = self.at - start;
        let detail = "A quoted string must end on the line that it begins on. A line break in it is written `\\n`; for \
                      longer texts there is the heredoc syntax, `<<EOT`.";
        Diagnostic::error("Unterminated string", detail)
            .with_span(self.span(start, len))
            .into()
    }

    fn heredoc_start(&mut self) -> Step {
        let start = self.at;
        let mark = if self.peek(2) == b'-' { 3 } else { 2 };
        let name: usize = self.source.text().get(start + mark..).map_or(0, |text| {
            let chars = text.chars().take_while(|c| is_name(*c));
            chars.map(char::len_utf8).sum()
        });
        let end = start + mark + name;
        let after = self.bytes.get(end..).unwrap_or_default();
        let line_ending = if after.starts_with(b"\r\n") { 2 } else { 1 };
        if name == 0 || !matches!(after.first(), Some(b'\n' | b'\r')) {
            self.at += mark;
            return Ok(());
        }
        self.push(Kind::Heredoc)?;
        self.update(|frame| frame.delimiter = (start + mark, end));
        self.at = end + line_ending;
        self.line_start = self.at;
        self.heredoc_end();
        Ok(())
    }

    /// A heredoc's text, up to its next interesting character.
    fn heredoc(&mut self) -> Step {
        let width = match (self.peek(0), self.peek(1), self.peek(2)) {
            (b'$', b'$', b'{') | (b'%', b'%', b'{') => 3,
            (b'$' | b'%', b'{', _) => {
                self.push(Kind::Template)?;
                2
            }
            (b'\n', ..) => {
                self.at += 1;
                self.line_start = self.at;
                self.heredoc_end();
                return Ok(());
            }
            (byte, ..) => {
                self.check_character(byte)?;
                1
            }
        };
        self.at += width;
        Ok(())
    }

    /// Ends the heredoc if its delimiter stands on the line that begins here.
    fn heredoc_end(&mut self) {
        let (from, to) = self.top().delimiter;
        let delimiter = self.source.text().get(from..to).unwrap_or_default();
        let blank = self
            .rest()
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .count();
        let line = self.source.text().get(self.at + blank..).unwrap_or_default();
        let Some(after) = line.strip_prefix(delimiter) else {
            return;
        };
        if !after.chars().next().is_some_and(is_name) {
            self.at += blank + delimiter.len();
            self.frames.pop();
        }
    }

    fn finish(&mut self, is_expression: bool) -> Step {
        let top = self.top();
        let (summary, detail) = match top.kind {
            Kind::Root => return Ok(()),
            Kind::Quote => return Err(self.unterminated_quote()),
            Kind::Heredoc => {
                let (from, to) = top.delimiter;
                let name = self.source.text().get(from..to).unwrap_or_default();
                let detail = format!("There is no line `{name}` to end this text before the end of the file.");
                let end = to - top.start;
                return Err(Diagnostic::error("Unterminated heredoc", detail)
                    .with_span(self.span(top.start, end))
                    .into());
            }
            Kind::Block => ("Unclosed configuration block", "block"),
            Kind::Object => ("Unclosed object", "object"),
            Kind::Template => ("Unclosed template sequence", "template sequence"),
            Kind::Parenthesis => ("Unclosed parenthesis", "parenthesis"),
            Kind::Bracket => ("Unclosed list or index", "bracket"),
        };
        let wanted = closer_of(top.kind).unwrap_or('}');
        let end = if is_expression { "expression" } else { "file" };
        let mut detail = format!("There is no `{wanted}` to close this {detail} before the end of the {end}.");
        let place = match self.suspect.filter(|_| top.kind == Kind::Block) {
            Some(suspect) if suspect != top.start => {
                detail.push_str(" By the indentation of the lines after it, it is this one that lacks it.");
                suspect
            }
            _ => top.start,
        };
        Err(Diagnostic::error(summary, detail).with_span(self.span(place, 1)).into())
    }
}

fn closer_of(kind: Kind) -> Option<char> {
    match kind {
        Kind::Parenthesis => Some(')'),
        Kind::Bracket => Some(']'),
        Kind::Block | Kind::Object | Kind::Template => Some('}'),
        Kind::Root | Kind::Quote | Kind::Heredoc => None,
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}
