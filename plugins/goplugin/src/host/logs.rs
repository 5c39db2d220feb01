//! What a plugin logs on its standard error: hclog in, `tracing` out.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::{Life, LogSink};

/// A line that is longer is logged in pieces, unread.
const LONGEST_LINE: usize = 64 * 1024;

/// How much of its last words a plugin's error shows, in bytes.
const LAST_WORDS: usize = 8 * 1024;

/// How long is listened to what a plugin has left behind: its children may have its standard error, too.
const AFTERLIFE: Duration = Duration::from_millis(500);

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// The finest.
    Trace,
    /// For whoever looks for a fault. Also what no level is known of.
    Debug,
    /// What happens.
    Info,
    /// What may become a fault.
    Warn,
    /// A fault.
    Error,
}

/// A line of a plugin's log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogRecord {
    /// The file name of the plugin's program.
    pub plugin: String,
    /// How much it matters.
    pub level: LogLevel,
    /// The message; the whole line, where it is none that hclog writes.
    pub message: String,
    /// The part of the plugin that says it; may be empty.
    pub module: String,
    /// When it was written, as the plugin says; may be empty.
    pub timestamp: String,
    /// What else the line holds: text as it is, everything else as JSON.
    pub fields: Vec<(String, String)>,
}

impl LogRecord {
    /// The fields as `key=value`, with spaces between.
    pub fn fields(&self) -> impl fmt::Display + '_ {
        struct Shown<'a>(&'a [(String, String)]);

        impl fmt::Display for Shown<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut space = "";
                for (key, value) in self.0 {
                    if value.is_empty() || value.contains([' ', '"', '\n', '=']) {
                        write!(f, "{space}{key}={value:?}")?;
                    } else {
                        write!(f, "{space}{key}={value}")?;
                    }
                    space = " ";
                }
                Ok(())
            }
        }

        Shown(&self.fields)
    }

    /// Hands it to `tracing`, with the target `plugin`.
    fn trace(&self) {
        macro_rules! event {
            ($level:ident) => {
                tracing::event!(
                    target: "plugin",
                    tracing::Level::$level,
                    plugin = self.plugin,
                    module = self.module,
                    fields = %self.fields(),
                    "{}",
                    self.message
                )
            };
        }
        match self.level {
            LogLevel::Trace => event!(TRACE),
            LogLevel::Debug => event!(DEBUG),
            LogLevel::Info => event!(INFO),
            LogLevel::Warn => event!(WARN),
            LogLevel::Error => event!(ERROR),
        }
    }
}

/// The last of what a plugin has written to its standard error.
#[derive(Clone, Debug, Default)]
pub(super) struct LastWords(Arc<Mutex<VecDeque<u8>>>);

impl LastWords {
    fn hear(&self, data: &[u8]) {
        let mut words = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        words.extend(data);
        let excess = words.len().saturating_sub(LAST_WORDS);
        words.drain(..excess);
    }

    pub(super) fn text(&self) -> String {
        let words: Vec<u8> = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .copied()
            .collect();
        String::from_utf8_lossy(&words).trim().to_owned()
    }
}

/// Reads `stderr` to its end, or until the plugin has ended and says no more.
pub(super) async fn follow(
    mut stderr: impl AsyncRead + Unpin,
    plugin: String,
    sink: Option<LogSink>,
    life: Life,
    last_words: LastWords,
) {
    let mut reader = Reader {
        plugin,
        panicking: false,
        line: Vec::new(),
        in_pieces: false,
    };
    let mut chunk = vec![0; 8 * 1024];
    let deaf = async {
        life.over().await;
        tokio::time::sleep(AFTERLIFE).await;
    };
    tokio::pin!(deaf);
    loop {
        let read = tokio::select! {
            biased;
            read = stderr.read(&mut chunk) => read.unwrap_or_default(),
            () = &mut deaf => 0,
        };
        let data = chunk.get(..read).unwrap_or_default();
        last_words.hear(data);
        let log = |record: &LogRecord| match &sink {
            Some(sink) => sink(record),
            None => record.trace(),
        };
        if read == 0 {
            return reader.end(log);
        }
        reader.feed(data, log);
    }
}

/// Lines out of chunks, records out of lines.
struct Reader {
    plugin: String,
    /// After the first line of a Go panic, everything that is no log line belongs to it.
    panicking: bool,
    line: Vec<u8>,
    in_pieces: bool,
}

impl Reader {
    fn feed(&mut self, mut data: &[u8], mut log: impl FnMut(&LogRecord)) {
        while let Some(end) = data.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = data.split_at(end);
            self.line.extend(line);
            self.flush(&mut log);
            self.in_pieces = false;
            data = rest.get(1..).unwrap_or_default();
        }
        self.line.extend(data);
        if self.line.len() > LONGEST_LINE {
            self.in_pieces = true;
            self.flush(&mut log);
        }
    }

    fn end(mut self, mut log: impl FnMut(&LogRecord)) {
        self.flush(&mut log);
    }

    fn flush(&mut self, log: &mut impl FnMut(&LogRecord)) {
        let text = String::from_utf8_lossy(&self.line);
        let text = text.trim_end_matches('\r');
        if !text.is_empty() {
            let record = if self.in_pieces {
                raw(LogLevel::Debug, text)
            } else {
                parse(text).unwrap_or_else(|| raw(level_of_raw(&mut self.panicking, text), text))
            };
            log(&LogRecord {
                plugin: self.plugin.clone(),
                ..record
            });
        }
        self.line.clear();
        self.line.shrink_to(8 * 1024);
    }
}

fn raw(level: LogLevel, text: &str) -> LogRecord {
    LogRecord {
        plugin: String::new(),
        level,
        message: text.to_owned(),
        module: String::new(),
        timestamp: String::new(),
        fields: Vec::new(),
    }
}

fn level_of_raw(panicking: &mut bool, text: &str) -> LogLevel {
    let prefixes = [
        ("[TRACE]", LogLevel::Trace),
        ("[DEBUG]", LogLevel::Debug),
        ("[INFO]", LogLevel::Info),
        ("[WARN]", LogLevel::Warn),
        ("[ERROR]", LogLevel::Error),
    ];
    if let Some((_, level)) = prefixes.into_iter().find(|(prefix, _)| text.starts_with(prefix)) {
        return level;
    }
    *panicking |= text.starts_with("panic: ") || text.starts_with("fatal error: ");
    if *panicking { LogLevel::Error } else { LogLevel::Debug }
}

/// A line that hclog has written, or something that looks like it.
fn parse(line: &str) -> Option<LogRecord> {
    let mut object: Map<String, Value> = serde_json::from_str(line).ok()?;
    let level = match object.get("@level")?.as_str()?.to_ascii_lowercase().as_str() {
        "trace" => LogLevel::Trace,
        "debug" => LogLevel::Debug,
        "info" => LogLevel::Info,
        "warn" => LogLevel::Warn,
        "error" => LogLevel::Error,
        _ => return None,
    };
    object.remove("@level");
    let mut take = |key: &str| object.remove(key).map(text).unwrap_or_default();
    let (message, module, timestamp) = (take("@message"), take("@module"), take("@timestamp"));
    let fields = object.into_iter().map(|(key, value)| (key, text(value))).collect();
    Some(LogRecord {
        plugin: String::new(),
        level,
        message,
        module,
        timestamp,
        fields,
    })
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
