//! Memory, processor and process limits.

use std::collections::BTreeMap;

use encamp_driver::{Resources, Result};

use super::invalid;
use crate::engine::UlimitSpec;

const MIB: u64 = 1024 * 1024;

/// Memory limits in bytes; 0 for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Memory {
    pub(super) hard: u64,
    pub(super) soft: u64,
}

/// The task's reservation becomes the hard limit, unless there is a higher one; then it is the soft limit.
pub(super) fn memory(resources: &Resources, hard_limit_mb: Option<u64>) -> Result<Memory> {
    let reserved = resources.memory_mb.saturating_mul(MIB);
    let maximum = match resources.memory_max_mb {
        -1 => {
            return Ok(Memory {
                hard: 0,
                soft: reserved,
            });
        }
        mb => u64::try_from(mb).unwrap_or(0).max(hard_limit_mb.unwrap_or(0)),
    };
    if maximum == 0 {
        return Ok(Memory {
            hard: reserved,
            soft: 0,
        });
    }
    if maximum.saturating_mul(MIB) < reserved {
        let reserved = resources.memory_mb;
        return Err(invalid(format!(
            "the hard memory limit ({maximum} MB) is less than the task's memory ({reserved} MB)"
        )));
    }
    Ok(Memory {
        hard: maximum.saturating_mul(MIB),
        soft: reserved,
    })
}

/// The weight that the host computed, else the task's MHz, in the kernel's bounds.
pub(super) fn cpu_shares(resources: &Resources) -> u64 {
    let shares = match resources.linux.cpu_shares {
        0 => resources.cpu_mhz,
        shares => shares,
    };
    shares.clamp(2, 262_144)
}

/// `soft:hard`, or one number for both.
pub(super) fn ulimits(limits: &BTreeMap<String, String>) -> Result<Vec<UlimitSpec>> {
    limits.iter().map(|(name, text)| ulimit(name, text)).collect()
}

fn ulimit(name: &str, text: &str) -> Result<UlimitSpec> {
    let (soft, hard) = text.split_once(':').unwrap_or((text, text));
    let number = |which: &str, text: &str| {
        let parsed = text.trim().parse::<i64>();
        parsed.map_err(|_| invalid(format!("ulimit `{name}`: the {which} limit `{text}` is not a number")))
    };
    Ok(UlimitSpec {
        name: name.to_owned(),
        soft: number("soft", soft)?,
        hard: number("hard", hard)?,
    })
}
