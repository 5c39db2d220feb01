//! Every check finds the fault that it is there for: a good driver with one fault in it.

use std::time::{Duration, SystemTime};

use encamp_driver::{
    Capabilities, Error, ExecOutput, ExitResult, Fingerprint, PluginInfo, StartedTask, TaskConfig, TaskState,
};
use encamp_testkit::ScriptedDriver;
use encamp_testkit::conformance::Verdict;
use futures_util::{StreamExt as _, future, stream};

use super::*;
use crate::raw_exec::{Subjected, subject};

type Good = Arc<dyn Driver>;
type Fault = fn(ScriptedDriver, Good) -> ScriptedDriver;

/// A good driver with a fault in it.
struct Faulty {
    good: Subjected,
    fault: Fault,
}

#[async_trait]
impl Subject for Faulty {
    async fn driver(&self) -> Arc<dyn Driver> {
        let good = self.good.driver().await;
        let driver = ScriptedDriver::over(&good);
        Arc::new((self.fault)(driver, good))
    }

    fn config(&self, words: &[&str]) -> Value {
        self.good.config(words)
    }

    fn plugin_config(&self) -> Value {
        self.good.plugin_config()
    }
}

async fn finds(collection: &'static str, check: &str, fault: Fault) {
    let good = subject(collection);
    let impatient = suite(Faulty { good, fault }).patience(Duration::from_secs(3));
    let report = impatient.only(check).run().await;
    let outcome = report.outcomes.iter().find(|outcome| outcome.name == check);
    let verdict = outcome.map(|outcome| &outcome.verdict);
    assert!(matches!(verdict, Some(Verdict::Failed(_))), "{check} says {verdict:?}");
}

macro_rules! faults {
    ($($check:ident $(with $collection:literal)?: $fault:expr;)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $check() {
            let collection = ["driver" $(, $collection)?];
            finds(collection[collection.len() - 1], stringify!($check), $fault).await;
        })*
    };
}

/// An end that is reported as another one.
fn ending(driver: ScriptedDriver, good: Good, change: fn(ExitResult) -> ExitResult) -> ScriptedDriver {
    driver.on_wait_task(move |(id,)| {
        let good = Arc::clone(&good);
        async move { good.wait_task(&id).await.map(change) }
    })
}

/// A start of another task than the one that was asked for.
fn starting(driver: ScriptedDriver, good: Good, change: fn(TaskConfig) -> TaskConfig) -> ScriptedDriver {
    driver.on_start_task(move |(task,)| {
        let good = Arc::clone(&good);
        async move { good.start_task(change(task)).await }
    })
}

/// Sessions whose caller is somebody else.
fn in_session(
    driver: ScriptedDriver,
    good: Good,
    change: fn(&mut encamp_driver::ExecOptions, &mut encamp_driver::ExecIo),
) -> ScriptedDriver {
    driver.on_exec_task_streaming(move |(id, mut options, mut io)| {
        let good = Arc::clone(&good);
        change(&mut options, &mut io);
        async move { good.exec_task_streaming(&id, options, io).await }
    })
}

/// As if there were nothing to read, or nobody to write for.
fn nowhere() -> std::pin::Pin<Box<tokio::io::Sink>> {
    Box::pin(tokio::io::sink())
}

faults! {
    info_names_a_driver: |driver, _| driver.with_info(PluginInfo::driver("raw_exec", "latest"));
    fingerprint_comes_at_once_and_stays_open: |driver, _| {
        driver.on_fingerprint(|()| future::ok(stream::iter([Ok(Fingerprint::healthy([]))]).boxed()))
    };
    events_stay_open: |driver, _| driver.on_task_events(|()| future::ok(stream::empty().boxed()));
    configuration_can_be_set_again: |driver, good| {
        let asked = std::sync::atomic::AtomicBool::new(false);
        driver.on_set_config(move |config| {
            let good = Arc::clone(&good);
            let again = asked.swap(true, std::sync::atomic::Ordering::SeqCst);
            async move {
                if again {
                    return Err(encamp_driver::ConfigError::new("enabled", "is set already"));
                }
                good.set_config(config).await
            }
        })
    };
    schemas_survive_the_wire: |driver, _| driver.on_task_config_schema(|()| {
        let nested = encamp_hclspec::Spec::object::<String>([]);
        future::ok(encamp_hclspec::Spec::object([("port", encamp_hclspec::Spec::block_tuple("port", nested))]))
    });
    capabilities_stay_the_same: |driver, good| {
        driver.on_capabilities(move |()| {
            let good = Arc::clone(&good);
            async move {
                let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos();
                Ok(Capabilities {
                    network_isolation_modes: vec![encamp_driver::NetworkIsolationMode::Host; nanos as usize % 9973],
                    ..good.capabilities().await?
                })
            }
        })
    };
    capabilities_that_are_missing_are_unsupported: |driver, _| {
        driver.on_create_network(|_| future::ok((encamp_driver::NetworkIsolation::default(), true)))
    };
    start_gives_a_record_and_the_task_runs: |driver, good| {
        driver.on_start_task(move |(task,)| {
            let good = Arc::clone(&good);
            async move { good.start_task(task).await.map(|_| StartedTask::new(Vec::new())) }
        })
    };
    start_of_a_started_task_is_refused: |driver, good| {
        driver.on_start_task(move |(task,)| {
            let good = Arc::clone(&good);
            async move { Ok(good.start_task(task).await.unwrap_or_else(|_| StartedTask::new(vec![1]))) }
        })
    };
    wait_gives_exit_codes: |driver, good| ending(driver, good, |exit| ExitResult {
        err: (exit.exit_code != 0).then(|| "it failed".to_owned()),
        ..exit
    });
    wait_is_answered_often_and_after_the_end: |driver, good| {
        let asked = std::sync::atomic::AtomicUsize::new(0);
        driver.on_wait_task(move |(id,)| {
            let good = Arc::clone(&good);
            let is_late = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) >= 8;
            async move {
                let exit = good.wait_task(&id).await?;
                if is_late { Err(Error::TaskNotFound(id)) } else { Ok(exit) }
            }
        })
    };
    wait_that_is_given_up_harms_nobody: |driver, good| {
        let asked = std::sync::atomic::AtomicUsize::new(0);
        driver.on_wait_task(move |(id,)| {
            let good = Arc::clone(&good);
            let is_second = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) > 0;
            async move { if is_second { Err(Error::fatal("channel closed")) } else { good.wait_task(&id).await } }
        })
    };
    inspect_of_an_ended_task_says_how_it_ended: |driver, good| {
        driver.on_inspect_task(move |(id,)| {
            let good = Arc::clone(&good);
            async move {
                let mut status = good.inspect_task(&id).await?;
                if status.state == TaskState::Exited {
                    status.state = TaskState::Unknown;
                }
                Ok(status)
            }
        })
    };
    destroy_of_a_running_task_needs_force: |driver, good| {
        driver.on_destroy_task(move |(id, _)| {
            let good = Arc::clone(&good);
            async move { good.destroy_task(&id, true).await }
        })
    };
    destroy_of_an_ended_task_forgets_it: |driver, _| driver.on_destroy_task(|_| future::ok(()));
    destroy_by_force_ends_waits: |driver, _| driver.on_wait_task(|_| future::pending());
    unknown_tasks_are_not_found: |driver, _| driver.on_stop_task(|_| future::ok(()));
    start_of_a_missing_command_fails_or_exits: |driver, good| {
        ending(driver, good, |_| ExitResult::code(0)).on_start_task(|_| future::ok(StartedTask::new(vec![1]))).on_wait_task(
            |_| future::ok(ExitResult::code(0)),
        )
    };
    many_tasks_run_at_once: |driver, good| ending(driver, good, |_| ExitResult::code(0));
    stop_lets_the_task_end_itself: |driver, good| {
        driver.on_stop_task(move |(id, _, _)| {
            let good = Arc::clone(&good);
            async move { good.stop_task(&id, Duration::ZERO, Some("SIGKILL")).await }
        })
    };
    stop_kills_after_its_timeout: |driver, good| ending(driver, good, |exit| ExitResult {
        err: Some("error waiting on process: client connection is closing".to_owned()),
        exit_code: -1,
        signal: 0,
        ..exit
    });
    stop_without_a_signal_ends_the_task: |driver, _| driver.on_stop_task(|(_, _, signal)| async move {
        signal.map(drop).ok_or_else(|| Error::fatal("no signal"))
    });
    stop_of_an_ended_task_succeeds: |driver, _| driver.on_stop_task(|(id, ..)| future::err(Error::TaskNotFound(id)));
    signals_arrive: |driver, _| driver.on_signal_task(|_| future::ok(()));
    signal_that_kills_is_how_the_task_ended: |driver, good| ending(driver, good, |exit| ExitResult {
        signal: 0,
        ..exit
    });
    unknown_signals_are_refused: |driver, _| driver.on_signal_task(|_| future::ok(()));
    stats_come_at_once_and_every_interval: |driver, good| {
        driver.on_task_stats(move |(id, interval)| {
            let good = Arc::clone(&good);
            async move { Ok(good.task_stats(&id, interval).await?.take(1).boxed()) }
        })
    };
    stats_end_with_the_task: |driver, good| {
        driver.on_task_stats(move |(id, interval)| {
            let good = Arc::clone(&good);
            async move { Ok(good.task_stats(&id, interval).await?.chain(stream::pending()).boxed()) }
        })
    };
    exec_gives_output_and_exit_code: |driver, _| driver.on_exec_task(|_| future::ok(ExecOutput::default()));
    exec_of_a_missing_command_leaves_the_task_alone: |driver, good| {
        driver.on_exec_task(move |(id, command, timeout)| {
            let good = Arc::clone(&good);
            async move {
                let answer = good.exec_task(&id, &command, timeout).await;
                if answer.as_ref().map_or(true, |output| output.exit.exit_code != 0) {
                    good.stop_task(&id, Duration::ZERO, Some("SIGKILL")).await?;
                }
                answer
            }
        })
    };
    exec_holds_its_deadline: |driver, good| {
        driver.on_exec_task(move |(id, command, _)| {
            let good = Arc::clone(&good);
            async move { good.exec_task(&id, &command, Duration::from_secs(10)).await }
        })
    };
    exec_in_an_ended_task_fails: |driver, _| driver.on_exec_task(|_| future::ok(ExecOutput::default()));
    session_gives_both_outputs_and_the_exit_code: |driver, good| in_session(driver, good, |_, io| io.stderr = nowhere());
    session_streams_output: |driver, good| in_session(driver, good, |_, io| io.stdout = nowhere());
    session_without_a_terminal_has_none: |driver, good| in_session(driver, good, |options, _| {
        options.tty = Some(encamp_driver::TerminalSize { height: 24, width: 80 });
    });
    session_passes_input_and_its_end: |driver, good| in_session(driver, good, |_, io| {
        io.stdin = Box::pin(tokio::io::empty());
    });
    session_of_a_missing_command_leaves_the_task_alone: |driver, _| {
        driver.on_exec_task_streaming(|_| future::ok(ExitResult::code(0)))
    };
    session_that_is_left_kills_the_command: |driver, good| {
        driver.on_exec_task_streaming(move |(id, options, io)| {
            let good = Arc::clone(&good);
            let session = tokio::spawn(async move { good.exec_task_streaming(&id, options, io).await });
            async move { session.await.unwrap() }
        })
    };
    session_that_nobody_reads_is_held_up: |driver, good| in_session(driver, good, |_, io| io.stdout = nowhere());
    terminal_session_gives_output_and_the_exit_code: |driver, good| in_session(driver, good, |options, _| {
        options.tty = None;
    });
    terminal_session_streams_output: |driver, good| in_session(driver, good, |options, _| options.tty = None);
    terminal_session_has_the_latest_size: |driver, good| in_session(driver, good, |_, io| {
        let (lost, mut sizes) = tokio::sync::mpsc::channel(1);
        std::mem::swap(&mut io.resize, &mut sizes);
        tokio::spawn(async move {
            let _lost = lost;
            while sizes.recv().await.is_some() {}
        });
    });
    terminal_session_passes_input: |driver, good| in_session(driver, good, |_, io| {
        io.stdin = Box::pin(tokio::io::empty());
    });
    terminal_session_ends_before_its_children: |driver, good| {
        driver.on_exec_task_streaming(move |(id, options, io)| {
            let good = Arc::clone(&good);
            async move {
                let exit = good.exec_task_streaming(&id, options, io).await;
                tokio::time::sleep(Duration::from_secs(12)).await;
                exit
            }
        })
    };
    recovery_of_a_known_task_changes_nothing: |driver, _| {
        driver.on_recover_task(|(handle,)| future::err(Error::TaskExists(handle.config.id)))
    };
    recovery_of_a_running_task_goes_on_in_the_next_life: |driver, _| {
        driver.on_recover_task(|(handle,)| async move {
            if handle.config.driver_config.is_null() { Err(Error::fatal("no configuration")) } else { Ok(()) }
        })
    };
    recovery_of_an_ended_task_knows_its_end: |driver, good| ending(driver, good, |_| ExitResult::code(-1));
    recovery_finds_what_an_interrupted_start_left: |driver, good| {
        driver.on_recover_task(move |(handle,)| {
            let good = Arc::clone(&good);
            async move {
                if handle.driver_state.is_empty() {
                    return Err(Error::TaskNotFound(handle.config.id));
                }
                good.recover_task(handle).await
            }
        })
    };
    recovery_of_nothing_fails: |driver, _| driver.on_recover_task(|_| future::ok(()));
    output_lands_where_it_should: |driver, good| starting(driver, good, |task| TaskConfig {
        output: encamp_driver::TaskOutput::Discard,
        ..task
    });
    output_of_a_burst_is_complete: |driver, good| starting(driver, good, |task| TaskConfig {
        output: encamp_driver::TaskOutput::Files {
            dir: task.alloc_dir.join("alloc/logs"),
            max_files: 2,
            max_file_size: 100_000,
        },
        ..task
    });
    output_files_are_there_from_the_start: |driver, good| starting(driver, good, |task| TaskConfig {
        output: encamp_driver::TaskOutput::Discard,
        ..task
    });
    output_into_files_is_rotated: |driver, good| starting(driver, good, |task| TaskConfig {
        output: encamp_driver::TaskOutput::Files {
            dir: task.alloc_dir.join("alloc/logs"),
            max_files: 10,
            max_file_size: 1 << 30,
        },
        ..task
    });
    output_into_pipes_arrives with "agent": |driver, good| starting(driver, good, |task| TaskConfig {
        output: encamp_driver::TaskOutput::Discard,
        ..task
    });
    output_that_nobody_wants_holds_up_nobody: |driver, good| starting(driver, good, |task| TaskConfig {
        output: encamp_driver::TaskOutput::Files {
            dir: task.alloc_dir.join("alloc/logs"),
            max_files: 10,
            max_file_size: 1 << 30,
        },
        ..task
    });
}

#[tokio::test]
async fn a_driver_that_panics_fails_its_check_and_no_other() {
    let fault: Fault = |driver, _| driver.on_task_events(|()| async { panic!("no events") });
    let good = subject("driver");
    let report = suite(Faulty { good, fault }).only("stay").run().await;
    let verdicts: Vec<_> = report
        .outcomes
        .iter()
        .map(|outcome| (outcome.name, &outcome.verdict))
        .collect();
    assert_eq!(
        verdicts,
        [
            ("fingerprint_comes_at_once_and_stays_open", &Verdict::Passed),
            ("events_stay_open", &Verdict::Failed("panicked: no events".to_owned())),
            ("capabilities_stay_the_same", &Verdict::Passed),
        ]
    );
}

#[tokio::test]
async fn checks_are_left_out_for_a_reason_and_by_their_right_names() {
    let left_out = |name| async move {
        let all = suite(subject("driver")).only("events").without(name, "it has none");
        all.run().await
    };
    let report = left_out("events_stay_open").await;
    assert_eq!(
        report.to_string(),
        "skipped events_stay_open: it has none\n0 passed, 0 failed, 1 skipped"
    );
    assert!(!report.passed(), "nothing was checked");
    let report = left_out("events_stay_opne").await;
    assert!(
        !report.passed() && report.to_string().contains("there is no such check"),
        "{report}"
    );
}
