//! Both ends of the wire, with a scripted driver behind the one and a client or a raw peer before the other.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests say what is wrong as tests do"
)]

mod calls;
mod death;
mod exec;
mod hostile;
mod launched;
mod load;
mod proxy;
mod start;
mod streams;
mod wire;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use encamp_driver::{Driver, TaskConfig};
use encamp_testkit::{Loopback, ScriptedDriver, loopback};
use tokio::time::{Instant, timeout};

const PATIENCE: Duration = Duration::from_secs(20);

/// The driver behind a wire.
async fn behind_a_wire(driver: ScriptedDriver) -> Loopback {
    loopback(Arc::new(driver)).await.unwrap()
}

/// The same as any other driver.
fn shared(plugin: &Loopback) -> Arc<dyn Driver> {
    Arc::new(plugin.driver().clone())
}

fn task(id: &str) -> TaskConfig {
    TaskConfig {
        id: id.to_owned(),
        name: "web".to_owned(),
        ..TaskConfig::default()
    }
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}

/// Looks again and again until what is seen is good.
async fn poll<T: Debug>(what: &str, mut look: impl FnMut() -> T, good: impl Fn(&T) -> bool) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        let seen = look();
        if good(&seen) {
            return seen;
        }
        assert!(Instant::now() < end, "{what}: still {seen:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
