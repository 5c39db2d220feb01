//! Exec sessions, with and without a terminal.

use std::time::Duration;

use encamp_driver::{ExitResult, TerminalSize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout};

use super::exec::{host, run};
use crate::conformance::Verdict;
use crate::conformance::ground::{Ground, Task, patience, within};
use crate::conformance::report::{Checked, During as _, ensure, require};
use crate::{Said, Session};

const NO_TERMINALS: &str = "the driver does not claim terminals";
const SIZE: TerminalSize = TerminalSize { height: 24, width: 80 };

async fn finish(session: Session) -> Result<Said, Verdict> {
    within("the session", session.finish()).await?.during("the session")
}

async fn type_in(session: &mut Session, text: &str) -> Checked {
    let stdin = session
        .stdin
        .as_mut()
        .ok_or_else(|| Verdict::Failed("no input".to_owned()))?;
    let typed = within("input", stdin.write_all(text.as_bytes())).await?;
    typed.map_err(|error| Verdict::Failed(format!("input is not taken: {error}")))
}

/// Reads until this was said.
async fn hear(session: &mut Session, text: &str) -> Checked {
    let mut heard = Vec::new();
    let hearing = async {
        while !String::from_utf8_lossy(&heard).contains(text) {
            match session.stdout.read_u8().await {
                Ok(byte) => heard.push(byte),
                Err(_) => return false,
            }
        }
        true
    };
    let is_heard = timeout(patience(), hearing).await == Ok(true);
    ensure!(
        is_heard,
        "the session does not say {text:?}, but {:?}",
        String::from_utf8_lossy(&heard)
    );
    Ok(())
}

fn said(said: &Said, stdout: &str, stderr: &str, code: i32) -> Checked {
    let expected = Said {
        stdout: stdout.to_owned(),
        stderr: stderr.to_owned(),
        exit: ExitResult::code(code),
    };
    ensure!(*said == expected, "it says {said:?} where {expected:?} is right");
    Ok(())
}

pub(super) async fn session_gives_both_outputs_and_the_exit_code(ground: &Ground) -> Checked {
    let task = host(ground).await?;
    let session = ground.session(&task, "echo out; echo err >&2; exit 12", None);
    said(&finish(session).await?, "out\n", "err\n", 12)
}

pub(super) async fn session_streams_output(ground: &Ground) -> Checked {
    let task = host(ground).await?;
    let mut session = ground.session(&task, "echo first; read line; echo second; exit 0", None);
    hear(&mut session, "first\n").await?;
    type_in(&mut session, "go\n").await?;
    said(&finish(session).await?, "second\n", "", 0)
}

pub(super) async fn session_without_a_terminal_has_none(ground: &Ground) -> Checked {
    let task = host(ground).await?;
    let script = "for n in 0 1 2; do test -t $n && echo $n is a terminal; done; exit 0";
    said(&finish(ground.session(&task, script, None)).await?, "", "", 0)
}

pub(super) async fn session_passes_input_and_its_end(ground: &Ground) -> Checked {
    let task = host(ground).await?;
    let mut session = ground.session(&task, "cat; exit 4", None);
    type_in(&mut session, "hello\n").await?;
    hear(&mut session, "hello\n").await?;
    type_in(&mut session, "more").await?;
    session.stdin = None;
    said(&finish(session).await?, "more", "", 4)
}

pub(super) async fn session_of_a_missing_command_leaves_the_task_alone(ground: &Ground) -> Checked {
    let task = host(ground).await?;
    let mut session = Session::start(ground.driver(), task.id(), &["/no/such/command"], None);
    let exit = within("the session", session.exit()).await?;
    let is_failure = exit.as_ref().map_or(true, |exit| exit.exit_code != 0);
    ensure!(is_failure, "it is reported as {exit:?}");
    ground.still_runs(&task).await
}

pub(super) async fn session_that_is_left_kills_the_command(ground: &Ground) -> Checked {
    let task = host(ground).await?;
    let mut session = ground.session(&task, "echo pid $$ .; exec sleep 45", None);
    let mut heard = String::new();
    while !heard.contains(" .") {
        let byte = within("the session's output", session.stdout.read_u8()).await?;
        heard.push(
            byte.map_err(|error| Verdict::Failed(format!("the session ends: {error}")))?
                .into(),
        );
    }
    let pid = heard.trim_start_matches("pid ").trim_end_matches(" .").to_owned();
    drop(session);
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let look = format!("kill -0 {pid}");
        let looked = run(ground, &task, &look, Duration::from_secs(10))
            .await
            .during("exec_task")?;
        if looked.exit.exit_code != 0 {
            return ground.still_runs(&task).await;
        }
        ensure!(Instant::now() < end, "the command {pid} lives on");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Nothing is read for a while, and then all: 20 MiB in all, of which the driver has taken a part only.
pub(super) async fn session_that_nobody_reads_is_held_up(ground: &Ground) -> Checked {
    const TOTAL: usize = 20 << 20;
    let task = host(ground).await?;
    let mut session = ground.session(
        &task,
        "head -c 20971520 /dev/zero; echo done >&2; read line; exit 0",
        None,
    );
    let early = timeout(Duration::from_secs(2), session.stderr.read_u8()).await;
    ensure!(
        early.is_err(),
        "20 MiB are taken from the command, though nobody reads them"
    );
    let mut total = 0;
    let mut piece = vec![0; 64 * 1024];
    while total < TOTAL {
        let read = within("more output", session.stdout.read(&mut piece)).await?;
        let read = read.map_err(|error| Verdict::Failed(format!("after {total} bytes: {error}")))?;
        ensure!(read > 0, "the output ends after {total} bytes");
        total += read;
    }
    type_in(&mut session, "go\n").await?;
    said(&finish(session).await?, "", "done\n", 0)
}

async fn terminal(ground: &Ground, script: &str) -> Result<(Task, Session), Verdict> {
    require!(ground.claims.terminals, NO_TERMINALS);
    let task = host(ground).await?;
    let session = ground.session(&task, script, Some(SIZE));
    Ok((task, session))
}

pub(super) async fn terminal_session_gives_output_and_the_exit_code(ground: &Ground) -> Checked {
    let (_task, session) = terminal(ground, "echo out; echo err >&2; exit 12").await?;
    said(&finish(session).await?, "out\r\nerr\r\n", "", 12)
}

pub(super) async fn terminal_session_streams_output(ground: &Ground) -> Checked {
    let (_task, mut session) = terminal(ground, "stty -echo; echo first; read line; echo second; exit 0").await?;
    hear(&mut session, "first\r\n").await?;
    type_in(&mut session, "go\n").await?;
    said(&finish(session).await?, "second\r\n", "", 0)
}

pub(super) async fn terminal_session_has_the_latest_size(ground: &Ground) -> Checked {
    let (_task, mut session) = terminal(ground, "stty -echo; echo ready; read line; stty size; exit 0").await?;
    hear(&mut session, "ready\r\n").await?;
    for (height, width) in [(30, 100), (40, 120)] {
        let sent = within("a new size", session.resize.send(TerminalSize { height, width })).await?;
        ensure!(sent.is_ok(), "nobody takes new sizes");
    }
    // The sizes have a way of their own.
    tokio::time::sleep(Duration::from_millis(500)).await;
    type_in(&mut session, "go\n").await?;
    said(&finish(session).await?, "40 120\r\n", "", 0)
}

pub(super) async fn terminal_session_passes_input(ground: &Ground) -> Checked {
    let (_task, mut session) =
        terminal(ground, "stty -echo; echo ready; read line; echo got $line; cat; exit 5").await?;
    hear(&mut session, "ready\r\n").await?;
    type_in(&mut session, "hello\n").await?;
    hear(&mut session, "got hello\r\n").await?;
    // The end of input, as people type it.
    type_in(&mut session, "more\n\x04").await?;
    said(&finish(session).await?, "more\r\n", "", 5)
}

pub(super) async fn terminal_session_ends_before_its_children(ground: &Ground) -> Checked {
    let (_task, session) = terminal(ground, "(trap '' HUP; sleep 30) & echo from main; sleep 1; exit 6").await?;
    let start = Instant::now();
    let result = finish(session).await?;
    ensure!(
        start.elapsed() < Duration::from_secs(10),
        "it takes {:?}",
        start.elapsed()
    );
    said(&result, "from main\r\n", "", 6)
}
