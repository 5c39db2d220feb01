//! Versions, as Nomad's plugins write them.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A version: up to any number of numbers with dots between, with or without a `v` before and a pre-release and build
/// metadata behind (`v1.2`, `0.8.0-beta.1+abc`). Equal is what is equal without the metadata.
#[derive(Clone, Debug)]
pub struct Version {
    text: String,
    numbers: Vec<u64>,
    prerelease: String,
}

/// A text is no version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no version: write it as 1.2.3, with a -pre.release behind where it is one")]
pub struct VersionError(String);

impl FromStr for Version {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        parse(text).ok_or_else(|| VersionError(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Version> {
    let rest = text.strip_prefix('v').unwrap_or(text);
    let (rest, metadata) = rest
        .split_once('+')
        .map_or((rest, None), |(rest, data)| (rest, Some(data)));
    let end = rest
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(rest.len());
    let (numbers, prerelease) = rest.split_at_checked(end)?;
    // A pre-release that starts with a letter needs no dash: 1.2beta.
    let prerelease = match prerelease.strip_prefix('-') {
        Some("") => return None,
        Some(prerelease) => prerelease,
        None => prerelease,
    };
    let is_tail = |tail: &str| tail.split('.').all(is_part);
    if (!prerelease.is_empty() && !is_tail(prerelease)) || !metadata.is_none_or(is_tail) {
        return None;
    }
    let mut numbers: Vec<u64> = numbers
        .split('.')
        .map(|number| number.parse().ok())
        .collect::<Option<_>>()?;
    while numbers.len() > 3 && numbers.last() == Some(&0) {
        numbers.pop();
    }
    numbers.resize(numbers.len().max(3), 0);
    Some(Version {
        text: text.to_owned(),
        numbers,
        prerelease: prerelease.to_owned(),
    })
}

fn is_part(part: &str) -> bool {
    !part.is_empty()
        && part
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '~'))
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let numbers = self.numbers.cmp(&other.numbers);
        numbers.then_with(|| compare_prereleases(&self.prerelease, &other.prerelease))
    }
}

/// Any pre-release comes before what it leads to.
fn compare_prereleases(one: &str, other: &str) -> Ordering {
    match (one.is_empty(), other.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let (mut ours, mut theirs) = (one.split('.'), other.split('.'));
    loop {
        let order = match (ours.next(), theirs.next()) {
            (None, None) => return Ordering::Equal,
            (Some(_), None) => Ordering::Greater,
            (None, Some(_)) => Ordering::Less,
            (Some(ours), Some(theirs)) => compare_parts(ours, theirs),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Numbers by their value and before words.
fn compare_parts(one: &str, other: &str) -> Ordering {
    match (one.parse::<u64>(), other.parse::<u64>()) {
        (Ok(one), Ok(other)) => one.cmp(&other),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => one.cmp(other),
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(one: &str, order: Ordering, other: &str) {
        let parse = |text: &str| text.parse::<Version>().unwrap();
        assert_eq!(parse(one).cmp(&parse(other)), order, "{one} and {other}");
        assert_eq!(parse(other).cmp(&parse(one)), order.reverse(), "{other} and {one}");
    }

    #[test]
    fn versions_are_ordered_as_their_authors_mean_them() {
        check("v0.1.0", Ordering::Equal, "0.1");
        check("1", Ordering::Equal, "1.0.0.0");
        check("1.0.0+a", Ordering::Equal, "1.0.0+b");
        check("0.10.0", Ordering::Greater, "0.9.9");
        check("1.0.0", Ordering::Greater, "1.0.0-rc.2");
        check("1.0.0-rc.10", Ordering::Greater, "1.0.0-rc.9");
        check("1.0.0-beta", Ordering::Greater, "1.0.0-7");
        check("1.0beta", Ordering::Less, "1.0");
        check("1.0.0-beta.1", Ordering::Greater, "1.0.0-beta");
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in [
            "",
            "v",
            "one",
            "1..2",
            ".1",
            "1.",
            "1.2-",
            "1.2-a..b",
            "1+",
            "1 2",
            "-1",
            "1.2_3",
            "99999999999999999999",
        ] {
            assert_eq!(text.parse::<Version>(), Err(VersionError(text.to_owned())), "{text}");
        }
    }
}
