//! What became of the checks.

use std::fmt;
use std::time::Duration;

use encamp_driver::Error;

/// What a check comes to. Anything but a pass is the error.
pub(super) type Checked = Result<(), Verdict>;

/// What became of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The driver does as hosts rely on.
    Passed,
    /// It does not: what it does instead.
    Failed(String),
    /// The check does not apply, and why.
    Skipped(String),
}

/// A check and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The check's name, which is what it claims.
    pub name: &'static str,
    /// What became of it.
    pub verdict: Verdict,
    /// How long it took.
    pub took: Duration,
}

/// What became of all checks. `Display` is a list for people, the failures last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// In the order in which they ran.
    pub outcomes: Vec<Outcome>,
    /// Checks that were to be left out and do not exist.
    pub unknown: Vec<String>,
}

impl Report {
    /// Whether nothing failed, and something passed.
    pub fn passed(&self) -> bool {
        self.failed().next().is_none()
            && self.unknown.is_empty()
            && self.count(|verdict| *verdict == Verdict::Passed) > 0
    }

    /// The checks that failed.
    pub fn failed(&self) -> impl Iterator<Item = &Outcome> {
        let failed = |outcome: &&Outcome| matches!(outcome.verdict, Verdict::Failed(_));
        self.outcomes.iter().filter(failed)
    }

    /// For tests.
    ///
    /// # Panics
    /// With the report, unless it [passed](Self::passed).
    #[track_caller]
    pub fn assert_passed(&self) {
        assert!(self.passed(), "the driver does not conform:\n{self}");
    }

    fn count(&self, is: impl Fn(&Verdict) -> bool) -> usize {
        self.outcomes.iter().filter(|outcome| is(&outcome.verdict)).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_failed = |outcome: &&Outcome| matches!(outcome.verdict, Verdict::Failed(_));
        for outcome in self.outcomes.iter().filter(|outcome| !is_failed(outcome)) {
            writeln!(f, "{outcome}")?;
        }
        for outcome in self.outcomes.iter().filter(is_failed) {
            writeln!(f, "{outcome}")?;
        }
        for name in &self.unknown {
            writeln!(f, "FAILED  {name}: there is no such check to be left out")?;
        }
        let skipped = self.count(|verdict| matches!(verdict, Verdict::Skipped(_)));
        let failed = self.failed().count() + self.unknown.len();
        let passed = self.count(|verdict| *verdict == Verdict::Passed);
        write!(f, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, verdict, took } = self;
        let took = took.as_secs_f64();
        match verdict {
            Verdict::Passed => write!(f, "passed  {name} ({took:.1} s)"),
            Verdict::Failed(what) => write!(f, "FAILED  {name} ({took:.1} s): {what}"),
            Verdict::Skipped(why) => write!(f, "skipped {name}: {why}"),
        }
    }
}

/// What a step of a check came to, in its report.
pub(super) trait During<T> {
    /// A failure that names the step.
    fn during(self, step: &str) -> Result<T, Verdict>;
}

impl<T> During<T> for Result<T, Error> {
    fn during(self, step: &str) -> Result<T, Verdict> {
        self.map_err(|error| Verdict::Failed(format!("{step}: {}", error.chain())))
    }
}

/// Fails the check with these words unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($words:tt)+) => {
        if !$condition {
            return Err($crate::conformance::Verdict::Failed(format!($($words)+)));
        }
    };
}

/// Skips the check for this reason unless the condition holds.
macro_rules! require {
    ($condition:expr, $why:expr) => {
        if !$condition {
            return Err($crate::conformance::Verdict::Skipped($why.to_owned()));
        }
    };
}

pub(super) use {ensure, require};
