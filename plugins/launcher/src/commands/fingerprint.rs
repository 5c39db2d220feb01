//! `encamp fingerprint`.

use std::time::Duration;

use anyhow::Result;
use encamp_driver::{Driver, Fingerprint as Found, Health};
use futures_util::StreamExt as _;

use crate::cli::Fingerprint;
use crate::environment::Environment;
use crate::exit::usage;
use crate::paths::DataDir;
use crate::{output, wiring};

/// How long a driver may take for its first look, as long as a Nomad agent waits.
const FIRST_LOOK: Duration = Duration::from_secs(50);

pub(crate) async fn fingerprint(data: &DataDir, args: &Fingerprint) -> Result<u8> {
    let drivers = wiring::drivers(data, "none", &Environment::here()).await?;
    let names: Vec<&str> = match &args.driver {
        Some(name) if drivers.get(name).is_none() => {
            let known = drivers.names().collect::<Vec<_>>().join(", ");
            return Err(usage(format!("there is no driver \"{name}\"; known: {known}")));
        }
        Some(name) => vec![name],
        None => drivers.names().collect(),
    };
    for name in names {
        let Some(driver) = drivers.get(name) else { continue };
        let found = first_look(driver.as_ref()).await;
        if output::is_json() {
            output::print_json(&serde_json::json!({ "driver": name, "fingerprint": found }));
        } else {
            show(name, &found);
        }
    }
    Ok(0)
}

async fn first_look(driver: &dyn Driver) -> Found {
    let look = async {
        let mut stream = driver.fingerprint().await?;
        stream
            .next()
            .await
            .unwrap_or_else(|| Ok(Found::undetected("the driver said nothing")))
    };
    match tokio::time::timeout(FIRST_LOOK, look).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => Found::unhealthy(error.chain()),
        Err(_) => Found::unhealthy(format!("the driver said nothing for {FIRST_LOOK:?}")),
    }
}

fn show(name: &str, found: &Found) {
    let health = match found.health {
        Health::Healthy => "healthy",
        Health::Unhealthy => "unhealthy",
        Health::Undetected => "undetected",
    };
    output::line(&format!("{name}: {health} ({})", found.health_description));
    for (attribute, value) in &found.attributes {
        output::line(&format!("  {attribute} = {value}"));
    }
}
