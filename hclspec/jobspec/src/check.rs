//! Looks at the values of arguments.
//!
//! `{name}` in a text stands for the argument's name, and is filled in where the diagnostics are gathered.

use encamp_hclspec::{Diagnostic, Diagnostics, Value, did_you_mean, parse_duration};

use crate::names;

const NAME: &str = "{name}";

fn problem(summary: &str, detail: impl Into<String>) -> Diagnostics {
    Diagnostic::error(summary, detail).into()
}

/// About one argument of the block that is looked at.
pub(crate) fn about(argument: &str, summary: impl Into<String>, detail: impl Into<String>) -> Diagnostic {
    Diagnostic::error(summary, detail).with_path([argument])
}

/// The diagnostics with the arguments' names in them.
pub(crate) fn named(diagnostics: Diagnostics) -> Diagnostics {
    let fill = |mut diagnostic: Diagnostic| {
        let name = diagnostic.path.iter().rev().find(|part| !part.starts_with('['));
        if let Some(name) = name {
            diagnostic.summary = diagnostic.summary.replace(NAME, name);
            diagnostic.detail = diagnostic.detail.replace(NAME, name);
        }
        diagnostic
    };
    diagnostics.into_iter().map(fill).collect()
}

/// One of several texts.
pub(crate) fn one_of<'t>(value: &Value, texts: impl Iterator<Item = &'t str> + Clone) -> Diagnostics {
    let Some(text) = value.as_str() else {
        return Diagnostics::new();
    };
    if texts.clone().any(|known| known == text) {
        return Diagnostics::new();
    }
    let known: Vec<String> = texts.clone().map(|known| format!("\"{known}\"")).collect();
    let mut detail = format!("\"{NAME}\" must be one of {}.", known.join(", "));
    if let Some(other) = did_you_mean(text, texts) {
        detail = format!("{detail} Did you mean \"{other}\"?");
    }
    problem("Invalid {name}", detail)
}

/// A length of time.
pub(crate) fn duration(value: &Value) -> Diagnostics {
    match value.as_str().map(parse_duration) {
        Some(Err(error)) => problem(
            "Invalid duration",
            format!("Inappropriate value for \"{NAME}\": {error}."),
        ),
        _ => Diagnostics::new(),
    }
}

/// A whole number in a range.
pub(crate) fn range<const MIN: i64, const MAX: i64>(value: &Value) -> Diagnostics {
    let detail = match value.as_i64() {
        Some(number) if (MIN..=MAX).contains(&number) => return Diagnostics::new(),
        None if value.is_null() => return Diagnostics::new(),
        Some(number) if number < MIN && MAX >= i64::from(u32::MAX) => format!("\"{NAME}\" must be at least {MIN}."),
        None if MAX >= i64::from(u32::MAX) => format!("\"{NAME}\" must be a whole number, and at least {MIN}."),
        _ => format!("\"{NAME}\" must be a whole number from {MIN} to {MAX}."),
    };
    problem("Invalid {name}", detail)
}

/// A number that is not below zero.
pub(crate) fn whole(value: &Value) -> Diagnostics {
    range::<0, { i64::MAX }>(value)
}

/// A number that fits into 32 bits, and is not below zero.
pub(crate) fn count(value: &Value) -> Diagnostics {
    range::<0, { u32::MAX as i64 }>(value)
}

/// A network port.
pub(crate) fn port(value: &Value) -> Diagnostics {
    range::<0, 65535>(value)
}

/// A text that is not empty.
pub(crate) fn filled(value: &Value) -> Diagnostics {
    if value.as_str() == Some("") {
        return problem("Invalid {name}", format!("\"{NAME}\" may not be empty."));
    }
    Diagnostics::new()
}

/// The name of a signal.
pub(crate) fn signal(value: &Value) -> Diagnostics {
    let name = value.as_str().filter(|name| !name.is_empty() && !name.contains("${"));
    match name.and_then(names::signal) {
        Some(detail) => problem("Invalid {name}", detail),
        None => Diagnostics::new(),
    }
}

/// Permissions of a file in octal digits.
pub(crate) fn permissions(value: &Value) -> Diagnostics {
    let is_octal = |text: &str| !text.is_empty() && u32::from_str_radix(text, 8).is_ok_and(|mode| mode <= 0o7777);
    match value.as_str() {
        Some(text) if !is_octal(text) => problem(
            "Invalid {name}",
            format!("\"{NAME}\" is written in octal digits, as in \"0644\"."),
        ),
        _ => Diagnostics::new(),
    }
}

/// A path within the task's or the allocation's directory, as far as the text tells.
pub(crate) fn inside(value: &Value) -> Diagnostics {
    let Some(path) = value.as_str() else {
        return Diagnostics::new();
    };
    let mut depth = 0_i64;
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => depth -= 1,
            _ => depth += 1,
        }
        if depth < 0 {
            return problem(
                "Invalid {name}",
                format!("\"{NAME}\" leads out of the task's directory."),
            );
        }
    }
    Diagnostics::new()
}

/// Arguments and blocks of any names, which may not be a single text or number.
pub(crate) fn free(value: &Value) -> Diagnostics {
    if value.is_null() || value.as_map().is_some() || value.as_list().is_some() || !value.is_known() {
        return Diagnostics::new();
    }
    problem(
        "Incorrect attribute value type",
        format!(
            "Inappropriate value for \"{NAME}\": object required, but have {}.",
            value.kind()
        ),
    )
}
