//! First uses, and ends that are asked for.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use encamp_catalog::{Catalog, EventKind};
use encamp_driver::{Driver as _, Error, Health};
use futures_util::StreamExt as _;
use futures_util::future::join_all;

use crate::bed::{Bed, event, kill, poll, runs, signal, task, within};

#[tokio::test(flavor = "multi_thread")]
async fn first_uses_at_the_same_time_share_one_launch() {
    let bed = Bed::new();
    let (catalog, _) = bed.with_toy().await;
    let catalog = Arc::new(catalog);
    let uses = (0..128).map(|_| {
        let driver = catalog.driver("toy").unwrap();
        tokio::spawn(async move { driver.capabilities().await })
    });
    for used in within("uses", join_all(uses)).await {
        used.unwrap().unwrap();
    }
    // One for the scan, one for all of these.
    assert_eq!(bed.launches("toy"), 2);
}

#[tokio::test]
async fn nothing_runs_before_it_is_used() {
    let bed = Bed::new();
    let (_catalog, driver) = bed.with_toy().await;
    assert_eq!(bed.launches("toy"), 1);
    assert_eq!(driver.pid(), None);
    driver.init().await.unwrap();
    assert!(driver.pid().is_some());
}

#[tokio::test]
async fn a_launch_that_fails_is_shared_but_not_remembered() {
    let bed = Bed::new();
    let (_catalog, driver) = bed.with_toy().await;
    let file = bed.plugins().join("toy");
    let good = fs::read(&file).unwrap();
    fs::write(&file, "#!/bin/sh\nexit 7\n").unwrap();
    let failed = join_all((0..8).map(|_| driver.capabilities())).await;
    for failed in failed {
        let error = failed.unwrap_err();
        assert!(error.is_recoverable() && error.is_early(), "{error}");
        assert!(error.to_string().contains("exited with code 7"), "{error}");
    }
    fs::write(&file, good).unwrap();
    within("next use", driver.capabilities()).await.unwrap();
    assert_eq!(bed.launches("toy"), 2);
}

#[tokio::test]
async fn a_program_is_judged_before_each_launch() {
    use std::os::unix::fs::PermissionsExt as _;

    let bed = Bed::new();
    let (_catalog, driver) = bed.with_toy().await;
    fs::set_permissions(bed.plugins().join("toy"), fs::Permissions::from_mode(0o777)).unwrap();
    let error = driver.init().await.unwrap_err().to_string();
    assert!(error.contains("(mode 0777"), "{error}");
    assert_eq!(bed.launches("toy"), 1);
}

#[tokio::test]
async fn a_program_that_became_another_plugin_is_not_used() {
    let bed = Bed::new();
    let (_catalog, driver) = bed.with_toy().await;
    bed.install_toy("toy", "doll");
    let error = driver.init().await.unwrap_err().to_string();
    assert!(error.ends_with("it is doll now, and was toy: scan again"), "{error}");
    bed.install_toy("toy", "toy 0.3.0");
    driver.init().await.unwrap();
}

#[tokio::test]
async fn a_plugin_that_crashes_at_its_start_is_tried_until_it_does_not() {
    let bed = Bed::new();
    let (catalog, driver) = bed.with_toy().await;
    let mut events = catalog.events();
    let file = fs::read_to_string(bed.plugins().join("toy")).unwrap();
    let crash = file.replace(
        "exec",
        &format!(
            "[ $(wc -l < {}/journal-toy) -ge 5 ] || exit 9\nexec",
            bed.path().display()
        ),
    );
    fs::write(bed.plugins().join("toy"), crash).unwrap();
    let mut looks = driver.fingerprint().await.unwrap();
    let mut unhealthy = 0;
    let healthy = async {
        while let Some(look) = looks.next().await {
            match look.unwrap().health {
                Health::Healthy => return,
                _ => unhealthy += 1,
            }
        }
        panic!("the stream has ended");
    };
    within("healthy", healthy).await;
    assert_eq!(bed.launches("toy"), 5);
    assert!(unhealthy >= 1, "{unhealthy}");
    let failed = event(&mut events, |kind| matches!(kind, EventKind::Failed { .. })).await;
    assert!(matches!(failed, EventKind::Failed { retry: Some(delay), .. } if delay <= Duration::from_millis(40)));
}

#[tokio::test]
async fn a_plugin_that_hangs_at_its_start_is_killed() {
    let bed = Bed::new();
    let (_catalog, driver) = bed.with_toy().await;
    bed.install("toy", "exec sleep 600");
    let error = within("failure", driver.init()).await.unwrap_err().to_string();
    assert!(error.contains("not ready within 5s"), "{error}");
    let journal = fs::read_to_string(bed.path().join("journal-toy")).unwrap();
    let pid = journal.lines().last().unwrap().parse().unwrap();
    poll("process", || runs(pid), |runs| !runs).await;
}

#[tokio::test]
async fn shutdown_ends_all_and_says_so() {
    let bed = Bed::new();
    let (catalog, driver) = bed.with_toy().await;
    driver.start_task(task("t")).await.unwrap();
    let pid = driver.pid().unwrap();
    let mut looks = driver.fingerprint().await.unwrap();
    looks.next().await.unwrap().unwrap();
    let mut stats = driver.task_stats("t", Duration::from_millis(10)).await.unwrap();
    let waits = driver.wait_task("t");
    let (waited, ()) = within("shutdown", futures_util::future::join(waits, catalog.shutdown())).await;
    assert!(matches!(waited, Err(Error::PluginShutdown)), "{waited:?}");
    assert!(!runs(pid));
    assert!(matches!(driver.capabilities().await, Err(Error::PluginShutdown)));
    assert!(within("looks", looks.next()).await.is_none());
    let end = async {
        while let Some(sample) = stats.next().await {
            if let Err(error) = sample {
                assert!(matches!(error, Error::PluginShutdown));
                return;
            }
        }
    };
    within("stats", end).await;
    assert_eq!(fs::read_dir(bed.state()).unwrap().count(), 0);
    // The task is left alone.
    assert!(bed.store().join("t").exists());
}

#[tokio::test]
async fn a_plugin_that_hangs_is_ended_in_time() {
    let bed = Bed::new();
    let (catalog, driver) = bed.with_toy().await;
    driver.init().await.unwrap();
    let pid = driver.pid().unwrap();
    signal(pid, rustix::process::Signal::STOP);
    let start = Instant::now();
    catalog.shutdown().await;
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert!(!runs(pid));
}

#[tokio::test]
async fn a_launch_under_way_is_given_up_at_shutdown() {
    let bed = Bed::new();
    let (catalog, driver) = bed.with_toy().await;
    bed.install("toy", "exec sleep 600");
    let using = tokio::spawn(async move { driver.init().await });
    let lines = poll("launch", || bed.launches("toy"), |lines| *lines == 2).await;
    within("shutdown", catalog.shutdown()).await;
    assert!(matches!(
        within("use", using).await.unwrap(),
        Err(Error::PluginShutdown)
    ));
    assert_eq!(bed.launches("toy"), lines);
}

#[tokio::test]
async fn what_is_dropped_is_killed() {
    let bed = Bed::new();
    let (catalog, driver) = bed.with_toy().await;
    driver.start_task(task("t")).await.unwrap();
    let pid = driver.pid().unwrap();
    drop(catalog);
    assert!(runs(pid));
    drop(driver);
    poll("process", || runs(pid), |runs| !runs).await;
}

#[tokio::test]
async fn all_drivers_are_heard_as_one() {
    let bed = Bed::new();
    bed.install_toy("a", "ann");
    bed.install_toy("b", "bob");
    let (catalog, findings): (Catalog, _) = bed.scan(&format!("{}{}", bed.block("a"), bed.block("b"))).await;
    assert!(findings.is_empty(), "{findings:?}");
    let mut looks = catalog.fingerprints();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let (name, look) = within("look", looks.next()).await.unwrap();
        assert_eq!(look.health, Health::Healthy);
        seen.push(name);
    }
    seen.sort();
    assert_eq!(seen, ["ann", "bob"]);
    kill(catalog.driver("ann").unwrap().pid().unwrap());
    let (name, look) = within("look", looks.next()).await.unwrap();
    assert_eq!((name.as_str(), look.health), ("ann", Health::Unhealthy));
    let mut events = catalog.task_events();
    catalog.driver("bob").unwrap().init().await.unwrap();
    let told = async {
        for number in 0.. {
            let id = format!("t{number}");
            catalog.driver("bob").unwrap().start_task(task(&id)).await.unwrap();
            if let Ok(Some((name, event))) = tokio::time::timeout(Duration::from_millis(50), events.next()).await {
                return (name, event.message);
            }
        }
        panic!("no events");
    };
    assert_eq!(within("event", told).await, ("bob".to_owned(), "started".to_owned()));
}
