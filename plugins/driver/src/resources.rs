//! What a task may use.

use serde::{Deserialize, Serialize};

/// What a task may use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Resources {
    /// Processor share in MHz.
    pub cpu_mhz: u64,
    /// Memory in MiB: the limit where `memory_max_mb` is zero, else what is kept free for the task.
    pub memory_mb: u64,
    /// The limit in MiB where it differs from `memory_mb`: 0 for none of its own, -1 for no limit at all.
    pub memory_max_mb: i64,
    /// The networks that the task itself asked for. Groups ask for ports today, and those are in `ports`.
    pub networks: Vec<NetworkResource>,
    /// Values in the kernel's units, as the host computed them.
    pub linux: LinuxResources,
    /// The group's ports.
    pub ports: Vec<PortMapping>,
}

impl Resources {
    /// The hard memory limit in bytes; `None` where there is none.
    pub fn memory_hard_bytes(&self) -> Option<u64> {
        const MIB: u64 = 1024 * 1024;
        match self.memory_max_mb {
            -1 => None,
            max if max > 0 => Some(max.unsigned_abs().saturating_mul(MIB)),
            _ if self.memory_mb == 0 => None,
            _ => Some(self.memory_mb.saturating_mul(MIB)),
        }
    }

    /// The soft memory limit in bytes; `None` where it is the hard one.
    pub fn memory_soft_bytes(&self) -> Option<u64> {
        let oversubscribed = self.memory_max_mb != 0 && self.memory_mb != 0;
        oversubscribed.then(|| self.memory_mb.saturating_mul(1024 * 1024))
    }
}

/// Values in the kernel's units.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LinuxResources {
    /// The length of a scheduling period, in microseconds; 0 where the host leaves it to the driver, as Nomad does.
    pub cpu_period: i64,
    /// How much of a period the task may run, in microseconds; 0 where the host leaves it to the driver, as Nomad does.
    pub cpu_quota: i64,
    /// Weight among siblings, 2 to 262144.
    pub cpu_shares: u64,
    /// The larger of memory and maximal memory, in bytes: not the limit, which [`Resources::memory_hard_bytes`] is.
    pub memory_limit_bytes: i64,
    /// How readily the kernel kills the task for want of memory; 0 where the host leaves it to the driver, as Nomad does.
    pub oom_score_adj: i64,
    /// The cores reserved for the task, as a cpuset list (`0-1,4`); empty where it shares.
    pub cpuset_cpus: String,
    /// The cgroup that the host made for the task; empty where the driver makes its own.
    pub cpuset_cgroup: String,
    /// The task's share of the node's compute, 0 to 1.
    pub percent_ticks: f64,
}

/// A network that a task asked for itself, as jobs did before groups had networks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkResource {
    /// The host's interface.
    pub device: String,
    /// The block that its address is from.
    pub cidr: String,
    /// The host's address.
    pub ip: String,
    /// Megabits a second.
    pub mbits: i32,
    /// The ports that the job names.
    pub reserved_ports: Vec<NetworkPort>,
    /// The ports that the scheduler chose.
    pub dynamic_ports: Vec<NetworkPort>,
}

/// A port of a [`NetworkResource`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkPort {
    /// Its label in the job.
    pub label: String,
    /// The port on the host.
    pub value: u16,
}

/// A port of the group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortMapping {
    /// Its label in the job.
    pub label: String,
    /// The port on the host.
    pub value: u16,
    /// The port inside the namespace; 0 for the same.
    pub to: u16,
    /// The host's address.
    pub host_ip: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (memory, `memory_max`) in MiB, and what comes of it.
    #[track_caller]
    fn check(memory: u64, max: i64, hard_mb: Option<u64>, soft_mb: Option<u64>) {
        let resources = Resources {
            memory_mb: memory,
            memory_max_mb: max,
            ..Resources::default()
        };
        let mib = |bytes: u64| bytes / 1024 / 1024;
        assert_eq!(resources.memory_hard_bytes().map(mib), hard_mb, "hard");
        assert_eq!(resources.memory_soft_bytes().map(mib), soft_mb, "soft");
    }

    #[test]
    fn memory_limits_follow_memory_and_memory_max() {
        check(100, 0, Some(100), None);
        check(100, 200, Some(200), Some(100));
        check(100, -1, None, Some(100));
        check(0, 0, None, None);
    }
}
