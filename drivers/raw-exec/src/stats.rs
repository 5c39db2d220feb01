//! What a task uses.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use encamp_cgroup::Stats;
use encamp_driver::{
    BoxStream, CpuField, CpuUsage, MemoryField, MemoryUsage, ResourceUsage, Result, TaskStats, Topology,
};
use encamp_executor::Process;
use futures_util::stream;

/// The kernel's ticks of processor time, in nanoseconds: 100 a second on every Linux there is.
const TICK_NS: u64 = 10_000_000;

/// A sample at once, then one every `interval`, until the task ends.
pub(crate) fn samples(
    process: Process,
    interval: Duration,
    topology: Option<Topology>,
) -> BoxStream<Result<TaskStats>> {
    let mut ticks = tokio::time::interval(interval.max(Duration::from_millis(10)));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let meter = Meter {
        process,
        topology,
        before: None,
    };
    Box::pin(stream::unfold((ticks, meter), |(mut ticks, mut meter)| async move {
        tokio::select! {
            biased;
            _ = meter.process.wait() => None,
            _ = ticks.tick() => {
                let sample = meter.sample();
                Some((Ok(sample), (ticks, meter)))
            }
        }
    }))
}

struct Meter {
    process: Process,
    topology: Option<Topology>,
    before: Option<(Instant, Stats)>,
}

impl Meter {
    fn sample(&mut self) -> TaskStats {
        let now = Instant::now();
        let measured = self.process.cgroup().and_then(|cgroup| cgroup.stats().ok());
        let stats = measured.unwrap_or_else(|| of_session(self.process.pid()));
        let before = self.before.replace((now, stats.clone()));
        let cpu = cpu(
            &stats,
            before.as_ref().map(|(at, stats)| (now - *at, stats)),
            self.topology,
        );
        let memory = memory(&stats);
        TaskStats {
            timestamp: SystemTime::now(),
            total: ResourceUsage { cpu, memory },
            by_pid: BTreeMap::new(),
        }
    }
}

fn cpu(now: &Stats, before: Option<(Duration, &Stats)>, topology: Option<Topology>) -> CpuUsage {
    let mut measured = Vec::new();
    let mut percent = |field: CpuField, of: fn(&Stats) -> Option<u64>| {
        let new = of(now)?;
        measured.push(field);
        // Without an earlier sample there is no rate to tell.
        let (passed, old) = before.and_then(|(passed, before)| Some((passed, of(before)?)))?;
        let passed = u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX);
        Some(share(new.saturating_sub(old), passed))
    };
    let total = percent(CpuField::Percent, |stats| stats.cpu.total_ns).unwrap_or(0.0);
    let user = percent(CpuField::UserMode, |stats| stats.cpu.user_ns).unwrap_or(0.0);
    let system = percent(CpuField::SystemMode, |stats| stats.cpu.system_ns).unwrap_or(0.0);
    let mut count = |field: CpuField, value: Option<u64>| {
        measured.extend(value.map(|_| field));
        value.unwrap_or(0)
    };
    let throttled_periods = count(CpuField::ThrottledPeriods, now.cpu.throttled_periods);
    let throttled_time = count(CpuField::ThrottledTime, now.cpu.throttled_ns);
    let mhz_of_a_core = topology.filter(|topology| topology.cores > 0).map(mhz_of_a_core);
    measured.extend(mhz_of_a_core.map(|_| CpuField::TotalTicks));
    CpuUsage {
        percent: total,
        user_mode: user,
        system_mode: system,
        total_ticks: mhz_of_a_core.unwrap_or(0.0) * total / 100.0,
        throttled_periods,
        throttled_time,
        measured,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a percentage of so many nanoseconds is exact enough"
)]
fn share(used: u64, passed: u64) -> f64 {
    100.0 * used as f64 / passed.max(1) as f64
}

#[expect(clippy::cast_precision_loss, reason = "no machine has 2^53 MHz")]
fn mhz_of_a_core(topology: Topology) -> f64 {
    topology.total_compute_mhz as f64 / f64::from(topology.cores)
}

fn memory(stats: &Stats) -> MemoryUsage {
    let mut measured = Vec::new();
    let mut take = |field: MemoryField, value: Option<u64>| {
        measured.extend(value.map(|_| field));
        value.unwrap_or(0)
    };
    let memory = &stats.memory;
    MemoryUsage {
        rss: take(MemoryField::Rss, memory.rss),
        cache: take(MemoryField::Cache, memory.cache),
        swap: take(MemoryField::Swap, memory.swap),
        usage: take(MemoryField::Usage, memory.usage),
        max_usage: take(MemoryField::MaxUsage, memory.max_usage),
        kernel_usage: take(MemoryField::KernelUsage, memory.kernel),
        kernel_max_usage: take(MemoryField::KernelMaxUsage, memory.max_kernel),
        measured,
    }
}

/// What the processes of the task's session use, for hosts without cgroups. Those that made a session of their own are
/// not seen.
fn of_session(session: i32) -> Stats {
    let (mut rss, mut user, mut system) = (0_u64, 0_u64, 0_u64);
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Ok(text) = fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        let Some(usage) = ProcessUsage::parse(&text).filter(|usage| usage.session == session) else {
            continue;
        };
        // Pages are counted by processor first, and the sum forgets the last few: small processes seem to have none.
        rss += match usage.rss_pages {
            0 => exact_rss(&entry.path()),
            pages => pages * page_size(),
        };
        user += usage.user_ticks * TICK_NS;
        system += usage.system_ticks * TICK_NS;
    }
    let mut stats = Stats::default();
    stats.memory.rss = Some(rss);
    stats.cpu.user_ns = Some(user);
    stats.cpu.system_ns = Some(system);
    stats.cpu.total_ns = Some(user + system);
    stats
}

fn exact_rss(process: &Path) -> u64 {
    let text = fs::read_to_string(process.join("smaps_rollup")).unwrap_or_default();
    let kib = text.lines().find_map(|line| {
        line.strip_prefix("Rss:")?
            .trim()
            .strip_suffix(" kB")?
            .parse::<u64>()
            .ok()
    });
    kib.unwrap_or(0) * 1024
}

/// Bytes in a page, from two counts of the same memory.
fn page_size() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    let bytes = fs::read_to_string("/proc/self/stat")
        .ok()
        .and_then(|text| ProcessUsage::parse(&text).map(|own| own.size));
    match (pages, bytes) {
        (Some(pages @ 1..), Some(bytes)) => (bytes / pages).next_power_of_two(),
        _ => 4096,
    }
}

#[derive(Debug, PartialEq, Eq)]
struct ProcessUsage {
    session: i32,
    user_ticks: u64,
    system_ticks: u64,
    size: u64,
    rss_pages: u64,
}

impl ProcessUsage {
    fn parse(stat: &str) -> Option<Self> {
        // The process's name may hold spaces and parentheses; fields are counted from the last one.
        let (_, fields) = stat.rsplit_once(") ")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Self {
            session: fields.get(3)?.parse().ok()?,
            user_ticks: number(11)?,
            system_ticks: number(12)?,
            size: number(20)?,
            rss_pages: number(21)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(total_ns: u64) -> Stats {
        let mut stats = Stats::default();
        stats.cpu.total_ns = Some(total_ns);
        stats
    }

    #[test]
    fn percent_is_of_one_core_and_ticks_are_mhz_used() {
        let topology = Topology {
            total_compute_mhz: 8000,
            cores: 4,
        };
        let usage = cpu(
            &stats(3_000),
            Some((Duration::from_micros(1), &stats(1_500))),
            Some(topology),
        );
        assert!(
            (usage.percent - 150.0).abs() < 1e-9 && (usage.total_ticks - 3000.0).abs() < 1e-9,
            "{usage:?}"
        );
        assert_eq!(usage.measured, [CpuField::Percent, CpuField::TotalTicks]);
    }

    #[test]
    fn the_first_sample_has_no_rate() {
        assert!(cpu(&stats(3_000), None, None).percent.abs() < f64::EPSILON);
    }

    #[test]
    fn a_session_without_cgroups_is_measured_from_proc() {
        let text = "7 (a b) x) S 1 7 9 0 -1 0 1 0 0 0 11 12 0 0 20 0 1 0 5 4096 3 0";
        let expected = ProcessUsage {
            session: 9,
            user_ticks: 11,
            system_ticks: 12,
            size: 4096,
            rss_pages: 3,
        };
        assert_eq!(ProcessUsage::parse(text), Some(expected));
        assert!(page_size() >= 4096);
    }
}
