//! What is killed in the middle.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use encamp_executor::{AdoptError, ControlError, DestroyError, Executor, SessionError, SessionIo};
use nix::sys::signal::Signal;

use crate::support::{Bed, announced_pid, eventually, is_alive, is_gone, kill, program, supervisor, within};

/// A program that launches a task and can be killed.
fn launcher(bed: &Bed, script: &str) -> Child {
    let exe = std::env::current_exe().unwrap();
    let launch: PathBuf = exe.parent().unwrap().parent().unwrap().join("examples/launch");
    Command::new(launch)
        .env("ENCAMP_EXECUTOR", program().path())
        .arg(bed.dir.path().join("state"))
        .arg(bed.logs())
        .args(["a/task/1", "/bin/sh", "-c", script])
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn kill_launcher(mut launcher: Child) {
    launcher.kill().unwrap();
    launcher.wait().unwrap();
}

async fn has_output(bed: &Bed, wanted: &str) {
    eventually("output", || {
        let text = fs::read_to_string(bed.logs().join("task.stdout.0")).unwrap_or_default();
        if text.contains(wanted) { Ok(()) } else { Err(text) }
    })
    .await;
}

#[tokio::test]
async fn a_task_outlives_its_launcher_and_is_adopted_with_its_logs_complete() {
    let bed = Bed::new();
    let launcher = launcher(
        &bed,
        "echo first; while [ ! -e /proc/$PPID/cwd/go ]; do sleep 0.01; done; echo last; exit 12",
    );
    has_output(&bed, "first\n").await;
    kill_launcher(launcher);
    let process = bed.executor.adopt("a/task/1").await.unwrap();
    assert!(process.exit().is_none() && is_alive(process.pid()));
    fs::write(bed.state().join("go"), "").unwrap();
    assert_eq!(within("the end", process.wait()).await.exit_code, 12);
    assert_eq!(bed.stdout(), "first\nlast\n");
    process.destroy(false).await.unwrap();
    assert!(!bed.state().exists());
}

#[tokio::test]
async fn a_task_that_ended_while_nobody_watched_is_adopted_with_its_exit() {
    let bed = Bed::new();
    let launcher = launcher(&bed, "echo first; sleep 0.3; exit 13");
    has_output(&bed, "first\n").await;
    let keeper = supervisor(&bed.state());
    kill_launcher(launcher);
    is_gone(keeper).await;
    let process = bed.executor.adopt("a/task/1").await.unwrap();
    let exit = process.exit().unwrap();
    assert_eq!((exit.exit_code, exit.err), (13, None));
    process.destroy(false).await.unwrap();
}

#[tokio::test]
async fn a_launcher_killed_at_any_moment_leaves_something_that_adopt_has_an_answer_to() {
    let (mut running, mut missing) = (0, 0);
    for delay in (0..40).map(|step| Duration::from_micros(step * 250)) {
        let bed = Bed::new();
        let launcher = launcher(&bed, "exec sleep 60");
        tokio::time::sleep(delay).await;
        kill_launcher(launcher);
        match within("an answer", bed.executor.adopt("a/task/1")).await {
            Ok(process) => {
                running += 1;
                assert!(process.exit().is_none());
                within("the destruction", process.destroy(true)).await.unwrap();
            }
            Err(AdoptError::NotFound { .. }) => missing += 1,
            Err(other) => panic!("after {delay:?}: {other}"),
        }
        assert!(!bed.state().exists());
    }
    println!("{running} running, {missing} not found");
}

#[tokio::test]
async fn when_the_supervising_process_is_killed_the_task_ends_and_the_exit_says_why() {
    let bed = Bed::new();
    // The child does not ask to end with its parent.
    let process = bed.launch("sleep 60 & echo pid=$!; wait").await;
    let child = announced_pid(&bed).await;
    kill(supervisor(&bed.state()), Signal::SIGKILL);
    let exit = within("the end", process.wait()).await;
    assert_eq!(exit.exit_code, -1);
    assert!(exit.err.unwrap().contains("supervising process was killed"));
    is_gone(process.pid()).await;
    is_gone(child).await;
    let adopted = bed.executor.adopt("a/task/1").await.unwrap();
    assert_eq!(adopted.exit().unwrap().exit_code, -1);
    adopted.destroy(false).await.unwrap();
}

#[tokio::test]
async fn launcher_and_supervising_process_killed_together_are_found_out_by_adopt() {
    let bed = Bed::new();
    let launcher = launcher(&bed, "sleep 60 & echo pid=$!; wait");
    has_output(&bed, "pid=").await;
    let child = announced_pid(&bed).await;
    let keeper = supervisor(&bed.state());
    kill_launcher(launcher);
    kill(keeper, Signal::SIGKILL);
    let process = within("an answer", bed.executor.adopt("a/task/1")).await.unwrap();
    assert_eq!(within("the end", process.wait()).await.exit_code, -1);
    is_gone(child).await;
    process.destroy(false).await.unwrap();
}

#[tokio::test]
async fn half_made_state_directories_are_cleaned_up_and_not_found() {
    let bed = Bed::new();
    // Killed after the directory, after the lock, amid the record, before the task.
    let record = r#"{"boot_id":"x","pid":1,"start":1,"cgroup":null}"#;
    let cases: [&[(&str, &str)]; 5] = [
        &[],
        &[("supervisor.log", "")],
        &[("supervisor.log", ""), ("supervisor.json", "{\"boot")],
        &[("supervisor.log", ""), ("supervisor.json", record)],
        &[
            ("supervisor.log", ""),
            ("supervisor.json", record),
            ("task.json", "{\"pid\":1,"),
        ],
    ];
    for files in cases {
        fs::create_dir_all(bed.state()).unwrap();
        for (name, content) in files {
            fs::write(bed.state().join(name), content).unwrap();
        }
        let answer = within("an answer", bed.executor.adopt("a/task/1")).await;
        assert!(
            matches!(answer, Err(AdoptError::NotFound { .. })),
            "{files:?}: {answer:?}"
        );
        assert!(!bed.state().exists(), "{files:?}");
    }
}

#[tokio::test]
async fn a_record_of_another_boot_kills_nobody() {
    let bed = Bed::new();
    let mut innocent = Command::new("sleep").arg("60").spawn().unwrap();
    let pid = innocent.id();
    let record = format!(r#"{{"boot_id":"x","pid":{pid},"start":1,"cgroup":null}}"#);
    fs::create_dir_all(bed.state()).unwrap();
    fs::write(bed.state().join("supervisor.json"), &record).unwrap();
    let task = format!(r#"{{"pid":{pid},"start":1,"at":{{"secs_since_epoch":1,"nanos_since_epoch":0}}}}"#);
    fs::write(bed.state().join("task.json"), task).unwrap();
    let process = bed.executor.adopt("a/task/1").await.unwrap();
    let exit = process.exit().unwrap();
    assert!(exit.err.unwrap().contains("machine was restarted"));
    process.destroy(true).await.unwrap();
    assert!(innocent.try_wait().unwrap().is_none());
    innocent.kill().unwrap();
    innocent.wait().unwrap();
}

#[tokio::test]
async fn a_pid_that_is_another_process_by_now_is_left_alone() {
    let bed = Bed::new();
    let mut innocent = Command::new("setsid").args(["sleep", "60"]).spawn().unwrap();
    let pid = innocent.id();
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let record = format!(
        r#"{{"boot_id":"{}","pid":{pid},"start":1,"cgroup":null}}"#,
        boot_id.trim()
    );
    fs::create_dir_all(bed.state()).unwrap();
    fs::write(bed.state().join("supervisor.json"), &record).unwrap();
    let task = format!(r#"{{"pid":{pid},"start":1,"at":{{"secs_since_epoch":1,"nanos_since_epoch":0}}}}"#);
    fs::write(bed.state().join("task.json"), task).unwrap();
    let process = bed.executor.adopt("a/task/1").await.unwrap();
    process.destroy(true).await.unwrap();
    assert!(innocent.try_wait().unwrap().is_none());
    innocent.kill().unwrap();
    innocent.wait().unwrap();
}

#[tokio::test]
async fn a_state_directory_that_cannot_be_read_tells_nothing_of_the_task() {
    let bed = Bed::new();
    let process = bed.launch("exec sleep 60").await;
    // What the system says when it is short of something, as far as a file can make it say so.
    fs::rename(bed.state(), bed.dir.path().join("aside")).unwrap();
    fs::write(bed.state(), "").unwrap();
    for _ in 0..2 {
        // The kernel knows that it runs.
        let status = process.status().await;
        assert!(matches!(status, Ok(None)), "{status:?}");
        let stop = process.stop(None, Duration::ZERO).await;
        assert!(matches!(stop, Err(ControlError::Connection(_))), "{stop:?}");
        let destroyed = process.destroy(false).await;
        assert!(matches!(destroyed, Err(DestroyError::State { .. })), "{destroyed:?}");
        let waited = tokio::time::timeout(Duration::from_millis(100), process.wait()).await;
        assert!(waited.is_err(), "{waited:?}");
    }
    assert!(is_alive(process.pid()) && process.exit().is_none());
    fs::remove_file(bed.state()).unwrap();
    fs::rename(bed.dir.path().join("aside"), bed.state()).unwrap();
    assert_eq!(process.stop(None, Duration::ZERO).await.unwrap().signal, 9);
    process.destroy(false).await.unwrap();
}

#[tokio::test]
async fn a_stopped_supervising_process_holds_callers_up_for_so_long_and_no_longer() {
    let bed = Bed::new();
    let process = bed.launch("exec sleep 60").await;
    let keeper = supervisor(&bed.state());
    kill(keeper, Signal::SIGSTOP);
    let limit = Executor::ANSWER_TIMEOUT + Duration::from_secs(5);
    let io = SessionIo {
        stdin: Box::pin(tokio::io::empty()),
        stdout: Box::pin(tokio::io::sink()),
        stderr: Box::pin(tokio::io::sink()),
        resize: Box::pin(futures_util::stream::empty()),
    };
    let command = ["true".to_owned()];
    let (signal, session, stop, adopt) = tokio::time::timeout(limit, async {
        tokio::join!(
            process.signal(15),
            process.exec_streaming(&command, None, io),
            process.stop(None, Duration::ZERO),
            bed.executor.adopt("a/task/1")
        )
    })
    .await
    .unwrap();
    assert!(matches!(signal, Err(ControlError::Unresponsive(_))), "{signal:?}");
    let is_unresponsive = matches!(session, Err(SessionError::Control(ControlError::Unresponsive(_))));
    assert!(is_unresponsive, "{session:?}");
    assert!(matches!(stop, Err(ControlError::Unresponsive(_))), "{stop:?}");
    assert!(matches!(adopt, Err(AdoptError::Unresponsive { .. })), "{adopt:?}");
    // By force, all of it goes.
    tokio::time::timeout(Duration::from_mins(1), process.destroy(true))
        .await
        .unwrap()
        .unwrap();
    is_gone(process.pid()).await;
    is_gone(keeper).await;
    assert!(!bed.state().exists());
}

#[tokio::test]
async fn a_supervising_process_that_is_stopped_and_continued_is_as_before() {
    let bed = Bed::new();
    let process = bed.launch("echo pid=$$; while :; do sleep 0.05; done").await;
    announced_pid(&bed).await;
    let keeper = supervisor(&bed.state());
    kill(keeper, Signal::SIGSTOP);
    let stopping = tokio::spawn({
        let process = process.clone();
        async move { process.stop(Some(15), Duration::from_secs(5)).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    kill(keeper, Signal::SIGCONT);
    assert_eq!(within("the stop", stopping).await.unwrap().unwrap().signal, 15);
    process.destroy(false).await.unwrap();
}
