//! Tasks are restarted by their policy.

use encamp_runner::{Desired, Phase};

use crate::scripted::{Camp, summary};

const TWICE: &str = "restart {\n attempts = 2\n interval = \"1m\"\n delay = \"1ms\"\n mode = \"fail\"\n }";
const PATIENT: &str = "restart {\n attempts = 1\n interval = \"1m\"\n delay = \"1h\"\n mode = \"delay\"\n }";

#[tokio::test]
async fn a_task_that_keeps_failing_is_restarted_as_often_as_it_may_be() {
    let camp = Camp::new(&[("web", TWICE, "exit 3")]);
    assert_eq!(summary(&camp.run().await), ["web:3!"]);
    let starts = camp.world.calls().iter().filter(|call| *call == "start web").count();
    assert_eq!(starts, 3);
    let record = camp.store.task("alloc", "web").unwrap();
    assert_eq!((record.restarts, record.phase), (2, Phase::Dead));
}

#[tokio::test]
async fn a_start_that_may_succeed_later_is_tried_again() {
    let camp = Camp::new(&[("web", TWICE, "exit 0")]);
    camp.world.fail_next("start web", 2);
    assert_eq!(summary(&camp.run().await), ["web:0"]);
}

#[tokio::test]
async fn a_wait_for_a_restart_ends_when_the_group_is_stopped() {
    let camp = Camp::new(&[("web", PATIENT, "exit 3")]);
    let run = camp.start().await;
    let waits = |camp: &Camp| {
        camp.store
            .task("alloc", "web")
            .is_ok_and(|record| record.phase == Phase::Waiting)
    };
    camp.until("waiting", waits).await;
    run.control.request(Desired::Stop);
    assert_eq!(summary(&run.end().await), ["web:3"]);
}
