//! What the program prints, and where.
//!
//! Results go to standard output, everything else to standard error. A closed output is not an error: whoever closed it
//! has seen enough, and tasks go on.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use encamp_logs::Stream;

static JSON: AtomicBool = AtomicBool::new(false);

/// Whether `--json` was given. Said once, before anything is printed.
pub(crate) fn set_json(json: bool) {
    JSON.store(json, Ordering::Relaxed);
}

pub(crate) fn is_json() -> bool {
    JSON.load(Ordering::Relaxed)
}

pub(crate) fn stderr_has_colour() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Says whether anybody still reads.
pub(crate) fn to_stdout(bytes: &[u8]) -> bool {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).is_ok()
}

pub(crate) fn to_stderr(text: &str) {
    let mut err = io::stderr().lock();
    drop(writeln!(err, "{}", text.trim_end_matches('\n')));
}

/// A line on standard output.
pub(crate) fn line(text: &str) {
    let _read = to_stdout(format!("{text}\n").as_bytes());
}

/// A JSON value on a line of its own.
pub(crate) fn print_json(value: &serde_json::Value) {
    line(&value.to_string());
}

/// A line of a task's output, or a piece of one, as JSON: see the README.
pub(crate) fn task_line(task: &str, stream: Stream, line: &[u8]) -> serde_json::Value {
    let whole = line.strip_suffix(b"\n");
    let text = String::from_utf8_lossy(whole.unwrap_or(line));
    let mut value = serde_json::json!({ "task": task, "stream": stream, "text": text });
    if let (None, Some(object)) = (whole, value.as_object_mut()) {
        object.insert("partial".to_owned(), true.into());
    }
    value
}

/// An error, in the way every command reports one.
pub(crate) fn error(message: &str) {
    if is_json() {
        print_json(&serde_json::json!({ "error": message }));
    } else if stderr_has_colour() {
        to_stderr(&format!("\x1b[1;31merror\x1b[0m: {message}"));
    } else {
        to_stderr(&format!("error: {message}"));
    }
}

/// Something worth knowing that is no error.
pub(crate) fn notice(message: &str) {
    if is_json() {
        print_json(&serde_json::json!({ "notice": message }));
    } else {
        to_stderr(&format!("encamp: {message}"));
    }
}

/// Rows with aligned columns; the first is the heading.
pub(crate) fn table(rows: &[Vec<String>]) {
    for row in aligned(rows) {
        line(&row);
    }
}

/// The same rows as lines.
pub(crate) fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
        })
        .map(Option::unwrap_or_default)
        .collect();
    let row = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(row).collect()
}

/// Bytes of a task on standard error, as they are.
pub(crate) fn to_stderr_bytes(bytes: &[u8]) {
    drop(io::stderr().lock().write_all(bytes));
}
