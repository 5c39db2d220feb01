//! How long to wait before the next attempt.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// Delays that double up to a limit. Each is shortened by up to a half, by chance, so that what has failed together does
/// not come back together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first delay. Half a second by default.
    pub first: Duration,
    /// The longest. Two minutes by default.
    pub longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            longest: Duration::from_mins(2),
        }
    }
}

impl Backoff {
    /// The delay after `failures` attempts that have failed, 1 or more.
    pub(crate) fn delay(&self, failures: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        let whole = self.first.saturating_mul(doubled).min(self.longest);
        whole.mul_f64(1.0 - chance() / 2.0)
    }
}

/// A number from 0 up to 1. Nothing hangs on how good it is.
fn chance() -> f64 {
    let number = u32::try_from(RandomState::new().hash_one(()) >> 32).unwrap_or_default();
    f64::from(number) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(failures: u32, longest: Duration) {
        let delay = Backoff::default().delay(failures);
        assert!(delay <= longest && delay >= longest / 2, "{delay:?} for {failures}");
    }

    #[test]
    fn delays_double_up_to_a_limit_and_vary() {
        check(1, Duration::from_millis(500));
        check(2, Duration::from_secs(1));
        check(5, Duration::from_secs(8));
        check(9, Duration::from_mins(2));
        check(u32::MAX, Duration::from_mins(2));
        let backoff = Backoff::default();
        let same = (0..20).all(|_| backoff.delay(9) == backoff.delay(9));
        assert!(!same);
    }
}
