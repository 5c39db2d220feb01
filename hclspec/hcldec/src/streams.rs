//! Standard input, output and error.

use std::fmt;
use std::io::{self, IsTerminal as _, Read, Write};

/// Where the program reads and writes.
pub struct Streams<'s> {
    /// Read where no file is named.
    pub stdin: Box<dyn Read + 's>,
    /// For the result.
    pub stdout: Box<dyn Write + 's>,
    /// For problems.
    pub stderr: Box<dyn Write + 's>,
    /// Whether problems are coloured.
    pub color: bool,
}

impl Streams<'static> {
    /// Those of the process. Coloured on a terminal, unless `NO_COLOR` is set.
    pub fn of_process() -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            stdin: Box::new(io::stdin()),
            stdout: Box::new(io::stdout()),
            stderr: Box::new(io::stderr()),
            color: !plain && io::stderr().is_terminal(),
        }
    }
}

impl fmt::Debug for Streams<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams")
            .field("color", &self.color)
            .finish_non_exhaustive()
    }
}
