//! Bars for image layers, from the progress events of drivers.

use std::collections::BTreeMap;

use encamp_driver::PROGRESS;
use encamp_runner::Event;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// One bar for each layer that is being pulled; nothing at all off a terminal.
pub(crate) struct Pulls {
    screen: MultiProgress,
    bars: BTreeMap<(String, String), ProgressBar>,
}

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
        let number = |name: &str| annotation(name).and_then(|text| text.parse().ok()).unwrap_or_default();
        let screen = &self.screen;
        let bar = self
            .bars
            .entry((event.task.clone(), layer.to_owned()))
            .or_insert_with(|| new_bar(screen, layer));
        bar.set_length(number("total"));
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
    let template = "  {prefix:12} {bar:30} {bytes:>10}/{total_bytes:10} {msg}";
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_prefix(layer.to_owned());
    bar
}
