//! Tables of comma separated values.

use std::collections::HashSet;
use std::iter::Peekable;
use std::str::Chars;

use crate::{Function, FunctionError, Type, Value};

use super::support::{Outcome, check_elements, check_text, string, texts};

pub(super) fn csvdecode() -> Function {
    // The type of a known table is that of its rows.
    Function::new([string("str")], Type::Any, |arguments, _| {
        let [text] = texts(arguments)?;
        decode(&text)
    })
}

fn decode(text: &str) -> Outcome {
    let mut reader = Reader {
        rest: text.chars().peekable(),
        line: 1,
    };
    let Some((_, header)) = reader.row()? else {
        return Err(FunctionError::new("missing header line"));
    };
    let header: Vec<String> = header.into_iter().map(crate::nfc).collect();
    let mut names = HashSet::new();
    if let Some(twice) = header.iter().position(|name| !names.insert(name.as_str())) {
        let message = format!("column {} has the name of an earlier one", twice + 1);
        return Err(FunctionError::new(message));
    }
    let width: usize = header.iter().map(String::len).sum();
    let mut rows: Vec<Value> = Vec::new();
    while let Some((line, cells)) = reader.row()? {
        if cells.len() != header.len() {
            return Err(fail(line, "wrong number of fields"));
        }
        let count = rows.len() + 1;
        check_elements(count.checked_mul(header.len() + 1))?;
        check_text(count.checked_mul(width))?;
        let cells = header.iter().cloned().zip(cells.into_iter().map(Value::from));
        rows.push(Value::Object(cells.collect()));
    }
    let types = header.into_iter().map(|name| (name, Type::String));
    Ok(Value::List(Type::object(types), rows))
}

fn fail(line: usize, message: &str) -> FunctionError {
    FunctionError::new(format!("CSV parse error on line {line}: {message}"))
}

struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    line: usize,
}

impl Reader<'_> {
    /// The next row that is not empty, and its line; none at the end.
    fn row(&mut self) -> Result<Option<(usize, Vec<String>)>, FunctionError> {
        while self.line_end() {}
        if self.rest.peek().is_none() {
            return Ok(None);
        }
        let line = self.line;
        let mut cells = Vec::new();
        loop {
            let cell = if self.rest.next_if_eq(&'"').is_some() {
                self.quoted()?
            } else {
                self.bare()?
            };
            cells.push(cell);
            if self.rest.next_if_eq(&',').is_none() {
                self.line_end();
                return Ok(Some((line, cells)));
            }
        }
    }

    /// Takes a line end, if there is one here.
    fn line_end(&mut self) -> bool {
        let mut ahead = self.rest.clone();
        // At the end of the text a single CR is as good.
        let carriage = ahead.next_if_eq(&'\r').is_some();
        let end = ahead.next_if_eq(&'\n').is_some() || (carriage && ahead.peek().is_none());
        if end {
            self.rest = ahead;
            self.line += 1;
        }
        end
    }

    fn at_line_end(&self) -> bool {
        let mut ahead = self.rest.clone();
        let carriage = ahead.next_if_eq(&'\r').is_some();
        match ahead.peek() {
            None => true,
            Some(&next) => next == '\n' && (carriage || self.rest.clone().next() == Some('\n')),
        }
    }

    fn bare(&mut self) -> Result<String, FunctionError> {
        let mut cell = String::new();
        while !self.at_line_end() {
            match self.rest.peek() {
                Some(',') | None => break,
                Some('"') => return Err(fail(self.line, "bare \" in non-quoted field")),
                Some(&c) => {
                    cell.push(c);
                    self.rest.next();
                }
            }
        }
        Ok(cell)
    }

    fn quoted(&mut self) -> Result<String, FunctionError> {
        let mut cell = String::new();
        loop {
            if self.rest.peek().is_some() && self.line_end() {
                cell.push('\n');
                continue;
            }
            match self.rest.next() {
                Some('"') if self.rest.next_if_eq(&'"').is_some() => cell.push('"'),
                Some('"') if self.rest.peek() == Some(&',') || self.at_line_end() => return Ok(cell),
                None | Some('"') => return Err(fail(self.line, "extraneous or missing \" in quoted-field")),
                Some(c) => cell.push(c),
            }
        }
    }
}
