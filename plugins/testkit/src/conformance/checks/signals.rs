//! Signals.

use encamp_driver::ExitResult;

use crate::conformance::ground::{Ground, within};
use crate::conformance::report::{Checked, During as _, ensure, require};

const NO_SIGNALS: &str = "the driver does not send signals";

pub(super) async fn signals_arrive(ground: &Ground) -> Checked {
    require!(ground.capabilities.send_signals, NO_SIGNALS);
    let task = ground
        .start("trap 'echo one' USR1; trap 'echo two' HUP; echo ready; while :; do sleep 1 & wait; done")
        .await?;
    task.prints("ready").await?;
    for (signal, answer) in [("SIGUSR1", "one"), ("SIGHUP", "two")] {
        within("signal_task", ground.driver().signal_task(task.id(), signal))
            .await?
            .during(signal)?;
        task.prints(answer).await?;
    }
    ground.still_runs(&task).await
}

pub(super) async fn signal_that_kills_is_how_the_task_ended(ground: &Ground) -> Checked {
    require!(ground.capabilities.send_signals, NO_SIGNALS);
    let task = ground.start("echo ready; while :; do sleep 1; done").await?;
    task.prints("ready").await?;
    within("signal_task", ground.driver().signal_task(task.id(), "SIGKILL"))
        .await?
        .during("SIGKILL")?;
    let exit = ground.end(&task).await?;
    ensure!(exit == ExitResult::signal(9), "SIGKILL is reported as {exit:?}");
    Ok(())
}

pub(super) async fn unknown_signals_are_refused(ground: &Ground) -> Checked {
    require!(ground.capabilities.send_signals, NO_SIGNALS);
    let task = ground.start("sleep 60").await?;
    for signal in ["SIGNONSENSE", ""] {
        let sent = within("signal_task", ground.driver().signal_task(task.id(), signal)).await?;
        ensure!(sent.is_err(), "{signal:?} is sent");
    }
    ground.still_runs(&task).await
}
