//! [`IdRanges`]: the ids that tasks may not have.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::Identity;

/// Ranges of user or group ids, written `0-99,1000`. The empty text is no range at all.
///
/// A range is kept as its two bounds: `0-4294967295` costs what `0` costs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdRanges(Vec<RangeInclusive<u32>>);

impl IdRanges {
    /// Whether `id` is in one of the ranges.
    pub fn contains(&self, id: u32) -> bool {
        self.0.iter().any(|range| range.contains(&id))
    }

    /// Whether there is no range.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for IdRanges {
    type Err = ParseRangesError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        text.split(',').map(parse_range).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for IdRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match range {
                range if range.start() == range.end() => write!(f, "{comma}{}", range.start())?,
                range => write!(f, "{comma}{}-{}", range.start(), range.end())?,
            }
        }
        Ok(())
    }
}

/// A text is not a list of id ranges.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseRangesError {
    /// A piece between commas is empty.
    #[error("empty id range; write ids and ranges as \"0-99,1000\"")]
    Empty,
    /// A bound is not an id.
    #[error("invalid bound {bound:?} in id range {range:?}; an id is a number from 0 to 4294967295")]
    Bound {
        /// The bound.
        bound: String,
        /// The whole range.
        range: String,
    },
    /// The lower bound is above the upper one.
    #[error("invalid id range {0:?}: its lower bound is greater than its upper bound")]
    Reversed(String),
    /// There are more than two bounds.
    #[error("invalid id range {0:?}: a range has two bounds")]
    TooManyBounds(String),
}

fn parse_range(text: &str) -> Result<RangeInclusive<u32>, ParseRangesError> {
    let range = text.trim();
    if range.is_empty() {
        return Err(ParseRangesError::Empty);
    }
    let bound = |bound: &str| {
        bound.trim().parse::<u32>().map_err(|_| ParseRangesError::Bound {
            bound: bound.to_owned(),
            range: range.to_owned(),
        })
    };
    let Some((low, high)) = range.split_once('-') else {
        let id = bound(range)?;
        return Ok(id..=id);
    };
    if high.contains('-') {
        return Err(ParseRangesError::TooManyBounds(range.to_owned()));
    }
    let (low, high) = (bound(low)?, bound(high)?);
    if low > high {
        return Err(ParseRangesError::Reversed(range.to_owned()));
    }
    Ok(low..=high)
}

/// The ids that an operator denies to tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Denied {
    /// User ids.
    pub uids: IdRanges,
    /// Group ids, primary and supplementary.
    pub gids: IdRanges,
}

impl Denied {
    /// Whether a task may run as `identity`.
    ///
    /// # Errors
    /// [`DeniedError`] names the id and the ranges that it is in.
    pub fn check(&self, identity: &Identity) -> Result<(), DeniedError> {
        let denied = |kind, id, ranges: &IdRanges| DeniedError {
            kind,
            id,
            user: identity.name.clone(),
            ranges: ranges.to_string(),
        };
        if self.uids.contains(identity.uid) {
            return Err(denied("uid", identity.uid, &self.uids));
        }
        let mut gids = std::iter::once(&identity.gid).chain(&identity.groups);
        match gids.find(|gid| self.gids.contains(**gid)) {
            Some(gid) => Err(denied("gid", *gid, &self.gids)),
            None => Ok(()),
        }
    }
}

/// The operator denies an id of a user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("running as {kind} {id} of user {user} is disallowed by the operator ({ranges})")]
pub struct DeniedError {
    /// `uid` or `gid`.
    pub kind: &'static str,
    /// The id.
    pub id: u32,
    /// The user's name.
    pub user: String,
    /// The ranges that deny it.
    pub ranges: String,
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn ranges(text: &str) -> IdRanges {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[track_caller]
    fn refuse(text: &str, expected: &ParseRangesError) {
        assert_eq!(text.parse::<IdRanges>().as_ref(), Err(expected), "{text:?}");
    }

    #[test]
    fn ranges_hold_their_bounds_and_what_is_between() {
        let ranges = ranges("0-99, 1000 ,4294967290-4294967295");
        for (id, expected) in [
            (0, true),
            (99, true),
            (100, false),
            (1000, true),
            (1001, false),
            (u32::MAX, true),
        ] {
            assert_eq!(ranges.contains(id), expected, "{id}");
        }
        assert_eq!(ranges.to_string(), "0-99,1000,4294967290-4294967295");
        assert!(self::ranges("0-4294967295").contains(4711));
        assert!(self::ranges("").is_empty() && self::ranges(" ").is_empty());
    }

    #[test]
    fn what_is_no_range_is_told_precisely() {
        let bound = |bound: &str, range: &str| ParseRangesError::Bound {
            bound: bound.into(),
            range: range.into(),
        };
        refuse("1,,2", &ParseRangesError::Empty);
        refuse("1,", &ParseRangesError::Empty);
        refuse("a", &bound("a", "a"));
        refuse("1-", &bound("", "1-"));
        refuse("-1", &bound("", "-1"));
        refuse("4294967296", &bound("4294967296", "4294967296"));
        refuse("9-1", &ParseRangesError::Reversed("9-1".into()));
        refuse("1-2-3", &ParseRangesError::TooManyBounds("1-2-3".into()));
    }

    fn identity(uid: u32, gid: u32, groups: &[u32]) -> Identity {
        Identity {
            uid,
            gid,
            groups: groups.to_vec(),
            name: "web".into(),
            home: PathBuf::from("/"),
        }
    }

    #[test]
    fn a_user_is_denied_by_its_uid_and_by_each_of_its_groups() {
        let denied = Denied {
            uids: ranges("0-99"),
            gids: ranges("0,27"),
        };
        denied
            .check(&identity(1000, 1000, &[1000, 100]))
            .expect("nothing is denied");
        for (identity, expected) in [
            (
                identity(99, 1000, &[1000]),
                "running as uid 99 of user web is disallowed by the operator (0-99)",
            ),
            (
                identity(1000, 0, &[]),
                "running as gid 0 of user web is disallowed by the operator (0,27)",
            ),
            (
                identity(1000, 1000, &[1000, 27]),
                "running as gid 27 of user web is disallowed by the operator (0,27)",
            ),
        ] {
            assert_eq!(denied.check(&identity).expect_err(expected).to_string(), expected);
        }
    }

    #[test]
    fn denying_group_zero_denies_nobody_who_is_not_in_it() {
        let denied = Denied {
            uids: IdRanges::default(),
            gids: ranges("0"),
        };
        denied
            .check(&Identity::lookup("nobody").expect("nobody"))
            .expect("nobody is not in group 0");
    }
}
