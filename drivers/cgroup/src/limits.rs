//! What a cgroup is limited to.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{CgroupError, Controller, fs};

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

/// What is written to a file of a cgroup.
struct Write {
    file: &'static str,
    value: String,
    /// Whether the limit does without where the kernel refuses or has no such file.
    optional: bool,
}

impl Write {
    fn new(file: &'static str, value: impl Into<String>) -> Self {
        Self {
            file,
            value: value.into(),
            optional: false,
        }
    }

    fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    fn apply(&self, dir: &Path) -> Result<(), CgroupError> {
        match fs::write(&dir.join(self.file), &self.value) {
            Err(_) if self.optional => Ok(()),
            other => other,
        }
    }
}

impl Limits {
    /// Whether they need a v1 controller.
    pub(crate) fn need(&self, controller: Controller) -> bool {
        match controller {
            // What is measured and how it is killed does not depend on limits.
            Controller::Freezer | Controller::Memory | Controller::Cpuacct => true,
            Controller::Cpu => self.cpu_shares.is_some(),
            Controller::Cpuset => self.cpuset.is_some(),
            Controller::Pids => self.pids.is_some(),
        }
    }

    /// The controllers that they cannot do without.
    pub(crate) fn needed(&self) -> impl Iterator<Item = Controller> {
        let needs = [
            (Controller::Memory, self.memory_hard.or(self.memory_soft).is_some()),
            (Controller::Cpu, self.cpu_shares.is_some()),
            (Controller::Cpuset, self.cpuset.is_some()),
            (Controller::Pids, self.pids.is_some()),
        ];
        needs
            .into_iter()
            .filter(|(_, needed)| *needed)
            .map(|(controller, _)| controller)
    }

    /// Writes those of one v1 controller. `fresh` cgroups have no limits that would have to be lifted.
    pub(crate) fn apply_v1(&self, controller: Controller, dir: &Path, fresh: bool) -> Result<(), CgroupError> {
        let writes = match controller {
            Controller::Memory => self.memory_v1(fresh),
            Controller::Cpu => self
                .cpu_shares
                .map(|shares| Write::new("cpu.shares", clamp_shares(shares).to_string()))
                .into_iter()
                .collect(),
            Controller::Cpuset => return self.apply_cpuset_v1(dir),
            Controller::Pids => self
                .pids
                .map(|max| Write::new("pids.max", max.to_string()))
                .into_iter()
                .collect(),
            Controller::Freezer | Controller::Cpuacct => Vec::new(),
        };
        writes.iter().try_for_each(|write| write.apply(dir))
    }

    fn memory_v1(&self, fresh: bool) -> Vec<Write> {
        let limit = |file, value: Option<u64>| match value {
            Some(bytes) => Some(Write::new(file, bytes.to_string())),
            None if fresh => None,
            None => Some(Write::new(file, "-1")),
        };
        let swappiness = self
            .swappiness
            .map(|value| Write::new("memory.swappiness", value.to_string()).optional());
        let limits = [
            limit("memory.limit_in_bytes", self.memory_hard),
            limit("memory.soft_limit_in_bytes", self.memory_soft),
            swappiness,
        ];
        limits.into_iter().flatten().collect()
    }

    /// Nothing can join a v1 cpuset before it has both cores and memory nodes.
    fn apply_cpuset_v1(&self, dir: &Path) -> Result<(), CgroupError> {
        let Some(cores) = &self.cpuset else { return Ok(()) };
        let Some(parent) = dir.parent() else { return Ok(()) };
        let above = parent.parent().unwrap_or(parent);
        for (file, own) in [("cpuset.mems", None), ("cpuset.cpus", Some(cores))] {
            let inherited = inherit(parent, above, file)?;
            fs::write(&dir.join(file), own.unwrap_or(&inherited))?;
        }
        Ok(())
    }

    /// Writes all of them to a v2 cgroup.
    pub(crate) fn apply_v2(&self, dir: &Path, fresh: bool) -> Result<(), CgroupError> {
        let limit = |file, value: Option<u64>, none: &str| match value {
            Some(value) => Some(Write::new(file, value.to_string())),
            None if fresh => None,
            None => Some(Write::new(file, none).optional()),
        };
        let weight = self
            .cpu_shares
            .map(|shares| Write::new("cpu.weight", shares_to_weight(clamp_shares(shares)).to_string()));
        let cores = self
            .cpuset
            .as_ref()
            .map(|cores| Write::new("cpuset.cpus", cores.as_str()));
        let writes = [
            limit("memory.max", self.memory_hard, "max"),
            limit("memory.low", self.memory_soft, "0"),
            limit("pids.max", self.pids, "max"),
            weight,
            cores,
        ];
        writes.iter().flatten().try_for_each(|write| write.apply(dir))
    }
}

/// The parent's value, copied from the cgroup above it when the parent has none yet.
fn inherit(parent: &Path, above: &Path, file: &str) -> Result<String, CgroupError> {
    let value = fs::read(&parent.join(file))?.trim().to_owned();
    if !value.is_empty() {
        return Ok(value);
    }
    let value = fs::read(&above.join(file))?.trim().to_owned();
    fs::write(&parent.join(file), &value)?;
    Ok(value)
}

/// The bounds that the kernel sets to shares.
///
/// ```
/// assert_eq!([0, 100, 300_000].map(encamp_cgroup::clamp_shares), [2, 100, 262_144]);
/// ```
pub fn clamp_shares(shares: u64) -> u64 {
    shares.clamp(2, 262_144)
}

/// The v2 weight for v1 shares: 1 for 2, 100 for 1024, 10000 for 262144, and logarithmically smooth between.
///
/// ```
/// assert_eq!([2, 1024, 262_144].map(encamp_cgroup::shares_to_weight), [1, 100, 10_000]);
/// ```
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 2 and 262144 in, between 1 and 10000 out"
)]
pub fn shares_to_weight(shares: u64) -> u64 {
    match shares {
        0..=2 => 1,
        262_144.. => 10_000,
        _ => {
            // Not the C library's: the supervising process of each task would load it for these two.
            let log = libm::log2(shares as f64);
            let exponent = (log * log + 125.0 * log) / 612.0 - 7.0 / 34.0;
            libm::pow(10.0, exponent).ceil() as u64
        }
    }
}
