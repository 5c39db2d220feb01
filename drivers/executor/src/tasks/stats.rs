//! What a task uses.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use encamp_cgroup::Stats;
use encamp_driver::{
    BoxStream, CpuField, CpuUsage, MemoryField, MemoryUsage, ResourceUsage, Result, TaskStats, Topology,
};
use futures_util::stream;

use super::usage;
use crate::Process;
use crate::client::blocking::blocking;

/// A sample at once, then one every `interval`, until the task ends.
pub(super) fn samples(
    process: Process,
    interval: Duration,
    topology: Option<Arc<Topology>>,
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
                let sample = meter.sample().await;
                Some((Ok(sample), (ticks, meter)))
            }
        }
    }))
}

struct Meter {
    process: Process,
    topology: Option<Arc<Topology>>,
    before: Option<(Instant, Stats)>,
}

impl Meter {
    async fn sample(&mut self) -> TaskStats {
        let now = Instant::now();
        let measured = self.process.cgroup().and_then(|cgroup| cgroup.stats().ok());
        let stats = if let Some(stats) = measured {
            stats
        } else {
            // All processes of the machine are looked at.
            let pid = self.process.pid();
            let looking = blocking(move || usage::of_session(pid));
            looking.await.unwrap_or_default()
        };
        let before = self.before.replace((now, stats.clone()));
        let cpu = cpu(
            &stats,
            before.as_ref().map(|(at, stats)| (now - *at, stats)),
            self.topology.as_deref(),
        );
        let memory = memory(&stats);
        TaskStats {
            timestamp: SystemTime::now(),
            total: ResourceUsage { cpu, memory },
            by_pid: BTreeMap::new(),
        }
    }
}

fn cpu(now: &Stats, before: Option<(Duration, &Stats)>, topology: Option<&Topology>) -> CpuUsage {
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
    let mhz_per_core = topology.and_then(Topology::mhz_per_core);
    CpuUsage {
        percent: total,
        user_mode: user,
        system_mode: system,
        // Not named as measured: `nomad alloc status -stats` has a column for each field that is, and no value for this one.
        total_ticks: mhz_per_core.unwrap_or(0.0) * total / 100.0,
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
        let topology = Topology::uniform(4, 2000);
        let usage = cpu(
            &stats(3_000),
            Some((Duration::from_micros(1), &stats(1_500))),
            Some(&topology),
        );
        assert!(
            (usage.percent - 150.0).abs() < 1e-9 && (usage.total_ticks - 3000.0).abs() < 1e-9,
            "{usage:?}"
        );
        assert_eq!(usage.measured, [CpuField::Percent]);
    }

    #[test]
    fn the_first_sample_has_no_rate() {
        assert!(cpu(&stats(3_000), None, None).percent.abs() < f64::EPSILON);
    }
}
