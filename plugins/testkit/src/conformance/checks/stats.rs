//! Usage.

use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::time::Instant;

use crate::conformance::Verdict;
use crate::conformance::ground::{Ground, within};
use crate::conformance::report::{Checked, During as _, ensure, require};

const NO_STATS: &str = "the driver does not claim to report usage";
const INTERVAL: Duration = Duration::from_millis(500);

pub(super) async fn stats_come_at_once_and_every_interval(ground: &Ground) -> Checked {
    require!(ground.claims.stats, NO_STATS);
    let task = ground.start("while :; do :; done").await?;
    let driver = ground.driver();
    let mut samples = within("task_stats", driver.task_stats(task.id(), INTERVAL))
        .await?
        .during("task_stats")?;
    let mut last = None;
    let start = Instant::now();
    for n in 1..=4 {
        let sample = within("the next sample", samples.next()).await?;
        let sample = sample.ok_or_else(|| Verdict::Failed(format!("the stream ends after {} samples", n - 1)))?;
        let sample = sample.during("a sample")?;
        let measured = (&sample.total.cpu.measured, &sample.total.memory.measured);
        ensure!(
            !measured.0.is_empty() && !measured.1.is_empty(),
            "sample {n} measures only {measured:?}"
        );
        ensure!(
            last < Some(sample.timestamp),
            "the time of sample {n} is not after that of the last one"
        );
        last = Some(sample.timestamp);
    }
    let took = start.elapsed();
    ensure!(
        took < Duration::from_secs(6),
        "4 samples, the first at once and then every {INTERVAL:?}, take {took:?}"
    );
    ensure!(took > INTERVAL, "4 samples, one every {INTERVAL:?}, take {took:?}");
    Ok(())
}

pub(super) async fn stats_end_with_the_task(ground: &Ground) -> Checked {
    require!(ground.claims.stats, NO_STATS);
    let task = ground.start("sleep 2").await?;
    let driver = ground.driver();
    let mut samples = within("task_stats", driver.task_stats(task.id(), INTERVAL))
        .await?
        .during("task_stats")?;
    let first = within("the first sample", samples.next()).await?;
    ensure!(first.is_some(), "the stream ends at once");
    ground.end(&task).await?;
    let rest = samples.filter_map(async |sample| sample.err()).collect::<Vec<_>>();
    let errors = within("the end of the stream, after that of the task,", rest).await?;
    ensure!(errors.is_empty(), "the stream ends with {errors:?}");
    Ok(())
}
