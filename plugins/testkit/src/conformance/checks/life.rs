//! From start to destruction.

use std::time::Duration;

use encamp_driver::{Error, ExitResult, TaskState};
use futures_util::future;

use crate::conformance::Verdict;
use crate::conformance::ground::{Ground, is_unknown, within};
use crate::conformance::report::{Checked, During as _, ensure};

pub(super) async fn start_gives_a_record_and_the_task_runs(ground: &Ground) -> Checked {
    let task = ground.start("sleep 60").await?;
    ensure!(!task.started.driver_state.is_empty(), "driver_state is empty");
    let status = ground.driver().inspect_task(task.id()).await.during("inspect_task")?;
    ensure!(status.state == TaskState::Running, "it is {:?}", status.state);
    ensure!(status.id == task.id(), "its id is {:?}", status.id);
    ensure!(status.name == task.config.name, "its name is {:?}", status.name);
    ensure!(status.started_at.is_some(), "it has no start");
    ensure!(
        status.completed_at.is_none(),
        "it has ended at {:?}",
        status.completed_at
    );
    ensure!(status.exit.is_none(), "it has ended: {:?}", status.exit);
    Ok(())
}

pub(super) async fn start_of_a_started_task_is_refused(ground: &Ground) -> Checked {
    let task = ground.start("sleep 60").await?;
    let again = within("start_task", ground.driver().start_task(task.config.clone())).await?;
    ensure!(again.is_err(), "a second task was started under the same id");
    ground.still_runs(&task).await
}

pub(super) async fn wait_gives_exit_codes(ground: &Ground) -> Checked {
    for code in [0, 3, 255] {
        let task = ground.start(&format!("exit {code}")).await?;
        let exit = ground.end(&task).await?;
        ensure!(exit == ExitResult::code(code), "exit {code} is reported as {exit:?}");
    }
    Ok(())
}

pub(super) async fn wait_is_answered_often_and_after_the_end(ground: &Ground) -> Checked {
    let task = ground.start("sleep 1; exit 4").await?;
    let all = future::try_join_all((0..8).map(|_| ground.end(&task))).await?;
    let after = [ground.end(&task).await?, ground.end(&task).await?];
    let odd = all.iter().chain(&after).find(|exit| **exit != ExitResult::code(4));
    ensure!(odd.is_none(), "exit 4 is reported as {odd:?}");
    Ok(())
}

pub(super) async fn wait_that_is_given_up_harms_nobody(ground: &Ground) -> Checked {
    let task = ground.start("sleep 1; exit 5").await?;
    let driver = ground.driver();
    for _ in 0..20 {
        let soon = tokio::time::timeout(Duration::from_millis(10), driver.wait_task(task.id())).await;
        ensure!(soon.is_err(), "the wait for a running task says {soon:?}");
    }
    let exit = ground.end(&task).await?;
    ensure!(exit == ExitResult::code(5), "exit 5 is reported as {exit:?}");
    Ok(())
}

pub(super) async fn inspect_of_an_ended_task_says_how_it_ended(ground: &Ground) -> Checked {
    let task = ground.start("exit 3").await?;
    ground.end(&task).await?;
    let status = ground.driver().inspect_task(task.id()).await.during("inspect_task")?;
    ensure!(status.state == TaskState::Exited, "it is {:?}", status.state);
    ensure!(
        status.exit == Some(ExitResult::code(3)),
        "exit 3 is reported as {:?}",
        status.exit
    );
    ensure!(status.completed_at.is_some(), "it has no end");
    ensure!(
        status.completed_at >= status.started_at,
        "it has ended at {:?}, and begun at {:?}",
        status.completed_at,
        status.started_at
    );
    Ok(())
}

pub(super) async fn destroy_of_a_running_task_needs_force(ground: &Ground) -> Checked {
    let task = ground.start("sleep 60").await?;
    let driver = ground.driver();
    let refused = within("destroy_task", driver.destroy_task(task.id(), false)).await?;
    ensure!(
        matches!(refused, Err(Error::TaskRunning(_))),
        "without force it says {refused:?}"
    );
    ground.still_runs(&task).await?;
    within("destroy_task", driver.destroy_task(task.id(), true))
        .await?
        .during("destroy_task by force")?;
    let after = driver.inspect_task(task.id()).await;
    ensure!(is_unknown(&after), "it is still known: {after:?}");
    Ok(())
}

pub(super) async fn destroy_of_an_ended_task_forgets_it(ground: &Ground) -> Checked {
    let task = ground.start("exit 0").await?;
    ground.end(&task).await?;
    let driver = ground.driver();
    within("destroy_task", driver.destroy_task(task.id(), false))
        .await?
        .during("destroy_task")?;
    let inspected = driver.inspect_task(task.id()).await;
    ensure!(is_unknown(&inspected), "it is still known: {inspected:?}");
    let waited = within("wait_task", driver.wait_task(task.id())).await?;
    ensure!(is_unknown(&waited), "it is still waited for: {waited:?}");
    Ok(())
}

pub(super) async fn destroy_by_force_ends_waits(ground: &Ground) -> Checked {
    let task = ground.start("sleep 60").await?;
    let driver = ground.driver();
    let waiter = ground.driver();
    let id = task.id().to_owned();
    let waiting = tokio::spawn(async move { waiter.wait_task(&id).await.is_ok() });
    tokio::time::sleep(Duration::from_millis(100)).await;
    within("destroy_task", driver.destroy_task(task.id(), true))
        .await?
        .during("destroy_task by force")?;
    within("the wait for a task that is destroyed", waiting).await?.ok();
    Ok(())
}

pub(super) async fn unknown_tasks_are_not_found(ground: &Ground) -> Checked {
    let (driver, id, second) = (ground.driver(), "none/such/00000000", Duration::from_secs(1));
    let command = ["true".to_owned()];
    let mut session = crate::Session::start(ground.driver(), id, &["true"], None);
    let mut answers = vec![
        ("wait_task", within("wait_task", driver.wait_task(id)).await?.err()),
        (
            "stop_task",
            within("stop_task", driver.stop_task(id, second, None)).await?.err(),
        ),
        (
            "inspect_task",
            within("inspect_task", driver.inspect_task(id)).await?.err(),
        ),
    ];
    if ground.claims.stats {
        answers.push(("task_stats", driver.task_stats(id, second).await.err()));
    }
    if ground.capabilities.send_signals {
        answers.push(("signal_task", driver.signal_task(id, "SIGHUP").await.err()));
    }
    if ground.capabilities.exec {
        answers.push(("exec_task", driver.exec_task(id, &command, second).await.err()));
        answers.push((
            "exec_task_streaming",
            within("exec_task_streaming", session.exit()).await?.err(),
        ));
    }
    for (call, error) in answers {
        ensure!(matches!(error, Some(Error::TaskNotFound(_))), "{call} says {error:?}");
    }
    // Hosts destroy what they are not sure of: that there is nothing is as good as a success.
    let destroyed = within("destroy_task", driver.destroy_task(id, true)).await?;
    ensure!(
        destroyed.is_ok() || is_unknown(&destroyed),
        "destroy_task says {destroyed:?}"
    );
    Ok(())
}

pub(super) async fn start_of_a_missing_command_fails_or_exits(ground: &Ground) -> Checked {
    let task = ground.task_of(&["/no/such/command"]).await?;
    match ground.start_task(task).await {
        Err(Verdict::Failed(error)) if error.starts_with("start_task: no answer") => Err(Verdict::Failed(error)),
        Err(_) => Ok(()),
        Ok(task) => {
            let exit = ground.end(&task).await?;
            ensure!(!exit.successful(), "it is reported as {exit:?}");
            Ok(())
        }
    }
}

pub(super) async fn many_tasks_run_at_once(ground: &Ground) -> Checked {
    let tasks = future::try_join_all((0..8).map(|n| {
        let script = format!("sleep 1; exit {n}");
        async move { ground.start(&script).await }
    }))
    .await?;
    for (n, task) in tasks.iter().enumerate() {
        let exit = ground.end(task).await?;
        ensure!(
            usize::try_from(exit.exit_code) == Ok(n),
            "exit {n} is reported as {exit:?}"
        );
    }
    Ok(())
}
