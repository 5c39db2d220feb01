//! The driver's look at itself.

use std::time::Duration;

use encamp_driver::{Attribute, BoxStream, Fingerprint, Result};
use futures_util::stream;
use tokio::sync::watch;

const INTERVAL: Duration = Duration::from_secs(30);

/// A look at once, then one every 30 s and whenever the driver is switched on or off.
pub(crate) fn looks(is_enabled: watch::Receiver<bool>) -> BoxStream<Result<Fingerprint>> {
    Box::pin(stream::unfold(
        (is_enabled, true),
        |(mut is_enabled, is_first)| async move {
            if !is_first {
                tokio::select! {
                    changed = is_enabled.changed() => changed.ok()?,
                    () = tokio::time::sleep(INTERVAL) => {}
                }
            }
            let look = look(*is_enabled.borrow_and_update());
            Some((Ok(look), (is_enabled, false)))
        },
    ))
}

fn look(is_enabled: bool) -> Fingerprint {
    if is_enabled {
        Fingerprint::healthy([("driver.raw_exec".to_owned(), Attribute::from(true))])
    } else {
        Fingerprint::undetected("disabled")
    }
}
