//! Files beside the job file, and the names of files.

use std::fs::File;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use encamp_hclspec::cty::{Function, FunctionError, functions};
use encamp_hclspec::{Type, Value};

use super::{MAX_TEXT, Outcome, of_texts, string, text};

/// The most files that `fileset` gives.
const MAX_FILES: usize = 100_000;

pub(super) fn functions(directory: Option<&Path>) -> [(&'static str, Function); 8] {
    let Some(directory) = directory else {
        return [
            "abspath",
            "basename",
            "dirname",
            "file",
            "filebase64",
            "fileexists",
            "fileset",
            "pathexpand",
        ]
        .map(|name| (name, refused(name)));
    };
    let base: Arc<Path> = Arc::from(directory);
    let at = |run: fn(&Path, &[Value]) -> Outcome, ty: Type, parameters: &[&str]| {
        let base = Arc::clone(&base);
        let parameters = parameters.iter().map(|name| string(name));
        Function::new(parameters, ty, move |arguments, _| run(&base, &arguments))
    };
    [
        ("abspath", at(absolute, Type::String, &["path"])),
        ("basename", of_texts(["path"], |[path]| Ok(last(path)))),
        ("dirname", of_texts(["path"], |[path]| Ok(parent(path)))),
        ("file", at(file, Type::String, &["path"])),
        ("filebase64", at(encoded, Type::String, &["path"])),
        ("fileexists", at(exists, Type::Bool, &["path"])),
        ("fileset", at(matching, Type::set(Type::String), &["path", "pattern"])),
        ("pathexpand", of_texts(["path"], |[path]| Ok(show(&expand(path))))),
    ]
}

fn refused(name: &'static str) -> Function {
    let parameters = if name == "fileset" {
        vec!["path", "pattern"]
    } else {
        vec!["path"]
    };
    Function::new(parameters.into_iter().map(string), Type::Any, |_, _| {
        Err(FunctionError::new("functions on files cannot be called here"))
    })
}

fn show(path: &Path) -> String {
    path.display().to_string()
}

/// The path, from the base, without `.` and `..`.
fn resolve(base: &Path, path: &str) -> PathBuf {
    clean(&base.join(expand(path)))
}

/// With the user's home for a `~` in front.
fn expand(path: &str) -> PathBuf {
    let home = || std::env::home_dir().unwrap_or_default();
    match path.strip_prefix('~') {
        Some("") => home(),
        Some(rest) if rest.starts_with('/') => home().join(rest.trim_start_matches('/')),
        _ => PathBuf::from(path),
    }
}

fn clean(path: &Path) -> PathBuf {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(parts.components().next_back(), Some(Component::Normal(_))) => {
                parts.pop();
            }
            Component::ParentDir if parts.has_root() => {}
            other => parts.push(other),
        }
    }
    if parts.as_os_str().is_empty() {
        parts.push(".");
    }
    parts
}

fn absolute(base: &Path, arguments: &[Value]) -> Outcome {
    let path = resolve(base, text(arguments, 0)?);
    let path = std::path::absolute(path).map_err(|_| FunctionError::at(0, "the path cannot be made absolute"))?;
    Ok(Value::from(show(&path)))
}

fn last(path: &str) -> String {
    let trimmed = path.trim_end_matches('/');
    match trimmed.rsplit('/').next() {
        _ if path.is_empty() => ".".to_owned(),
        Some("") | None => "/".to_owned(),
        Some(name) => name.to_owned(),
    }
}

fn parent(path: &str) -> String {
    match path.rfind('/') {
        Some(end) => show(&clean(Path::new(path.get(..=end).unwrap_or_default()))),
        None => ".".to_owned(),
    }
}

fn read(base: &Path, arguments: &[Value]) -> Result<Vec<u8>, FunctionError> {
    let path = resolve(base, text(arguments, 0)?);
    let failed = |error: std::io::Error| FunctionError::at(0, format!("cannot read {}: {error}", path.display()));
    let file = File::open(&path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(FunctionError::at(0, format!("{} is no regular file", path.display())));
    }
    let mut bytes = Vec::new();
    file.take(MAX_TEXT as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > MAX_TEXT {
        return Err(FunctionError::at(
            0,
            format!("{} is larger than 16 MiB", path.display()),
        ));
    }
    Ok(bytes)
}

fn file(base: &Path, arguments: &[Value]) -> Outcome {
    let bytes = read(base, arguments)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| FunctionError::at(0, "the file is not UTF-8; use filebase64 for files that are no text"))?;
    Ok(Value::from(text))
}

fn encoded(base: &Path, arguments: &[Value]) -> Outcome {
    Ok(Value::from(functions::base64(&read(base, arguments)?)))
}

fn exists(base: &Path, arguments: &[Value]) -> Outcome {
    let path = resolve(base, text(arguments, 0)?);
    match path.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(Value::from(true)),
        Ok(_) => Err(FunctionError::at(0, format!("{} is no regular file", path.display()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Value::from(false)),
        Err(error) => Err(FunctionError::at(
            0,
            format!("cannot look for {}: {error}", path.display()),
        )),
    }
}

/// The files under a directory whose paths there match a pattern with `*`, `?`, `[..]` and `**`.
fn matching(base: &Path, arguments: &[Value]) -> Outcome {
    let directory = resolve(base, text(arguments, 0)?);
    let pattern = text(arguments, 1)?;
    let outside =
        Path::new(pattern).is_absolute() || Path::new(pattern).components().any(|part| part == Component::ParentDir);
    if outside {
        return Err(FunctionError::at(1, "the pattern may not lead out of the directory"));
    }
    let whole = format!("{}/{pattern}", glob::Pattern::escape(&show(&directory)));
    let options = glob::MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: false,
    };
    let paths = glob::glob_with(&whole, options).map_err(|_| FunctionError::at(1, "this is no pattern"))?;
    let mut found = Vec::new();
    for path in paths.flatten().filter(|path| path.is_file()) {
        if found.len() == MAX_FILES {
            return Err(FunctionError::new(format!("more than {MAX_FILES} files match")));
        }
        let relative = path.strip_prefix(&directory).unwrap_or(&path);
        found.push(Value::from(show(relative)));
    }
    Ok(Value::set(Type::String, found))
}
