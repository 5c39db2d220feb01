//! This machine, as tasks and plugins are told of it.

use std::{env, fs, thread};

use encamp_driver::Topology;
use encamp_runner::Node;

/// This machine, as far as tasks are told about it.
pub(crate) fn node() -> Node {
    let name = nix::unistd::gethostname()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let cores = thread::available_parallelism().map_or(1, usize::from) as u64;
    let attributes = [
        ("kernel.name", env::consts::OS.to_owned()),
        ("cpu.arch", go_arch().to_owned()),
        ("cpu.numcores", cores.to_string()),
        ("unique.hostname", name.clone()),
    ];
    let facts = encamp_taskenv::Node {
        id: fs::read_to_string("/etc/machine-id")
            .map(|id| id.trim().to_owned())
            .unwrap_or_default(),
        name,
        datacenter: "dc1".to_owned(),
        pool: "default".to_owned(),
        region: "global".to_owned(),
        attributes: attributes
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        ..encamp_taskenv::Node::default()
    };
    Node {
        facts,
        total_compute_mhz: cores * mhz_of_a_core(),
    }
}

/// This machine's processors, all alike.
pub(crate) fn topology() -> Topology {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    Topology::uniform(u32::try_from(cores).unwrap_or(u32::MAX), mhz_of_a_core())
}

/// The architecture, by the name that jobs know it under.
fn go_arch() -> &'static str {
    match env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// What the kernel says of the first core; 1000 where it says nothing, so that shares still compare.
fn mhz_of_a_core() -> u64 {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("cpu MHz"));
    let mhz = line
        .and_then(|line| line.split_once(':'))
        .and_then(|(_, mhz)| mhz.trim().split('.').next()?.parse().ok());
    mhz.unwrap_or(1000)
}
