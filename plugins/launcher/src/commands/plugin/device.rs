//! `encamp plugin device`.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::{Parser, ValueHint};
use encamp_device::{DeviceGroup, DeviceGroupStats, DevicePlugin as _, Reservation, StatObject};
use encamp_device_grpc::RemoteDevicePlugin;
use encamp_driver::PluginType;
use futures_util::{Stream, StreamExt as _};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::launch::{Launcher, Running, waited_for};
use super::opened;
use crate::cli::plugin::{Session as Args, duration};
use crate::output;
use crate::session::{self, Flow, Ids, Screen, Session, Setting};

/// A device plugin, tried by hand.
#[derive(Debug, Parser)]
#[command(
    multicall = true,
    disable_help_flag = true,
    subcommand_help_heading = "Commands",
    help_template = "{subcommands}"
)]
enum Command {
    /// Show the devices, and show them again when anything about them changes, until `stop`
    Fingerprint,
    /// Show what the devices do, again and again until `stop`
    Stats {
        /// How often
        #[arg(default_value = "1s", value_parser = duration)]
        interval: Duration,
    },
    /// Show no more of what `fingerprint` and `stats` show
    Stop,
    /// Show what a task would be given with some devices of a group
    Reserve {
        /// The devices
        #[arg(required = true, value_hint = ValueHint::Other)]
        ids: Vec<String>,
    },
    /// End the session
    #[command(alias = "quit")]
    Exit,
}

pub(super) async fn device(launcher: &Launcher, history: &Path, args: &Args) -> Result<u8> {
    let ids = Ids::default();
    let (running, mut trying) = match Box::pin(opened(start(launcher, args, Arc::clone(&ids)))).await? {
        Ok(started) => started,
        Err(code) => return Ok(code),
    };
    let setting = Setting {
        prompt: format!("{}> ", session::plain(&running.info().name)),
        history,
        ids,
        screen: &launcher.screen,
        life: running.client.life(),
        stop_at_error: args.stop_at_error,
    };
    let ended = session::run(&mut trying, setting).await;
    trying.stop();
    running.end().await;
    ended
}

async fn start(launcher: &Launcher, args: &Args, ids: Ids) -> Result<(Running, Trying)> {
    let running = super::launched(launcher, args, PluginType::Device).await?;
    let trying = Trying {
        plugin: RemoteDevicePlugin::new(running.plugin.clone(), running.client.channel()),
        looks: None,
        samples: None,
        ids,
        screen: launcher.screen.clone(),
    };
    super::greet(&running);
    Ok((running, trying))
}

/// A session with a device plugin.
struct Trying {
    plugin: RemoteDevicePlugin,
    looks: Option<JoinHandle<()>>,
    samples: Option<JoinHandle<()>>,
    ids: Ids,
    screen: Screen,
}

impl Session for Trying {
    type Command = Command;

    async fn run(&mut self, command: Command, _block: Option<String>) -> Result<Flow> {
        match command {
            Command::Fingerprint => self.fingerprint().await?,
            Command::Stats { interval } => self.stats(interval).await?,
            Command::Stop => self.stop(),
            Command::Reserve { ids } => show_reservation(&self.plugin.reserve(&ids).await?),
            Command::Exit => return Ok(Flow::Exit),
        }
        Ok(Flow::Next)
    }
}

impl Trying {
    async fn fingerprint(&mut self) -> Result<()> {
        if let Some(looks) = self.looks.take() {
            looks.abort();
        }
        let stream = self.plugin.fingerprint().await?;
        let ids = Arc::clone(&self.ids);
        let (looks, first) = told(
            self.screen.clone(),
            "devices",
            stream,
            move |groups: &Vec<DeviceGroup>| {
                remember(&ids, groups);
                (devices(groups), json!({ "devices": groups }))
            },
        );
        self.looks = Some(looks);
        self.first(first, "the devices").await
    }

    async fn stats(&mut self, interval: Duration) -> Result<()> {
        if let Some(samples) = self.samples.take() {
            samples.abort();
        }
        let stream = self.plugin.stats(interval).await?;
        let (samples, first) = told(
            self.screen.clone(),
            "stats",
            stream,
            |groups: &Vec<DeviceGroupStats>| (figures(groups), json!({ "stats": groups })),
        );
        self.samples = Some(samples);
        self.first(first, "the first figures").await
    }

    /// The first answer comes before the next command.
    async fn first(&self, first: oneshot::Receiver<Result<(), String>>, what: &str) -> Result<()> {
        let first = waited_for(what, first).await;
        self.screen.flush();
        let first = first.context("the plugin has said nothing")?;
        first.map_err(anyhow::Error::msg)
    }

    fn stop(&mut self) {
        for stream in [self.looks.take(), self.samples.take()].into_iter().flatten() {
            stream.abort();
        }
    }
}

/// Shows what a stream tells, as it comes; says what came of the first.
fn told<T: Send + 'static>(
    screen: Screen,
    what: &'static str,
    mut stream: impl Stream<Item = encamp_device::Result<T>> + Unpin + Send + 'static,
    show: impl Fn(&T) -> (String, Value) + Send + 'static,
) -> (JoinHandle<()>, oneshot::Receiver<Result<(), String>>) {
    let (sender, first) = oneshot::channel();
    let mut sender = Some(sender);
    let telling = tokio::spawn(async move {
        while let Some(item) = stream.next().await {
            let said = match item {
                Ok(item) => {
                    let (text, json) = show(&item);
                    screen.event(&text, &json);
                    Ok(())
                }
                Err(encamp_device::Error::PluginShutdown) => return,
                Err(error) => Err(error.chain()),
            };
            match (sender.take(), said) {
                (Some(sender), said) => drop(sender.send(said)),
                (None, Ok(())) => {}
                (None, Err(error)) => screen.note(&format!("{what}: {error}")),
            }
        }
        screen.note(&format!("{what}: the plugin has ended the stream"));
    });
    (telling, first)
}

fn remember(ids: &Mutex<Vec<String>>, groups: &[DeviceGroup]) {
    let known = groups
        .iter()
        .flat_map(|group| &group.devices)
        .map(|device| device.id.clone());
    *ids.lock().unwrap_or_else(PoisonError::into_inner) = known.collect();
}

/// Devices, for people.
pub(crate) fn devices(groups: &[DeviceGroup]) -> String {
    if groups.is_empty() {
        return "no devices".to_owned();
    }
    let mut lines = Vec::new();
    for group in groups {
        lines.push(format!("{}:", group.id()));
        let attributes = group.attributes.iter();
        lines.extend(attributes.map(|(name, value)| format!("  {name} = {value}")));
        for device in &group.devices {
            let health = if device.healthy { "healthy" } else { "unhealthy" };
            let mut line = format!("  {}: {health}", device.id);
            if !device.health_description.is_empty() {
                let _ = write!(line, " ({})", device.health_description);
            }
            if let Some(bus) = &device.pci_bus_id {
                let _ = write!(line, ", PCI bus {bus}");
            }
            lines.push(line);
        }
    }
    lines.join("\n")
}

fn figures(groups: &[DeviceGroupStats]) -> String {
    let mut lines = Vec::new();
    for group in groups {
        for (id, device) in &group.devices {
            lines.push(match &device.summary {
                Some(summary) => format!("{id}: {summary}"),
                None => format!("{id}:"),
            });
            tree(&device.stats, "  ", &mut lines);
        }
    }
    if lines.is_empty() {
        return "nothing is measured".to_owned();
    }
    lines.join("\n")
}

fn tree(object: &StatObject, indent: &str, lines: &mut Vec<String>) {
    let attributes = object.attributes.iter();
    lines.extend(attributes.map(|(name, value)| format!("{indent}{name} = {value}")));
    for (name, nested) in &object.nested {
        lines.push(format!("{indent}{name}:"));
        tree(nested, &format!("{indent}  "), lines);
    }
}

fn show_reservation(given: &Reservation) {
    if output::is_json() {
        return output::print_json(&json!({ "reservation": given }));
    }
    let mut lines = Vec::new();
    lines.extend(given.env.iter().map(|(name, value)| format!("env {name}={value}")));
    for mount in &given.mounts {
        let mode = if mount.read_only { "read-only" } else { "writable" };
        let (host, task) = (mount.host_path.display(), mount.task_path.display());
        lines.push(format!("mount {host} at {task}, {mode}"));
    }
    for node in &given.devices {
        let (host, task) = (node.host_path.display(), node.task_path.display());
        lines.push(format!("device {host} at {task}, {}", node.permissions));
    }
    if lines.is_empty() {
        lines.push("the task needs nothing".to_owned());
    }
    output::line(&session::plain(&lines.join("\n")));
}
