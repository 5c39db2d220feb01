//! What the host says in the environment.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;

use crate::handshake::{Cookie, var};
use crate::listener::{ListenError, SocketDir, SocketPlace};

/// The variables that a plugin is started with, as far as they concern the protocol.
#[derive(Clone, Default)]
pub struct Environment(HashMap<String, OsString>);

/// What the host offers and asks for.
#[derive(Debug)]
pub(super) struct Offer {
    pub(super) versions: Vec<u32>,
    pub(super) place: SocketPlace,
    ports: (String, String),
    #[cfg(feature = "mux")]
    pub(super) multiplex: bool,
    pub(super) client_certificate: Option<String>,
}

impl Environment {
    /// No variables at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Those of this process.
    pub(super) fn of_process(cookie: &Cookie) -> Self {
        let known = [
            var::VERSIONS,
            var::MIN_PORT,
            var::MAX_PORT,
            var::SOCKET_DIR,
            var::SOCKET_GROUP,
            var::CLIENT_CERT,
            var::MULTIPLEX,
            "TMPDIR",
        ];
        let names = known
            .into_iter()
            .chain(Some(cookie.key.as_str()).filter(|key| !key.is_empty()));
        Self(
            names
                .filter_map(|name| Some((name.to_owned(), std::env::var_os(name)?)))
                .collect(),
        )
    }

    /// Adds a variable.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<OsString>) -> Self {
        self.0.insert(name.into(), value.into());
        self
    }

    pub(super) fn has(&self, cookie: &Cookie) -> bool {
        self.get(&cookie.key).is_some_and(|value| *value == *cookie.value)
    }

    /// A variable that is set and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&OsString> {
        self.0.get(name).filter(|value| !value.is_empty())
    }

    fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(|value| value.to_string_lossy().into_owned())
    }

    pub(super) fn offer(&self) -> Offer {
        let temp = || SocketDir::OwnIn(self.get("TMPDIR").map_or_else(|| "/tmp".into(), PathBuf::from));
        let dir = self.get(var::SOCKET_DIR).map(|dir| SocketDir::Given(dir.into()));
        let port = |name| self.text(name).unwrap_or_else(|| "0".to_owned());
        Offer {
            versions: self.text(var::VERSIONS).map(|text| versions(&text)).unwrap_or_default(),
            place: SocketPlace {
                dir: dir.unwrap_or_else(temp),
                group: self.text(var::SOCKET_GROUP),
            },
            ports: (port(var::MIN_PORT), port(var::MAX_PORT)),
            #[cfg(feature = "mux")]
            multiplex: matches!(
                self.text(var::MULTIPLEX).as_deref(),
                Some("1" | "t" | "T" | "TRUE" | "true" | "True")
            ),
            client_certificate: self.text(var::CLIENT_CERT),
        }
    }
}

/// Names only: a value may be nobody's business.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What is not a number is not offered.
fn versions(text: &str) -> Vec<u32> {
    let number = |part: &str| {
        let number = part.trim().parse();
        if number.is_err() {
            tracing::warn!(version = part, "The host offers a version that is no number");
        }
        number.ok()
    };
    text.split(',').filter_map(number).collect()
}

impl Offer {
    /// The first and the last port that may be listened on.
    pub(super) fn ports(&self) -> Result<(u16, u16), ListenError> {
        let (first, last) = &self.ports;
        let range = first
            .parse()
            .ok()
            .zip(last.parse().ok())
            .filter(|(first, last)| first <= last);
        range.ok_or_else(|| ListenError::Ports {
            first: first.clone(),
            last: last.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_what_can_be_read_of_them() {
        let offer = Environment::new().with(var::VERSIONS, "2, 5,x,,7").offer();
        assert_eq!(offer.versions, [2, 5, 7]);
        assert!(Environment::new().offer().versions.is_empty());
    }

    #[test]
    fn ports_are_a_range_or_any() {
        let offer = |first: &str, last: &str| {
            Environment::new()
                .with(var::MIN_PORT, first)
                .with(var::MAX_PORT, last)
                .offer()
        };
        assert_eq!(Environment::new().offer().ports().unwrap(), (0, 0));
        assert_eq!(offer("10000", "25000").ports().unwrap(), (10000, 25000));
        for (first, last) in [("2", "1"), ("x", "1"), ("1", "70000"), ("5", "")] {
            assert!(offer(first, last).ports().is_err(), "{first} {last}");
        }
    }

    #[test]
    fn sockets_are_made_where_the_host_says() {
        let dir = |environment: Environment| environment.offer().place.dir;
        assert!(matches!(dir(Environment::new()), SocketDir::OwnIn(dir) if dir.as_os_str() == "/tmp"));
        let temp = Environment::new().with("TMPDIR", "/var/tmp");
        assert!(matches!(dir(temp.clone()), SocketDir::OwnIn(dir) if dir.as_os_str() == "/var/tmp"));
        assert!(
            matches!(dir(temp.with(var::SOCKET_DIR, "/run/x")), SocketDir::Given(dir) if dir.as_os_str() == "/run/x")
        );
    }

    #[cfg(feature = "mux")]
    #[test]
    fn multiplexing_is_what_a_go_plugin_takes_for_true() {
        let multiplex = |value: &str| Environment::new().with(var::MULTIPLEX, value).offer().multiplex;
        assert!(multiplex("true") && multiplex("1"));
        assert!(!multiplex("false") && !multiplex("yes") && !multiplex(""));
    }
}
