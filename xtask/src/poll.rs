//! Waiting for a condition.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Asks until the answer is `Ok`, every 20 ms; after `limit`, fails with the last state that was seen.
pub(crate) fn until<T>(limit: Duration, mut probe: impl FnMut() -> Result<T, String>) -> Result<T> {
    let start = Instant::now();
    loop {
        match probe() {
            Ok(value) => return Ok(value),
            Err(state) if start.elapsed() >= limit => bail!("{state}, after {} s", limit.as_secs()),
            Err(_) => pause(),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one pause between two looks at a condition"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}

#[cfg(test)]
mod tests {
    use super::{Duration, until};

    #[test]
    fn the_last_state_is_reported_when_time_runs_out() {
        let mut looks = 0;
        let error = until::<()>(Duration::from_millis(50), || {
            looks += 1;
            Err(format!("look {looks} failed"))
        });
        assert_eq!(
            error.unwrap_err().to_string(),
            format!("look {looks} failed, after 0 s")
        );
        assert!(looks > 1);
    }
}
