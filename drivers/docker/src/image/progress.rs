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
    layers: HashMap<String, (String, Instant)>,
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
        if message.layer.is_empty() || message.status.starts_with("Pulling from") || !self.is_due(message) {
            return;
        }
        let number = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
        let annotations = [
            (PROGRESS, "pull".to_owned()),
            ("image", self.image.to_owned()),
            ("layer", message.layer.clone()),
            ("status", message.status.clone()),
            ("current", number(message.current)),
            ("total", number(message.total)),
        ];
        self.events.annotate(self.task, "Downloading image", annotations);
    }

    fn is_due(&mut self, message: &PullProgress) -> bool {
        let now = Instant::now();
        let known = self.layers.get(&message.layer);
        let due = known.is_none_or(|(status, last)| *status != message.status || now.duration_since(*last) >= EVERY);
        if due {
            self.layers.insert(message.layer.clone(), (message.status.clone(), now));
        }
        due
    }
}
