//! Telling of a pull's progress, layer by layer, and not too often.

use std::collections::HashMap;
use std::time::Duration;

use encamp_driver::PROGRESS;
use tokio::time::Instant;

use crate::engine::PullProgress;
use crate::events::{Events, TaskRef};

const EVERY: Duration = Duration::from_millis(250);

/// Turns a pull's messages into task events: one for each change of a layer's status, and while its bytes come in, one
/// every quarter of a second.
pub(super) struct Reporter<'a> {
    events: &'a Events,
    task: &'a TaskRef,
    image: &'a str,
    layers: HashMap<String, Layer>,
}

/// What was last told of a layer.
struct Layer {
    status: String,
    at: Instant,
    /// Its size: the engine tells it only while bytes come in.
    total: Option<u64>,
}

impl<'a> Reporter<'a> {
    pub(super) fn new(events: &'a Events, task: &'a TaskRef, image: &'a str) -> Self {
        events.annotate(task, "Downloading image", [("image", image.to_owned())]);
        Self {
            events,
            task,
            image,
            layers: HashMap::new(),
        }
    }

    pub(super) fn layer(&mut self, message: &PullProgress) {
        if message.layer.is_empty() || message.status.starts_with("Pulling from") {
            return;
        }
        let known = self.layers.get(&message.layer);
        let total = message.total.or(known.and_then(|layer| layer.total));
        if !self.is_due(message, total) {
            return;
        }
        let complete = matches!(
            message.status.as_str(),
            "Verifying Checksum" | "Download complete" | "Pull complete"
        );
        let current = message.current.or(total.filter(|_| complete));
        let number = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
        let annotations = [
            (PROGRESS, "pull".to_owned()),
            ("image", self.image.to_owned()),
            ("layer", message.layer.clone()),
            ("status", message.status.clone()),
            ("current", number(current)),
            ("total", number(total)),
        ];
        self.events.annotate(self.task, "Downloading image", annotations);
    }

    fn is_due(&mut self, message: &PullProgress, total: Option<u64>) -> bool {
        let at = Instant::now();
        let due = |layer: &Layer| layer.status != message.status || at.duration_since(layer.at) >= EVERY;
        let due = self.layers.get(&message.layer).is_none_or(due);
        if due {
            let status = message.status.clone();
            self.layers.insert(message.layer.clone(), Layer { status, at, total });
        }
        due
    }
}
