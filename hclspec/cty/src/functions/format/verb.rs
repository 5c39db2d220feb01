//! The verbs of a format.

use crate::FunctionError;

/// `%[flags][width][.precision][[argument]]mode`
#[derive(Clone, Copy, Debug)]
pub(super) struct Verb<'a> {
    pub(super) raw: &'a str,
    /// Where it starts in the format, in bytes.
    pub(super) offset: usize,
    /// Which argument it is for, counted from one.
    pub(super) argument: usize,
    pub(super) mode: char,
    flags: &'a str,
    pub(super) width: Option<usize>,
    pub(super) precision: Option<usize>,
}

impl Verb<'_> {
    pub(super) fn has(&self, flag: char) -> bool {
        self.flags.contains(flag)
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Part<'a> {
    Text(&'a str),
    Verb(Verb<'a>),
}

/// Takes a format apart.
#[derive(Clone, Debug)]
pub(super) struct Parts<'a> {
    all: &'a str,
    rest: &'a str,
    /// The argument for the next verb that names none.
    next: usize,
}

impl<'a> Parts<'a> {
    pub(super) fn of(format: &'a str) -> Self {
        Self {
            all: format,
            rest: format,
            next: 1,
        }
    }

    fn offset(&self) -> usize {
        self.all.len() - self.rest.len()
    }

    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !fits(c)).unwrap_or(self.rest.len());
        self.take(end)
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn accept(&mut self, mark: char) -> bool {
        let rest = self.rest.strip_prefix(mark);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn unexpected(&self) -> FunctionError {
        FunctionError::new(match self.rest.chars().next() {
            Some(c) => format!("unrecognized format character {c:?} at offset {}", self.offset()),
            None => format!("invalid format string starting at offset {}", self.offset()),
        })
    }

    fn number(&mut self) -> usize {
        let digits = self.take_while(|c| c.is_ascii_digit());
        if digits.is_empty() {
            0
        } else {
            digits.parse().unwrap_or(usize::MAX)
        }
    }

    fn verb(&mut self) -> Result<Part<'a>, FunctionError> {
        let (offset, start) = (self.offset(), self.rest);
        self.take(1);
        if self.rest.starts_with('%') {
            return Ok(Part::Text(self.take(1)));
        }
        let flags = self.take_while(|c| "0#-+ ".contains(c));
        let width = self
            .rest
            .starts_with(|c: char| c.is_ascii_digit())
            .then(|| self.number());
        let precision = self.accept('.').then(|| self.number());
        if self.accept('[') {
            if !self.rest.starts_with(|c: char| matches!(c, '1'..='9')) {
                return Err(self.unexpected());
            }
            self.next = self.number();
            if !self.accept(']') {
                return Err(self.unexpected());
            }
        }
        let mode = self.rest.chars().next().filter(char::is_ascii_alphabetic);
        let mode = mode.ok_or_else(|| self.unexpected())?;
        self.take(1);
        let argument = self.next;
        self.next = argument.saturating_add(1);
        let raw = start.get(..start.len() - self.rest.len()).unwrap_or(start);
        Ok(Part::Verb(Verb {
            raw,
            offset,
            argument,
            mode,
            flags,
            width,
            precision,
        }))
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Result<Part<'a>, FunctionError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.rest.chars().next()? {
            '%' => Some(self.verb()),
            _ => Some(Ok(Part::Text(self.take_while(|c| c != '%')))),
        }
    }
}
