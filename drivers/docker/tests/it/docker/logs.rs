//! Output: complete, in order, once.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use encamp_driver::{Driver, TaskOutput};
use encamp_hclspec::Value;
use futures_util::StreamExt as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{IMAGE, Place, assert_counted, output_in, pause, run, run_example, until};

const LONG: Duration = Duration::from_mins(2);

/// `last` lines of about a hundred bytes, as fast as they come.
fn counting(last: u64) -> String {
    let filler = "x".repeat(92);
    format!("awk 'BEGIN {{ for (i = 1; i <= {last}; i++) print i \" {filler}\" }}'")
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_container_that_lives_for_an_instant_loses_no_line() {
    let place = Place::shared();
    for round in 1..=5 {
        let task = place.task("echo one; echo two >&2; echo three", &[]);
        run(&place, &task).await;
        place.docker.destroy_task(&task.id, true).await.unwrap();
        assert_eq!(place.text("stdout"), "one\nthree\n".repeat(round));
        assert_eq!(place.text("stderr"), "two\n".repeat(round));
    }
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn two_hundred_mebibytes_arrive_whole_through_an_engine_that_keeps_twenty() {
    let place = Place::shared();
    let lines = 2_097_152;
    let task = place.task(&counting(lines), &[]);
    let mut events = place.docker.task_events().await.unwrap();
    place.docker.start_task(task.clone()).await.unwrap();
    let end = tokio::time::timeout(Duration::from_mins(5), place.docker.wait_task(&task.id)).await;
    assert_eq!(end.unwrap().unwrap().exit_code, 0);
    assert_counted(&place.output("stdout"), lines);
    let told = tokio::time::timeout(Duration::from_millis(50), events.next()).await;
    assert!(told.is_err(), "nothing to tell: {told:?}");
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn lines_of_any_length_arrive_as_they_are() {
    let place = Place::shared();
    let task = place.task(
        "dd if=/dev/zero bs=100000 count=1 2>/dev/null | tr '\\0' y; printf 'no newline'",
        &[],
    );
    run(&place, &task).await;
    let text = place.text("stdout");
    assert_eq!(text.len(), 100_010);
    assert!(text.starts_with("yyyy") && text.ends_with("yno newline"));
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn another_log_driver_is_read_through_the_engine() {
    let place = Place::shared();
    let logging = Value::object([("type", Value::from("local"))]);
    let task = place.task(&counting(20_000), &[("logging", logging)]);
    run(&place, &task).await;
    assert_counted(&place.output("stdout"), 20_000);
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_log_driver_that_cannot_be_read_is_told_of_and_harms_nothing() {
    let place = Place::shared();
    let logging = Value::object([("type", Value::from("none"))]);
    let task = place.task("echo unseen", &[("logging", logging)]);
    let mut events = place.docker.task_events().await.unwrap();
    assert_eq!(run(&place, &task).await.exit_code, 0);
    let told = tokio::time::timeout(LONG, events.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(told.message.contains("not collected"), "{}", told.message);
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn uncollected_output_can_be_asked_for() {
    let place = Place::shared();
    let mut task = place.task("echo one; echo two; echo three >&2", &[]);
    task.output = TaskOutput::Discard;
    run(&place, &task).await;
    let mut frames = place.docker.logs(&task.id, Some(2), true).await.unwrap();
    let mut text = String::new();
    while let Some(frame) = frames.next().await {
        text.push_str(&String::from_utf8_lossy(&frame.unwrap().payload));
    }
    // The two streams are not in order among each other.
    assert_eq!(text.lines().count(), 2, "{text:?}");
    assert!(place.text("stdout").is_empty());
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_full_disk_is_told_once_and_the_task_lives_on() {
    let place = Place::shared();
    let logs = place.dir.path().join("small");
    std::fs::create_dir(&logs).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
        .arg(&logs)
        .status()
        .unwrap();
    assert!(mounted.success(), "needs to mount a tmpfs");
    let _unmount = Unmount(logs.clone());
    let mut task = place.task(&format!("{}; sleep 1; exit 4", counting(20_000)), &[]);
    task.output = TaskOutput::Files {
        dir: logs.clone(),
        max_files: 10,
        max_file_size: 1024 * 1024,
    };
    let mut events = place.docker.task_events().await.unwrap();
    assert_eq!(run(&place, &task).await.exit_code, 4);
    let mut told = Vec::new();
    while let Ok(Some(Ok(event))) = tokio::time::timeout(Duration::from_millis(100), events.next()).await {
        told.push(event.message);
    }
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("cannot be written"), "{told:?}");
    let kept = output_in(&logs, "t", "stdout");
    assert!(kept.len() > 40_000 && kept.starts_with(b"1 x"));
}

struct Unmount(std::path::PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

/// A process that collects, in `dir`; the same one again takes its task back.
fn collector(place: &Place, dir: &std::path::Path, script: &str, logging: &str) -> Child {
    let program = run_example();
    let mut command = Command::new(program);
    command.args([&place.socket, dir.to_str().unwrap(), IMAGE, "/bin/sh", "-c", script]);
    command
        .env("ENCAMP_LOGGING", logging)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "needs a docker engine"]
fn a_collector_killed_again_and_again_leaves_every_line_once() {
    for logging in ["json-file", "local"] {
        let place = Place::shared();
        let dir = place
            .dir
            .path()
            .join(format!("{:08x}-0000-4000-8000-{logging}", std::process::id()));
        let lines = 30_000;
        // Fast enough that every kill falls into the middle, slow enough that the engine still has it afterwards.
        let script = format!(
            "i=0; while [ $i -lt {lines} ]; do i=$((i+1)); echo \"$i $i\"; [ $((i % 100)) -ne 0 ] || usleep 20000; done"
        );
        let size = || output_in(&dir.join("alloc/logs"), "run", "stdout").len();
        let mut child = collector(&place, &dir, &script, logging);
        for kill in 1..=8 {
            let before = size();
            until(LONG, "more output", || {
                let now = size();
                if now > before + 15_000 {
                    Ok(())
                } else {
                    Err(format!("{now} bytes, kill {kill}"))
                }
            });
            child.kill().unwrap();
            child.wait().unwrap();
            child = collector(&place, &dir, &script, logging);
        }
        assert!(child.wait().unwrap().success());
        assert_counted(&output_in(&dir.join("alloc/logs"), "run", "stdout"), lines);
        assert!(
            std::fs::read_dir(dir.join("state/logs")).unwrap().next().is_none(),
            "no cursor is left"
        );
    }
}

/// What a collector has of `last` lines that came while it was stopped, and what it tells of that.
fn collected_after_a_standstill(last: u64) -> (Vec<u8>, String) {
    let place = Place::shared();
    let alloc = format!("{:08x}-0000-4000-8000-stop{last}", std::process::id());
    let dir = place.dir.path().join(&alloc);
    let script = format!(
        "echo up >&2; until [ -e /local/go ]; do usleep 10000; done; {}",
        counting(last)
    );
    let mut child = collector(&place, &dir, &script, "");
    let logs = dir.join("alloc/logs");
    until(LONG, "the first line", || {
        let text = output_in(&logs, "run", "stderr");
        if text == b"up\n" {
            Ok(())
        } else {
            Err(format!("{text:?}"))
        }
    });
    let pid = Pid::from_raw(child.id().cast_signed());
    kill(pid, Signal::SIGSTOP).unwrap();
    std::fs::write(dir.join("run/local/go"), "").unwrap();
    let label = format!("label=com.hashicorp.nomad.alloc_id={alloc}");
    until(LONG, "the end of the container", || {
        let running = place.cli(&["ps", "-q", "--filter", &label]);
        if running.is_empty() { Ok(()) } else { Err(running) }
    });
    kill(pid, Signal::SIGCONT).unwrap();
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert!(child.wait().unwrap().success());
    (output_in(&logs, "run", "stdout"), told)
}

#[test]
#[ignore = "needs a docker engine"]
fn what_the_engine_keeps_is_not_lost_while_the_collector_stands_still() {
    let (output, told) = collected_after_a_standstill(80_000);
    assert_counted(&output, 80_000);
    assert!(!told.contains("rotated away"), "{told}");
}

#[test]
#[ignore = "needs a docker engine"]
fn what_the_engine_throws_away_while_the_collector_stands_still_is_told() {
    let lines = 300_000;
    let (output, told) = collected_after_a_standstill(lines);
    assert!(told.contains("files of the container log were rotated away"), "{told}");
    let text = String::from_utf8(output).unwrap();
    let numbers: Vec<u64> = text
        .lines()
        .map(|line| line.split(' ').next().unwrap().parse().unwrap())
        .collect();
    let holes = numbers.windows(2).filter(|pair| pair[1] != pair[0] + 1).count();
    assert_eq!(holes, 1, "one hole, nothing twice, nothing out of order");
    assert_eq!(numbers.last(), Some(&lines), "the end is there");
}

#[test]
#[ignore = "needs a docker engine"]
fn following_a_silent_container_costs_next_to_nothing() {
    let place = Place::shared();
    let dir = place
        .dir
        .path()
        .join(format!("{:08x}-0000-4000-8000-idle", std::process::id()));
    let mut child = collector(&place, &dir, "echo up; sleep 15", "json-file");
    let logs = dir.join("alloc/logs");
    until(LONG, "the first line", || {
        let text = output_in(&logs, "run", "stdout");
        if text == b"up\n" {
            Ok(())
        } else {
            Err(format!("{text:?}"))
        }
    });
    // The cursor is written once more, and then nothing happens.
    let mut last = u64::MAX;
    let rest = until(LONG, "rest", || {
        let now = switches(child.id());
        let before = std::mem::replace(&mut last, now);
        pause(Duration::from_secs(3));
        let after = switches(child.id());
        if after == now {
            Ok(after)
        } else {
            Err(format!("{before}, {now}, {after} switches"))
        }
    });
    assert!(rest > 0);
    assert!(child.wait().unwrap().success());
}

/// How often the threads of a process that collect have gone to sleep.
fn switches(pid: u32) -> u64 {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let of_thread = |dir: std::path::PathBuf| {
        let name = std::fs::read_to_string(dir.join("comm")).ok()?;
        let status = std::fs::read_to_string(dir.join("status")).ok()?;
        let line = status
            .lines()
            .find(|line| line.starts_with("voluntary_ctxt_switches"))?;
        let count: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        name.starts_with("encamp-").then_some(count)
    };
    threads.filter_map(|entry| of_thread(entry.ok()?.path())).sum()
}
