//! What a cgroup is limited to.

use serde::{Deserialize, Serialize};

/// What a cgroup is limited to. What is `None` is not limited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Memory in bytes at which the kernel starts to kill.
    pub memory_hard: Option<u64>,
    /// Memory in bytes that is kept for the cgroup when the host runs short (v1 soft limit, v2 `memory.low`).
    pub memory_soft: Option<u64>,
    /// How readily its memory is swapped out, 0 to 100. Only v1 has it; ignored where the kernel does.
    pub swappiness: Option<u8>,
    /// The processor weight among siblings, in v1 shares (2 to 262144, 1024 is usual); clamped, and converted on v2.
    pub cpu_shares: Option<u64>,
    /// The cores that it may run on, as a list (`0-1,4`).
    pub cpuset: Option<String>,
    /// How many processes and threads it may have.
    pub pids: Option<u64>,
}

/// The bounds that the kernel sets to shares.
pub fn clamp_shares(shares: u64) -> u64 {
    shares.clamp(2, 262_144)
}

/// The v2 weight (1 to 10000) for v1 shares.
pub fn shares_to_weight(shares: u64) -> u64 {
    shares
}
