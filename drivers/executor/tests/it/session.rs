//! Commands inside a task.

use std::time::{Duration, Instant};

use encamp_executor::{Process, SessionError, SessionExit, SessionIo, TerminalSize};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;

use crate::support::{Bed, announced_pid, eventually, is_gone, within};

fn shell(script: &str) -> Vec<String> {
    ["/bin/sh", "-c", script].map(String::from).to_vec()
}

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_command_gives_its_output_and_exit_code() {
    let bed = Bed::new();
    let process = bed.launch("sleep 60").await;
    let output = process
        .exec(&shell("echo out; echo err >&2; pwd; exit 43"), MINUTE)
        .await
        .unwrap();
    let expected = format!("out\nerr\n{}\n", bed.dir.path().display());
    assert_eq!(String::from_utf8(output.output).unwrap(), expected);
    assert_eq!(
        output.exit,
        SessionExit {
            exit_code: 43,
            signal: 0
        }
    );
    let killed = process.exec(&shell("kill -TERM $$"), MINUTE).await.unwrap();
    assert_eq!(
        killed.exit,
        SessionExit {
            exit_code: 143,
            signal: 15
        }
    );
    process.destroy(true).await.unwrap();
}

#[tokio::test]
async fn short_commands_lose_nothing_of_what_they_say() {
    let bed = Bed::new();
    let process = bed.launch("sleep 60").await;
    let echo = ["/bin/echo", "hi"].map(String::from);
    for round in 0..400 {
        let output = process.exec(&echo, MINUTE).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&output.output), "hi\n", "round {round}");
        let (io, ends) = session();
        let (exit, out) = tokio::join!(process.exec_streaming(&echo, None, io), read_all(ends.stdout));
        assert_eq!((exit.unwrap().exit_code, out.as_str()), (0, "hi\n"), "round {round}");
    }
    process.destroy(true).await.unwrap();
}

#[tokio::test]
async fn a_background_process_that_keeps_talking_does_not_hold_a_command_open() {
    let bed = Bed::new();
    let process = bed.launch("sleep 60").await;
    let output = within("the command", process.exec(&shell("yes & echo first"), MINUTE))
        .await
        .unwrap();
    assert_eq!(output.exit.exit_code, 0);
    process.destroy(true).await.unwrap();
}

#[tokio::test]
async fn only_the_last_of_much_output_is_kept() {
    let bed = Bed::new();
    let process = bed.launch("sleep 60").await;
    let script = "i=0; while [ $i -lt 30000 ]; do echo line $i; i=$((i+1)); done";
    let output = within("the command", process.exec(&shell(script), MINUTE))
        .await
        .unwrap();
    assert_eq!(output.output.len(), encamp_executor::EXEC_OUTPUT_LIMIT);
    assert!(output.output.ends_with(b"line 29999\n") && output.dropped > 0);
    process.destroy(true).await.unwrap();
}

#[tokio::test]
async fn a_command_that_outlives_its_deadline_is_killed_with_all_it_started() {
    let bed = Bed::new();
    let process = bed.launch("sleep 60").await;
    let script = format!(
        "sleep 60 & echo pid=$! > {}; wait",
        bed.logs().join("task.stdout.0").display()
    );
    let before = Instant::now();
    let error = process
        .exec(&shell(&script), Duration::from_millis(500))
        .await
        .unwrap_err();
    assert!(matches!(error, SessionError::DeadlineExceeded(_)), "{error}");
    assert!(before.elapsed() < Duration::from_secs(5));
    is_gone(announced_pid(&bed).await).await;
    process.destroy(true).await.unwrap();
}

#[tokio::test]
async fn a_command_that_does_not_exist_is_an_error_of_that_session_only() {
    let bed = Bed::new();
    let process = bed.launch("sleep 60").await;
    let error = process.exec(&["no-such-command".into()], MINUTE).await.unwrap_err();
    assert!(error.to_string().contains("not found"), "{error}");
    assert!(matches!(process.exec(&[], MINUTE).await, Err(SessionError::Empty)));
    assert!(process.exec(&shell("exit 0"), MINUTE).await.is_ok());
    assert!(process.exit().is_none());
    process.destroy(true).await.unwrap();
}

#[tokio::test]
async fn sessions_of_a_task_that_ends_end_with_it() {
    let bed = Bed::new();
    let process = bed.launch("sleep 0.3").await;
    let output = within("the session", process.exec(&shell("sleep 60"), MINUTE))
        .await
        .unwrap();
    assert_eq!(output.exit.signal, 9);
    within("the end", process.wait()).await;
    assert!(process.exec(&shell("exit 0"), MINUTE).await.is_err());
    process.destroy(false).await.unwrap();
}

#[tokio::test]
async fn every_session_is_told_its_end_when_the_task_ends() {
    let bed = Bed::new();
    let process = bed.launch("while [ ! -e go ]; do sleep 0.01; done").await;
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let process = process.clone();
        running.spawn(async move { process.exec(&shell("touch here.$$; exec sleep 60"), MINUTE).await });
    }
    let here = || std::fs::read_dir(bed.dir.path()).unwrap().flatten();
    let is_here = |name: std::ffi::OsString| name.to_string_lossy().starts_with("here.");
    eventually("all sessions", || {
        match here().filter(|entry| is_here(entry.file_name())).count() {
            20 => Ok(()),
            count => Err(count),
        }
    })
    .await;
    std::fs::write(bed.dir.path().join("go"), "").unwrap();
    for output in within("all sessions", running.join_all()).await {
        assert_eq!(output.unwrap().exit.signal, 9);
    }
    process.destroy(true).await.unwrap();
}

#[tokio::test]
async fn many_sessions_run_beside_each_other() {
    let bed = Bed::new();
    let process = bed.launch("sleep 60").await;
    let mut running = tokio::task::JoinSet::new();
    for number in 0..20 {
        let process = process.clone();
        running.spawn(async move {
            let output = process
                .exec(&shell(&format!("sleep 0.1; echo {number}; exit {number}")), MINUTE)
                .await
                .unwrap();
            assert_eq!(output.output, format!("{number}\n").into_bytes());
            assert_eq!(output.exit.exit_code, number);
        });
    }
    within("all sessions", running.join_all()).await;
    process.destroy(true).await.unwrap();
}

/// The far ends of a session.
struct Ends {
    stdin: DuplexStream,
    stdout: DuplexStream,
    stderr: DuplexStream,
    sizes: mpsc::Sender<TerminalSize>,
}

fn session() -> (SessionIo, Ends) {
    let (stdin, near_in) = duplex(1024);
    let (near_out, stdout) = duplex(1024);
    let (near_err, stderr) = duplex(1024);
    let (sizes, mut resizes) = mpsc::channel(4);
    let io = SessionIo {
        stdin: Box::pin(near_in),
        stdout: Box::pin(near_out),
        stderr: Box::pin(near_err),
        resize: Box::pin(futures_util::stream::poll_fn(move |context| resizes.poll_recv(context))),
    };
    (
        io,
        Ends {
            stdin,
            stdout,
            stderr,
            sizes,
        },
    )
}

async fn read_all(mut from: DuplexStream) -> String {
    let mut text = String::new();
    from.read_to_string(&mut text).await.unwrap();
    text
}

async fn read_until(from: &mut DuplexStream, wanted: &str) -> String {
    let mut text = String::new();
    let mut byte = [0; 256];
    while !text.contains(wanted) {
        let length = within(wanted, from.read(&mut byte)).await.unwrap();
        assert!(length > 0, "ended without {wanted:?}: {text:?}");
        text.push_str(&String::from_utf8_lossy(&byte[..length]));
    }
    text
}

fn start(
    process: &Process,
    script: &str,
    tty: Option<TerminalSize>,
    io: SessionIo,
) -> tokio::task::JoinHandle<Result<SessionExit, SessionError>> {
    let (process, command) = (process.clone(), shell(script));
    tokio::spawn(async move { process.exec_streaming(&command, tty, io).await })
}

#[tokio::test]
async fn streams_carry_input_to_its_end_and_keep_the_outputs_apart() {
    let bed = Bed::new();
    let process = bed.launch("sleep 60").await;
    let (io, mut ends) = session();
    let running = start(&process, "cat; echo done >&2; exit 3", None, io);
    ends.stdin.write_all(b"hello ").await.unwrap();
    assert_eq!(read_until(&mut ends.stdout, "hello ").await, "hello ");
    ends.stdin.write_all(b"world").await.unwrap();
    // The half-close: cat ends, its output does not.
    drop(ends.stdin);
    let (out, err) = within("the output", async {
        tokio::join!(read_all(ends.stdout), read_all(ends.stderr))
    })
    .await;
    assert_eq!((out.as_str(), err.as_str()), ("world", "done\n"));
    assert_eq!(
        within("the exit", running).await.unwrap().unwrap(),
        SessionExit {
            exit_code: 3,
            signal: 0
        }
    );
    process.destroy(true).await.unwrap();
}

#[tokio::test]
async fn all_output_is_written_before_the_exit_is_told_however_slow_the_reader() {
    let bed = Bed::new();
    let process = bed.launch("sleep 60").await;
    let (io, ends) = session();
    let running = start(&process, "head -c 1000000 /dev/zero | tr '\\0' x", None, io);
    let out = within("the output", read_all(ends.stdout)).await;
    assert_eq!(out.len(), 1_000_000);
    assert_eq!(within("the exit", running).await.unwrap().unwrap().exit_code, 0);
    process.destroy(true).await.unwrap();
}

#[tokio::test]
async fn a_background_process_of_a_session_does_not_hold_it_open() {
    let bed = Bed::new();
    let process = bed.launch("sleep 60").await;
    for tty in [None, Some(TerminalSize { height: 24, width: 80 })] {
        let (io, ends) = session();
        let running = start(&process, "sleep 30 & echo started", tty, io);
        let out = within("the output", read_all(ends.stdout)).await;
        assert_eq!(out.trim_end(), "started");
        within("the exit", running).await.unwrap().unwrap();
    }
    process.destroy(true).await.unwrap();
}

#[tokio::test]
async fn a_terminal_has_its_size_and_follows_resizes() {
    let bed = Bed::new();
    let process = bed.launch("sleep 60").await;
    let (io, mut ends) = session();
    let size = TerminalSize { height: 40, width: 120 };
    let running = start(&process, "stty size; read line; stty size; tty; exit 5", Some(size), io);
    read_until(&mut ends.stdout, "40 120\r\n").await;
    for (height, width) in [(10, 20), (100, 101)] {
        ends.sizes.send(TerminalSize { height, width }).await.unwrap();
    }
    // The sizes were taken, if not yet set: the line is typed until the last has arrived.
    while ends.sizes.capacity() < 4 {
        tokio::task::yield_now().await;
    }
    ends.stdin.write_all(b"go\n").await.unwrap();
    let text = within("the output", read_all(ends.stdout)).await;
    assert!(text.contains("100 101\r\n") && text.contains("/dev/pts/"), "{text:?}");
    assert_eq!(within("the exit", running).await.unwrap().unwrap().exit_code, 5);
    process.destroy(true).await.unwrap();
}

#[tokio::test]
async fn the_end_of_input_ends_what_reads_from_a_terminal() {
    let bed = Bed::new();
    let process = bed.launch("sleep 60").await;
    let (io, mut ends) = session();
    let running = start(&process, "cat; exit 8", Some(TerminalSize { height: 1, width: 1 }), io);
    ends.stdin.write_all(b"typed\n").await.unwrap();
    read_until(&mut ends.stdout, "typed\r\ntyped\r\n").await;
    drop(ends.stdin);
    assert_eq!(within("the exit", running).await.unwrap().unwrap().exit_code, 8);
    process.destroy(true).await.unwrap();
}

#[tokio::test]
async fn without_a_terminal_there_is_none() {
    let bed = Bed::new();
    let process = bed.launch("sleep 60").await;
    let output = process.exec(&shell("stty size || exit 11"), MINUTE).await.unwrap();
    assert_eq!(output.exit.exit_code, 11);
    process.destroy(true).await.unwrap();
}

#[tokio::test]
async fn a_dropped_session_kills_its_command_and_what_that_started() {
    let bed = Bed::new();
    let process = bed.launch("sleep 60").await;
    for tty in [None, Some(TerminalSize { height: 24, width: 80 })] {
        let (io, mut ends) = session();
        // Job control puts the child into a process group of its own.
        let running = start(
            &process,
            "set -m; trap '' HUP; sh -c 'trap \"\" HUP; echo pid=$$.; while :; do sleep 1; done' & wait",
            tty,
            io,
        );
        let text = read_until(&mut ends.stdout, ".").await;
        let pid = text.split(['=', '.']).nth(1).unwrap().parse().unwrap();
        running.abort();
        is_gone(pid).await;
    }
    process.destroy(true).await.unwrap();
}

#[tokio::test]
async fn a_session_whose_output_nobody_reads_any_more_ends_with_its_command() {
    let bed = Bed::new();
    let process = bed.launch("sleep 60").await;
    for tty in [None, Some(TerminalSize { height: 24, width: 80 })] {
        let (io, mut ends) = session();
        // The broken pipe itself ends no shell that ignores it.
        let script = "trap '' PIPE; echo pid=$$.; while :; do echo more 2>/dev/null; done";
        let running = start(&process, script, tty, io);
        let text = read_until(&mut ends.stdout, ".").await;
        let pid = text.split(['=', '.']).nth(1).unwrap().parse().unwrap();
        drop(ends.stdout);
        let error = within("the end", running).await.unwrap().unwrap_err();
        let is_broken = |error: &std::io::Error| error.kind() == std::io::ErrorKind::BrokenPipe;
        assert!(matches!(&error, SessionError::Io(error) if is_broken(error)), "{error}");
        is_gone(pid).await;
    }
    process.destroy(true).await.unwrap();
}

#[tokio::test]
async fn a_dropped_session_kills_also_what_left_its_session() {
    let bed = Bed::new();
    let process = bed.launch("sleep 60").await;
    let (io, mut ends) = session();
    let script = "setsid sh -c 'echo pid=$$.; while :; do sleep 1; done' & sleep 60";
    let running = start(&process, script, None, io);
    let text = read_until(&mut ends.stdout, ".").await;
    let pid = text.split(['=', '.']).nth(1).unwrap().parse().unwrap();
    running.abort();
    is_gone(pid).await;
    process.destroy(true).await.unwrap();
}
