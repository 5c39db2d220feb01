//! What a cgroup uses.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{CgroupError, Controller, fs};

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

const V1_CPU: [Controller; 2] = [Controller::Cpuacct, Controller::Cpu];

pub(crate) fn v1(dirs: &BTreeMap<Controller, PathBuf>) -> Result<Stats, CgroupError> {
    let mut stats = Stats::default();
    if let Some(dir) = dirs.get(&Controller::Memory) {
        stats.memory = memory_v1(dir)?;
    }
    for dir in V1_CPU.iter().filter_map(|controller| dirs.get(controller)) {
        stats.cpu.fill_v1(dir)?;
    }
    Ok(stats)
}

pub(crate) fn v2(dir: &Path) -> Result<Stats, CgroupError> {
    let stat = fs::read_if_any(&dir.join("memory.stat"))?.unwrap_or_default();
    let cpu = fs::read(&dir.join("cpu.stat"))?;
    let micros = |key| fs::keyed(&cpu, key).map(|micros| micros.saturating_mul(1000));
    Ok(Stats {
        memory: MemoryStats {
            rss: fs::keyed(&stat, "anon"),
            cache: fs::keyed(&stat, "file"),
            swap: number(&dir.join("memory.swap.current"))?,
            usage: number(&dir.join("memory.current"))?,
            max_usage: number(&dir.join("memory.peak"))?,
            kernel: fs::keyed(&stat, "kernel"),
            max_kernel: None,
        },
        cpu: CpuStats {
            total_ns: micros("usage_usec"),
            user_ns: micros("user_usec"),
            system_ns: micros("system_usec"),
            throttled_periods: fs::keyed(&cpu, "nr_throttled"),
            throttled_ns: micros("throttled_usec"),
        },
    })
}

fn memory_v1(dir: &Path) -> Result<MemoryStats, CgroupError> {
    let stat = fs::read(&dir.join("memory.stat"))?;
    // What begins with "total_" counts the cgroups below, too.
    Ok(MemoryStats {
        rss: fs::keyed(&stat, "total_rss"),
        cache: fs::keyed(&stat, "total_cache"),
        swap: fs::keyed(&stat, "total_swap"),
        usage: number(&dir.join("memory.usage_in_bytes"))?,
        max_usage: number(&dir.join("memory.max_usage_in_bytes"))?,
        kernel: number(&dir.join("memory.kmem.usage_in_bytes"))?,
        max_kernel: number(&dir.join("memory.kmem.max_usage_in_bytes"))?,
    })
}

impl CpuStats {
    /// Takes what this directory has; the two v1 controllers may share one or not.
    fn fill_v1(&mut self, dir: &Path) -> Result<(), CgroupError> {
        self.total_ns = self.total_ns.or(number(&dir.join("cpuacct.usage"))?);
        self.user_ns = self.user_ns.or(number(&dir.join("cpuacct.usage_user"))?);
        self.system_ns = self.system_ns.or(number(&dir.join("cpuacct.usage_sys"))?);
        if let Some(stat) = fs::read_if_any(&dir.join("cpu.stat"))? {
            self.throttled_periods = self.throttled_periods.or(fs::keyed(&stat, "nr_throttled"));
            self.throttled_ns = self.throttled_ns.or(fs::keyed(&stat, "throttled_time"));
        }
        Ok(())
    }
}

/// v2 counts the cgroups below, too.
pub(crate) fn oom_kills_v2(dir: &Path) -> Result<u64, CgroupError> {
    let events = fs::read_if_any(&dir.join("memory.events"))?.unwrap_or_default();
    Ok(fs::keyed(&events, "oom_kill").unwrap_or(0))
}

/// v1 counts every cgroup for itself.
pub(crate) fn oom_kills_v1(dir: &Path) -> Result<u64, CgroupError> {
    let control = fs::read_if_any(&dir.join("memory.oom_control"))?.unwrap_or_default();
    let own = fs::keyed(&control, "oom_kill").unwrap_or(0);
    let below = fs::children(dir)?
        .iter()
        .map(|child| oom_kills_v1(child))
        .sum::<Result<u64, _>>()?;
    Ok(own + below)
}

fn number(file: &Path) -> Result<Option<u64>, CgroupError> {
    Ok(fs::read_if_any(file)?.and_then(|content| content.trim().parse().ok()))
}
