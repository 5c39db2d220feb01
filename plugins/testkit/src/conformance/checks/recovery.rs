//! Tasks that outlive a life of their driver.

use encamp_driver::{ExitResult, TaskHandle, TaskState};
use std::time::Duration;

use crate::conformance::ground::{Ground, Task, within};
use crate::conformance::report::{Checked, During as _, ensure, require};

const NO_RECOVERY: &str = "the driver does not claim that tasks outlive it";

/// A task that goes on when its file is there.
const WAITS: &str = "echo before; while ! test -e local/go -o -e /local/go; do sleep 1; done; echo after; exit 3";

fn go(task: &Task) {
    // A task that does not see it is reported as one that does not print.
    drop(std::fs::write(task.config.task_dir().join("local/go"), ""));
}

pub(super) async fn recovery_of_a_known_task_changes_nothing(ground: &Ground) -> Checked {
    require!(ground.claims.recovery, NO_RECOVERY);
    let task = ground.start("sleep 60").await?;
    within("recover_task", ground.driver().recover_task(task.handle()))
        .await?
        .during("recover_task")?;
    ground.still_runs(&task).await
}

pub(super) async fn recovery_of_a_running_task_goes_on_in_the_next_life(ground: &Ground) -> Checked {
    require!(ground.claims.recovery, NO_RECOVERY);
    let task = ground.start(WAITS).await?;
    task.prints("before").await?;
    let started_at = ground
        .driver()
        .inspect_task(task.id())
        .await
        .during("inspect_task")?
        .started_at;
    ground.restart().await?;
    within("recover_task", ground.driver().recover_task(task.handle()))
        .await?
        .during("recover_task")?;
    ground.still_runs(&task).await?;
    let now = ground
        .driver()
        .inspect_task(task.id())
        .await
        .during("inspect_task")?
        .started_at;
    ensure!(now == started_at, "it began at {started_at:?}, and then at {now:?}");
    go(&task);
    let exit = ground.end(&task).await?;
    ensure!(exit == ExitResult::code(3), "exit 3 is reported as {exit:?}");
    task.prints("after").await?;
    ensure!(task.stdout() == "before\nafter\n", "it has printed {:?}", task.stdout());
    Ok(())
}

pub(super) async fn recovery_of_an_ended_task_knows_its_end(ground: &Ground) -> Checked {
    require!(ground.claims.recovery, NO_RECOVERY);
    let task = ground.start("sleep 1; exit 3").await?;
    let handle = task.handle();
    ground.restart().await?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    within("recover_task", ground.driver().recover_task(handle))
        .await?
        .during("recover_task")?;
    let exit = ground.end(&task).await?;
    ensure!(exit == ExitResult::code(3), "exit 3 is reported as {exit:?}");
    let status = ground.driver().inspect_task(task.id()).await.during("inspect_task")?;
    ensure!(status.state == TaskState::Exited, "it is {:?}", status.state);
    within("destroy_task", ground.driver().destroy_task(task.id(), false))
        .await?
        .during("destroy_task")
}

pub(super) async fn recovery_finds_what_an_interrupted_start_left(ground: &Ground) -> Checked {
    require!(ground.claims.recovery, NO_RECOVERY);
    require!(
        ground.claims.interrupted_starts,
        "the driver does not claim to find interrupted starts"
    );
    let task = ground.start("sleep 60").await?;
    ground.restart().await?;
    let handle = TaskHandle {
        version: 0,
        config: task.config.clone(),
        state: TaskState::Unknown,
        driver_state: Vec::new(),
    };
    within("recover_task", ground.driver().recover_task(handle))
        .await?
        .during("recover_task")?;
    ground.still_runs(&task).await?;
    within("destroy_task", ground.driver().destroy_task(task.id(), true))
        .await?
        .during("destroy_task by force")
}

pub(super) async fn recovery_of_nothing_fails(ground: &Ground) -> Checked {
    let config = ground.task("sleep 60").await?;
    let task = ground.start("sleep 60").await?;
    for driver_state in [Vec::new(), task.started.driver_state.clone()] {
        let handle = TaskHandle {
            config: config.clone(),
            driver_state,
            ..task.handle()
        };
        // A driver's record may name the task better than the configuration does.
        let is_other = !handle.driver_state.is_empty();
        let recovered = within("recover_task", ground.driver().recover_task(handle)).await?;
        ensure!(recovered.is_err() || is_other, "a task that never was is recovered");
    }
    ground.still_runs(&task).await
}
