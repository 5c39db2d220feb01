//! `formatdate` and `timeadd`.

use crate::{Function, FunctionError, Type};

use super::duration;
use super::support::{check_text, of_texts, string, texts};
use super::timestamp::Timestamp;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

pub(super) fn timeadd() -> Function {
    of_texts(["timestamp", "duration"], |[timestamp, duration]| {
        let timestamp = timestamp.parse::<Timestamp>().map_err(FunctionError::new)?;
        let nanoseconds = duration::parse(&duration).map_err(FunctionError::new)?;
        Ok(timestamp.plus(nanoseconds).to_string())
    })
}

pub(super) fn formatdate() -> Function {
    Function::new([string("format"), string("time")], Type::String, |arguments, _| {
        let [pattern, time] = texts(arguments)?;
        let time: Timestamp = time.parse().map_err(|error: String| FunctionError::at(1, error))?;
        let mut out = String::new();
        let mut rest = pattern.as_str();
        while let Some(first) = rest.chars().next() {
            let (part, after) = match first {
                '\'' => quoted(rest)?,
                letter if letter.is_ascii_alphabetic() => {
                    let end = rest.find(|c| c != letter).unwrap_or(rest.len());
                    let (verb, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
                    (field(verb, letter, &time)?, after)
                }
                _ => {
                    let end = rest
                        .find(|c: char| c == '\'' || c.is_ascii_alphabetic())
                        .unwrap_or(rest.len());
                    let (literal, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
                    (literal.to_owned(), after)
                }
            };
            out.push_str(&part);
            check_text(Some(out.len()))?;
            rest = after;
        }
        Ok(out.into())
    })
}

/// What is in quotes, where two stand for one, and what follows; two alone stand for one as well.
fn quoted(text: &str) -> Result<(String, &str), FunctionError> {
    let inner = text.strip_prefix('\'').unwrap_or(text);
    if let Some(after) = inner.strip_prefix('\'') {
        return Ok(("'".to_owned(), after));
    }
    let mut literal = String::new();
    let mut rest = inner;
    loop {
        let Some((part, after)) = rest.split_once('\'') else {
            return Err(FunctionError::at(0, "unterminated literal '"));
        };
        literal.push_str(part);
        match after.strip_prefix('\'') {
            Some(after) => rest = after,
            None => return Ok((literal, after)),
        }
        literal.push('\'');
    }
}

/// One field of the time; the number of letters says how long it is.
fn field(verb: &str, letter: char, time: &Timestamp) -> Result<String, FunctionError> {
    let date = time.date();
    let noon = if time.hour() < 12 { "AM" } else { "PM" };
    let twelve = (time.hour() + 11) % 12 + 1;
    let text = match (letter, verb.len()) {
        ('Y', 2) => format!("{:02}", date.year % 100),
        ('Y', 4) => format!("{:04}", date.year),
        ('M', 3) => short(name(&MONTHS, date.month - 1)),
        ('M', 4) => name(&MONTHS, date.month - 1).to_owned(),
        ('E', 3) => short(name(&DAYS, time.weekday())),
        ('E', 4) => name(&DAYS, time.weekday()).to_owned(),
        ('A', 2) => noon.to_owned(),
        ('a', 2) => noon.to_lowercase(),
        ('Z', 1) if time.is_utc() => "Z".to_owned(),
        ('Z', 3) if time.is_utc() => "UTC".to_owned(),
        ('Z', 1 | 5) => time.offset(":"),
        ('Z', 3 | 4) => time.offset(""),
        (_, width @ (1 | 2)) if "MDhHms".contains(letter) => {
            let number = match letter {
                'M' => date.month,
                'D' => date.day,
                'h' => time.hour(),
                'H' => twelve,
                'm' => time.minute(),
                _ => time.second(),
            };
            format!("{number:0width$}")
        }
        _ => return Err(unknown_field(verb, letter)),
    };
    Ok(text)
}

fn unknown_field(verb: &str, letter: char) -> FunctionError {
    let reason = match letter {
        'Y' => ": year must either be \"YY\" or \"YYYY\"",
        'M' => ": month must be \"M\", \"MM\", \"MMM\", or \"MMMM\"",
        'D' => ": day of month must either be \"D\" or \"DD\"",
        'E' => ": day of week must either be \"EEE\" or \"EEEE\"",
        'h' => ": 24-hour must either be \"h\" or \"hh\"",
        'H' => ": 12-hour must either be \"H\" or \"HH\"",
        'A' => ": must be \"AA\"",
        'a' => ": must be \"aa\"",
        'm' => ": minute must either be \"m\" or \"mm\"",
        's' => ": second must either be \"s\" or \"ss\"",
        'Z' => ": timezone must be Z, ZZZ, ZZZZ, or ZZZZZ",
        _ => "",
    };
    FunctionError::at(0, format!("invalid date format verb {verb:?}{reason}"))
}

fn name(names: &[&'static str], index: i64) -> &'static str {
    usize::try_from(index)
        .ok()
        .and_then(|index| names.get(index))
        .copied()
        .unwrap_or_default()
}

fn short(name: &str) -> String {
    name.chars().take(3).collect()
}
