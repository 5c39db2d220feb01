//! Plugins that are killed while they are used.

use std::time::Duration;

use encamp_catalog::{EventKind, Supervised};
use encamp_driver::{Driver as _, Error, Health};
use futures_util::StreamExt as _;

use crate::bed::{Bed, event, kill, poll, runs, task, within};

/// Kills the present process, and waits for the next one.
async fn replace(driver: &Supervised) -> u32 {
    let pid = driver.pid().unwrap();
    kill(pid);
    poll(
        "next process",
        || driver.pid(),
        |next| next.is_some_and(|next| next != pid),
    )
    .await
    .unwrap()
}

#[tokio::test]
async fn who_waits_for_a_task_waits_through_the_death_of_its_plugin() {
    let bed = Bed::new();
    let (catalog, driver) = bed.with_toy().await;
    let mut events = catalog.events();
    let started = driver.start_task(task("t")).await.unwrap();
    assert_eq!(started.driver_state, b"toy");
    let waiting = driver.clone();
    let waiting = tokio::spawn(async move { waiting.wait_task("t").await });
    for _ in 0..3 {
        replace(&driver).await;
        let recovered = event(&mut events, |kind| matches!(kind, EventKind::Recovered(_))).await;
        assert_eq!(recovered, EventKind::Recovered("t".to_owned()));
    }
    assert!(!waiting.is_finished());
    bed.end("t", 5);
    let exit = within("exit", waiting).await.unwrap().unwrap();
    assert_eq!(exit.exit_code, 5);
    driver.destroy_task("t", false).await.unwrap();
    assert!(!bed.store().join("t").exists());
}

#[tokio::test]
async fn who_waits_while_the_plugin_is_down_waits_for_the_next_one() {
    let bed = Bed::new();
    let (_catalog, driver) = bed.with_toy().await;
    driver.start_task(task("t")).await.unwrap();
    kill(driver.pid().unwrap());
    bed.end("t", 3);
    let exit = within("exit", driver.wait_task("t")).await.unwrap();
    assert_eq!(exit.exit_code, 3);
}

#[tokio::test]
async fn a_task_that_ended_with_its_plugin_is_not_found() {
    let bed = Bed::new();
    let (catalog, driver) = bed.with_toy().await;
    let mut events = catalog.events();
    driver.start_task(task("t")).await.unwrap();
    driver.start_task(task("other")).await.unwrap();
    let waiting = driver.clone();
    let waiting = tokio::spawn(async move { waiting.wait_task("t").await });
    std::fs::remove_file(bed.store().join("t")).unwrap();
    kill(driver.pid().unwrap());
    let error = within("answer", waiting).await.unwrap().unwrap_err();
    assert!(matches!(error, Error::TaskNotFound(_)), "{error}");
    let told = event(&mut events, |kind| matches!(kind, EventKind::NotRecovered { .. })).await;
    assert!(matches!(told, EventKind::NotRecovered { task, .. } if task == "t"));
    driver.stop_task("other", Duration::ZERO, None).await.unwrap();
}

#[tokio::test]
async fn destroyed_tasks_are_not_taken_back() {
    let bed = Bed::new();
    let (catalog, driver) = bed.with_toy().await;
    driver.start_task(task("gone")).await.unwrap();
    driver.start_task(task("here")).await.unwrap();
    driver.destroy_task("gone", true).await.unwrap();
    let mut events = catalog.events();
    replace(&driver).await;
    let told = event(&mut events, |kind| {
        matches!(kind, EventKind::Recovered(_) | EventKind::NotRecovered { .. })
    });
    assert_eq!(told.await, EventKind::Recovered("here".to_owned()));
    assert!(matches!(driver.wait_task("gone").await, Err(Error::TaskNotFound(_))));
}

#[tokio::test]
async fn stats_go_on_with_the_next_process() {
    let bed = Bed::new();
    let (_catalog, driver) = bed.with_toy().await;
    driver.start_task(task("t")).await.unwrap();
    let mut stats = driver.task_stats("t", Duration::from_millis(5)).await.unwrap();
    within("sample", stats.next()).await.unwrap().unwrap();
    let next = replace(&driver).await;
    for _ in 0..50 {
        within("sample", stats.next()).await.unwrap().unwrap();
    }
    assert_eq!(driver.pid(), Some(next));
}

#[tokio::test]
async fn fingerprints_go_on_and_say_that_the_plugin_is_down() {
    let bed = Bed::new();
    let (_catalog, driver) = bed.with_toy().await;
    let mut looks = driver.fingerprint().await.unwrap();
    for _ in 0..3 {
        let look = within("look", looks.next()).await.unwrap().unwrap();
        let pid = i64::from(driver.pid().unwrap());
        assert_eq!(
            (look.health, look.attributes.get("driver.toy.pid")),
            (Health::Healthy, Some(&pid.into()))
        );
        kill(driver.pid().unwrap());
        let look = within("look", looks.next()).await.unwrap().unwrap();
        assert_eq!(look.health, Health::Unhealthy);
        assert_eq!(look.health_description, "its process has ended");
        assert!(look.attributes.is_empty());
    }
}

#[tokio::test]
async fn events_go_on_with_the_next_process() {
    let bed = Bed::new();
    let (_catalog, driver) = bed.with_toy().await;
    let mut events = driver.task_events().await.unwrap();
    driver.init().await.unwrap();
    for round in 0..2 {
        let told = async {
            for number in 0.. {
                driver.start_task(task(&format!("t{round}-{number}"))).await.unwrap();
                if let Ok(event) = tokio::time::timeout(Duration::from_millis(50), events.next()).await {
                    return event.unwrap().unwrap();
                }
            }
            panic!("no events");
        };
        within("event", told).await;
        replace(&driver).await;
    }
}

#[tokio::test]
async fn a_plugin_that_nobody_needs_stays_down_until_it_is_used() {
    let bed = Bed::new();
    let (catalog, driver) = bed.with_toy().await;
    let mut events = catalog.events();
    driver.init().await.unwrap();
    kill(driver.pid().unwrap());
    event(&mut events, |kind| *kind == EventKind::Ended).await;
    assert_eq!(bed.launches("toy"), 2);
    driver.capabilities().await.unwrap();
    assert_eq!(bed.launches("toy"), 3);
}

#[tokio::test]
async fn a_plugin_that_stays_down_is_said_to_be_and_its_tasks_are_waited_for() {
    let bed = Bed::new();
    let (_catalog, driver) = bed.with_toy().await;
    driver.start_task(task("t")).await.unwrap();
    let good = std::fs::read(bed.plugins().join("toy")).unwrap();
    bed.install("toy", "echo no luck >&2; exit 1");
    let waiting = driver.clone();
    let waiting = tokio::spawn(async move { waiting.wait_task("t").await });
    let pid = driver.pid().unwrap();
    kill(pid);
    poll("process", || runs(pid), |runs| !runs).await;
    let stopped = async {
        loop {
            match driver.stop_task("t", Duration::ZERO, None).await {
                Err(Error::PluginShutdown) => {}
                other => return other,
            }
        }
    };
    let error = within("failure", stopped).await.unwrap_err();
    assert!(error.is_recoverable(), "{error}");
    assert!(error.to_string().starts_with("plugin toy is down: "), "{error}");
    assert!(error.to_string().contains("no luck"), "{error}");
    assert!(!waiting.is_finished());
    std::fs::write(bed.plugins().join("toy"), good).unwrap();
    bed.end("t", 0);
    assert!(within("exit", waiting).await.unwrap().unwrap().successful());
}
