//! `encamp fingerprint`.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use encamp_catalog::{Catalog, SupervisedDevice};
use encamp_device::{DeviceGroup, DevicePlugin as _, Plugin as _};
use encamp_driver::{Driver, Fingerprint as Found, Health};
use futures_util::StreamExt as _;
use serde_json::json;

use super::plugin::device::devices;
use crate::cli::Fingerprint;
use crate::environment::Environment;
use crate::exit::{killed_by, usage};
use crate::paths::DataDir;
use crate::plugins::Plugins;
use crate::session::plain;
use crate::{output, signals, wiring};

/// How long a driver or a device plugin may take for its first look, as long as a Nomad agent waits.
const FIRST_LOOK: Duration = Duration::from_secs(50);

pub(crate) async fn fingerprint(data: &DataDir, args: &Fingerprint) -> Result<u8> {
    let mut deadly = pin!(signals::deadly()?);
    let catalog = match Plugins::asked(&args.plugins)? {
        Some(plugins) => tokio::select! {
            // Nothing is on record: whatever is started here ends here.
            found = plugins.scan(None) => Some(found?),
            signal = &mut deadly => return Ok(killed_by(signal)),
        },
        None => None,
    };
    let shown = tokio::select! {
        shown = show_all(data, args.name.as_deref(), catalog.as_ref()) => shown.map(|()| 0),
        signal = deadly => Ok(killed_by(signal)),
    };
    if let Some(catalog) = &catalog {
        catalog.shutdown().await;
    }
    shown
}

async fn show_all(data: &DataDir, only: Option<&str>, catalog: Option<&Catalog>) -> Result<()> {
    let environment = Environment::here();
    let drivers = wiring::drivers(data, "none", &environment, catalog, |plugin| Arc::new(plugin)).await?;
    let device_plugins: Vec<_> = catalog.into_iter().flat_map(Catalog::devices).collect();
    let asked = |name: &str| only.is_none_or(|only| only == name);
    let names = drivers
        .keys()
        .cloned()
        .chain(device_plugins.iter().map(|plugin| plugin.info().name));
    let names: Vec<String> = names.collect();
    if let Some(name) = only.filter(|only| !names.iter().any(|name| name == only)) {
        let known = names.join(", ");
        return Err(usage(format!("there is no driver \"{name}\"; known: {known}")));
    }
    for (name, driver) in drivers.iter().filter(|(name, _)| asked(name)) {
        show(name, &first_look(driver.as_ref()).await);
    }
    for plugin in device_plugins.into_iter().filter(|plugin| asked(&plugin.info().name)) {
        show_devices(&plugin.info().name, &first_devices(plugin).await);
    }
    Ok(())
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

/// The devices, or why none are known.
async fn first_devices(plugin: &SupervisedDevice) -> Result<Vec<DeviceGroup>, String> {
    let look = async {
        let mut stream = plugin.fingerprint().await?;
        stream.next().await.unwrap_or(Err(encamp_device::Error::PluginShutdown))
    };
    match tokio::time::timeout(FIRST_LOOK, look).await {
        Ok(found) => found.map_err(|error| error.chain()),
        Err(_) => Err(format!("the plugin said nothing for {FIRST_LOOK:?}")),
    }
}

fn show(name: &str, found: &Found) {
    if output::is_json() {
        return output::print_json(&json!({ "driver": name, "fingerprint": found }));
    }
    let health = match found.health {
        Health::Healthy => "healthy",
        Health::Unhealthy => "unhealthy",
        Health::Undetected => "undetected",
    };
    let mut lines = vec![format!("{name}: {health} ({})", found.health_description)];
    let attributes = found.attributes.iter();
    lines.extend(attributes.map(|(attribute, value)| format!("  {attribute} = {value}")));
    output::line(&plain(&lines.join("\n")));
}

fn show_devices(name: &str, found: &Result<Vec<DeviceGroup>, String>) {
    if output::is_json() {
        return output::print_json(&match found {
            Ok(groups) => json!({ "device": name, "devices": groups }),
            Err(why) => json!({ "device": name, "error": why }),
        });
    }
    let text = match found {
        Ok(groups) if groups.is_empty() => format!("{name}: no devices"),
        Ok(groups) => format!("{name}:\n  {}", devices(groups).replace('\n', "\n  ")),
        Err(why) => format!("{name}: unhealthy ({why})"),
    };
    output::line(&plain(&text));
}
