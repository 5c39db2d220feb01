//! Stopping tasks.

use std::time::Duration;

use encamp_driver::ExitResult;
use tokio::time::Instant;

use crate::conformance::ground::{Ground, within};
use crate::conformance::report::{Checked, During as _, ensure};

pub(super) async fn stop_lets_the_task_end_itself(ground: &Ground) -> Checked {
    let task = ground
        .start("trap 'exit 7' TERM; echo ready; while :; do sleep 1 & wait; done")
        .await?;
    task.prints("ready").await?;
    let start = Instant::now();
    let stop = ground.driver();
    let stopped = stop.stop_task(task.id(), Duration::from_secs(15), Some("SIGTERM"));
    within("stop_task", stopped).await?.during("stop_task")?;
    ensure!(
        start.elapsed() < Duration::from_secs(10),
        "it takes {:?}",
        start.elapsed()
    );
    let exit = ground.end(&task).await?;
    ensure!(
        exit == ExitResult::code(7),
        "a task that answers its signal with exit 7 is reported as {exit:?}"
    );
    Ok(())
}

pub(super) async fn stop_kills_after_its_timeout(ground: &Ground) -> Checked {
    let task = ground
        .start("trap '' TERM INT HUP; echo ready; while :; do sleep 1; done")
        .await?;
    task.prints("ready").await?;
    let start = Instant::now();
    let timeout = Duration::from_secs(1);
    within(
        "stop_task",
        ground.driver().stop_task(task.id(), timeout, Some("SIGTERM")),
    )
    .await?
    .during("stop_task")?;
    let took = start.elapsed();
    ensure!(
        took >= timeout,
        "it was killed after {took:?} of a timeout of {timeout:?}"
    );
    ensure!(
        took < Duration::from_secs(10),
        "a timeout of {timeout:?} takes {took:?}"
    );
    let exit = ground.end(&task).await?;
    ensure!(
        exit == ExitResult::signal(9),
        "a task that had to be killed is reported as {exit:?}"
    );
    Ok(())
}

pub(super) async fn stop_without_a_signal_ends_the_task(ground: &Ground) -> Checked {
    let task = ground.start("sleep 60").await?;
    let stopped = ground.driver();
    let stopped = stopped.stop_task(task.id(), Duration::from_secs(2), None);
    within("stop_task", stopped).await?.during("stop_task")?;
    let exit = ground.end(&task).await?;
    ensure!(exit.exit_code != 0, "a task that was stopped is reported as {exit:?}");
    ensure!(exit.err.is_none(), "a task that was stopped is reported as {exit:?}");
    Ok(())
}

pub(super) async fn stop_of_an_ended_task_succeeds(ground: &Ground) -> Checked {
    let task = ground.start("exit 0").await?;
    ground.end(&task).await?;
    let stopped = ground.driver();
    let stopped = stopped.stop_task(task.id(), Duration::from_secs(10), Some("SIGTERM"));
    let start = Instant::now();
    within("stop_task", stopped).await?.during("stop_task")?;
    ensure!(
        start.elapsed() < Duration::from_secs(5),
        "it takes {:?}",
        start.elapsed()
    );
    let exit = ground.end(&task).await?;
    ensure!(exit == ExitResult::code(0), "it has changed the exit to {exit:?}");
    Ok(())
}
