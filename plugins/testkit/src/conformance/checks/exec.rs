//! Commands in tasks.

use std::time::Duration;

use encamp_driver::{Error, ExecOutput, ExitResult, Result};
use tokio::time::Instant;

use crate::conformance::Verdict;
use crate::conformance::ground::{Ground, Task, within};
use crate::conformance::report::{Checked, During as _, ensure, require};

pub(super) const NO_EXEC: &str = "the driver does not run commands in tasks";

/// A task in which commands are run.
pub(super) async fn host(ground: &Ground) -> std::result::Result<Task, Verdict> {
    require!(ground.capabilities.exec, NO_EXEC);
    ground.start("while :; do sleep 1; done").await
}

/// What a script in a task comes to.
pub(super) async fn run(ground: &Ground, task: &Task, script: &str, deadline: Duration) -> Result<ExecOutput> {
    let command = [ground.claims.shell.clone(), "-c".to_owned(), script.to_owned()];
    ground.driver().exec_task(task.id(), &command, deadline).await
}

pub(super) async fn exec_gives_output_and_exit_code(ground: &Ground) -> Checked {
    let task = host(ground).await?;
    let script = "echo out; echo err >&2; exit 3";
    let ran = within("exec_task", run(ground, &task, script, Duration::from_secs(10))).await?;
    let output = ran.during("exec_task")?;
    ensure!(
        output.exit == ExitResult::code(3),
        "exit 3 is reported as {:?}",
        output.exit
    );
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    ensure!(stdout.contains("out\n"), "the output is {stdout:?}");
    // Drivers may put both into one.
    ensure!(
        format!("{stdout}{stderr}").contains("err\n"),
        "the error output is {stderr:?}"
    );
    ground.still_runs(&task).await
}

pub(super) async fn exec_of_a_missing_command_leaves_the_task_alone(ground: &Ground) -> Checked {
    let task = host(ground).await?;
    let command = ["/no/such/command".to_owned()];
    let driver = ground.driver();
    let answer = within(
        "exec_task",
        driver.exec_task(task.id(), &command, Duration::from_secs(10)),
    )
    .await?;
    let is_failure = answer.as_ref().map_or(true, |output| output.exit.exit_code != 0);
    ensure!(is_failure, "it is reported as {answer:?}");
    ground.still_runs(&task).await?;
    let after = within("exec_task", run(ground, &task, "exit 0", Duration::from_secs(10))).await?;
    after.during("exec_task after that").map(drop)
}

pub(super) async fn exec_holds_its_deadline(ground: &Ground) -> Checked {
    let task = host(ground).await?;
    let start = Instant::now();
    let script = "echo $$ > conformance.pid; exec sleep 45";
    let answer = within("exec_task", run(ground, &task, script, Duration::from_secs(1))).await?;
    let took = start.elapsed();
    ensure!(
        matches!(answer, Err(Error::DeadlineExceeded(_))),
        "after {took:?} it says {answer:?}"
    );
    ensure!(took < Duration::from_secs(5), "a deadline of 1 s takes {took:?}");
    ground.still_runs(&task).await?;
    // The command is gone, where the task has a place to say so.
    let look = "kill -0 $(cat conformance.pid || echo 0)";
    let end = Instant::now() + Duration::from_secs(5);
    loop {
        let looked = run(ground, &task, look, Duration::from_secs(10))
            .await
            .during("exec_task after that")?;
        if looked.exit.exit_code != 0 || String::from_utf8_lossy(&looked.stderr).contains("conformance.pid") {
            return Ok(());
        }
        ensure!(Instant::now() < end, "the command lives on after its deadline");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

pub(super) async fn exec_in_an_ended_task_fails(ground: &Ground) -> Checked {
    require!(ground.capabilities.exec, NO_EXEC);
    let task = ground.start("exit 0").await?;
    ground.end(&task).await?;
    let answer = within("exec_task", run(ground, &task, "exit 0", Duration::from_secs(5))).await?;
    ensure!(answer.is_err(), "a command runs in a task that has ended: {answer:?}");
    Ok(())
}
