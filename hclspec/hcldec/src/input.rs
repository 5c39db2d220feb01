//! Files and standard input.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use encamp_hclspec::{Body, Diagnostic, Diagnostics, Source};

use crate::failure::Failure;
use crate::streams::Streams;

const STDIN: &str = "<stdin>";

/// The text of a file.
pub(crate) fn read(path: &Path) -> Result<Arc<Source>, Diagnostics> {
    let name = path.display().to_string();
    match std::fs::read(path) {
        Ok(bytes) => Source::from_bytes(name, bytes),
        Err(error) => {
            let detail = format!("The configuration file {name:?} could not be read: {error}.");
            Err(Diagnostic::error("Failed to read file", detail).into())
        }
    }
}

/// What to decode: all files, or standard input where there is none. What is wrong with a file goes to `errors`.
pub(crate) fn bodies(
    files: &[PathBuf],
    streams: &mut Streams<'_>,
    errors: &mut Diagnostics,
) -> Result<Vec<Body>, Failure> {
    let mut bodies = Vec::new();
    let stdin = [PathBuf::from("-")];
    let files = if files.is_empty() { &stdin } else { files };
    for path in files {
        let body = if path.as_os_str() == "-" {
            let mut bytes = Vec::new();
            streams.stdin.read_to_end(&mut bytes).map_err(Failure::Stdin)?;
            Source::from_bytes(STDIN, bytes).and_then(Body::parse)
        } else {
            read(path).and_then(Body::read)
        };
        match body {
            Ok(body) => bodies.push(body),
            Err(found) => errors.extend(found),
        }
    }
    Ok(bodies)
}
