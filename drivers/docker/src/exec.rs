//! Commands inside a running container.
//!
//! The engine has no call that ends a command. Where it runs on this machine and we may, the command's first process is
//! killed by its pid, after a look that it belongs to the container; its children, and commands of a distant engine,
//! live on until they notice that nobody listens.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use encamp_driver::{Error, ExecIo, ExecOptions, ExecOutput, ExitResult, Result, TerminalSize};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;

use crate::engine::{Demux, Engine, EngineError, ExecSession, ExecSpec, RawRead};

/// Output of one stream beyond this is an error: it is kept in memory.
const MOST_OUTPUT: usize = 64 * 1024 * 1024;
const CHUNK: usize = 32 * 1024;
/// How long the engine may take to notice that a command has ended after its output did, or to know its pid.
const SETTLE: Duration = Duration::from_secs(10);

/// Runs a command and collects its output.
pub(crate) async fn collect(
    engine: &Arc<dyn Engine>,
    container: &str,
    command: &[String],
    timeout: Duration,
    endings: &TaskTracker,
) -> Result<ExecOutput> {
    let work = async {
        let mut running = Running::start(engine, container, Command::alone(command), endings).await?;
        let (mut stdout, mut stderr) = (Bounded::default(), Bounded::default());
        running.pump(&mut stdout, &mut stderr).await?;
        let exit = running.exit().await?;
        Ok(ExecOutput {
            stdout: stdout.0,
            stderr: stderr.0,
            exit,
        })
    };
    // Dropping the work kills the command.
    tokio::time::timeout(timeout, work)
        .await
        .map_err(|_| Error::DeadlineExceeded(timeout))?
}

/// Runs a command with live streams; its exit is returned after its output was written.
pub(crate) async fn stream(
    engine: &Arc<dyn Engine>,
    container: &str,
    options: ExecOptions,
    io: ExecIo,
    endings: &TaskTracker,
) -> Result<ExitResult> {
    let ExecIo {
        stdin,
        mut stdout,
        mut stderr,
        resize,
    } = io;
    let command = Command {
        words: &options.command,
        stdin: true,
        tty: options.tty,
    };
    let mut running = Running::start(engine, container, command, endings).await?;
    // Ends with this call, whatever the caller's side still has to say.
    let mut helpers = JoinSet::new();
    if let Some(input) = running.input.take() {
        helpers.spawn(feed(stdin, input, options.tty.is_some()));
    }
    if options.tty.is_some() {
        helpers.spawn(resizes(Arc::clone(engine), running.id.clone(), resize));
    }
    running.pump(&mut stdout, &mut stderr).await?;
    running.exit().await
}

/// Passes input on, and its end. A terminal stays open and gets the character that ends input: closing it would take the
/// terminal away from the command.
async fn feed(mut from: Pin<Box<dyn AsyncRead + Send>>, mut to: Box<dyn AsyncWrite + Send + Unpin>, tty: bool) {
    const END_OF_INPUT: &[u8] = &[4];
    // A command that has ended reads no more, which is its own business.
    drop(tokio::io::copy(&mut from, &mut to).await);
    if tty {
        drop(to.write_all(END_OF_INPUT).await);
        std::future::pending::<()>().await;
    }
    drop(to.shutdown().await);
}

async fn resizes(engine: Arc<dyn Engine>, exec: String, mut sizes: mpsc::Receiver<TerminalSize>) {
    while let Some(size) = sizes.recv().await {
        drop(engine.exec_resize(&exec, size).await);
    }
}

/// What to run.
struct Command<'a> {
    words: &'a [String],
    stdin: bool,
    tty: Option<TerminalSize>,
}

impl<'a> Command<'a> {
    /// Without input and terminal.
    fn alone(words: &'a [String]) -> Self {
        Self {
            words,
            stdin: false,
            tty: None,
        }
    }
}

/// A command that runs, and is killed when this is dropped before its end.
struct Running {
    engine: Arc<dyn Engine>,
    container: String,
    id: String,
    tty: bool,
    output: RawRead,
    input: Option<Box<dyn AsyncWrite + Send + Unpin>>,
    ended: bool,
    /// Where the killing is done, so that the driver's end can wait for it.
    endings: TaskTracker,
}

impl Running {
    async fn start(
        engine: &Arc<dyn Engine>,
        container: &str,
        command: Command<'_>,
        endings: &TaskTracker,
    ) -> Result<Self> {
        if command.words.is_empty() {
            return Err(Error::InvalidConfig(
                "a command is needed to run something in a task".to_owned(),
            ));
        }
        let tty = command.tty;
        let spec = ExecSpec {
            command: command.words.to_vec(),
            stdin: command.stdin,
            tty: tty.is_some(),
        };
        let id = engine
            .exec_create(container, &spec)
            .await
            .map_err(|error| cannot("prepare", error))?;
        let session = engine.exec_start(&id, tty).await;
        let ExecSession { output, input } = session.map_err(|error| cannot("start", error))?;
        let running = Self {
            engine: Arc::clone(engine),
            container: container.to_owned(),
            id,
            tty: tty.is_some(),
            output,
            input: Some(input),
            ended: false,
            endings: endings.clone(),
        };
        if let Some(size) = tty {
            // The terminal exists a moment later than the answer does.
            for _ in 0..10 {
                if engine.exec_resize(&running.id, size).await.is_ok() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(running)
    }

    /// Writes all output, until the command's last word.
    async fn pump<W: AsyncWrite + Unpin>(&mut self, stdout: &mut W, stderr: &mut W) -> Result<()> {
        let gone =
            |error: std::io::Error| Error::fatal("the caller takes no more output of the command").because(error);
        let mut chunk = vec![0; CHUNK];
        let mut frames = Demux::default();
        loop {
            let read = self.output.read(&mut chunk).await;
            let read = read.map_err(|error| Error::recoverable("lost the command's output").because(error))?;
            let bytes = chunk.get(..read).unwrap_or_default();
            if self.tty {
                stdout.write_all(bytes).await.map_err(gone)?;
            } else {
                frames.feed(bytes);
                while let Some(frame) = frames.next_frame() {
                    let to = if frame.stderr { &mut *stderr } else { &mut *stdout };
                    to.write_all(&frame.payload).await.map_err(gone)?;
                }
            }
            stdout.flush().await.map_err(gone)?;
            stderr.flush().await.map_err(gone)?;
            if read == 0 {
                return Ok(());
            }
        }
    }

    /// The exit status. Output ends a moment before the engine knows the status, or long before, if the command closed
    /// its streams itself.
    async fn exit(&mut self) -> Result<ExitResult> {
        let mut pause = Duration::from_millis(5);
        let mut lost = Duration::ZERO;
        loop {
            match self.engine.exec_inspect(&self.id).await {
                Ok(state) if !state.running => {
                    self.ended = true;
                    let code = state.exit_code.and_then(|code| i32::try_from(code).ok());
                    return Ok(ExitResult::code(code.unwrap_or(-1)));
                }
                Ok(_) => {}
                Err(error) if error.is_unreachable() && lost < SETTLE => lost += pause,
                Err(error) => return Err(cannot("follow", error)),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(250));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let (engine, container, id) = (Arc::clone(&self.engine), self.container.clone(), self.id.clone());
        // Outside a runtime there is nothing left to ask the engine with.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let kill = async move { end(&*engine, &container, &id).await };
            drop(self.endings.spawn_on(kill, &runtime));
        }
    }
}

/// Kills a command's first process, if it is one of this machine's and of this container.
async fn end(engine: &dyn Engine, container: &str, id: &str) {
    let Some(pid) = pid_of(engine, id).await else { return };
    let Ok(found) = engine.inspect(container).await else {
        return;
    };
    let groups = tokio::fs::read_to_string(format!("/proc/{pid}/cgroup"))
        .await
        .unwrap_or_default();
    if !found.id.is_empty() && groups.contains(&found.id) {
        let _ended_by_itself = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
}

/// The pid of a command that runs. The engine says that it runs a moment before it knows the pid.
async fn pid_of(engine: &dyn Engine, id: &str) -> Option<i32> {
    let deadline = Instant::now() + SETTLE;
    loop {
        let state = engine.exec_inspect(id).await.ok().filter(|state| state.running)?;
        match i32::try_from(state.pid) {
            Ok(pid) if pid > 1 => return Some(pid),
            _ if Instant::now() >= deadline => return None,
            _ => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

fn cannot(what: &str, error: EngineError) -> Error {
    let text = format!("cannot {what} a command in the container");
    match error {
        error @ (EngineError::Unreachable(_) | EngineError::Timeout { .. }) => Error::recoverable(text).because(error),
        error => Error::fatal(text).because(error),
    }
}

/// Output kept in memory, up to a limit.
#[derive(Default)]
struct Bounded(Vec<u8>);

impl AsyncWrite for Bounded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        if self.0.len() + bytes.len() > MOST_OUTPUT {
            let text = format!("it is more than {MOST_OUTPUT} bytes; redirect it inside the task");
            return std::task::Poll::Ready(Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, text)));
        }
        self.0.extend_from_slice(bytes);
        std::task::Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }
}
