//! What a task without a cgroup uses, as `/proc` tells.

use std::fs;

use encamp_cgroup::Stats;
use nix::unistd::{SysconfVar, sysconf};

use crate::proc;

/// What the processes of the task's session use. Those that made a session of their own are not seen.
pub(super) fn of_session(session: i32) -> Stats {
    let page_size = constant(SysconfVar::PAGE_SIZE, 4096);
    let tick_ns = 1_000_000_000 / constant(SysconfVar::CLK_TCK, 100);
    let (mut rss, mut user, mut system) = (0_u64, 0_u64, 0_u64);
    for pid in proc::pids() {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let Some(usage) = Usage::parse(&text).filter(|usage| usage.session == session) else {
            continue;
        };
        // Pages are counted by processor first, and the sum forgets the last few: small processes seem to have none.
        rss += match usage.rss_pages {
            0 => exact_rss(pid),
            pages => pages * page_size,
        };
        user += usage.user_ticks * tick_ns;
        system += usage.system_ticks * tick_ns;
    }
    let mut stats = Stats::default();
    stats.memory.rss = Some(rss);
    stats.cpu.user_ns = Some(user);
    stats.cpu.system_ns = Some(system);
    stats.cpu.total_ns = Some(user + system);
    stats
}

fn exact_rss(pid: i32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let kib = text.lines().find_map(|line| {
        line.strip_prefix("Rss:")?
            .trim()
            .strip_suffix(" kB")?
            .parse::<u64>()
            .ok()
    });
    kib.unwrap_or(0) * 1024
}

/// What the C library knows of the kernel; never 0.
fn constant(name: SysconfVar, usual: u64) -> u64 {
    let known = sysconf(name).ok().flatten();
    known
        .and_then(|value| u64::try_from(value).ok())
        .filter(|value| *value > 0)
        .unwrap_or(usual)
}

#[derive(Debug, PartialEq, Eq)]
struct Usage {
    session: i32,
    user_ticks: u64,
    system_ticks: u64,
    rss_pages: u64,
}

impl Usage {
    fn parse(stat: &str) -> Option<Self> {
        let fields = proc::stat_fields(stat)?;
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Self {
            session: fields.get(3)?.parse().ok()?,
            user_ticks: number(11)?,
            system_ticks: number(12)?,
            rss_pages: number(21)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_without_cgroups_is_measured_from_proc() {
        let text = "7 (a b) x) S 1 7 9 0 -1 0 1 0 0 0 11 12 0 0 20 0 1 0 5 4096 3 0";
        let expected = Usage {
            session: 9,
            user_ticks: 11,
            system_ticks: 12,
            rss_pages: 3,
        };
        assert_eq!(Usage::parse(text), Some(expected));
        assert!(constant(SysconfVar::PAGE_SIZE, 1) >= 4096);
    }
}
