//! Points in time as RFC 3339 writes them.

use std::fmt;
use std::str::FromStr;

const SECONDS_OF_DAY: i64 = 86_400;
const NANOSECONDS: i64 = 1_000_000_000;

/// A time of day somewhere on earth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timestamp {
    /// Local seconds since the start of 1970.
    local: i64,
    nanoseconds: i64,
    /// How far local time is ahead of UTC, in seconds.
    offset: i64,
}

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug)]
pub(super) struct Date {
    pub(super) year: i64,
    /// From one.
    pub(super) month: i64,
    /// From one.
    pub(super) day: i64,
}

impl Timestamp {
    /// The time so many nanoseconds later, at the same offset.
    pub(super) fn plus(self, nanoseconds: i64) -> Self {
        let sum = self.nanoseconds + nanoseconds.rem_euclid(NANOSECONDS);
        Self {
            local: self.local + nanoseconds.div_euclid(NANOSECONDS) + sum / NANOSECONDS,
            nanoseconds: sum % NANOSECONDS,
            ..self
        }
    }

    pub(super) fn date(&self) -> Date {
        date_of(self.local.div_euclid(SECONDS_OF_DAY))
    }

    /// From Sunday, which is zero.
    pub(super) fn weekday(&self) -> i64 {
        (self.local.div_euclid(SECONDS_OF_DAY) + 4).rem_euclid(7)
    }

    pub(super) fn hour(&self) -> i64 {
        self.local.rem_euclid(SECONDS_OF_DAY) / 3600
    }

    pub(super) fn minute(&self) -> i64 {
        self.local.rem_euclid(3600) / 60
    }

    pub(super) fn second(&self) -> i64 {
        self.local.rem_euclid(60)
    }

    /// The offset as `+01:00`, with this between hours and minutes.
    pub(super) fn offset(&self, separator: &str) -> String {
        let sign = if self.offset < 0 { '-' } else { '+' };
        let minutes = self.offset.abs() / 60;
        format!("{sign}{:02}{separator}{:02}", minutes / 60, minutes % 60)
    }

    pub(super) fn is_utc(&self) -> bool {
        self.offset == 0
    }
}

/// In RFC 3339, without parts of a second.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Date { year, month, day } = self.date();
        let sign = if year < 0 { "-" } else { "" };
        let year = year.abs();
        write!(
            f,
            "{sign}{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}",
            self.hour(),
            self.minute(),
            self.second()
        )?;
        f.write_str(&if self.is_utc() {
            "Z".to_owned()
        } else {
            self.offset(":")
        })
    }
}

impl FromStr for Timestamp {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = Parts { rest: text };
        let year = parts.number(4, "year", 0..=9999)?;
        parts.mark('-')?;
        let month = parts.number(2, "month", 1..=12)?;
        parts.mark('-')?;
        let day = parts.number(2, "day of month", 1..=days_in(year, month))?;
        parts.mark('T')?;
        let hour = parts.number(2, "hour", 0..=23)?;
        parts.mark(':')?;
        let minute = parts.number(2, "minute", 0..=59)?;
        parts.mark(':')?;
        let second = parts.number(2, "second", 0..=59)?;
        let nanoseconds = parts.fraction()?;
        let offset = parts.offset()?;
        let days = days_before(Date { year, month, day });
        Ok(Self {
            local: days * SECONDS_OF_DAY + hour * 3600 + minute * 60 + second,
            nanoseconds,
            offset,
        })
    }
}

struct Parts<'a> {
    rest: &'a str,
}

impl Parts<'_> {
    fn found(&self) -> &'static str {
        if self.rest.is_empty() {
            "the end"
        } else {
            "another character"
        }
    }

    fn mark(&mut self, mark: char) -> Result<(), String> {
        let rest = self.rest.strip_prefix(mark);
        self.rest = rest.ok_or_else(|| invalid(format!("found {} where {mark:?} is expected", self.found())))?;
        Ok(())
    }

    fn number(&mut self, digits: usize, name: &str, range: std::ops::RangeInclusive<i64>) -> Result<i64, String> {
        let part = self.rest.split_at_checked(digits);
        let part = part.filter(|(part, _)| part.bytes().all(|byte| byte.is_ascii_digit()));
        let (part, rest) = part.ok_or_else(|| invalid(format!("{name} must have exactly {digits} digits")))?;
        let number = part.parse().ok().filter(|number| range.contains(number));
        let (first, last) = range.into_inner();
        let number = number.ok_or_else(|| invalid(format!("{name} must be between {first} and {last}")))?;
        self.rest = rest;
        Ok(number)
    }

    /// The nanoseconds after a point; digits beyond the ninth are dropped.
    fn fraction(&mut self) -> Result<i64, String> {
        let Some(rest) = self.rest.strip_prefix('.') else {
            return Ok(0);
        };
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, rest) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if digits.is_empty() {
            return Err(invalid("a digit is expected after the point"));
        }
        self.rest = rest;
        let nine: String = digits.chars().chain("00000000".chars()).take(9).collect();
        nine.parse()
            .map_err(|_| invalid("the fraction of a second is no number"))
    }

    fn offset(&mut self) -> Result<i64, String> {
        let factor = match self.rest.chars().next() {
            Some('Z') if self.rest.len() == 1 => return Ok(0),
            Some('+') => 60,
            Some('-') => -60,
            _ => {
                return Err(invalid(format!(
                    "found {} where the UTC offset is expected",
                    self.found()
                )));
            }
        };
        self.rest = self.rest.get(1..).unwrap_or("");
        let hours = self.number(2, "hour of the UTC offset", 0..=23)?;
        self.mark(':')?;
        let minutes = self.number(2, "minute of the UTC offset", 0..=59)?;
        if !self.rest.is_empty() {
            return Err(invalid(format!("found {} where the end is expected", self.found())));
        }
        Ok(factor * (hours * 60 + minutes))
    }
}

fn invalid(reason: impl fmt::Display) -> String {
    format!("not a valid RFC3339 timestamp: {reason}")
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from the start of 1970 to the date.
fn days_before(date: Date) -> i64 {
    // Years that start in March have their leap day at the end.
    let year = if date.month <= 2 { date.year - 1 } else { date.year };
    let month = (date.month + 9) % 12;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (month * 153 + 2) / 5 + date.day
        - 1
        - 719_468
}

/// The date so many days after the start of 1970.
fn date_of(days: i64) -> Date {
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    // The year of the era of 400 years, and the day of that year, which starts in March.
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (year * 365 + year / 4 - year / 100);
    let month = (day * 5 + 2) / 153;
    let day = day - (month * 153 + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    Date {
        year: era * 400 + year + next,
        month,
        day,
    }
}
