//! [`Catalog`]: the plugins that there are.

use std::collections::BTreeMap;
use std::fmt;
use std::future::ready;
use std::sync::Arc;

use encamp_device::DeviceGroup;
use encamp_driver::{BoxStream, Fingerprint, PluginType, TaskEvent};
use futures_util::future::{join, join_all};
use futures_util::stream::{self, StreamExt};
use tokio::sync::broadcast;

use crate::supervisor::Supervisor;
use crate::{Entry, Event, Finding, Settings, Supervised, SupervisedDevice, feed, scan};

/// How many events wait for a slow listener.
const EVENTS: usize = 256;

/// The plugins that there are: those of a directory that the operator has listed, that are safe to execute, and that
/// work.
///
/// Dropped with all that it has handed out, it kills the processes it has started; [`shutdown`](Self::shutdown) lets
/// them end by themselves.
pub struct Catalog {
    plugins: Vec<Entry>,
    drivers: BTreeMap<String, Supervised>,
    devices: BTreeMap<String, SupervisedDevice>,
    events: broadcast::Sender<Event>,
}

impl Catalog {
    /// Looks at a plugin directory: starts each plugin that may be executed, asks who it is, has it look at its
    /// configuration, and ends it again.
    ///
    /// Whatever is amiss with one plugin keeps no other from being used.
    ///
    /// # Cancel safety
    /// No process is left.
    pub async fn scan(mut settings: Settings) -> (Self, Vec<Finding>) {
        // A name without a directory would be looked for in `PATH`.
        settings.dir = std::path::absolute(&settings.dir).unwrap_or(settings.dir);
        let (plugins, findings) = scan::scan(&settings).await;
        let (events, _) = broadcast::channel(EVENTS);
        let settings = Arc::new(settings);
        let supervised = |entry: &Entry| {
            let supervisor = Supervisor::new(entry.clone(), Arc::clone(&settings), events.clone());
            Arc::new(supervisor)
        };
        let (mut drivers, mut devices) = (BTreeMap::new(), BTreeMap::new());
        for entry in &plugins {
            let name = entry.info().name.clone();
            match entry.info().plugin_type {
                PluginType::Driver => drop(drivers.insert(name, Supervised(supervised(entry)))),
                PluginType::Device => drop(devices.insert(name, SupervisedDevice(supervised(entry)))),
                // Of no kind that anything could be asked of.
                _ => {}
            }
        }
        let catalog = Self {
            plugins,
            drivers,
            devices,
            events,
        };
        (catalog, findings)
    }

    /// All plugins, by name.
    pub fn plugins(&self) -> impl Iterator<Item = &Entry> {
        self.plugins.iter()
    }

    /// The driver that calls itself so. It is one and the same however often this is asked; nothing is started before it
    /// is used.
    pub fn driver(&self, name: &str) -> Option<Supervised> {
        self.drivers.get(name).cloned()
    }

    /// All drivers, by name.
    pub fn drivers(&self) -> impl Iterator<Item = &Supervised> {
        self.drivers.values()
    }

    /// The device plugin that calls itself so. It is one and the same however often this is asked; nothing is started
    /// before it is used.
    pub fn device(&self, name: &str) -> Option<SupervisedDevice> {
        self.devices.get(name).cloned()
    }

    /// All device plugins, by name.
    pub fn devices(&self) -> impl Iterator<Item = &SupervisedDevice> {
        self.devices.values()
    }

    /// How each driver is, with its name: at once, on each change, and while it is down. Starts all of them.
    pub fn fingerprints(&self) -> BoxStream<(String, Fingerprint)> {
        merged(&self.drivers, |driver| feed::fingerprints(&driver.0))
    }

    /// What the drivers have to tell of their tasks, with their names. Starts all of them.
    pub fn task_events(&self) -> BoxStream<(String, TaskEvent)> {
        merged(&self.drivers, |driver| feed::task_events(&driver.0))
    }

    /// Which devices each device plugin has, with the plugin's name: once it has said so, on each change, and while it is
    /// down, when nobody can use them. Starts all of them.
    pub fn device_fingerprints(&self) -> BoxStream<(String, Vec<DeviceGroup>)> {
        let devices = merged(&self.devices, |device| feed::devices(&device.0));
        let known = devices.filter_map(|(name, devices)| ready(devices.ok().map(|devices| (name, devices))));
        known.boxed()
    }

    /// What happens to the plugins themselves. Who listens too slowly is told how much it has missed.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Ends all plugins, with every wait bounded. Their tasks run on.
    pub async fn shutdown(&self) {
        let drivers = join_all(self.drivers.values().map(Supervised::close));
        let devices = join_all(self.devices.values().map(SupervisedDevice::close));
        join(drivers, devices).await;
    }
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalog")
            .field("plugins", &self.plugins)
            .finish_non_exhaustive()
    }
}

/// A stream of each plugin as one, each item with its plugin's name.
fn merged<P, T: Send + 'static>(plugins: &BTreeMap<String, P>, open: fn(&P) -> BoxStream<T>) -> BoxStream<(String, T)> {
    let named = plugins.iter().map(|(name, plugin)| {
        let name = name.clone();
        open(plugin).map(move |item| (name.clone(), item)).boxed()
    });
    stream::select_all(named).boxed()
}
