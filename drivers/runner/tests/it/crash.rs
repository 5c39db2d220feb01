//! A runner may be killed at any moment; the next one goes on from there.

use encamp_driver::ExitResult;
use encamp_runner::{Desired, Phase};

use crate::scripted::{Camp, summary};

async fn crashed(camp: &Camp) {
    let run = camp.start().await;
    let runs = |camp: &Camp| {
        camp.store
            .task("alloc", "web")
            .is_ok_and(|record| record.phase == Phase::Running)
    };
    camp.until("running", runs).await;
    run.crash().await;
}

#[tokio::test]
async fn a_running_task_is_taken_back_and_not_started_again() {
    let camp = Camp::new(&[("web", "", "run")]);
    crashed(&camp).await;
    let run = camp.start().await;
    camp.called("recover web").await;
    camp.world.end("web", &ExitResult::code(4));
    assert_eq!(summary(&run.end().await), ["web:4!"]);
    assert_eq!(camp.world.calls(), ["start web", "recover web", "destroy web"]);
}

#[tokio::test]
async fn a_task_that_ended_unwatched_reports_its_true_end() {
    let camp = Camp::new(&[("web", "", "run")]);
    crashed(&camp).await;
    camp.world.end("web", &ExitResult::code(5));
    assert_eq!(summary(&camp.run().await), ["web:5!"]);
}

#[tokio::test]
async fn a_task_that_is_gone_is_lost_and_says_so() {
    let camp = Camp::new(&[("web", "", "run")]);
    crashed(&camp).await;
    camp.world.lose_everything();
    let outcome = camp.run().await;
    assert_eq!(summary(&outcome), ["web:-1!"]);
    let err = outcome.tasks[0]
        .exit
        .clone()
        .and_then(|exit| exit.err)
        .unwrap_or_default();
    assert!(err.contains("lost while nobody watched"), "{err}");
}

/// Takes the task up; the driver answers when it is asked for the third time, and the task runs.
async fn is_asked_until_it_answers(camp: &Camp) {
    let run = camp.start().await;
    camp.until("third answer", |camp| {
        camp.world.calls().iter().filter(|call| *call == "recover web").count() == 3
    })
    .await;
    run.control.request(Desired::Stop);
    assert_eq!(summary(&run.end().await), ["web:130"]);
}

#[tokio::test]
async fn a_driver_that_cannot_answer_yet_is_asked_again() {
    let camp = Camp::new(&[("web", "", "run")]);
    crashed(&camp).await;
    camp.world.fail_next("recover web", 2);
    is_asked_until_it_answers(&camp).await;
}

#[tokio::test]
async fn a_start_that_was_interrupted_is_made_again_under_its_own_id() {
    let camp = Camp::new(&[("web", "", "exit 0")]);
    let run = camp.start().await;
    run.crash().await;
    let mut record = camp.store.task("alloc", "web").unwrap();
    record.phase = Phase::Starting;
    record.task_id = "alloc/web/0badcafe".to_owned();
    camp.store.put_task("alloc", "web", &record).unwrap();
    camp.world.lose_everything();
    assert_eq!(summary(&camp.run().await), ["web:0"]);
    assert_eq!(camp.store.task("alloc", "web").unwrap().task_id, record.task_id);
}

#[tokio::test]
async fn a_driver_that_cannot_say_whether_an_interrupted_start_left_a_task_is_asked_again() {
    let camp = Camp::new(&[("web", "", "linger")]);
    let run = camp.start().await;
    camp.called("start web").await;
    run.crash().await;
    assert_eq!(camp.store.task("alloc", "web").unwrap().phase, Phase::Starting);
    camp.world.refuse_next("recover web", 2);
    let run = camp.start().await;
    let runs = |camp: &Camp| {
        camp.store
            .task("alloc", "web")
            .is_ok_and(|record| record.phase == Phase::Running)
    };
    camp.until("running", runs).await;
    run.control.request(Desired::Stop);
    assert_eq!(summary(&run.end().await), ["web:130"]);
    let starts = camp.world.calls().iter().filter(|call| *call == "start web").count();
    assert_eq!((starts, camp.world.is_empty()), (1, true));
}

#[tokio::test]
async fn a_driver_that_refuses_to_say_whether_a_task_runs_does_not_make_it_lost() {
    let camp = Camp::new(&[("web", "", "run")]);
    crashed(&camp).await;
    camp.world.refuse_next("recover web", 2);
    is_asked_until_it_answers(&camp).await;
}

#[tokio::test]
async fn a_task_whose_record_is_damaged_is_not_started_a_second_time() {
    let camp = Camp::new(&[("web", "", "run")]);
    crashed(&camp).await;
    std::fs::write(camp.store.dir("alloc").join("tasks/web.json"), "{").unwrap();
    let error = camp.start().await.failure().await;
    assert!(error.to_string().contains("record is damaged"), "{error}");
    assert_eq!(camp.world.calls(), ["start web"]);
}

#[tokio::test]
async fn what_is_dead_stays_dead() {
    let camp = Camp::new(&[("web", "", "exit 3")]);
    assert_eq!(summary(&camp.run().await), ["web:3!"]);
    let calls = camp.world.calls();
    assert_eq!(summary(&camp.run().await), ["web:3!"]);
    assert_eq!(camp.world.calls(), calls);
}
