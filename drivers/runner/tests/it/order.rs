//! Tasks run in the order of their lifecycle.

use encamp_driver::ExitResult;

use crate::scripted::{Camp, summary};

const PRESTART: &str = "lifecycle {\n hook = \"prestart\"\n }";
const SIDECAR: &str = "lifecycle {\n hook = \"prestart\"\n sidecar = true\n }";
const POSTSTART: &str = "lifecycle {\n hook = \"poststart\"\n }";
const POSTSTOP: &str = "lifecycle {\n hook = \"poststop\"\n }";

/// Runs the tasks to their end; what became of them, and in which order they were started.
#[track_caller]
fn check(tasks: &[(&str, &str, &str)], outcome: &[&str], starts: &[&str]) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let camp = Camp::new(tasks);
    let ended = runtime.block_on(camp.run());
    assert_eq!(summary(&ended), outcome);
    let calls = camp.world.calls();
    let started: Vec<&str> = calls.iter().filter_map(|call| call.strip_prefix("start ")).collect();
    assert_eq!(started, starts);
    assert!(camp.world.is_empty(), "something was not destroyed: {calls:?}");
}

#[test]
fn a_group_runs_from_prestart_to_poststop() {
    check(
        &[
            ("last", POSTSTOP, "exit 0"),
            ("main", "", "exit 0"),
            ("first", PRESTART, "exit 0"),
        ],
        &["last:0", "main:0", "first:0"],
        &["first", "main", "last"],
    );
}

#[test]
fn a_sidecar_starts_before_the_main_task_and_is_stopped_after_it() {
    check(
        &[("main", "", "exit 0"), ("side", SIDECAR, "run")],
        &["main:0", "side:130"],
        &["side", "main"],
    );
}

#[test]
fn a_prestart_task_that_fails_keeps_the_main_task_from_starting() {
    check(
        &[
            ("main", "", "exit 0"),
            ("first", PRESTART, "exit 3"),
            ("last", POSTSTOP, "exit 0"),
        ],
        &["main:-", "first:3!", "last:0"],
        &["first", "last"],
    );
}

#[test]
fn a_refused_start_fails_the_task_and_ends_the_group() {
    check(
        &[("bad", "", "refuse"), ("after", POSTSTART, "exit 0")],
        &["bad:-!", "after:-"],
        &["bad"],
    );
}

#[tokio::test]
async fn a_failed_task_stops_its_siblings() {
    let camp = Camp::new(&[("bad", "", "run"), ("good", "", "run")]);
    let run = camp.start().await;
    camp.called("start good").await;
    camp.called("start bad").await;
    camp.world.end("bad", &ExitResult::code(7));
    assert_eq!(summary(&run.end().await), ["bad:7!", "good:130"]);
    assert!(camp.world.calls().contains(&"stop good".to_owned()));
}

#[tokio::test]
async fn the_end_of_the_leader_ends_the_group() {
    let camp = Camp::new(&[("leader", "leader = true", "run"), ("other", "", "run")]);
    let run = camp.start().await;
    camp.called("start other").await;
    camp.called("start leader").await;
    camp.world.end("leader", &ExitResult::code(0));
    assert_eq!(summary(&run.end().await), ["leader:0", "other:130"]);
}
