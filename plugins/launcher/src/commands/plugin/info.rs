//! `encamp plugin info`.

use anyhow::Result;
use encamp_driver::{Capabilities, Driver as _, PluginType};
use encamp_driver_grpc::RemoteDriver;
use serde_json::{Value, json};

use super::launch::{Launcher, Running, kind_of};
use crate::cli::plugin::Info;
use crate::output;
use crate::session::plain;

pub(super) async fn info(launcher: &Launcher, args: &Info) -> Result<u8> {
    let running = launcher
        .launch(&args.path, &args.args, args.launch.start_timeout)
        .await?;
    let capabilities = match running.info().plugin_type {
        PluginType::Driver => Some(capabilities(&running).await?),
        _ => None,
    };
    if output::is_json() {
        output::print_json(&as_json(&running, capabilities.as_ref()));
    } else {
        show(&running, capabilities.as_ref());
    }
    running.end().await;
    Ok(0)
}

/// What the driver can do, or why it does not say.
type Said = Result<Capabilities, String>;

async fn capabilities(running: &Running) -> Result<Said> {
    let driver = RemoteDriver::new(running.plugin.clone(), running.client.channel());
    let said = running.within("to say what it can do", driver.capabilities()).await?;
    Ok(said.map_err(|error| error.chain()))
}

fn as_json(running: &Running, capabilities: Option<&Said>) -> Value {
    let (info, client) = (running.info(), &running.client);
    let mut value = json!({
        "name": info.name,
        "type": kind_of(info.plugin_type),
        "version": info.version,
        "api_versions": info.api_versions,
        "protocol_version": client.version(),
        "address": client.address().to_string(),
        "pid": client.pid(),
        "start_ms": u64::try_from(running.took.as_millis()).unwrap_or(u64::MAX),
        "configurable": running.plugin.is_configurable(),
    });
    if let (Some(said), Some(object)) = (capabilities, value.as_object_mut()) {
        let said = match said {
            Ok(capabilities) => ("capabilities", json!(capabilities)),
            Err(error) => ("capabilities_error", json!(error)),
        };
        object.insert(said.0.to_owned(), said.1);
    }
    value
}

fn show(running: &Running, capabilities: Option<&Said>) {
    let (info, client) = (running.info(), &running.client);
    let mut rows = vec![
        ("Name", info.name),
        ("Type", kind_of(info.plugin_type).to_owned()),
        ("Version", info.version),
        ("API versions", info.api_versions.join(", ")),
        ("Protocol", format!("{}, gRPC", client.version())),
        ("Address", client.address().to_string()),
        ("Process", client.pid().to_string()),
        ("Started in", format!("{:.1} ms", running.took.as_secs_f64() * 1000.0)),
        ("Configuration", has(running.plugin.is_configurable())),
    ];
    match capabilities {
        Some(Ok(capabilities)) => rows.extend(rows_of(capabilities)),
        Some(Err(error)) => rows.push(("Capabilities", error.clone())),
        None => {}
    }
    show_rows(&rows);
}

/// A name and a value on each line.
pub(super) fn show_rows(rows: &[(&str, String)]) {
    let rows: Vec<_> = rows
        .iter()
        .map(|(name, value)| vec![(*name).to_owned(), plain(value)])
        .collect();
    output::table(&rows);
}

fn has(configurable: bool) -> String {
    let text = if configurable { "by a schema" } else { "none is taken" };
    text.to_owned()
}

/// What a driver can do, for people.
pub(super) fn rows_of(capabilities: &Capabilities) -> Vec<(&'static str, String)> {
    let yes = |flag: bool| if flag { "yes" } else { "no" }.to_owned();
    let modes = capabilities
        .network_isolation_modes
        .iter()
        .map(word)
        .collect::<Vec<_>>();
    vec![
        ("Signals", yes(capabilities.send_signals)),
        ("Exec", yes(capabilities.exec)),
        ("File system", word(&capabilities.fs_isolation)),
        ("Networks", modes.join(", ")),
        ("Makes networks", yes(capabilities.must_initiate_network)),
        ("Volumes", word(&capabilities.mount_configs)),
        ("Collects logs", yes(capabilities.disable_log_collection)),
        ("Dynamic users", yes(capabilities.dynamic_workload_users)),
    ]
}

/// A choice by its name.
pub(super) fn word(choice: &impl serde::Serialize) -> String {
    match json!(choice) {
        Value::String(word) => word,
        other => other.to_string(),
    }
}
