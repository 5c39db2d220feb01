//! The driver's health and attributes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use encamp_driver::{Attribute, BoxStream, Fingerprint, Result};
use tokio::time::Instant;

use crate::config::PluginOptions;
use crate::engine::Engine;

/// How often something is told although nothing changed, and how often somebody looks.
const TELL: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_secs(10);

/// What a look needs: the engine and options of that moment.
pub(crate) type Now = Arc<dyn Fn() -> (Arc<dyn Engine>, PluginOptions) + Send + Sync>;

/// A look at once, then one every 30 s, and in between whenever something has changed.
pub(crate) fn stream(now: Now, seen: Arc<AtomicBool>) -> BoxStream<Result<Fingerprint>> {
    let start: Option<(Fingerprint, Instant)> = None;
    Box::pin(futures_util::stream::unfold(start, move |last| {
        let (now, seen) = (Arc::clone(&now), Arc::clone(&seen));
        async move {
            let first = last.is_none();
            loop {
                if !first {
                    tokio::time::sleep(LOOK).await;
                }
                let (engine, options) = now();
                let found = look(&*engine, &options, &seen).await;
                let due = last
                    .as_ref()
                    .is_none_or(|(told, at)| *told != found || at.elapsed() + LOOK / 2 >= TELL);
                if due {
                    return Some((Ok(found.clone()), Some((found, Instant::now()))));
                }
            }
        }
    }))
}

async fn look(engine: &dyn Engine, options: &PluginOptions, seen: &AtomicBool) -> Fingerprint {
    let info = match engine.info().await {
        Ok(info) => info,
        Err(error) => {
            tracing::debug!(%error, "engine probe failed");
            let text = "Failed to connect to docker daemon";
            let unhealthy = seen.load(Ordering::Relaxed);
            return if unhealthy {
                Fingerprint::unhealthy(text)
            } else {
                Fingerprint::undetected(text)
            };
        }
    };
    seen.store(true, Ordering::Relaxed);
    let mut attributes = vec![
        ("driver.docker", Attribute::from(true)),
        ("driver.docker.version", Attribute::from(info.version)),
        ("driver.docker.os_type", Attribute::from(info.os_type)),
        ("driver.docker.runtimes", Attribute::from(info.runtimes.join(","))),
    ];
    if let Ok(Some(gateway)) = engine.bridge_gateway().await {
        attributes.push(("driver.docker.bridge_ip", Attribute::from(gateway)));
    }
    // Cores that are reserved later are not taken from tasks that run.
    attributes.push(("driver.docker.cpuset_management.disabled", Attribute::from(true)));
    if options.allow_privileged {
        attributes.push(("driver.docker.privileged.enabled", Attribute::from(true)));
    }
    if options.volumes.enabled {
        attributes.push(("driver.docker.volumes.enabled", Attribute::from(true)));
    }
    Fingerprint::healthy(attributes.into_iter().map(|(name, value)| (name.to_owned(), value)))
}
