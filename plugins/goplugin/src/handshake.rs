//! What both ends agree on before the first call: the cookie, and the one line that a plugin prints.

use std::fmt;

use crate::address::Address;
#[cfg(feature = "host")]
use crate::address::AddressError;

/// The version of go-plugin's own protocol.
pub(crate) const CORE_VERSION: u32 = 1;

/// The environment variables of the handshake, as the host sets them.
pub(crate) mod var {
    pub(crate) const VERSIONS: &str = "PLUGIN_PROTOCOL_VERSIONS";
    pub(crate) const MIN_PORT: &str = "PLUGIN_MIN_PORT";
    pub(crate) const MAX_PORT: &str = "PLUGIN_MAX_PORT";
    pub(crate) const SOCKET_DIR: &str = "PLUGIN_UNIX_SOCKET_DIR";
    pub(crate) const SOCKET_GROUP: &str = "PLUGIN_UNIX_SOCKET_GROUP";
    pub(crate) const CLIENT_CERT: &str = "PLUGIN_CLIENT_CERT";
    pub(crate) const MULTIPLEX: &str = "PLUGIN_MULTIPLEX_GRPC";
}

/// What tells a plugin that it was started by its host, and not by a person: an environment variable and its value.
///
/// It is no secret and proves nothing: it keeps people from running a plugin by mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookie {
    pub(crate) key: String,
    pub(crate) value: String,
}

impl Cookie {
    /// The variable `key` with the value `value`. Neither may be empty.
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            value: value.into(),
        }
    }
}

/// The line that a plugin prints once it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handshake {
    /// The chosen version of the application's protocol.
    pub(crate) version: u32,
    pub(crate) address: Address,
    /// The plugin's certificate of this launch: base64 of its DER form, without padding.
    pub(crate) certificate: String,
    /// What the plugin says about multiplexing; nothing where it was not asked.
    pub(crate) multiplex: Option<bool>,
}

impl fmt::Display for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            version,
            address,
            certificate,
            multiplex,
        } = self;
        let network = address.network();
        write!(f, "{CORE_VERSION}|{version}|{network}|{address}|grpc|{certificate}")?;
        multiplex.map_or(Ok(()), |multiplex| write!(f, "|{multiplex}"))
    }
}

/// Why a line is not a handshake.
#[cfg(feature = "host")]
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The line has too few fields: the program is no plugin, or printed something else first.
    #[error("the first line of its output is not a plugin's handshake: {0:?}")]
    NotAHandshake(String),
    /// Another version of go-plugin's own protocol.
    #[error("it speaks version {0:?} of the go-plugin protocol, and only version 1 is known")]
    CoreVersion(String),
    /// A version of the application's protocol that was not offered, or none at all.
    #[error("it speaks version {theirs:?} of the protocol, and this host speaks {ours:?}")]
    Version {
        /// What the plugin says.
        theirs: String,
        /// What the host has offered.
        ours: Vec<u32>,
    },
    /// The address is of no use.
    #[error("its address cannot be used")]
    Address(#[from] AddressError),
    /// Not gRPC: the older net/rpc, or something unknown.
    #[error("it serves {0:?}, and only grpc is spoken here")]
    Protocol(String),
    /// The host asked for connections over one connection, and the plugin does not know how.
    #[error("it cannot multiplex the broker's connections over one: do not ask for it")]
    NoMultiplexing,
}

#[cfg(feature = "host")]
impl Handshake {
    /// Reads the line of a plugin that was offered `versions`.
    pub(crate) fn parse(line: &str, versions: &[u32], multiplex: bool) -> Result<Self, HandshakeError> {
        let line = line.trim();
        let mut fields = line.split('|');
        let mut next = || fields.next();
        let (Some(core), Some(version), Some(network), Some(address)) = (next(), next(), next(), next()) else {
            return Err(HandshakeError::NotAHandshake(shorten(line)));
        };
        let Ok(core) = core.parse::<u32>() else {
            return Err(HandshakeError::NotAHandshake(shorten(line)));
        };
        if core != CORE_VERSION {
            return Err(HandshakeError::CoreVersion(core.to_string()));
        }
        let version = version
            .parse()
            .ok()
            .filter(|version| versions.contains(version))
            .ok_or_else(|| HandshakeError::Version {
                theirs: shorten(version),
                ours: versions.to_vec(),
            })?;
        let address = Address::parse(network, address)?;
        let protocol = next().unwrap_or("netrpc");
        if protocol != "grpc" {
            return Err(HandshakeError::Protocol(shorten(protocol)));
        }
        let certificate = next().unwrap_or_default().to_owned();
        let multiplexes = next().map(|field| field == "true");
        if multiplex && multiplexes != Some(true) {
            return Err(HandshakeError::NoMultiplexing);
        }
        Ok(Self {
            version,
            address,
            certificate,
            multiplex: multiplexes,
        })
    }
}

/// What of somebody else's text goes into an error.
#[cfg(feature = "host")]
fn shorten(text: &str) -> String {
    const MOST: usize = 256;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(feature = "host")]
#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: Result<&str, &str>) {
        let parsed = Handshake::parse(line, &[2, 5], false);
        let shown = parsed.as_ref().map(ToString::to_string).map_err(ToString::to_string);
        match (shown, expected) {
            (Ok(shown), Ok(expected)) => assert_eq!(shown, expected, "{line:?}"),
            (Err(shown), Err(expected)) => assert!(shown.contains(expected), "{line:?}: {shown}"),
            (shown, expected) => panic!("{line:?}: {shown:?}, not {expected:?}"),
        }
    }

    #[test]
    fn lines_of_every_generation_are_read() {
        check("1|2|unix|/tmp/p|grpc|\n", Ok("1|2|unix|/tmp/p|grpc|"));
        check("1|5|unix|/tmp/p|grpc", Ok("1|5|unix|/tmp/p|grpc|"));
        check(
            " 1|2|tcp|127.0.0.1:1234|grpc||true\r\n",
            Ok("1|2|tcp|127.0.0.1:1234|grpc||true"),
        );
        check(
            "1|2|tcp|localhost:1234|grpc||true|later",
            Ok("1|2|tcp|127.0.0.1:1234|grpc||true"),
        );
    }

    #[test]
    fn what_is_no_handshake_says_why() {
        check("", Err("not a plugin's handshake"));
        check("hello, world", Err("not a plugin's handshake"));
        check("a|b|c|d", Err("not a plugin's handshake"));
        check("2|2|unix|/tmp/p|grpc|", Err("version \"2\" of the go-plugin protocol"));
        check(
            "1|3|unix|/tmp/p|grpc|",
            Err("version \"3\" of the protocol, and this host speaks [2, 5]"),
        );
        check("1|x|unix|/tmp/p|grpc|", Err("version \"x\""));
        check("1|2|udp|/tmp/p|grpc|", Err("address cannot be used"));
        check("1|2|unix|/tmp/p", Err("it serves \"netrpc\""));
        check("1|2|unix|/tmp/p|netrpc|", Err("it serves \"netrpc\""));
    }

    #[test]
    fn a_plugin_that_cannot_multiplex_is_refused_only_where_it_was_asked() {
        for line in ["1|2|unix|/p|grpc", "1|2|unix|/p|grpc|", "1|2|unix|/p|grpc||false"] {
            assert!(Handshake::parse(line, &[2], false).is_ok());
            assert_eq!(Handshake::parse(line, &[2], true), Err(HandshakeError::NoMultiplexing));
        }
    }

    #[test]
    fn an_error_never_repeats_a_whole_flood() {
        let error = Handshake::parse(&"é".repeat(100_000), &[2], false).unwrap_err();
        assert!(error.to_string().len() < 2000);
    }
}
