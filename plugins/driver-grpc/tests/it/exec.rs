//! Exec sessions: what comes through, what ends them, and how much is held on the way.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use encamp_driver::{Error, ExecIo, ExecOptions, ExitResult, Result, TerminalSize};
use encamp_proto::driver as wire;
use encamp_proto::driver::driver_client::DriverClient;
use encamp_testkit::Session;
use futures_util::{StreamExt as _, future, stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;

use super::*;

type Call = (String, ExecOptions, ExecIo);

const MIB: u64 = 1024 * 1024;

/// A task that runs sessions in this way.
async fn running<F>(session: impl Fn(Call) -> F + Send + Sync + 'static) -> Loopback
where
    F: Future<Output = Result<ExitResult>> + Send + 'static,
{
    behind_a_wire(ScriptedDriver::new().on_exec_task_streaming(session)).await
}

fn session(plugin: &Loopback) -> Session {
    Session::start(shared(plugin), "a/b/c", &["sh", "-c", ""], None)
}

fn size(height: u16, width: u16) -> TerminalSize {
    TerminalSize { height, width }
}

/// Says back what it is told, until there is no more.
async fn echo((_, _, mut io): Call) -> Result<ExitResult> {
    let copied = tokio::io::copy(&mut io.stdin, &mut io.stdout).await;
    copied.map_err(|error| Error::fatal("cannot copy").because(error))?;
    Ok(ExitResult::code(0))
}

#[tokio::test]
async fn a_session_has_its_task_its_command_and_its_terminal() {
    for tty in [None, Some(size(50, 132))] {
        let seen = Arc::new(Mutex::new(None));
        let see = Arc::clone(&seen);
        let plugin = running(move |(id, options, mut io): Call| {
            let see = Arc::clone(&see);
            async move {
                let first = if options.tty.is_some() {
                    io.resize.recv().await
                } else {
                    None
                };
                *see.lock().unwrap() = Some((id, options.command, options.tty.is_some(), first));
                Ok(ExitResult::code(0))
            }
        })
        .await;
        let mut session = Session::start(shared(&plugin), "a/b/c", &["sh", "-c", ""], tty);
        within("the exit", session.exit()).await.unwrap();
        let expected = ["sh", "-c", ""].map(str::to_owned).to_vec();
        assert_eq!(
            seen.lock().unwrap().take().unwrap(),
            ("a/b/c".to_owned(), expected, tty.is_some(), tty)
        );
    }
}

#[tokio::test]
async fn both_outputs_and_the_exit_come_back() {
    for exit in [ExitResult::code(0), ExitResult::code(12), ExitResult::signal(9)] {
        let ended = exit.clone();
        let plugin = running(move |(_, _, mut io): Call| {
            let ended = ended.clone();
            async move {
                io.stdout.write_all(b"out").await.unwrap();
                io.stderr.write_all(b"err").await.unwrap();
                Ok(ended)
            }
        })
        .await;
        let said = within("the exit", session(&plugin).finish()).await.unwrap();
        assert_eq!(
            (said.stdout.as_str(), said.stderr.as_str(), said.exit),
            ("out", "err", exit)
        );
    }
}

#[tokio::test]
async fn output_arrives_while_the_command_runs() {
    let plugin = running(|(_, _, mut io): Call| async move {
        io.stdout.write_all(b"first").await.unwrap();
        future::pending().await
    })
    .await;
    let mut session = session(&plugin);
    let mut first = [0; 5];
    within("output", session.stdout.read_exact(&mut first)).await.unwrap();
    assert_eq!(&first, b"first");
}

#[tokio::test]
async fn input_arrives_while_it_is_written_and_so_does_its_end() {
    let plugin = running(echo).await;
    let mut session = session(&plugin);
    let mut said = [0; 5];
    for line in [b"one\n..", b"two\n.."] {
        session.stdin.as_mut().unwrap().write_all(&line[..5]).await.unwrap();
        within("the echo", session.stdout.read_exact(&mut said)).await.unwrap();
        assert_eq!(said, line[..5]);
    }
    session.stdin = None;
    assert_eq!(within("the exit", session.exit()).await.unwrap(), ExitResult::code(0));
}

#[tokio::test]
async fn a_command_that_reads_no_input_ends_all_the_same() {
    let plugin = running(|_| future::ok(ExitResult::code(7))).await;
    let mut session = session(&plugin);
    let mut stdin = session.stdin.take().unwrap();
    let flood = tokio::spawn(async move { while stdin.write_all(&[b'x'; 4096]).await.is_ok() {} });
    assert_eq!(within("the exit", session.exit()).await.unwrap(), ExitResult::code(7));
    within("the end of the input", flood).await.unwrap();
}

#[tokio::test]
async fn sizes_arrive_in_order() {
    let plugin = running(|(_, _, mut io): Call| async move {
        for expected in [size(24, 80), size(10, 20), size(u16::MAX, 1)] {
            assert_eq!(io.resize.recv().await, Some(expected));
        }
        Ok(ExitResult::code(0))
    })
    .await;
    let mut session = Session::start(shared(&plugin), "id", &["sh"], Some(size(24, 80)));
    session.resize.send(size(10, 20)).await.unwrap();
    session.resize.send(size(u16::MAX, 1)).await.unwrap();
    assert_eq!(within("the exit", session.exit()).await.unwrap(), ExitResult::code(0));
}

#[tokio::test]
async fn sizes_that_a_command_never_looks_at_do_not_hold_up_its_input() {
    let plugin = running(echo).await;
    let mut session = Session::start(shared(&plugin), "id", &["cat"], Some(size(24, 80)));
    for height in 0..100 {
        session.resize.send(size(height, 80)).await.unwrap();
    }
    let mut stdin = session.stdin.take().unwrap();
    stdin.write_all(b"hello").await.unwrap();
    drop(stdin);
    let said = within("the echo", session.finish()).await.unwrap();
    assert_eq!(said.stdout, "hello");
}

#[tokio::test]
async fn a_command_that_looks_late_finds_the_newest_size() {
    let (look, late) = oneshot::channel::<()>();
    let late = Mutex::new(Some(late));
    let plugin = running(move |(_, _, mut io): Call| {
        let late = late.lock().unwrap().take().unwrap();
        async move {
            late.await.unwrap();
            while io.resize.recv().await != Some(size(99, 80)) {}
            Ok(ExitResult::code(0))
        }
    })
    .await;
    let mut session = Session::start(shared(&plugin), "id", &["sh"], Some(size(24, 80)));
    for height in 0..100 {
        session.resize.send(size(height, 80)).await.unwrap();
    }
    look.send(()).unwrap();
    assert_eq!(within("the exit", session.exit()).await.unwrap(), ExitResult::code(0));
}

#[tokio::test]
async fn a_session_that_cannot_start_says_why() {
    let plugin = running(|(id, ..): Call| future::err(Error::TaskNotFound(id))).await;
    let error = within("the answer", session(&plugin).exit()).await.unwrap_err();
    assert!(matches!(&error, Error::TaskNotFound(id) if id == "a/b/c"), "{error:?}");
}

#[tokio::test]
async fn a_driver_that_panics_in_a_session_is_an_error() {
    let plugin = running(|_| async { panic!("no") }).await;
    let mut session = session(&plugin);
    within("the answer", session.exit()).await.unwrap_err();
    within("the next call", plugin.driver().inspect_task("id"))
        .await
        .unwrap();
}

/// Says when it is dropped.
struct Killed(Arc<AtomicBool>);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A command that never ends, that it runs, and that it was killed.
async fn endless() -> (Loopback, oneshot::Receiver<()>, Arc<AtomicBool>) {
    let killed = Arc::new(AtomicBool::new(false));
    let (runs, is_running) = oneshot::channel();
    let (mark, runs) = (Arc::clone(&killed), Mutex::new(Some(runs)));
    let plugin = running(move |call: Call| {
        let held = (Killed(Arc::clone(&mark)), call);
        if let Some(runs) = runs.lock().unwrap().take() {
            runs.send(()).unwrap();
        }
        async move {
            let _held = held;
            future::pending().await
        }
    })
    .await;
    (plugin, is_running, killed)
}

#[tokio::test]
async fn a_session_that_its_user_leaves_kills_the_command() {
    let (plugin, is_running, killed) = endless().await;
    let session = session(&plugin);
    within("the command", is_running).await.unwrap();
    drop(session);
    poll("killed", || killed.load(Ordering::SeqCst), |killed| *killed).await;
}

#[tokio::test]
async fn a_session_whose_host_dies_kills_the_command() {
    let (plugin, is_running, killed) = endless().await;
    let _session = session(&plugin);
    within("the command", is_running).await.unwrap();
    plugin.cable().cut();
    poll("killed", || killed.load(Ordering::SeqCst), |killed| *killed).await;
}

/// How much of an endless flood is taken while nobody takes it further.
async fn stalled(taken: &AtomicU64) -> u64 {
    let mut last = u64::MAX;
    let mut same = 0;
    poll(
        "a stop",
        || {
            let now = taken.load(Ordering::SeqCst);
            same = if now == last && now > 0 { same + 1 } else { 0 };
            last = now;
            (same, now)
        },
        |(same, _)| *same > 60,
    )
    .await
    .1
}

#[tokio::test]
async fn output_that_nobody_reads_holds_up_the_command() {
    let taken = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&taken);
    let plugin = running(move |(_, _, mut io): Call| {
        let count = Arc::clone(&count);
        async move {
            while let Ok(written) = io.stdout.write(&[b'y'; 8192]).await {
                count.fetch_add(written as u64, Ordering::SeqCst);
            }
            Ok(ExitResult::code(0))
        }
    })
    .await;
    let session = session(&plugin);
    let held = stalled(&taken).await;
    assert!(held < 4 * MIB, "{held} bytes are held");
    drop(session);
}

#[tokio::test]
async fn input_that_the_command_does_not_read_holds_up_its_user() {
    let plugin = running(|call: Call| async move {
        let _held = call;
        future::pending().await
    })
    .await;
    let mut session = session(&plugin);
    let taken = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&taken);
    let mut stdin = session.stdin.take().unwrap();
    let flood = tokio::spawn(async move {
        while let Ok(written) = stdin.write(&[b'y'; 8192]).await {
            count.fetch_add(written as u64, Ordering::SeqCst);
        }
    });
    let held = stalled(&taken).await;
    assert!(held < 4 * MIB, "{held} bytes are held");
    flood.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_nobody_reads_hold_up_no_other_call() {
    let taken = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&taken);
    let plugin = running(move |(_, _, mut io): Call| {
        let count = Arc::clone(&count);
        async move {
            while let Ok(written) = io.stdout.write(&[b'y'; 8192]).await {
                count.fetch_add(written as u64, Ordering::SeqCst);
            }
            Ok(ExitResult::code(0))
        }
    })
    .await;
    let sessions: Vec<_> = (0..20).map(|_| session(&plugin)).collect();
    stalled(&taken).await;
    within("an answer", plugin.driver().inspect_task("id")).await.unwrap();
    let mut one = session(&plugin);
    within("output", one.stdout.read_u8()).await.unwrap();
    drop(sessions);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_whose_commands_read_nothing_hold_up_no_other_call() {
    let plugin = running(|call: Call| async move {
        let _held = call;
        future::pending().await
    })
    .await;
    let taken = Arc::new(AtomicU64::new(0));
    let mut sessions = Vec::new();
    for _ in 0..20 {
        let mut session = session(&plugin);
        let (mut stdin, count) = (session.stdin.take().unwrap(), Arc::clone(&taken));
        tokio::spawn(async move {
            while let Ok(written) = stdin.write(&[b'y'; 8192]).await {
                count.fetch_add(written as u64, Ordering::SeqCst);
            }
        });
        sessions.push(session);
    }
    stalled(&taken).await;
    within("an answer", plugin.driver().inspect_task("id")).await.unwrap();
    drop(sessions);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_mebibytes_come_through_both_ways_unchanged() {
    const TOTAL: u64 = 100 * MIB;
    let plugin = running(echo).await;
    let mut session = session(&plugin);
    let mut stdin = session.stdin.take().unwrap();
    let pattern = |at: u64| u8::try_from(at % 251).unwrap();
    let writing = tokio::spawn(async move {
        let mut at = 0;
        while at < TOTAL {
            let piece: Vec<u8> = (at..(at + 65_536).min(TOTAL)).map(pattern).collect();
            stdin.write_all(&piece).await.unwrap();
            at += piece.len() as u64;
        }
    });
    let (mut at, mut piece) = (0, vec![0; 65_536]);
    while at < TOTAL {
        let read = within("more output", session.stdout.read(&mut piece)).await.unwrap();
        assert!(read > 0, "the end at {at}");
        let wrong = piece[..read]
            .iter()
            .zip(at..)
            .position(|(byte, at)| *byte != pattern(at));
        assert_eq!(wrong, None, "after {at} bytes");
        at += read as u64;
    }
    writing.await.unwrap();
    assert_eq!(within("the exit", session.exit()).await.unwrap(), ExitResult::code(0));
}

#[tokio::test]
async fn a_deadline_holds_against_a_driver_that_ignores_it() {
    let plugin = behind_a_wire(ScriptedDriver::new().on_exec_task(|_| future::pending())).await;
    let deadline = Duration::from_secs(1);
    let start = Instant::now();
    let answer = plugin.driver().exec_task("id", &["sleep".to_owned()], deadline).await;
    assert!(
        matches!(answer, Err(Error::DeadlineExceeded(time)) if time == deadline),
        "{answer:?}"
    );
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_session_is_over_with_its_exit_whoever_keeps_its_output() {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&kept);
    let plugin = running(move |(_, _, io): Call| {
        keep.lock().unwrap().push(io.stdout);
        future::ok(ExitResult::code(3))
    })
    .await;
    let setup = wire::ExecTaskStreamingRequest {
        setup: Some(wire::exec_task_streaming_request::Setup {
            command: vec!["sh".to_owned()],
            ..wire::exec_task_streaming_request::Setup::default()
        }),
        ..wire::ExecTaskStreamingRequest::default()
    };
    let requests = stream::iter([setup]).chain(stream::pending());
    let mut client = DriverClient::new(plugin.cable().channel());
    let answers = client.exec_task_streaming(requests).await.unwrap().into_inner();
    let answers: Vec<_> = within("the end", answers.map(Result::unwrap).collect()).await;
    assert!(answers.last().unwrap().exited);
    let mut stdout = kept.lock().unwrap().pop().unwrap();
    within("the word", stdout.write_all(b"late")).await.unwrap_err();
}
