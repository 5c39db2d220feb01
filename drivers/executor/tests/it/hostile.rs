//! Clients that misbehave, and readers that do.

use std::fs;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use encamp_executor::{Event, Output};
use nix::sys::stat::Mode;

use crate::support::{Bed, eventually, within};

fn connect(bed: &Bed) -> UnixStream {
    UnixStream::connect(bed.state().join("control.sock")).unwrap()
}

fn frame(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap().to_le_bytes();
    [&length[..], text.as_bytes()].concat()
}

#[tokio::test]
async fn clients_that_send_nonsense_disturb_nobody_else() {
    let bed = Bed::new();
    let process = bed.launch("sleep 60").await;
    let messages: [&[u8]; 6] = [
        &[1],
        &[255, 255, 255, 255, 1, 2, 3],
        &[10, 0, 0, 0, b'"'],
        &frame("{}"),
        &frame(r#"{"exec":{"command":"sh","args":[],"env":[],"tty":null}}"#),
        &frame(&"[".repeat(100_000)),
    ];
    let mut clients = Vec::new();
    for message in messages {
        let mut client = connect(&bed);
        // It may have hung up already.
        drop(client.write_all(message));
        clients.push(client);
    }
    let output = process
        .exec(&["/bin/echo".into(), "still here".into()], Duration::from_secs(10))
        .await
        .unwrap();
    assert_eq!(output.output, b"still here\n");
    process.destroy(true).await.unwrap();
}

#[tokio::test]
async fn clients_that_only_connect_do_not_lock_others_out() {
    let bed = Bed::new();
    let process = bed.launch("sleep 60").await;
    let clients: Vec<UnixStream> = (0..200).map(|_| connect(&bed)).collect();
    within("a signal", process.signal(0)).await.unwrap();
    drop(clients);
    process.destroy(true).await.unwrap();
}

#[tokio::test]
async fn a_client_that_never_reads_is_dropped_and_the_task_is_not() {
    let bed = Bed::new();
    let process = bed.launch("sleep 60").await;
    let mut client = connect(&bed);
    client.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
    let request = frame(r#""status""#);
    let mut is_dropped = false;
    for _ in 0..100_000 {
        if client.write_all(&request).is_err() {
            is_dropped = true;
            break;
        }
    }
    assert!(is_dropped);
    within("a signal", process.signal(0)).await.unwrap();
    process.destroy(true).await.unwrap();
}

fn fifos(bed: &Bed) -> Output {
    let (stdout, stderr) = (bed.logs().join("out"), bed.logs().join("err"));
    for path in [&stdout, &stderr] {
        nix::unistd::mkfifo(path, Mode::from_bits_truncate(0o600)).unwrap();
    }
    Output::Fifo { stdout, stderr }
}

#[tokio::test]
async fn named_pipes_carry_the_output_to_their_reader() {
    let bed = Bed::new();
    let mut plan = bed.script("echo out; sleep 0.1; echo more; echo err >&2");
    plan.output = fifos(&bed);
    let reading = tokio::task::spawn_blocking({
        let path = bed.logs().join("out");
        move || fs::read_to_string(path).unwrap()
    });
    let process = bed.executor.launch("a/task/1", &plan).await.unwrap();
    within("the end", process.wait()).await;
    assert_eq!(within("the reader", reading).await.unwrap(), "out\nmore\n");
    process.destroy(false).await.unwrap();
}

#[tokio::test]
async fn a_task_whose_named_pipe_nobody_reads_goes_on_and_the_loss_is_counted() {
    let bed = Bed::new();
    let mut plan = bed.script("head -c 1000000 /dev/zero; echo done > finished");
    plan.output = fifos(&bed);
    let process = bed.executor.launch("a/task/1", &plan).await.unwrap();
    let mut events = process.events();
    let event = within("an event", events.next()).await.unwrap();
    assert!(
        matches!(&event, Event::LogWriteFailed { lost, reason, .. } if *lost > 0 && reason.contains("nobody")),
        "{event:?}"
    );
    eventually("the task's own end", || {
        if bed.dir.path().join("finished").exists() {
            Ok(())
        } else {
            Err("not there")
        }
    })
    .await;
    let exit = within("the end", process.wait()).await;
    // What fits into the pipe was delivered, if to nobody.
    assert!(exit.exit_code == 0 && exit.output_lost > 800_000, "{exit:?}");
    process.destroy(false).await.unwrap();
}

#[tokio::test]
async fn a_named_pipe_that_is_something_else_is_refused() {
    let bed = Bed::new();
    let mut plan = bed.script("exit 0");
    let path = bed.logs().join("file");
    fs::write(&path, "precious").unwrap();
    plan.output = Output::Fifo {
        stdout: path.clone(),
        stderr: "/dev/null".into(),
    };
    let error = bed.executor.launch("a/task/1", &plan).await.unwrap_err();
    assert!(error.to_string().contains("not a named pipe"), "{error}");
    assert_eq!(fs::read_to_string(path).unwrap(), "precious");
}

/// Sets the soft limit only, so that it can be taken back.
fn limit_descriptors(pid: i32, soft: &str) {
    let mut prlimit = std::process::Command::new("prlimit");
    prlimit.args(["--pid", &pid.to_string(), &format!("--nofile={soft}:")]);
    assert!(prlimit.status().unwrap().success());
}

/// Processor time, in ticks of 10 ms.
fn ticks(pid: i32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    fields
        .split(' ')
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().unwrap())
        .sum()
}

#[tokio::test]
async fn a_supervising_process_without_descriptors_does_not_spin_and_lets_clients_in_later() {
    let bed = Bed::new();
    let process = bed.launch("exec sleep 60").await;
    let keeper = crate::support::supervisor(&bed.state());
    // The first that is free: `poll` refuses more descriptors than the limit.
    let is_free = |fd: &u32| !std::path::Path::new(&format!("/proc/{keeper}/fd/{fd}")).exists();
    let free = (0..1024).find(is_free).unwrap();
    limit_descriptors(keeper, &free.to_string());
    let asking = tokio::spawn({
        let process = process.clone();
        async move { process.status().await }
    });
    let before = ticks(keeper);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let used = ticks(keeper) - before;
    assert!(used < 20, "{used} ticks of 100");
    limit_descriptors(keeper, "1024");
    let status = within("an answer", asking).await.unwrap();
    assert!(matches!(status, Ok(None)), "{status:?}");
    process.destroy(true).await.unwrap();
}
