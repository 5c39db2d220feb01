//! Commands inside a task.

use std::time::{Duration, Instant};

use encamp_driver::{Driver, Error, ExecIo, ExecOptions, ExitResult, TaskConfig, TerminalSize};
use encamp_hclspec::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::mpsc;

use crate::support::{Place, until_async};

const SOON: Duration = Duration::from_secs(20);

async fn sleeper(place: &Place) -> TaskConfig {
    let task = place.task("sleep 1000", &[]);
    place.docker.start_task(task.clone()).await.unwrap();
    task
}

fn words(script: &str) -> Vec<String> {
    ["/bin/sh", "-c", script].map(str::to_owned).to_vec()
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_commands_output_and_status_come_back_complete() {
    let place = Place::shared();
    let task = sleeper(&place).await;
    let script = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo $i; done; echo err >&2; exit 43";
    let output = place.docker.exec_task(&task.id, &words(script), SOON).await.unwrap();
    assert_eq!(output.exit.exit_code, 43);
    crate::support::assert_counted(&output.stdout, 20_000);
    assert_eq!(output.stderr, b"err\n");
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_command_that_outlives_its_deadline_is_killed() {
    let place = Place::shared();
    let task = sleeper(&place).await;
    let begun = Instant::now();
    let command = ["sleep", "777"].map(str::to_owned);
    let error = place
        .docker
        .exec_task(&task.id, &command, Duration::from_secs(1))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::DeadlineExceeded(_)), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    until_async(SOON, "the end of the command", || {
        let left = running(b"sleep\x00777\x00");
        if left == 0 { Ok(()) } else { Err(format!("{left} left")) }
    })
    .await;
}

/// How many processes of the machine, those in containers included, have this command line.
fn running(command: &[u8]) -> usize {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| line == command).count()
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_command_that_is_not_there_leaves_the_task_alone() {
    let place = Place::shared();
    let task = sleeper(&place).await;
    let output = place.docker.exec_task(&task.id, &["/no/such".to_owned()], SOON).await;
    match output {
        Ok(output) => assert!(matches!(output.exit.exit_code, 126 | 127), "{output:?}"),
        Err(error) => assert!(!error.is_recoverable(), "{}", error.chain()),
    }
    assert!(
        place
            .docker
            .exec_task(&task.id, &words("true"), SOON)
            .await
            .unwrap()
            .exit
            .successful()
    );
}

/// The caller's end of a session.
struct Session {
    stdin: DuplexStream,
    stdout: DuplexStream,
    stderr: DuplexStream,
    resize: mpsc::Sender<TerminalSize>,
}

fn session() -> (Session, ExecIo) {
    let (stdin, their_stdin) = tokio::io::duplex(4096);
    let (stdout, their_stdout) = tokio::io::duplex(4096);
    let (stderr, their_stderr) = tokio::io::duplex(4096);
    let (resize, sizes) = mpsc::channel(4);
    let io = ExecIo {
        stdin: Box::pin(their_stdin),
        stdout: Box::pin(their_stdout),
        stderr: Box::pin(their_stderr),
        resize: sizes,
    };
    let session = Session {
        stdin,
        stdout,
        stderr,
        resize,
    };
    (session, io)
}

/// Runs a session whose input is `input` and then its end.
async fn play(place: &Place, id: &str, tty: Option<TerminalSize>, script: &str, input: &[u8]) -> (ExitResult, Vec<u8>) {
    let (mut ours, io) = session();
    let options = ExecOptions {
        command: words(script),
        tty,
    };
    let talk = async {
        ours.stdin.write_all(input).await.unwrap();
        ours.stdin.shutdown().await.unwrap();
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let both = tokio::join!(
            ours.stdout.read_to_end(&mut stdout),
            ours.stderr.read_to_end(&mut stderr)
        );
        both.0.unwrap();
        [stdout, stderr].concat()
    };
    let run = place.docker.exec_task_streaming(id, options, io);
    let (exit, output) = tokio::time::timeout(SOON, async { tokio::join!(run, talk) })
        .await
        .unwrap();
    (exit.unwrap(), output)
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_session_passes_input_its_end_and_all_output() {
    let place = Place::shared();
    let task = sleeper(&place).await;
    let (exit, output) = play(&place, &task.id, None, "cat; echo end; exit 5", b"one\ntwo\n").await;
    assert_eq!(exit.exit_code, 5);
    assert_eq!(String::from_utf8_lossy(&output), "one\ntwo\nend\n");

    let script = "i=0; while [ $i -lt 50000 ]; do i=$((i+1)); echo $i; done";
    let (_, output) = play(&place, &task.id, None, script, b"").await;
    crate::support::assert_counted(&output, 50_000);
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_terminal_has_its_size_and_loses_no_byte() {
    let place = Place::shared();
    let task = sleeper(&place).await;
    let size = TerminalSize { height: 40, width: 120 };
    // What a guess at the framing would eat.
    // Older engines set the size a moment after the start.
    let script = "printf '\\001abcdefghij'; until stty size 2>&1 | grep [0-9]; do :; done; exit 9";
    let (exit, output) = play(&place, &task.id, Some(size), script, b"").await;
    assert_eq!(exit.exit_code, 9);
    let text = String::from_utf8_lossy(&output);
    assert!(text.contains("\u{1}abcdefghij"), "{text:?}");
    assert!(text.contains("40 120\r\n"), "{text:?}");
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_terminal_can_be_resized() {
    let place = Place::shared();
    let task = sleeper(&place).await;
    let (mut ours, io) = session();
    let options = ExecOptions {
        command: words("trap 'stty size' WINCH; echo up; while :; do sleep 0.1; done"),
        tty: Some(TerminalSize { height: 10, width: 10 }),
    };
    let watch = async {
        let mut seen = Vec::new();
        let mut sent = false;
        loop {
            ours.stdout.read_buf(&mut seen).await.unwrap();
            let text = String::from_utf8_lossy(&seen).into_owned();
            if text.contains("up") && !std::mem::replace(&mut sent, true) {
                ours.resize.send(TerminalSize { height: 33, width: 99 }).await.unwrap();
            }
            if text.contains("33 99") {
                return;
            }
        }
    };
    let run = place.docker.exec_task_streaming(&task.id, options, io);
    tokio::time::timeout(SOON, async {
        tokio::select! {
            exit = run => panic!("ended: {exit:?}"),
            () = watch => {}
        }
    })
    .await
    .expect("the new size arrives");
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_tasks_own_terminal_is_collected_raw() {
    let place = Place::shared();
    let task = place.task("printf '\\001one\\ntwo'", &[("tty", Value::from(true))]);
    let exit = crate::support::run(&place, &task).await;
    assert_eq!(exit.exit_code, 0);
    assert_eq!(place.text("stdout"), "\u{1}one\r\ntwo");
}
