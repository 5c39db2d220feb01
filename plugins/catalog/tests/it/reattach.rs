//! Processes that outlive their hosts, and records that outlive processes.

use std::fs;
use std::path::PathBuf;

use encamp_catalog::{Catalog, EventKind};
use encamp_driver::{Driver as _, TaskHandle};
use serde_json::json;

use crate::bed::{Bed, event, kill, poll, runs, signal, task, within};

fn record(bed: &Bed) -> PathBuf {
    bed.state().join("driver-toy.json")
}

/// A catalog whose host has ended, but not its plugin: the plugin's process.
async fn left_behind(bed: &Bed) -> u32 {
    let (_catalog, driver) = bed.with_toy().await;
    driver.start_task(task("t")).await.unwrap();
    let pid = driver.pid().unwrap();
    driver.detach();
    assert!(driver.capabilities().await.is_err());
    pid
}

#[tokio::test]
async fn the_next_host_finds_the_process_again() {
    let bed = Bed::new();
    let pid = left_behind(&bed).await;
    assert!(runs(pid));
    let (catalog, _) = bed.scan(&bed.block("toy")).await;
    let mut events = catalog.events();
    let driver = catalog.driver("toy").unwrap();
    let handle = TaskHandle {
        config: task("t"),
        driver_state: b"toy".to_vec(),
        ..TaskHandle::default()
    };
    driver.recover_task(handle).await.unwrap();
    assert_eq!(driver.pid(), Some(pid));
    assert_eq!(event(&mut events, |_| true).await, EventKind::Reattached);
    // It is supervised like one of the host's own.
    kill(pid);
    bed.end("t", 4);
    assert_eq!(within("exit", driver.wait_task("t")).await.unwrap().exit_code, 4);
    catalog.shutdown().await;
    assert!(!record(&bed).exists());
}

/// Whether a host whose record is `change`d says so, and uses a process of its own.
async fn check(change: impl FnOnce(serde_json::Value) -> String, why: &str) {
    let bed = Bed::new();
    let pid = left_behind(&bed).await;
    kill(pid);
    poll("process", || runs(pid), |runs| !runs).await;
    let old = serde_json::from_slice(&fs::read(record(&bed)).unwrap()).unwrap();
    fs::write(record(&bed), change(old)).unwrap();
    let (catalog, findings) = bed.scan(&bed.block("toy")).await;
    assert!(findings.is_empty(), "{findings:?}");
    let mut events = catalog.events();
    let driver = catalog.driver("toy").unwrap();
    within("use", driver.capabilities()).await.unwrap();
    let EventKind::StaleRecord(told) = event(&mut events, |_| true).await else {
        panic!("no stale record")
    };
    assert!(told.contains(why), "{told}");
    assert_eq!(event(&mut events, |_| true).await, EventKind::Launched);
    let new: serde_json::Value = serde_json::from_slice(&fs::read(record(&bed)).unwrap()).unwrap();
    assert_eq!(new["reattach"]["pid"], json!(driver.pid()));
}

#[tokio::test]
async fn a_record_of_a_process_that_has_ended_is_stale() {
    check(|record| record.to_string(), "has ended").await;
}

#[tokio::test]
async fn a_record_whose_number_is_another_processes_by_now_is_stale() {
    let this_one = |mut record: serde_json::Value| {
        record["reattach"]["pid"] = json!(std::process::id());
        record.to_string()
    };
    check(this_one, "has ended").await;
    let and_without_a_start = |mut record: serde_json::Value| {
        record["reattach"]["pid"] = json!(std::process::id());
        record["reattach"].as_object_mut().unwrap().remove("start_time");
        record.to_string()
    };
    check(and_without_a_start, "cannot connect").await;
}

#[tokio::test]
async fn a_file_that_is_no_record_is_stale() {
    check(|_| "{\"driver\": \"to".to_owned(), "cannot be read").await;
    check(|_| String::new(), "cannot be read").await;
}

#[tokio::test]
async fn a_record_that_cannot_be_written_keeps_no_plugin_from_working() {
    let bed = Bed::new();
    fs::write(bed.state(), "in the way").unwrap();
    let (_catalog, driver) = bed.with_toy().await;
    driver.capabilities().await.unwrap();
    assert_eq!(fs::read(bed.state()).unwrap(), b"in the way");
}

#[tokio::test]
async fn records_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let bed = Bed::new();
    let (catalog, driver): (Catalog, _) = bed.with_toy().await;
    driver.init().await.unwrap();
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(bed.state()), mode(record(&bed))), (0o700, 0o600));
    assert_eq!(fs::read_dir(bed.state()).unwrap().count(), 1);
    catalog.shutdown().await;
}

/// A pipe that holds up the example's answers until this is dropped.
struct Held {
    pipe: PathBuf,
    writer: Option<fs::File>,
}

impl Held {
    /// The plugin will not answer what this names.
    fn up(bed: &Bed, what: &str) -> Self {
        let pipe = bed.store().join(what);
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
        Self { pipe, writer: None }
    }

    /// Waits until it was asked.
    async fn asked(&mut self) {
        use rustix::fs::{Mode, OFlags, open};

        // Nobody can write before somebody reads.
        let open = || open(&self.pipe, OFlags::WRONLY | OFlags::NONBLOCK, Mode::empty());
        let writer = poll("question", open, Result::is_ok).await.unwrap();
        self.writer = Some(writer.into());
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        fs::remove_file(&self.pipe).unwrap();
    }
}

/// Whether a process that is being found again lives on when that is given up, because of `what` it does not answer.
async fn check_given_up(what: &str) {
    let bed = Bed::new();
    let pid = left_behind(&bed).await;
    let (catalog, _) = bed.scan(&bed.block("toy")).await;
    let driver = catalog.driver("toy").unwrap();
    let mut held = Held::up(&bed, what);
    let using = tokio::spawn({
        let driver = driver.clone();
        async move { driver.init().await }
    });
    held.asked().await;
    driver.detach();
    let error = within("use", using).await.unwrap().unwrap_err();
    assert!(matches!(error, encamp_driver::Error::PluginShutdown), "{error}");
    drop((catalog, driver, held));
    let (catalog, _) = bed.scan(&bed.block("toy")).await;
    let driver = catalog.driver("toy").unwrap();
    within("use", driver.init()).await.unwrap();
    assert_eq!(driver.pid(), Some(pid));
    catalog.shutdown().await;
}

#[tokio::test]
async fn a_process_whose_reattachment_is_given_up_is_left_as_it_was() {
    check_given_up(".info").await;
    check_given_up(".init").await;
}

#[tokio::test]
async fn a_process_that_is_found_and_does_not_get_ready_is_replaced() {
    let bed = Bed::new();
    let pid = left_behind(&bed).await;
    let mut settings = bed.settings(&bed.block("toy"));
    settings.timing.answer = std::time::Duration::from_millis(500);
    let (catalog, _) = Catalog::scan(settings).await;
    let mut events = catalog.events();
    let driver = catalog.driver("toy").unwrap();
    let mut held = Held::up(&bed, ".init");
    let using = tokio::spawn({
        let driver = driver.clone();
        async move { driver.init().await }
    });
    held.asked().await;
    poll("process", || runs(pid), |runs| !runs).await;
    drop(held);
    within("use", using).await.unwrap().unwrap();
    assert!(driver.pid().is_some_and(|new| new != pid));
    let EventKind::StaleRecord(why) = event(&mut events, |_| true).await else {
        panic!("no stale record")
    };
    assert_eq!(why, "it has not answered Init within 500ms");
    catalog.shutdown().await;
}

#[tokio::test]
async fn shutdown_leaves_what_was_detached() {
    let bed = Bed::new();
    let (catalog, driver) = bed.with_toy().await;
    driver.init().await.unwrap();
    let pid = driver.pid().unwrap();
    driver.detach();
    catalog.shutdown().await;
    assert!(runs(pid));
    assert!(record(&bed).exists());
    let (catalog, _) = bed.scan(&bed.block("toy")).await;
    catalog.shutdown().await;
    assert!(!runs(pid));
}

#[tokio::test]
async fn shutdown_ends_a_process_that_was_left_and_not_used() {
    let bed = Bed::new();
    let pid = left_behind(&bed).await;
    let (catalog, _) = bed.scan(&bed.block("toy")).await;
    catalog.shutdown().await;
    assert!(!runs(pid));
    assert!(!record(&bed).exists());
}

#[tokio::test]
async fn shutdown_during_a_reattachment_ends_the_process() {
    let bed = Bed::new();
    let pid = left_behind(&bed).await;
    let (catalog, _) = bed.scan(&bed.block("toy")).await;
    let driver = catalog.driver("toy").unwrap();
    let mut held = Held::up(&bed, ".init");
    let using = tokio::spawn(async move { driver.init().await });
    held.asked().await;
    let closing = tokio::spawn(async move { catalog.shutdown().await });
    within("use", using).await.unwrap().unwrap_err();
    drop(held);
    within("shutdown", closing).await.unwrap();
    assert!(!runs(pid));
    assert!(!record(&bed).exists());
}

#[tokio::test]
async fn a_process_that_does_not_answer_at_shutdown_stays_on_record() {
    let bed = Bed::new();
    let pid = left_behind(&bed).await;
    signal(pid, rustix::process::Signal::STOP);
    let (catalog, _) = bed.scan(&bed.block("toy")).await;
    within("shutdown", catalog.shutdown()).await;
    assert!(record(&bed).exists());
    signal(pid, rustix::process::Signal::CONT);
    let (catalog, _) = bed.scan(&bed.block("toy")).await;
    let driver = catalog.driver("toy").unwrap();
    within("use", driver.init()).await.unwrap();
    assert_eq!(driver.pid(), Some(pid));
    catalog.shutdown().await;
    assert!(!runs(pid));
}
