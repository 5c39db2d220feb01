//! A stop comes to an end, whatever the driver does.

use encamp_runner::Desired;

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
