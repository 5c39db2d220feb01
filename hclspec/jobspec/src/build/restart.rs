//! `restart` blocks.

use std::time::Duration;

use encamp_hclspec::{Body, did_you_mean, parse_duration};
use serde::Deserialize;

use super::Builder;
use crate::job::{Restart, RestartMode};
use crate::read::{Argument, Keys};

const RESTART: Keys = Keys {
    what: "restart block",
    arguments: &[
        ("attempts", Argument::Number),
        ("interval", Argument::Text),
        ("delay", Argument::Text),
        ("mode", Argument::Text),
    ],
    blocks: &[],
    ignored: &[],
    later: &["render_templates"],
};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Texts {
    attempts: Option<u32>,
    interval: Option<String>,
    delay: Option<String>,
    mode: Option<String>,
}

/// What a restart block says.
#[derive(Default)]
pub(super) struct RestartArguments {
    attempts: Option<u32>,
    interval: Option<Duration>,
    delay: Option<Duration>,
    mode: Option<RestartMode>,
}

impl RestartArguments {
    /// What is said here, over a policy.
    pub(super) fn over(&self, policy: Restart) -> Restart {
        Restart {
            attempts: self.attempts.unwrap_or(policy.attempts),
            interval: self.interval.unwrap_or(policy.interval),
            delay: self.delay.unwrap_or(policy.delay),
            mode: self.mode.unwrap_or(policy.mode),
        }
    }
}

impl Builder<'_> {
    /// The restart block of a body; nothing said where there is none.
    pub(super) fn restart_arguments(&mut self, body: &Body) -> RestartArguments {
        let Some(block) = self.reader.single("restart", body) else {
            return RestartArguments::default();
        };
        let body = block.body();
        let texts: Texts = self.reader.arguments(&RESTART, body);
        RestartArguments {
            attempts: texts.attempts,
            interval: self.duration("interval", texts.interval.as_deref(), body),
            delay: self.duration("delay", texts.delay.as_deref(), body),
            mode: self.one_of("mode", texts.mode.as_deref(), &MODES, body),
        }
    }

    /// A duration that an argument of a body holds.
    pub(super) fn duration(&mut self, name: &str, text: Option<&str>, body: &Body) -> Option<Duration> {
        match parse_duration(text?) {
            Ok(duration) => Some(duration),
            Err(error) => {
                let span = body.locate(&[name]).unwrap_or_else(|| body.span());
                self.reader.error(
                    "Invalid duration",
                    format!("Inappropriate value for \"{name}\": {error}."),
                    span,
                );
                None
            }
        }
    }

    /// One of several texts that an argument of a body holds.
    pub(super) fn one_of<T: Copy>(
        &mut self,
        name: &str,
        text: Option<&str>,
        values: &[(&'static str, T)],
        body: &Body,
    ) -> Option<T> {
        let text = text?;
        if let Some((_, value)) = values.iter().find(|(known, _)| *known == text) {
            return Some(*value);
        }
        let known: Vec<String> = values.iter().map(|(known, _)| format!("\"{known}\"")).collect();
        let mut detail = format!("\"{name}\" must be one of {}.", known.join(", "));
        if let Some(other) = did_you_mean(text, values.iter().map(|(known, _)| *known)) {
            detail = format!("{detail} Did you mean \"{other}\"?");
        }
        let span = body.locate(&[name]).unwrap_or_else(|| body.span());
        self.reader.error(format!("Invalid {name}"), detail, span);
        None
    }
}

const MODES: [(&str, RestartMode); 2] = [("fail", RestartMode::Fail), ("delay", RestartMode::Delay)];
