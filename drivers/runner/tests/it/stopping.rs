//! A stop comes to an end, whatever the driver does.

use encamp_runner::{Desired, Phase};

use crate::scripted::{Camp, summary};

#[tokio::test]
async fn a_stop_waits_and_a_kill_does_not() {
    let camp = Camp::new(&[("web", "", "run")]);
    let run = camp.start().await;
    camp.called("start web").await;
    run.control.request(Desired::Stop);
    assert_eq!(summary(&run.end().await), ["web:130"]);
    assert!(camp.world.calls().contains(&"stop web".to_owned()));

    let camp = Camp::new(&[("web", "", "run")]);
    let run = camp.start().await;
    camp.called("start web").await;
    run.control.request(Desired::Kill);
    assert_eq!(summary(&run.end().await), ["web:130"]);
    assert!(camp.world.calls().contains(&"kill web".to_owned()));
}

#[tokio::test]
async fn a_refused_stop_is_tried_again() {
    let camp = Camp::new(&[("web", "", "run")]);
    camp.world.fail_next("stop web", 1);
    let run = camp.start().await;
    camp.called("start web").await;
    run.control.request(Desired::Stop);
    assert_eq!(summary(&run.end().await), ["web:130"]);
}

#[tokio::test]
async fn a_start_under_way_is_given_up_and_cleaned_up_after() {
    let camp = Camp::new(&[("web", "", "hang")]);
    let run = camp.start().await;
    camp.called("start web").await;
    run.control.request(Desired::Stop);
    assert_eq!(summary(&run.end().await), ["web:-"]);
    assert!(camp.world.calls().contains(&"destroy web".to_owned()));
}

#[tokio::test]
async fn a_clean_up_that_fails_is_tried_again() {
    let camp = Camp::new(&[("web", "", "exit 0")]);
    camp.world.fail_next("destroy web", 2);
    assert_eq!(summary(&camp.run().await), ["web:0"]);
    assert!(camp.world.is_empty());
}

#[tokio::test]
async fn a_start_that_was_given_up_is_looked_for_until_its_driver_can_say() {
    let camp = Camp::new(&[("web", "", "linger")]);
    let run = camp.start().await;
    camp.called("start web").await;
    camp.world.refuse_next("recover web", 2);
    run.control.request(Desired::Stop);
    assert_eq!(summary(&run.end().await), ["web:-"]);
    assert!(camp.world.is_empty(), "{:?}", camp.world.calls());
}

/// The one task's record says that something may be left; the next runner removes it.
async fn check_remains(camp: &Camp, reason: &str) {
    let record = camp.store.task("alloc", "web").unwrap();
    assert_eq!(record.phase, Phase::Dead);
    assert_eq!(record.remains.len(), 1, "{record:?}");
    assert!(record.remains[0].reason.contains(reason), "{record:?}");
    assert!(!camp.world.is_empty());

    camp.world.recover();
    let outcome = camp.run().await;
    assert_eq!(outcome.remains().count(), 0, "{outcome:?}");
    assert!(camp.world.is_empty());
    assert_eq!(camp.store.task("alloc", "web").unwrap().remains, []);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_removed_is_noted_and_removed_by_the_next_runner() {
    let camp = Camp::new(&[("web", "", "exit 0")]);
    camp.world.fail_next("destroy web", u32::MAX);
    let outcome = camp.run().await;
    assert_eq!(summary(&outcome), ["web:0"]);
    assert_eq!(outcome.remains().count(), 1, "{outcome:?}");
    check_remains(&camp, "cannot clean up after the task: the script says so").await;
}

#[tokio::test]
async fn a_start_that_had_made_nothing_leaves_nothing_to_be_removed() {
    let camp = Camp::new(&[("web", "", "too early")]);
    camp.world.fail_next("destroy web", u32::MAX);
    let outcome = camp.run().await;
    assert_eq!(
        (summary(&outcome), outcome.remains().count()),
        (vec!["web:-!".to_owned()], 0)
    );
    assert_eq!(camp.world.calls(), ["start web"]);
}

#[tokio::test(start_paused = true)]
async fn a_restart_first_removes_what_the_last_start_has_left() {
    let restart = "restart {\n attempts = 1\n delay = \"1m\"\n mode = \"fail\"\n }";
    let camp = Camp::new(&[("web", restart, "exit 3")]);
    camp.world.fail_next("destroy web", 5);
    let outcome = camp.run().await;
    assert_eq!(
        (summary(&outcome), outcome.remains().count()),
        (vec!["web:3!".to_owned()], 0)
    );
    assert!(camp.world.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_kill_lets_go_of_a_driver_that_never_answers_and_keeps_the_record() {
    let camp = Camp::new(&[("web", "", "run")]);
    let run = camp.start().await;
    camp.called("start web").await;
    for call in ["kill web", "destroy web"] {
        camp.world.fail_next(call, u32::MAX);
    }
    run.control.request(Desired::Kill);
    let outcome = run.end().await;
    assert_eq!(
        (summary(&outcome), outcome.remains().count()),
        (vec!["web:-".to_owned()], 1)
    );
    check_remains(&camp, "cannot say what became of the task: cannot stop the task").await;
}

#[tokio::test(start_paused = true)]
async fn a_kill_also_lets_go_of_a_task_that_was_never_found_again() {
    let camp = Camp::new(&[("web", "", "run")]);
    let run = camp.start().await;
    camp.until("running", |camp| {
        camp.store
            .task("alloc", "web")
            .is_ok_and(|record| record.phase == Phase::Running)
    })
    .await;
    run.crash().await;
    camp.world.fail_next("recover web", u32::MAX);
    let run = camp.start().await;
    run.control.request(Desired::Kill);
    run.end().await;
    check_remains(&camp, "cannot say what became of the task: cannot tell whether").await;
}

#[tokio::test(start_paused = true)]
async fn what_records_name_is_ended_without_the_job() {
    let camp = Camp::new(&[("web", "", "run"), ("side", "", "run")]);
    let run = camp.start().await;
    let runs = |camp: &Camp, task: &str| {
        camp.store
            .task("alloc", task)
            .is_ok_and(|record| record.phase == Phase::Running)
    };
    camp.until("running", |camp| runs(camp, "web") && runs(camp, "side"))
        .await;
    run.crash().await;
    camp.world.refuse_next("recover web", 1);
    let outcome = camp.reap(Desired::Stop).await;
    let left: Vec<_> = outcome.remains().collect();
    assert_eq!(left, [("web", "the script says no")]);
    assert!(camp.world.calls().contains(&"stop side".to_owned()));
    let outcome = camp.reap(Desired::Kill).await;
    assert_eq!(outcome.remains().count(), 0, "{outcome:?}");
    assert!(camp.world.is_empty());
}
