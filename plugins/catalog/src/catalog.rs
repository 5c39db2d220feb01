//! [`Catalog`]: the plugins that there are.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use encamp_driver::{BoxStream, Fingerprint, PluginType, Result, TaskEvent};
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use tokio::sync::broadcast;

use crate::supervisor::Supervisor;
use crate::{Entry, Event, Finding, Settings, Supervised, feed, scan};

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
        let drivers = plugins
            .iter()
            .filter(|entry| entry.info().plugin_type == PluginType::Driver);
        let drivers = drivers.map(|entry| {
            let supervisor = Supervisor::new(entry.clone(), Arc::clone(&settings), events.clone());
            (entry.info().name.clone(), Supervised(Arc::new(supervisor)))
        });
        let catalog = Self {
            drivers: drivers.collect(),
            plugins,
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

    /// How each driver is, with its name: at once, on each change, and while it is down. Starts all of them.
    pub fn fingerprints(&self) -> BoxStream<(String, Fingerprint)> {
        merged(&self.drivers, |driver| feed::fingerprints(&driver.0))
    }

    /// What the drivers have to tell of their tasks, with their names. Starts all of them.
    pub fn task_events(&self) -> BoxStream<(String, TaskEvent)> {
        merged(&self.drivers, |driver| feed::task_events(&driver.0))
    }

    /// What happens to the plugins themselves. Who listens too slowly is told how much it has missed.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Ends all plugins, with every wait bounded. Their tasks run on.
    pub async fn shutdown(&self) {
        join_all(self.drivers.values().map(Supervised::close)).await;
    }
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalog")
            .field("plugins", &self.plugins)
            .finish_non_exhaustive()
    }
}

/// A stream of each driver as one, each item with its driver's name.
fn merged<T: Send + 'static>(
    drivers: &BTreeMap<String, Supervised>,
    open: fn(&Supervised) -> BoxStream<Result<T>>,
) -> BoxStream<(String, T)> {
    let named = drivers.iter().map(|(name, driver)| {
        let name = name.clone();
        let items = open(driver).filter_map(|item| std::future::ready(item.ok()));
        items.map(move |item| (name.clone(), item)).boxed()
    });
    stream::select_all(named).boxed()
}
