//! What the suites came to, as a table and one line.

use std::fmt::Display;
use std::process::ExitCode;
use std::time::Duration;

use crate::leaks::Leak;
use crate::outcome::Outcome;
use crate::style;

/// What one suite came to.
pub(crate) struct Report {
    suite: &'static str,
    outcome: Outcome,
    /// Why each test that did not run was left out.
    skipped: Vec<String>,
    pub(crate) time: Duration,
}

impl Report {
    pub(crate) fn new(suite: &'static str, outcome: Outcome, skipped: Vec<String>) -> Self {
        Self {
            suite,
            outcome,
            skipped,
            time: Duration::ZERO,
        }
    }
}

/// Prints the whole report; the summary is its last line.
pub(crate) fn conclude(reports: &[Report], leaks: &[Leak]) -> ExitCode {
    println!(
        "\n{}",
        style::bold(&format!(
            "{:<8}{:>8}{:>8}{:>9}{:>9}",
            "suite", "passed", "failed", "skipped", "time"
        ))
    );
    for Report {
        suite,
        outcome,
        skipped,
        time,
    } in reports
    {
        let (passed, failed, skipped) = (outcome.passed, outcome.failed, skipped.len());
        println!(
            "{suite:<8}{passed:>8}{failed:>8}{skipped:>9}{:>7.1} s",
            time.as_secs_f64()
        );
    }
    let failures = reports.iter().flat_map(|report| &report.outcome.failures);
    list("failed", style::red, failures);
    list("left behind", style::red, leaks.iter());
    let skipped: Vec<_> = reports
        .iter()
        .flat_map(|report| report.skipped.iter().map(String::as_str))
        .collect();
    list(
        "skipped",
        style::yellow,
        by_reason(&skipped)
            .iter()
            .map(|(reason, count)| format!("{count} x {reason}")),
    );
    let sum = |count: fn(&Outcome) -> usize| reports.iter().map(|report| count(&report.outcome)).sum::<usize>();
    summary(
        sum(|outcome| outcome.passed),
        sum(|outcome| outcome.failed) + leaks.len(),
        skipped.len(),
    )
}

/// Prints the last line.
pub(crate) fn summary(passed: usize, failed: usize, skipped: usize) -> ExitCode {
    println!("\n{passed} passed, {failed} failed, {skipped} skipped");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn list<T: Display>(title: &str, paint: fn(&str) -> String, things: impl Iterator<Item = T>) {
    let mut things = things.peekable();
    if things.peek().is_some() {
        println!("\n{}", paint(&format!("{title}:")));
    }
    for thing in things {
        println!("  {thing}");
    }
}

/// How many there are of each reason, the most frequent first.
fn by_reason<'a>(skipped: &[&'a str]) -> Vec<(&'a str, usize)> {
    let mut counted: Vec<(&str, usize)> = Vec::new();
    for reason in skipped {
        match counted.iter_mut().find(|(known, _)| known == reason) {
            Some((_, count)) => *count += 1,
            None => counted.push((reason, 1)),
        }
    }
    counted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counted
}

#[cfg(test)]
mod tests {
    use super::by_reason;

    #[test]
    fn the_most_frequent_reason_comes_first() {
        let skipped = ["slow", "needs root", "needs root"];
        assert_eq!(by_reason(&skipped), [("needs root", 2), ("slow", 1)]);
    }
}
