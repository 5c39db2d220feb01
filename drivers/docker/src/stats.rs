//! Resource usage out of the engine's samples.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use encamp_driver::{
    BoxStream, CpuField, CpuUsage, MemoryField, MemoryUsage, ResourceUsage, Result, TaskStats, Topology,
};
use futures_util::StreamExt as _;
use tokio::time::Instant;

use crate::engine::StatsSample;
use crate::task::{Info, Waiter};

const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

/// One stream of the engine's for all samples, thinned out to `interval`; taken up again when it breaks, until the task
/// ends.
pub(crate) fn stream(
    info: Info,
    interval: Duration,
    waiter: Waiter,
    topology: Option<Arc<Topology>>,
) -> BoxStream<Result<TaskStats>> {
    let (to, from) = tokio::sync::mpsc::channel(1);
    drop(tokio::spawn(async move {
        tokio::select! {
            _ = waiter.end() => {}
            () = to.closed() => {}
            () = produce(&info, interval, topology.as_deref(), &to) => {}
        }
    }));
    Box::pin(tokio_stream::wrappers::ReceiverStream::new(from))
}

async fn produce(
    info: &Info,
    interval: Duration,
    topology: Option<&Topology>,
    to: &tokio::sync::mpsc::Sender<Result<TaskStats>>,
) {
    let mut pause = SHORTEST;
    let mut before: Option<StatsSample> = None;
    let mut due = Instant::now();
    // Samples come once a second; half of that is on time.
    let early = Duration::from_millis(500).min(interval / 2);
    loop {
        if let Ok(mut samples) = info.engine.stats(&info.container).await {
            while let Some(Ok(sample)) = samples.next().await {
                pause = SHORTEST;
                if Instant::now() + early < due {
                    continue;
                }
                due = Instant::now() + interval.min(LONGEST * 1000);
                let usage = usage(before.as_ref(), &sample, topology);
                before = Some(sample);
                if to.send(Ok(usage)).await.is_err() {
                    return;
                }
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST);
    }
}

fn usage(before: Option<&StatsSample>, now: &StatsSample, topology: Option<&Topology>) -> TaskStats {
    let nothing = StatsSample::default();
    // Without an earlier sample there is no rate to tell.
    let then = before.unwrap_or(&nothing);
    let percent = |new: u64, old: u64, total: u64, old_total: u64| match before {
        Some(_) => share(new, old, total, old_total, now.cpus),
        None => 0.0,
    };
    let of_machine = |new, old| percent(new, old, now.system, then.system);
    let total = of_machine(now.cpu_total, then.cpu_total);
    let memory = |names: [&str; 2]| {
        names
            .iter()
            .find_map(|name| now.memory.get(*name))
            .copied()
            .unwrap_or(0)
    };
    let mut measured = vec![
        MemoryField::Rss,
        MemoryField::Cache,
        MemoryField::Swap,
        MemoryField::Usage,
    ];
    if now.memory_max > 0 || now.memory_usage == 0 {
        measured.push(MemoryField::MaxUsage);
    }
    let mhz_per_core = topology.and_then(Topology::mhz_per_core);
    TaskStats {
        timestamp: now.read.unwrap_or_else(SystemTime::now),
        total: ResourceUsage {
            cpu: CpuUsage {
                system_mode: of_machine(now.cpu_kernel, then.cpu_kernel),
                user_mode: of_machine(now.cpu_user, then.cpu_user),
                total_ticks: mhz_per_core.unwrap_or(0.0) * total / 100.0,
                throttled_periods: now.throttled_periods,
                throttled_time: now.throttled_time,
                percent: total,
                measured: vec![
                    CpuField::ThrottledPeriods,
                    CpuField::ThrottledTime,
                    CpuField::Percent,
                    CpuField::SystemMode,
                    CpuField::UserMode,
                ],
            },
            memory: MemoryUsage {
                rss: memory(["rss", "anon"]),
                cache: memory(["cache", "file"]),
                swap: memory(["swap", "swap"]),
                usage: now.memory_usage,
                max_usage: now.memory_max,
                measured,
                ..MemoryUsage::default()
            },
        },
        by_pid: std::collections::BTreeMap::new(),
    }
}

/// What part of the time between two samples was used, in percent of one core.
#[expect(
    clippy::cast_precision_loss,
    reason = "a ratio needs no more digits than a float has"
)]
fn share(new: u64, old: u64, total: u64, old_total: u64, cores: u64) -> f64 {
    if new <= old || total <= old_total {
        return 0.0;
    }
    (new - old) as f64 / (total - old_total) as f64 * cores as f64 * 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(counters: [u64; 4], cores: u64, want: f64) {
        let [new, old, total, old_total] = counters;
        let got = share(new, old, total, old_total, cores);
        assert!((got - want).abs() < 1e-9, "{got} is not {want}");
    }

    #[test]
    fn a_share_is_in_percent_of_one_core_and_never_negative() {
        check([20, 10, 20, 10], 2, 200.0);
        check([15, 10, 20, 10], 2, 100.0);
        check([20, 10, 10, 10], 2, 0.0);
        check([10, 10, 20, 10], 2, 0.0);
        check([5, 10, 20, 10], 2, 0.0);
    }

    #[test]
    fn both_kernels_names_for_memory_are_known() {
        let sample = |rss: &str, cache: &str| StatsSample {
            memory: [(rss.to_owned(), 7), (cache.to_owned(), 9)].into(),
            ..StatsSample::default()
        };
        for sample in [sample("rss", "cache"), sample("anon", "file")] {
            let memory = usage(None, &sample, None).total.memory;
            assert_eq!((memory.rss, memory.cache), (7, 9));
        }
    }
}
