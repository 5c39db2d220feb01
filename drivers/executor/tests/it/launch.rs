//! From a launch to an exit.

use std::fs;
use std::path::PathBuf;

use encamp_executor::{AdoptError, Executor, LaunchError, Output, Plan, Program, Step};

use crate::support::{Bed, eventually, program, within};

#[track_caller]
fn check_exit(script: &str, exit_code: i32, signal: i32) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let bed = Bed::new();
        let process = bed.launch(script).await;
        let exit = within("the end", process.wait()).await;
        assert_eq!(
            (exit.exit_code, exit.signal, exit.err),
            (exit_code, signal, None),
            "{script}"
        );
        process.destroy(false).await.unwrap();
    });
}

#[test]
fn exit_codes_and_signals_are_reported_as_they_were() {
    check_exit("exit 0", 0, 0);
    check_exit("exit 43", 43, 0);
    check_exit("kill -TERM $$", 128 + 15, 15);
    check_exit("kill -KILL $$", 128 + 9, 9);
    // A real-time signal has no name in many tables.
    check_exit("kill -34 $$", 128 + 34, 34);
}

#[tokio::test]
async fn output_goes_to_its_files_and_both_exist_from_the_start() {
    let bed = Bed::new();
    let process = bed.launch("echo out; echo err >&2").await;
    assert!(bed.logs().join("task.stdout.0").exists() && bed.logs().join("task.stderr.0").exists());
    let exit = within("the end", process.wait()).await;
    assert_eq!(exit.output_lost, 0);
    assert_eq!(bed.stdout(), "out\n");
    assert_eq!(fs::read_to_string(bed.logs().join("task.stderr.0")).unwrap(), "err\n");
    process.destroy(false).await.unwrap();
    assert!(!bed.state().exists());
}

#[tokio::test]
async fn the_task_has_its_own_environment_directory_and_no_descriptor_of_ours() {
    let bed = Bed::new();
    let mut plan = bed.script("env; pwd; ls -l /proc/self/fd | wc -l; grep Sig[BI] /proc/self/status");
    plan.env.push("COLOUR=green".into());
    let process = bed.executor.launch("a/task/1", &plan).await.unwrap();
    within("the end", process.wait()).await;
    let text = bed.stdout();
    assert!(text.contains("COLOUR=green\n") && !text.contains("CARGO"), "{text}");
    assert!(text.contains(&format!("{}\n", bed.dir.path().display())), "{text}");
    // 0, 1, 2, the listed directory itself, and the line "total 0".
    assert!(text.contains("\n5\n"), "{text}");
    assert!(
        text.contains("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"),
        "{text}"
    );
    process.destroy(false).await.unwrap();
}

#[tokio::test]
async fn waiting_again_and_later_gives_the_same_exit() {
    let bed = Bed::new();
    let process = bed.launch("exit 7").await;
    let other = process.clone();
    let (one, two) = within("the end", async { tokio::join!(process.wait(), other.wait()) }).await;
    assert_eq!((&one, one.exit_code), (&two, 7));
    let adopted = bed.executor.adopt("a/task/1").await.unwrap();
    assert_eq!(within("the end", adopted.wait()).await, one);
    assert_eq!(adopted.started_at(), process.started_at());
    process.destroy(false).await.unwrap();
    adopted.destroy(false).await.unwrap();
    assert!(matches!(
        bed.executor.adopt("a/task/1").await,
        Err(AdoptError::NotFound { .. })
    ));
}

#[tokio::test]
async fn a_second_launch_of_the_same_id_is_refused_and_harms_nothing() {
    let bed = Bed::new();
    let process = bed.launch("sleep 60").await;
    let again = bed.executor.launch("a/task/1", &bed.script("exit 0")).await;
    assert!(matches!(again, Err(LaunchError::Exists { .. })), "{again:?}");
    assert!(process.exit().is_none());
    process.destroy(true).await.unwrap();
}

#[tokio::test]
async fn no_zombie_is_left_by_supervising_processes_that_nobody_waited_for() {
    let bed = Bed::new();
    for id in ["a", "b", "c"] {
        let process = bed.executor.launch(id, &bed.script("exit 0")).await.unwrap();
        within("the end", process.wait()).await;
        drop(process);
    }
    eventually("no zombies", || {
        let zombies = zombie_children();
        if zombies.is_empty() { Ok(()) } else { Err(zombies) }
    })
    .await;
}

/// Zombies among this process's children that were supervising processes.
fn zombie_children() -> Vec<String> {
    let us = std::process::id().to_string();
    let stats = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    stats
        .filter(|stat| stat.contains(&format!(") Z {us} ")) && stat.contains("encamp-exec"))
        .collect()
}

async fn failure(change: impl FnOnce(&mut Plan, &Bed)) -> (String, bool) {
    let bed = Bed::new();
    let mut plan = bed.script("exit 0");
    change(&mut plan, &bed);
    let error = within("the refusal", bed.executor.launch("a/task/1", &plan))
        .await
        .unwrap_err();
    assert!(!bed.state().exists(), "a failed launch leaves nothing behind");
    (error.to_string(), error.is_recoverable())
}

#[tokio::test]
async fn a_command_that_does_not_exist_is_named_with_the_places_it_was_looked_for() {
    let (text, is_recoverable) = failure(|plan, _| plan.command = "no-such-command".into()).await;
    assert!(
        text.contains("\"no-such-command\" not found") && text.contains("/usr/bin/no-such-command"),
        "{text}"
    );
    assert!(text.contains("/local/no-such-command") && !is_recoverable, "{text}");
}

#[tokio::test]
async fn a_command_that_is_not_executable_is_left_as_it_is_and_named() {
    let (text, is_recoverable) = failure(|plan, bed| {
        fs::write(bed.dir.path().join("script.sh"), "#!/bin/sh\n").unwrap();
        plan.command = "script.sh".into();
    })
    .await;
    assert!(
        text.contains("/script.sh may not be executed") && text.contains("chmod +x"),
        "{text}"
    );
    assert!(!is_recoverable);
}

#[tokio::test]
async fn a_command_without_its_interpreter_or_of_no_known_format_is_told_apart() {
    let with_content = |content: &'static str| {
        move |plan: &mut Plan, bed: &Bed| {
            use std::os::unix::fs::PermissionsExt;
            let path = bed.dir.path().join("program");
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            plan.command = path.display().to_string();
            plan.task_dir = "/nowhere".into();
        }
    };
    let (text, _) = failure(with_content("#!/no/such/interpreter\n")).await;
    assert!(text.contains("interpreter"), "{text}");
    let (text, _) = failure(with_content("just text\n")).await;
    assert!(text.contains("not a program of this machine"), "{text}");
}

#[tokio::test]
async fn a_missing_work_directory_log_directory_or_namespace_is_named() {
    let (text, _) = failure(|plan, _| plan.work_dir = "/no/such/dir".into()).await;
    assert!(text.contains("work directory /no/such/dir does not exist"), "{text}");
    let (text, _) = failure(|plan, _| plan.network_namespace = Some("/no/such/netns".into())).await;
    assert!(
        text.contains("network namespace /no/such/netns does not exist"),
        "{text}"
    );
    let missing = Output::Files {
        dir: "/no/such/logs".into(),
        name: "t".into(),
        max_files: 1,
        max_file_size: 1,
    };
    let (text, _) = failure(|plan, _| plan.output = missing).await;
    assert!(text.contains("/no/such/logs/t.stdout.0"), "{text}");
}

#[tokio::test]
async fn a_supervising_program_that_is_none_is_an_error_and_no_hang() {
    let dir = tempfile::tempdir().unwrap();
    let attempt = |program: &str| {
        let executor = Executor::new(Program::new(program), dir.path().join("state"));
        async move { executor.launch("x", &Plan::new("/bin/true")).await.unwrap_err() }
    };
    assert!(matches!(attempt("/no/such/program").await, LaunchError::Program { .. }));
    let error = attempt("/bin/true").await;
    assert!(matches!(error, LaunchError::Supervisor { .. }), "{error}");
}

#[tokio::test]
async fn a_state_directory_path_longer_than_a_socket_address_works() {
    let bed = Bed::new();
    let long: PathBuf = std::iter::repeat_n("deep-directory-name", 20).collect();
    let executor = Executor::new(program(), bed.dir.path().join(long));
    let process = executor
        .launch(&"long-id/".repeat(60), &bed.script("exit 3"))
        .await
        .unwrap();
    assert_eq!(within("the end", process.wait()).await.exit_code, 3);
    process.destroy(false).await.unwrap();
}

#[tokio::test]
async fn a_plan_of_megabytes_arrives_whole() {
    let bed = Bed::new();
    let mut plan = bed.script("env | wc -c");
    // Below what the kernel lets a program have in all, and in one piece.
    plan.env
        .extend((0..20).map(|n| format!("BIG{n}={}", "x".repeat(65_000))));
    let process = bed.executor.launch("a/task/1", &plan).await.unwrap();
    within("the end", process.wait()).await;
    let length: usize = bed.stdout().trim().parse().unwrap();
    assert!(length > 1_300_000, "{length}");
    process.destroy(false).await.unwrap();
}

#[tokio::test]
async fn what_a_failed_launch_reports_names_its_step() {
    let bed = Bed::new();
    let plan = Plan {
        command: String::new(),
        ..bed.script("")
    };
    let error = bed.executor.launch("a/task/1", &plan).await.unwrap_err();
    assert!(
        matches!(&error, LaunchError::Task(failure) if failure.step == Step::Lookup),
        "{error:?}"
    );
}
