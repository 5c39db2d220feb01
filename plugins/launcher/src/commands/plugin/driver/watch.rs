//! What a driver tells by itself, for as long as a session lasts.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use encamp_driver::{Driver as _, Error, Fingerprint};
use encamp_driver_grpc::RemoteDriver;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::show;
use crate::session::Screen;

/// How many events are remembered.
const REMEMBERED: usize = 100;

/// The latest fingerprint, once there is one.
pub(super) type Latest = watch::Receiver<Option<Result<Fingerprint, String>>>;

/// The latest events, for people and as JSON.
pub(super) type Events = Arc<Mutex<VecDeque<(String, Value)>>>;

/// Holds the stream of fingerprints open, as an agent does, and tells when the driver's health changes.
pub(super) fn fingerprints(driver: RemoteDriver, screen: Screen) -> Latest {
    let (sender, latest) = watch::channel(None);
    tokio::spawn(async move {
        let mut stream = match driver.fingerprint().await {
            Ok(stream) => stream,
            Err(error) => return drop(sender.send_replace(Some(Err(error.chain())))),
        };
        while let Some(found) = stream.next().await {
            if matches!(found, Err(Error::PluginShutdown)) {
                return;
            }
            let found = found.map_err(|error| error.chain());
            let before = sender.send_replace(Some(found.clone()));
            let Some(before) = before else { continue };
            if state(&before) != state(&found) {
                let json =
                    json!({ "event": "health", "fingerprint": found.as_ref().ok(), "error": found.as_ref().err() });
                screen.event(&format!("the driver is {}", state(&found)), &json);
            }
        }
        if !driver.life().has_ended() {
            screen.note(
                "the driver has ended its stream of fingerprints; an agent would ask again at once, without a pause",
            );
        }
    });
    latest
}

fn state(found: &Result<Fingerprint, String>) -> String {
    match found {
        Ok(found) => show::health(found),
        Err(error) => format!("not known: {error}"),
    }
}

/// Tells what happens to tasks when it happens.
pub(super) fn events(driver: RemoteDriver, screen: Screen) -> Events {
    let events = Events::default();
    let remembered = Arc::clone(&events);
    tokio::spawn(async move {
        let mut stream = match driver.task_events().await {
            Ok(stream) => stream,
            Err(Error::PluginShutdown) => return,
            Err(error) => return screen.note(&format!("the driver tells no events: {}", error.chain())),
        };
        while let Some(event) = stream.next().await {
            let event = match event {
                Ok(event) => show::event(&event),
                Err(Error::PluginShutdown) => return,
                Err(error) => return screen.note(&format!("the driver tells no more events: {}", error.chain())),
            };
            screen.event(&event.0, &event.1);
            let mut events = remembered.lock().unwrap_or_else(PoisonError::into_inner);
            if events.len() == REMEMBERED {
                events.pop_front();
            }
            events.push_back(event);
        }
    });
    events
}
