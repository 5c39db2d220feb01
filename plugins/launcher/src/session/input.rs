//! Where a session's commands come from: a person at a terminal, or a file with one a line.

use std::io::{self, IsTerminal as _};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Stdin};

use super::editor::Typed;
use super::words;

/// A command longer than this is none.
const LONGEST: u64 = 1024 * 1024;

/// Where commands come from.
pub(super) enum Input {
    Typed(Typed),
    Script(BufReader<Stdin>),
}

/// What came.
pub(super) enum Line {
    Text(String),
    /// Ctrl-C at the prompt.
    Interrupted,
    End,
}

impl Input {
    /// Whether a person is there to read and type.
    pub(super) fn is_terminal() -> bool {
        io::stdin().is_terminal() && io::stdout().is_terminal()
    }

    pub(super) fn script() -> Self {
        Self::Script(BufReader::new(tokio::io::stdin()))
    }

    pub(super) fn is_typed(&self) -> bool {
        matches!(self, Self::Typed(_))
    }

    /// # Cancel safety
    /// Part of a script may be lost; a line that is being typed is not.
    pub(super) async fn next(&mut self) -> io::Result<Line> {
        match self {
            Self::Typed(typed) => Ok(typed.next().await),
            Self::Script(reader) => read(reader).await,
        }
    }
}

/// One command: a line, or several where braces are open.
async fn read(reader: &mut BufReader<Stdin>) -> io::Result<Line> {
    let mut text = String::new();
    loop {
        let read = (&mut *reader).take(LONGEST).read_line(&mut text).await?;
        if text.len() as u64 >= LONGEST {
            return Err(io::Error::other("the command is longer than 1 MiB"));
        }
        if read == 0 && text.is_empty() {
            return Ok(Line::End);
        }
        if read == 0 || !words::is_open(&text) {
            return Ok(Line::Text(text));
        }
    }
}
