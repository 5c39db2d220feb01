//! Bars for image layers, from the progress events of drivers.

use std::collections::BTreeMap;

use encamp_driver::PROGRESS;
use encamp_runner::Event;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// One bar for each layer that is being pulled; nothing at all off a terminal.
pub(crate) struct Pulls {
    screen: MultiProgress,
    /// By image and layer: tasks that share an image wait for one pull.
    bars: BTreeMap<(String, String), ProgressBar>,
}

/// A layer whose size is not known yet.
const WAITING: &str = "  {prefix:12} {msg}";
/// As wide as the terminal is: a line that wraps is drawn over wrongly.
const LOADING: &str = "  {prefix:12} {wide_bar} {bytes:>10}/{total_bytes:10} {msg:17}";

impl Pulls {
    pub(crate) fn new(terminal: bool) -> Self {
        let target = if terminal {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Self {
            screen: MultiProgress::with_draw_target(target),
            bars: BTreeMap::new(),
        }
    }

    /// Draws the event if it is one of progress; says whether it was.
    pub(crate) fn take(&mut self, event: &Event) -> bool {
        let annotation = |name: &str| event.annotations.get(name).map(String::as_str);
        if annotation(PROGRESS).is_none() {
            return false;
        }
        let Some(layer) = annotation("layer") else { return true };
        let number = |name: &str| {
            annotation(name)
                .and_then(|text| text.parse::<u64>().ok())
                .unwrap_or_default()
        };
        let image = annotation("image").unwrap_or(&event.task);
        let screen = &self.screen;
        let bar = self
            .bars
            .entry((image.to_owned(), layer.to_owned()))
            .or_insert_with(|| new_bar(screen, layer));
        let total = number("total");
        bar.set_style(style(if total == 0 { WAITING } else { LOADING }));
        bar.set_length(total);
        bar.set_position(number("current"));
        let status = annotation("status").unwrap_or_default();
        bar.set_message(status.to_owned());
        if matches!(status, "Pull complete" | "Already exists" | "Loaded") {
            bar.finish_and_clear();
        }
        true
    }

    /// Prints something between the bars.
    pub(crate) fn suspend(&mut self, print: impl FnOnce()) {
        self.screen.suspend(print);
    }

    pub(crate) fn clear(&mut self) {
        self.bars.clear();
        drop(self.screen.clear());
    }
}

fn new_bar(screen: &MultiProgress, layer: &str) -> ProgressBar {
    let bar = screen.add(ProgressBar::new(0));
    bar.set_prefix(layer.to_owned());
    bar
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(task: &str, status: &str, total: &str) -> Event {
        let annotations = [
            (PROGRESS, "pull"),
            ("image", "busybox:1"),
            ("layer", "1b3f"),
            ("status", status),
            ("current", ""),
            ("total", total),
        ];
        Event {
            annotations: annotations
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            task: task.to_owned(),
            time: std::time::SystemTime::UNIX_EPOCH,
            kind: encamp_runner::EventKind::Driver,
            message: "Downloading image".to_owned(),
        }
    }

    #[test]
    fn a_layer_has_one_bar_however_many_tasks_wait_for_it() {
        let mut pulls = Pulls::new(false);
        assert!(pulls.take(&event("a", "Waiting", "")));
        assert!(pulls.take(&event("b", "Downloading", "100")));
        assert_eq!(pulls.bars.len(), 1);
        assert_eq!(pulls.bars.values().next().and_then(ProgressBar::length), Some(100));
    }
}
