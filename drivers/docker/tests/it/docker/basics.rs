//! A task's life on a real engine.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use encamp_driver::{Attribute, Driver, Error, Health, TaskHandle, TaskState};
use encamp_hclspec::Value;
use futures_util::StreamExt as _;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

use crate::support::{IMAGE, Place, pause, run, until_async};

const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_task_runs_with_its_environment_and_its_exit_status_is_told() {
    let place = Place::shared();
    let task = place.task("echo $GREETING; echo oops >&2; exit 7", &[]);
    let exit = run(&place, &task).await;
    assert_eq!((exit.exit_code, exit.oom_killed, exit.err.clone()), (7, false, None));
    assert_eq!(place.text("stdout"), "hello\n");
    assert_eq!(place.text("stderr"), "oops\n");
    let status = place.docker.inspect_task(&task.id).await.unwrap();
    assert_eq!(status.state, TaskState::Exited);
    assert!(status.started_at.is_some() && status.started_at <= status.completed_at);
    assert_eq!(
        place.docker.wait_task(&task.id).await.unwrap(),
        exit,
        "a second wait says the same"
    );

    place.docker.destroy_task(&task.id, false).await.unwrap();
    assert!(matches!(
        place.docker.wait_task(&task.id).await,
        Err(Error::TaskNotFound(_))
    ));
    assert_eq!(
        place.cli(&["ps", "-aq", "--filter", &format!("name={}", task.alloc_id)]),
        ""
    );
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_command_that_is_not_there_fails_for_good_and_leaves_nothing() {
    let place = Place::shared();
    let task = place.task("", &[("command", Value::from("/no/such/program"))]);
    let error = place.docker.start_task(task.clone()).await.unwrap_err();
    assert!(!error.is_recoverable(), "{}", error.chain());
    assert!(error.chain().contains("/no/such/program"), "{}", error.chain());
    assert_eq!(
        place.cli(&["ps", "-aq", "--filter", &format!("name={}", task.alloc_id)]),
        ""
    );
    assert!(matches!(
        place.docker.inspect_task(&task.id).await,
        Err(Error::TaskNotFound(_))
    ));
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_task_that_ends_on_its_signal_is_not_killed() {
    let place = Place::shared();
    let task = place.task("trap 'echo bye; exit 3' INT; echo up; while :; do sleep 0.1; done", &[]);
    place.docker.start_task(task.clone()).await.unwrap();
    until_async(SOON, "the trap", || {
        (place.text("stdout") == "up\n")
            .then_some(())
            .ok_or(place.text("stdout"))
    })
    .await;
    place.docker.stop_task(&task.id, SOON, Some("SIGINT")).await.unwrap();
    let exit = place.docker.wait_task(&task.id).await.unwrap();
    assert_eq!(exit.exit_code, 3);
    assert_eq!(place.text("stdout"), "up\nbye\n");
    place
        .docker
        .stop_task(&task.id, SOON, None)
        .await
        .expect("stopping twice is fine");
    assert!(place.docker.signal_task(&task.id, "SIGHUP").await.is_err());
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_task_that_ignores_its_signal_is_killed_after_its_timeout() {
    let place = Place::shared();
    let task = place.task("trap '' TERM; echo up; while :; do sleep 0.1; done", &[]);
    place.docker.start_task(task.clone()).await.unwrap();
    until_async(SOON, "the trap", || {
        (place.text("stdout") == "up\n")
            .then_some(())
            .ok_or(place.text("stdout"))
    })
    .await;
    let begun = Instant::now();
    place
        .docker
        .stop_task(&task.id, Duration::from_secs(2), None)
        .await
        .unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(2), "{:?}", begun.elapsed());
    let exit = place.docker.wait_task(&task.id).await.unwrap();
    assert_eq!((exit.exit_code, exit.signal, exit.oom_killed), (137, 9, false));
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_running_task_is_destroyed_only_by_force() {
    let place = Place::shared();
    let task = place.task("sleep 1000", &[]);
    place.docker.start_task(task.clone()).await.unwrap();
    let refused = place.docker.destroy_task(&task.id, false).await;
    assert!(matches!(refused, Err(Error::TaskRunning(_))), "{refused:?}");
    assert!(matches!(
        place.docker.start_task(task.clone()).await,
        Err(Error::TaskExists(_))
    ));
    place.docker.destroy_task(&task.id, true).await.unwrap();
    assert_eq!(
        place.cli(&["ps", "-aq", "--filter", &format!("name={}", task.alloc_id)]),
        ""
    );
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_task_is_taken_back_by_its_record_and_by_its_name() {
    let mut place = Place::shared();
    for by_name in [false, true] {
        let task = place.task("sleep 1000", &[]);
        let started = place.docker.start_task(task.clone()).await.unwrap();
        place.restart();
        let handle = TaskHandle {
            version: 1,
            config: task.clone(),
            state: TaskState::Running,
            driver_state: if by_name { Vec::new() } else { started.driver_state },
        };
        place.docker.recover_task(handle.clone()).await.unwrap();
        place
            .docker
            .recover_task(handle)
            .await
            .expect("taking back twice is fine");
        let status = place.docker.inspect_task(&task.id).await.unwrap();
        assert_eq!(status.state, TaskState::Running);
        place.docker.destroy_task(&task.id, true).await.unwrap();
    }
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_task_that_is_gone_is_not_taken_back() {
    let place = Place::shared();
    let handle = TaskHandle {
        version: 1,
        config: place.task("true", &[]),
        state: TaskState::Running,
        driver_state: Vec::new(),
    };
    assert!(matches!(
        place.docker.recover_task(handle).await,
        Err(Error::TaskNotFound(_))
    ));
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_task_whose_container_is_gone_leaves_no_record() {
    let mut place = Place::shared();
    let task = place.task("sleep 1000", &[]);
    let started = place.docker.start_task(task.clone()).await.unwrap();
    let logs = place.dir.path().join("state/logs");
    let records = || std::fs::read_dir(&logs).map_or(0, Iterator::count);
    let kept = |records: usize| if records > 0 { Ok(()) } else { Err("none".to_owned()) };
    until_async(SOON, "a record", || kept(records())).await;
    place.restart();
    let name = format!("t-{}", task.alloc_id);
    place.cli(&["rm", "-f", &name]);
    let handle = TaskHandle {
        version: 1,
        config: task,
        state: TaskState::Running,
        driver_state: started.driver_state,
    };
    let error = place.docker.recover_task(handle).await.unwrap_err();
    assert!(matches!(error, Error::TaskNotFound(_)), "{error:?}");
    assert_eq!(records(), 0);
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn an_earlier_attempts_container_makes_way() {
    let mut place = Place::shared();
    let first = place.task("sleep 1000", &[]);
    place.docker.start_task(first.clone()).await.unwrap();
    place.restart();
    let mut second = first.clone();
    second.id = format!("{}/t/second", first.alloc_id);
    place.docker.start_task(second.clone()).await.unwrap();
    let left = place.cli(&["ps", "-q", "--filter", &format!("name={}", first.alloc_id)]);
    assert_eq!(left.lines().count(), 1, "{left}");
    place.docker.destroy_task(&second.id, true).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_strangers_container_of_the_same_name_is_left_alone() {
    let place = Place::shared();
    let task = place.task("true", &[]);
    let name = format!("t-{}", task.alloc_id);
    let label = format!("dev.encamp.test={}", place.dir.path().display());
    place.cli(&["create", "--name", &name, "--label", &label, IMAGE, "/bin/true"]);
    let error = place.docker.start_task(task).await.unwrap_err();
    assert!(!error.is_recoverable() && error.to_string().contains(&name), "{error}");
    place.cli(&["inspect", &name]);
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_strangers_container_is_neither_taken_back_nor_destroyed() {
    let place = Place::shared();
    let task = place.task("sleep 1000", &[]);
    let label = |name: &str, value: &str| format!("--label={name}={value}");
    let test = label("dev.encamp.test", &place.dir.path().display().to_string());
    let id = label("dev.encamp.task_id", &task.id);
    let alloc = label("com.hashicorp.nomad.alloc_id", &task.alloc_id);
    let other = label("com.hashicorp.nomad.task_name", "other");
    let name = format!("--name=t-{}", task.alloc_id);
    let strangers = [
        vec![name.as_str()],
        vec![id.as_str()],
        vec![id.as_str(), &alloc],
        vec![id.as_str(), &alloc, &other],
    ];
    let handle = TaskHandle {
        version: 1,
        config: task.clone(),
        state: TaskState::Unknown,
        driver_state: Vec::new(),
    };
    let missing = |done: Result<(), Error>| assert!(matches!(done, Err(Error::TaskNotFound(_))), "{done:?}");
    for marks in strangers {
        let run = [
            &["run", "-d", "--network=none", &test],
            marks.as_slice(),
            &[IMAGE, "/bin/sleep", "1000"],
        ]
        .concat();
        let stranger = place.cli(&run);
        missing(place.docker.recover_task(handle.clone()).await);
        missing(place.docker.destroy_task(&task.id, true).await);
        let running = place.cli(&["inspect", "--format={{.State.Running}}", &stranger]);
        assert_eq!(running, "true", "{marks:?}");
    }
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_container_that_was_made_and_never_started_is_destroyed() {
    let place = Place::shared();
    let task = place.task("sleep 1000", &[]);
    let label = |name: &str, value: &str| format!("--label={name}={value}");
    let made = place.cli(&[
        "create",
        &label("dev.encamp.test", &place.dir.path().display().to_string()),
        &label("dev.encamp.task_id", &task.id),
        &label("com.hashicorp.nomad.alloc_id", &task.alloc_id),
        &label("com.hashicorp.nomad.task_name", &task.name),
        IMAGE,
        "/bin/true",
    ]);
    place.docker.destroy_task(&task.id, true).await.unwrap();
    assert!(!place.cli(&["ps", "-aq", "--no-trunc"]).contains(&made));
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_container_removed_by_somebody_else_ends_the_task_with_a_word_on_it() {
    let place = Place::shared();
    let task = place.task("sleep 1000", &[]);
    place.docker.start_task(task.clone()).await.unwrap();
    let id = place.docker.inspect_task(&task.id).await.unwrap().attributes["container_id"].clone();
    place.cli(&["rm", "-f", &id]);
    let exit = tokio::time::timeout(SOON, place.docker.wait_task(&task.id))
        .await
        .unwrap()
        .unwrap();
    // The engine may have told the kill before the removal.
    assert!(exit.err.is_some_and(|text| text.contains("removed")) || exit.exit_code == 137);
    place.docker.destroy_task(&task.id, false).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn an_image_that_cannot_be_had_says_so() {
    let place = Place::shared();
    let task = place.task("true", &[("image", Value::from("127.0.0.1:1/nothing:1"))]);
    let mut events = place.docker.task_events().await.unwrap();
    let error = place.docker.start_task(task).await.unwrap_err();
    assert!(error.is_recoverable(), "nobody listens there: {}", error.chain());
    let event = events.next().await.unwrap().unwrap();
    assert_eq!(event.message, "Downloading image");
    assert_eq!(event.annotations["image"], "127.0.0.1:1/nothing:1");
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn volumes_stay_in_the_allocation() {
    let place = Place::shared();
    std::fs::create_dir_all(place.dir.path().join("t/local")).unwrap();
    std::os::unix::fs::symlink("/etc", place.dir.path().join("t/local/escape")).unwrap();
    for outside in ["/etc:/x", "../../..:/x", "local/escape:/x", "local/../../../:/x"] {
        let task = place.task("true", &[("volumes", Value::tuple([outside]))]);
        let error = place.docker.start_task(task).await.unwrap_err();
        assert!(
            !error.is_recoverable() && error.to_string().contains("allocation"),
            "{outside}: {error}"
        );
    }
    let inside = Value::tuple(["local/new:/x", "../alloc:/shared:ro"]);
    let task = place.task(
        "echo kept >/x/file; test -d /shared/logs && ! touch /shared/y",
        &[("volumes", inside)],
    );
    let exit = run(&place, &task).await;
    assert_eq!(exit.exit_code, 0, "{}", place.text("stderr"));
    assert_eq!(
        std::fs::read_to_string(place.dir.path().join("t/local/new/file")).unwrap(),
        "kept\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a docker engine"]
async fn a_volume_that_is_exchanged_for_a_link_all_the_time_never_leads_out_of_the_allocation() {
    let place = Place::shared();
    let shared = place.dir.path().join("alloc");
    let task = |n: u32| {
        let script = "echo seen: $(cat /x/mark)";
        let mut task = place.task(script, &[("volumes", Value::tuple(["../alloc/data:/x"]))]);
        task.id = format!("{}/t/{n:08x}", task.alloc_id);
        task
    };
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("mark"), "outside").unwrap();
    std::fs::create_dir_all(shared.join("data")).unwrap();
    std::fs::write(shared.join("data/mark"), "inside").unwrap();
    std::os::unix::fs::symlink(outside.path(), shared.join("link")).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let exchanging = std::thread::spawn({
        let (stop, shared) = (Arc::clone(&stop), shared.clone());
        move || {
            while !stop.load(Ordering::Relaxed) {
                let (data, link) = (shared.join("data"), shared.join("link"));
                renameat2(AT_FDCWD, &data, AT_FDCWD, &link, RenameFlags::RENAME_EXCHANGE).unwrap();
                pause(Duration::from_millis(1));
            }
        }
    });
    let (mut started, mut n) = (0, 0);
    while started < 10 {
        n += 1;
        let task = task(n);
        match place.docker.start_task(task.clone()).await {
            Ok(_) => {
                place.docker.wait_task(&task.id).await.unwrap();
                place.docker.destroy_task(&task.id, true).await.unwrap();
                started += 1;
            }
            // The link was there when we looked.
            Err(error) => assert!(error.to_string().contains("allocation"), "{}", error.chain()),
        }
    }
    stop.store(true, Ordering::Relaxed);
    exchanging.join().unwrap();
    assert_eq!(place.text("stdout"), "seen: inside\n".repeat(started));
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(!mounts.contains(&place.dir.path().display().to_string()), "{mounts}");
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_kill_for_want_of_memory_is_told_also_of_a_child_unless_the_task_succeeds_all_the_same() {
    let place = Place::shared();
    let hog = "dd if=/dev/zero of=/dev/null bs=200M count=1";
    let exec = format!("exec {hog}");
    let fails = format!("{hog}; exit 3");
    let recovers = format!("{hog}; exit 0");
    for (script, expected) in [
        (&exec, (137, 9, true)),
        (&fails, (3, 0, true)),
        (&recovers, (0, 0, false)),
    ] {
        let mut task = place.task(script, &[]);
        task.resources.memory_mb = 16;
        let exit = run(&place, &task).await;
        assert_eq!((exit.exit_code, exit.signal, exit.oom_killed), expected, "{script}");
        place.docker.destroy_task(&task.id, false).await.unwrap();
    }
    let chosen = run(&place, &place.task("exit 137", &[])).await;
    assert_eq!((chosen.exit_code, chosen.signal, chosen.oom_killed), (137, 0, false));
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn usage_is_told_again_and_again() {
    let place = Place::shared();
    let task = place.task("while :; do :; done", &[]);
    place.docker.start_task(task.clone()).await.unwrap();
    let mut stats = place.docker.task_stats(&task.id, Duration::from_secs(1)).await.unwrap();
    let mut busiest: f64 = 0.0;
    for _ in 0..4 {
        let sample = tokio::time::timeout(SOON, stats.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        assert!(sample.total.memory.usage > 0);
        busiest = busiest.max(sample.total.cpu.percent);
    }
    assert!(busiest > 10.0, "a busy loop used {busiest} %");
    place.docker.destroy_task(&task.id, true).await.unwrap();
    let end = async { while stats.next().await.is_some() {} };
    tokio::time::timeout(SOON, end)
        .await
        .expect("the stream ends with the task");
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn the_engine_is_fingerprinted_at_once() {
    let place = Place::shared();
    let mut looks = place.docker.fingerprint().await.unwrap();
    let look = tokio::time::timeout(SOON, looks.next())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert_eq!(look.health, Health::Healthy);
    assert_eq!(look.attributes["driver.docker"], Attribute::from(true));
    assert_eq!(look.attributes["driver.docker.os_type"], Attribute::from("linux"));
}
