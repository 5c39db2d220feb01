//! Whether and when a task is started again. Pure: the clock is the caller's.

use std::time::{Duration, SystemTime};

use encamp_jobspec::{Restart, RestartMode};
use serde::{Deserialize, Serialize};

/// How a run of a task ended, as far as restarts care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It exited with success.
    Success,
    /// It exited otherwise, or nobody knows how.
    Failure,
    /// It could not be started, and may be later.
    StartFailed,
    /// It could not be started, and never will be as the job stands.
    StartRefused,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The task is done, with success.
    Complete,
    /// The task has failed for good.
    Fail,
    /// Start it again after this time.
    RestartAfter(Duration),
}

/// The restarts of one task so far. Part of its record on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RestartTracker {
    /// Restarts in the present interval.
    attempts: u32,
    /// When the present interval began.
    interval_start: Option<SystemTime>,
}

impl RestartTracker {
    /// Takes note of an end and decides what follows.
    pub(crate) fn decide(&mut self, end: End, policy: &Restart, on_success: bool, now: SystemTime) -> Verdict {
        match end {
            End::Success if !on_success => return Verdict::Complete,
            End::StartRefused => return Verdict::Fail,
            End::Success | End::Failure | End::StartFailed => {}
        }
        if policy.attempts == 0 && policy.mode == RestartMode::Fail {
            return if end == End::Success {
                Verdict::Complete
            } else {
                Verdict::Fail
            };
        }
        let remaining = self.roll_interval(policy.interval, now);
        self.attempts = self.attempts.saturating_add(1);
        if self.attempts <= policy.attempts {
            return Verdict::RestartAfter(policy.delay);
        }
        match policy.mode {
            RestartMode::Fail => Verdict::Fail,
            RestartMode::Delay => Verdict::RestartAfter(remaining.max(policy.delay)),
        }
    }

    /// Begins a new interval where the present one is over; returns what is left of it.
    fn roll_interval(&mut self, interval: Duration, now: SystemTime) -> Duration {
        let age = self.interval_start.and_then(|start| now.duration_since(start).ok());
        match age {
            Some(age) if age < interval => interval.saturating_sub(age),
            _ => {
                self.interval_start = Some(now);
                self.attempts = 0;
                interval
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn policy(attempts: u32, mode: RestartMode) -> Restart {
        Restart {
            attempts,
            interval: 10 * SECOND,
            delay: SECOND,
            mode,
        }
    }

    /// Ends at the given seconds, and the verdict on each.
    #[track_caller]
    fn check(policy: &Restart, on_success: bool, ends: &[(u64, End, Verdict)]) {
        let mut tracker = RestartTracker::default();
        for (second, end, wanted) in ends {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(*second);
            let verdict = tracker.decide(*end, policy, on_success, now);
            assert_eq!(verdict, *wanted, "{end:?} at {second} s");
        }
    }

    #[test]
    fn success_completes_a_batch_task_and_restarts_a_service() {
        check(
            &policy(2, RestartMode::Fail),
            false,
            &[(0, End::Success, Verdict::Complete)],
        );
        check(
            &policy(2, RestartMode::Fail),
            true,
            &[(0, End::Success, Verdict::RestartAfter(SECOND))],
        );
    }

    #[test]
    fn failures_use_up_the_attempts_of_an_interval() {
        let again = Verdict::RestartAfter(SECOND);
        check(
            &policy(2, RestartMode::Fail),
            false,
            &[
                (0, End::Failure, again),
                (1, End::StartFailed, again),
                (2, End::Failure, Verdict::Fail),
            ],
        );
        check(
            &policy(1, RestartMode::Fail),
            false,
            &[
                (0, End::Failure, again),
                (10, End::Failure, again),
                (11, End::Failure, Verdict::Fail),
            ],
        );
    }

    #[test]
    fn mode_delay_waits_for_the_next_interval() {
        let again = Verdict::RestartAfter(SECOND);
        check(
            &policy(1, RestartMode::Delay),
            false,
            &[
                (0, End::Failure, again),
                (4, End::Failure, Verdict::RestartAfter(6 * SECOND)),
            ],
        );
    }

    #[test]
    fn a_refused_start_fails_at_once() {
        check(
            &policy(5, RestartMode::Delay),
            true,
            &[(0, End::StartRefused, Verdict::Fail)],
        );
    }

    #[test]
    fn no_attempts_means_no_restart() {
        check(
            &policy(0, RestartMode::Fail),
            true,
            &[(0, End::Success, Verdict::Complete)],
        );
        check(
            &policy(0, RestartMode::Fail),
            false,
            &[(0, End::Failure, Verdict::Fail)],
        );
    }
}
