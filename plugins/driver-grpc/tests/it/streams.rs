//! Streams that stay open, and streams that end.

use encamp_driver::{Error, Fingerprint, Health, TaskEvent};
use futures_util::{StreamExt as _, future, stream};
use std::time::SystemTime;
use tokio::time::timeout;

use super::*;

/// Long enough for an end that is on its way to arrive.
const A_WHILE: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_fingerprint_stream_stays_open_when_the_drivers_ends() {
    let driver =
        ScriptedDriver::new().on_fingerprint(|()| future::ok(stream::iter([Ok(Fingerprint::healthy([]))]).boxed()));
    let plugin = behind_a_wire(driver).await;
    let mut looks = plugin.driver().fingerprint().await.unwrap();
    let first = within("the first look", looks.next()).await.unwrap().unwrap();
    assert_eq!(first.health, Health::Healthy);
    assert!(timeout(A_WHILE, looks.next()).await.is_err(), "the stream ended");
}

#[tokio::test]
async fn a_fingerprint_that_fails_is_an_error_in_the_stream_which_goes_on() {
    let looks = || [Err(Error::recoverable("engine is away")), Ok(Fingerprint::healthy([]))];
    let driver = ScriptedDriver::new().on_fingerprint(move |()| future::ok(stream::iter(looks()).boxed()));
    let plugin = behind_a_wire(driver).await;
    let mut looks = plugin.driver().fingerprint().await.unwrap();
    let failed = within("the failure", looks.next()).await.unwrap().unwrap_err();
    assert!(failed.to_string().contains("engine is away"), "{failed}");
    let second = within("the next look", looks.next()).await.unwrap().unwrap();
    assert_eq!(second.health, Health::Healthy);
}

#[tokio::test]
async fn an_event_stream_stays_open_when_the_drivers_ends_and_past_errors() {
    let event = || TaskEvent {
        task_id: "id".into(),
        task_name: "web".into(),
        alloc_id: "3ac4".into(),
        timestamp: SystemTime::now(),
        message: "pulled".into(),
        annotations: [].into(),
    };
    let driver = ScriptedDriver::new()
        .on_task_events(move |()| future::ok(stream::iter([Err(Error::fatal("lost")), Ok(event())]).boxed()));
    let plugin = behind_a_wire(driver).await;
    let mut events = plugin.driver().task_events().await.unwrap();
    let first = within("the event", events.next()).await.unwrap().unwrap();
    assert_eq!(first.message, "pulled");
    assert!(timeout(A_WHILE, events.next()).await.is_err(), "the stream ended");
}

#[tokio::test]
async fn a_stats_stream_ends_with_the_task() {
    let plugin = behind_a_wire(ScriptedDriver::new().on_task_stats(|_| future::ok(stream::empty().boxed()))).await;
    let mut samples = plugin.driver().task_stats("id", A_WHILE).await.unwrap();
    assert!(within("the end", samples.next()).await.is_none());
}

#[tokio::test]
async fn a_stats_stream_that_fails_says_why_and_whether_to_try_again() {
    for recoverable in [true, false] {
        let failure = move || {
            if recoverable {
                Error::recoverable("engine is away")
            } else {
                Error::fatal("engine is gone")
            }
        };
        let driver = ScriptedDriver::new().on_task_stats(move |_| future::ok(stream::iter([Err(failure())]).boxed()));
        let plugin = behind_a_wire(driver).await;
        let mut samples = plugin.driver().task_stats("id", A_WHILE).await.unwrap();
        let error = within("the failure", samples.next()).await.unwrap().unwrap_err();
        assert_eq!(
            (error.to_string(), error.is_recoverable()),
            (failure().to_string(), recoverable)
        );
        assert!(within("the end", samples.next()).await.is_none());
    }
}

#[tokio::test]
async fn a_look_that_nobody_takes_any_more_ends_at_the_driver() {
    let (looking, looked) = (Arc::new(()), Arc::new(()));
    let (one, other) = (Arc::clone(&looking), Arc::clone(&looked));
    let driver = ScriptedDriver::new()
        .on_wait_task(move |_| {
            let held = Arc::clone(&one);
            async move {
                let never = future::pending().await;
                drop(held);
                never
            }
        })
        .on_task_stats(move |_| {
            let held = Arc::clone(&other);
            future::ok(
                stream::pending()
                    .map(move |item| {
                        let _ = &held;
                        item
                    })
                    .boxed(),
            )
        });
    let plugin = behind_a_wire(driver).await;
    let driver = shared(&plugin);
    let waiting = tokio::spawn(async move { driver.wait_task("id").await.map(drop) });
    let stats = plugin.driver().task_stats("id", A_WHILE).await.unwrap();
    let count = || (Arc::strong_count(&looking), Arc::strong_count(&looked));
    poll("both looks", count, |count| *count == (3, 3)).await;
    waiting.abort();
    drop(stats);
    poll("no looks", count, |count| *count == (2, 2)).await;
}
