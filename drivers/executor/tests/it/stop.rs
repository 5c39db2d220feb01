//! Signals and stops.

use std::time::{Duration, Instant};

use encamp_executor::{ControlError, DestroyError};

use crate::support::{Bed, announced_pid, eventually, is_gone, supervisor, within};

#[tokio::test]
async fn a_task_that_ends_on_its_signal_is_not_killed() {
    let bed = Bed::new();
    let process = bed
        .launch("trap 'exit 5' TERM; echo pid=$$; while :; do sleep 0.01; done")
        .await;
    announced_pid(&bed).await;
    let exit = within("the stop", process.stop(Some(15), Duration::from_secs(10)))
        .await
        .unwrap();
    assert_eq!((exit.exit_code, exit.signal), (5, 0));
    process.destroy(false).await.unwrap();
}

#[tokio::test]
async fn the_default_signal_is_interrupt() {
    let bed = Bed::new();
    let process = bed.launch("echo pid=$$; exec sleep 60").await;
    announced_pid(&bed).await;
    let exit = within("the stop", process.stop(None, Duration::from_secs(10)))
        .await
        .unwrap();
    assert_eq!((exit.exit_code, exit.signal), (130, 2));
    process.destroy(false).await.unwrap();
}

#[tokio::test]
async fn a_task_that_ignores_its_signal_is_killed_after_its_grace_and_says_so() {
    let bed = Bed::new();
    let process = bed
        .launch("trap '' INT TERM; echo pid=$$; while :; do sleep 0.05; done")
        .await;
    announced_pid(&bed).await;
    let before = Instant::now();
    let exit = within("the stop", process.stop(None, Duration::from_millis(300)))
        .await
        .unwrap();
    assert_eq!((exit.exit_code, exit.signal, exit.err), (137, 9, None));
    assert!(before.elapsed() >= Duration::from_millis(300));
    process.destroy(false).await.unwrap();
}

#[tokio::test]
async fn without_grace_everything_is_killed_at_once() {
    let bed = Bed::new();
    let process = bed.launch("trap '' INT; sleep 60 & echo pid=$!; wait").await;
    let child = announced_pid(&bed).await;
    let exit = within("the stop", process.stop(None, Duration::ZERO)).await.unwrap();
    assert_eq!(exit.signal, 9);
    is_gone(child).await;
    process.destroy(false).await.unwrap();
}

#[tokio::test]
async fn a_task_that_has_ended_is_stopped_already_and_can_be_signalled_no_more() {
    let bed = Bed::new();
    let process = bed.launch("exit 4").await;
    within("the end", process.wait()).await;
    assert_eq!(process.stop(None, Duration::from_secs(1)).await.unwrap().exit_code, 4);
    assert!(matches!(process.signal(15).await, Err(ControlError::Ended)));
    let adopted = bed.executor.adopt("a/task/1").await.unwrap();
    assert_eq!(adopted.stop(None, Duration::from_secs(1)).await.unwrap().exit_code, 4);
    process.destroy(false).await.unwrap();
}

#[tokio::test]
async fn a_signal_reaches_the_task_and_a_number_that_is_none_is_refused() {
    let bed = Bed::new();
    let process = bed
        .launch("trap 'echo caught' USR1; echo pid=$$; while :; do sleep 0.01; done")
        .await;
    announced_pid(&bed).await;
    process.signal(10).await.unwrap();
    eventually("the trap", || {
        if bed.stdout().contains("caught") {
            Ok(())
        } else {
            Err(bed.stdout())
        }
    })
    .await;
    assert!(matches!(process.signal(4711).await, Err(ControlError::Refused(_))));
    process.destroy(true).await.unwrap();
}

#[tokio::test]
async fn processes_left_in_the_background_end_with_the_task_and_do_not_hold_it_up() {
    let bed = Bed::new();
    // One that stays, one that leaves the session: both hold the task's pipe.
    let process = bed.launch("sleep 60 & setsid sh -c 'echo pid=$$; exec sleep 60' & while ! grep -q pid= logs/task.stdout.0; do :; done; exit 6").await;
    let exit = within("the end", process.wait()).await;
    assert_eq!(exit.exit_code, 6);
    is_gone(announced_pid(&bed).await).await;
    process.destroy(false).await.unwrap();
}

#[tokio::test]
async fn a_running_task_is_destroyed_only_by_force() {
    let bed = Bed::new();
    let process = bed
        .launch("trap '' INT TERM; echo pid=$$; while :; do sleep 0.05; done")
        .await;
    announced_pid(&bed).await;
    assert!(matches!(process.destroy(false).await, Err(DestroyError::Running)));
    let (task, keeper) = (process.pid(), supervisor(&bed.state()));
    within("the destruction", process.destroy(true)).await.unwrap();
    is_gone(task).await;
    is_gone(keeper).await;
    assert!(!bed.state().exists());
    process.destroy(true).await.unwrap();
}

#[tokio::test]
async fn the_supervising_process_ignores_what_a_shutdown_sends_it() {
    let bed = Bed::new();
    let process = bed.launch("echo pid=$$; sleep 0.2; exit 9").await;
    for signal in [1, 2, 13, 15] {
        let signal = nix::sys::signal::Signal::try_from(signal).unwrap();
        crate::support::kill(supervisor(&bed.state()), signal);
    }
    assert_eq!(within("the end", process.wait()).await.exit_code, 9);
    process.destroy(false).await.unwrap();
}
