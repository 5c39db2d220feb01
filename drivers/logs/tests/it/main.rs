//! Writing and reading back, in real directories.
#![expect(clippy::unwrap_used, reason = "helpers of tests say what is wrong as tests do")]

mod model;
mod read;
mod root;
mod write;

use std::fs;
use std::path::Path;

use encamp_logs::{Config, Next, Reader, Start, Stream, Writer};

fn writer(dir: &Path, max_files: u32, max_file_size: u64) -> Writer {
    let config = Config {
        max_files,
        max_file_size,
    };
    Writer::open(dir, "web", Stream::Stdout, config).unwrap()
}

/// The files of the stream, in order of their indices.
fn files(dir: &Path) -> Vec<(u64, Vec<u8>)> {
    let mut found: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            let index = entry.file_name().to_str()?.strip_prefix("web.stdout.")?.parse().ok()?;
            Some((index, fs::read(entry.path()).ok()?))
        })
        .collect();
    found.sort();
    found
}

fn texts(dir: &Path) -> Vec<String> {
    files(dir)
        .into_iter()
        .map(|(_, bytes)| String::from_utf8(bytes).unwrap())
        .collect()
}

fn open(dir: &Path, start: Start) -> Reader {
    Reader::open(dir, "web", Stream::Stdout, start).unwrap()
}

/// All that there is to read at once, and how many files were skipped.
fn read_all(reader: &mut Reader) -> (String, u64) {
    let (mut bytes, mut skipped) = (Vec::new(), 0);
    loop {
        match reader.try_next().unwrap() {
            Next::Data(data) => bytes.extend_from_slice(data),
            Next::Skipped { files } => skipped += files,
            Next::Pending => return (String::from_utf8(bytes).unwrap(), skipped),
        }
    }
}
