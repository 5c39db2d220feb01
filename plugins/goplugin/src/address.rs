//! Where one end listens.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Where one end listens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "host", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "host", serde(rename_all = "snake_case"))]
pub enum Address {
    /// The path of a unix socket.
    Unix(PathBuf),
    /// An address of this machine, and a port.
    Tcp(SocketAddr),
}

/// Why an address is of no use.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressError {
    /// Neither `unix` nor `tcp`.
    #[error("the network {0:?} is unknown: only unix and tcp are spoken here")]
    Network(String),
    /// Not an address of that network.
    #[error("{address:?} is no {network} address")]
    Address {
        /// `unix` or `tcp`.
        network: &'static str,
        /// What was given.
        address: String,
    },
}

impl Address {
    /// The network, as the wire names it.
    pub fn network(&self) -> &'static str {
        match self {
            Self::Unix(_) => "unix",
            Self::Tcp(_) => "tcp",
        }
    }

    /// Reads an address from the two strings that the wire has for it.
    ///
    /// # Errors
    /// Another network than `unix` and `tcp`, an empty path, or something that is not `ip:port`.
    pub fn parse(network: &str, address: &str) -> Result<Self, AddressError> {
        let invalid = |network| AddressError::Address {
            network,
            address: address.chars().take(256).collect(),
        };
        match network {
            "unix" if address.is_empty() || address.contains('\0') => Err(invalid("unix")),
            "unix" => Ok(Self::Unix(address.into())),
            "tcp" | "tcp4" | "tcp6" => tcp(address).map(Self::Tcp).ok_or_else(|| invalid("tcp")),
            other => Err(AddressError::Network(other.chars().take(256).collect())),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => path.display().fmt(f),
            Self::Tcp(address) => address.fmt(f),
        }
    }
}

/// `ip:port`; a plugin is on this machine, so its only name is `localhost`.
fn tcp(address: &str) -> Option<SocketAddr> {
    if let Ok(address) = address.parse() {
        return Some(address);
    }
    let port = address
        .strip_prefix("localhost:")
        .or_else(|| address.strip_prefix(':'))?;
    Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port.parse().ok()?))
}
