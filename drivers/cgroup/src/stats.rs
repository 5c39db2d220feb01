//! What a cgroup uses.

use serde::{Deserialize, Serialize};

/// What a cgroup uses, with all cgroups below it. What the kernel does not tell is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Memory.
    pub memory: MemoryStats,
    /// Processor.
    pub cpu: CpuStats,
}

/// Memory in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryStats {
    /// Anonymous memory.
    pub rss: Option<u64>,
    /// Page cache.
    pub cache: Option<u64>,
    /// Swap.
    pub swap: Option<u64>,
    /// All that counts against the limit.
    pub usage: Option<u64>,
    /// The most that `usage` ever was.
    pub max_usage: Option<u64>,
    /// Kernel memory.
    pub kernel: Option<u64>,
    /// The most that `kernel` ever was.
    pub max_kernel: Option<u64>,
}

/// Processor time since the cgroup was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuStats {
    /// All, in nanoseconds.
    pub total_ns: Option<u64>,
    /// In user space, in nanoseconds.
    pub user_ns: Option<u64>,
    /// In the kernel, in nanoseconds.
    pub system_ns: Option<u64>,
    /// How often it was held back by a quota.
    pub throttled_periods: Option<u64>,
    /// For how long, in nanoseconds.
    pub throttled_ns: Option<u64>,
}
