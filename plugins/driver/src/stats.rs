//! What a task uses.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// One sample of a task's resource usage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskStats {
    /// When the sample was taken.
    pub timestamp: SystemTime,
    /// All of the task's processes together.
    pub total: ResourceUsage,
    /// Single processes by pid, where the driver looks that closely.
    pub by_pid: BTreeMap<i32, ResourceUsage>,
}

/// Processor and memory in use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ResourceUsage {
    /// Processor.
    pub cpu: CpuUsage,
    /// Memory.
    pub memory: MemoryUsage,
}

/// Processor usage. Only the fields named in `measured` mean anything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CpuUsage {
    /// Time in the kernel, in percent of one core.
    pub system_mode: f64,
    /// Time in user space, in percent of one core.
    pub user_mode: f64,
    /// MHz.
    pub total_ticks: f64,
    /// How often the task was held back by its quota.
    pub throttled_periods: u64,
    /// For how long, in nanoseconds.
    pub throttled_time: u64,
    /// Time in all, in percent of one core.
    pub percent: f64,
    /// The fields that were measured.
    pub measured: Vec<CpuField>,
}

/// Memory usage in bytes. Only the fields named in `measured` mean anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryUsage {
    /// Anonymous memory.
    pub rss: u64,
    /// Page cache.
    pub cache: u64,
    /// Swap.
    pub swap: u64,
    /// All that counts against the limit.
    pub usage: u64,
    /// The most that `usage` ever was.
    pub max_usage: u64,
    /// Kernel memory.
    pub kernel_usage: u64,
    /// The most that `kernel_usage` ever was.
    pub kernel_max_usage: u64,
    /// The fields that were measured.
    pub measured: Vec<MemoryField>,
}

/// A field of [`CpuUsage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named as the fields they stand for")]
pub enum CpuField {
    SystemMode,
    UserMode,
    TotalTicks,
    ThrottledPeriods,
    ThrottledTime,
    Percent,
}

/// A field of [`MemoryUsage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named as the fields they stand for")]
pub enum MemoryField {
    Rss,
    Cache,
    Swap,
    Usage,
    MaxUsage,
    KernelUsage,
    KernelMaxUsage,
}
