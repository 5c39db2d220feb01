//! A plugin that has outlived its host.

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::client::{Client, Copying, Files, Running, ping};
use super::life::Process;
use super::{Host, Output, Sockets};
use crate::address::Address;
use crate::broker::{Broker, Carrier};
use crate::listener::{self, PrivateDir, SocketDir, SocketPlace, is_private};
use crate::peer;
use crate::security::Security;

/// What it takes to find a plugin again. Write it down as long as the plugin runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReattachConfig {
    /// The version of the application's protocol that it has chosen.
    pub version: u32,
    /// Where it listens.
    pub address: Address,
    /// Its process.
    pub pid: u32,
    /// When the process was started, in the kernel's ticks since boot. Together with `pid` it names one process, as long
    /// as the machine runs. Records of other hosts do not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<u64>,
    /// A directory that the host has made for the plugin's sockets, and that goes with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub socket_dir: Option<PathBuf>,
}

/// Why a plugin cannot be found again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReattachError {
    /// The process is not there any more, or its number is another one's by now.
    #[error("the plugin, process {0}, has ended: launch a fresh one")]
    Ended(u32),
    /// Nothing proves that the process is the plugin.
    #[error("nothing proves that process {0} is the plugin: its record has no start time, and it listens on a port")]
    Unproven(u32),
    /// The process is there, but does not listen, or somebody else does.
    #[error("cannot connect to the plugin, process {pid}, at {address}")]
    Connect {
        /// The process.
        pid: u32,
        /// Where it should listen.
        address: Address,
        /// Why.
        source: tonic::transport::Error,
    },
    /// It listens, but does not say that it is well.
    #[error("the plugin, process {pid}, does not answer as a plugin does")]
    Unwell {
        /// The process.
        pid: u32,
        /// What it says.
        source: Box<Status>,
    },
    /// It does not answer in the time that a fresh plugin would have.
    #[error("the plugin, process {0}, does not answer")]
    Timeout(u32),
    /// The version of its protocol is none of the host's.
    #[error("the plugin, process {pid}, speaks version {version} of the protocol, which this host does not")]
    Version {
        /// The process.
        pid: u32,
        /// The version.
        version: u32,
    },
    /// The process cannot be watched.
    #[error("cannot watch process {pid}")]
    Watch {
        /// The process.
        pid: u32,
        /// Why.
        source: io::Error,
    },
}

pub(super) async fn reattach(host: &Host, config: &ReattachConfig, output: Output) -> Result<Client, ReattachError> {
    let &ReattachConfig {
        version,
        ref address,
        pid,
        ..
    } = config;
    if !host.versions.contains(&version) {
        return Err(ReattachError::Version { pid, version });
    }
    let process = match find(config) {
        Err(error @ ReattachError::Ended(_)) => {
            remove_remains(config).await;
            return Err(error);
        }
        found => found?,
    };
    let dial = {
        let address = address.clone();
        move || {
            let address = address.clone();
            async move { peer::dial(&address, Some(pid)).await }
        }
    };
    let connected = async {
        let connected = crate::channel::connect(dial).await;
        let channel = connected.map_err(|source| ReattachError::Connect {
            pid,
            address: address.clone(),
            source,
        })?;
        match ping(channel.clone()).await {
            Err(status) if status.code() != tonic::Code::Unimplemented => Err(ReattachError::Unwell {
                pid,
                source: Box::new(status),
            }),
            _ => Ok(channel),
        }
    };
    let connected = tokio::time::timeout(host.start_timeout, connected).await;
    let channel = connected.map_err(|_| ReattachError::Timeout(pid))??;
    // The number may have changed hands before the process was found, but then not what listens.
    let life = process.watch().map_err(|source| ReattachError::Watch { pid, source })?;
    let files = Files::new(private_dir(config));
    files.add(address);
    let closed = CancellationToken::new();
    let (broker, messages) = Broker::new(
        Carrier::Unix {
            place: place(host, config),
            plugin: Some(pid),
        },
        Security::Plain,
        closed.clone(),
    );
    let client = Client {
        running: Running::new(process, life, files),
        channel,
        broker,
        version,
        address: address.clone(),
        reattachable: true,
        stop_timeout: host.stop_timeout,
        closed,
        output: Copying::default(),
    };
    client.attend(messages, output);
    Ok(client)
}

/// The recorded process, if it is there and still the same.
fn find(config: &ReattachConfig) -> Result<Process, ReattachError> {
    let pid = config.pid;
    let process = Process::find(pid).map_err(|_| ReattachError::Ended(pid))?;
    match (config.start_time, &config.address) {
        (Some(start), _) if process.start() != Some(start) => Err(ReattachError::Ended(pid)),
        (None, Address::Tcp(_)) => Err(ReattachError::Unproven(pid)),
        _ => Ok(process),
    }
}

/// What the record says that a plugin has left behind. Records may be wrong: it goes only if it is named as this crate
/// names it, and nobody listens there.
async fn remove_remains(config: &ReattachConfig) {
    if listener::dial(&config.address).await.is_ok() {
        return;
    }
    drop(private_dir(config));
}

/// The recorded directory, if it is one of this crate's making: a record may be wrong, and what is removed is gone.
fn private_dir(config: &ReattachConfig) -> Option<PrivateDir> {
    let dir = config.socket_dir.clone().filter(|dir| is_private(dir));
    dir.map(PrivateDir::adopt)
}

fn place(host: &Host, config: &ReattachConfig) -> SocketPlace {
    let dir = match (&config.socket_dir, &host.sockets) {
        (Some(dir), _) => SocketDir::Given(dir.clone()),
        (None, Sockets::PrivateIn(parent)) => SocketDir::OwnIn(parent.clone()),
        (None, Sockets::Anywhere) => SocketDir::OwnIn(std::env::temp_dir()),
    };
    SocketPlace {
        dir,
        group: host.group.clone(),
    }
}
