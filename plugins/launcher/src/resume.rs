//! Runners in the background: started, and started again where one has died.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context as _, Result, bail};
use encamp_runner::{Lock, LockError, Store, Supervisor};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use crate::output;
use crate::paths::DataDir;
use crate::target::Alloc;

/// How long a runner may take to set its allocation up.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Sees to it that an allocation which is not over has a runner: where the last one died, its tasks went on alone, and
/// nobody restarted them or collected the output of containers.
pub(crate) async fn ensure_supervised(data: &DataDir, store: &Store, alloc: &mut Alloc) -> Result<()> {
    if alloc.supervisor != Supervisor::None || alloc.is_over() {
        return Ok(());
    }
    match store.lock(&alloc.record.id) {
        Ok(lock) => {
            let id = alloc.short_id();
            let who = match supervise(data, store, &alloc.record.id, lock).await? {
                Some(pid) => format!("process {pid} has taken its tasks up again"),
                None => "another one has seen to the end of its tasks".to_owned(),
            };
            output::notice(&format!("the runner of {id} had died; {who}"));
        }
        // Somebody else has just taken it up.
        Err(LockError::Held(_)) => {}
        Err(error) => return Err(error.into()),
    }
    *alloc = Alloc::load(store, alloc.record.clone())?;
    Ok(())
}

/// Starts a runner in the background, hands it the lock, and waits until it has taken the allocation up: which process
/// it is, or none if it has come to its end already.
pub(crate) async fn supervise(data: &DataDir, store: &Store, alloc_id: &str, lock: Lock) -> Result<Option<u32>> {
    let log = log_file(store, alloc_id);
    let said_before = fs::metadata(&log).map_or(0, |log| log.len());
    let stderr = fs::File::options().create(true).append(true).open(&log);
    let stderr = stderr.with_context(|| format!("cannot write {}", log.display()))?;
    let program = env::current_exe().context("cannot find this program's own file")?;
    let mut command = Command::new(program);
    command
        .arg("supervise")
        .arg(alloc_id)
        .arg("--data-dir")
        .arg(data.root());
    // It makes a session of its own, which the leader of a process group could not.
    command.current_dir("/");
    command.stdin(lock.into_fd()).stdout(Stdio::piped()).stderr(stderr);
    let mut child = command.spawn().context("cannot start a runner in the background")?;
    // The lock is the child's alone from here.
    drop(command);
    let mut word = child.stdout.take().context("the runner has no standard output")?;
    let taken_up = async {
        // The word that it is up, or the end of one that never will be.
        if word.read(&mut [0]).await? > 0 {
            return Ok(child.id());
        }
        let status = child.wait().await?;
        if !status.success() && store.dir(alloc_id).exists() {
            bail!("its runner ended: {}", said(&log, said_before));
        }
        Ok(None)
    };
    match tokio::time::timeout(START_TIMEOUT, taken_up).await {
        Ok(pid) => pid,
        Err(_) => bail!(
            "its runner has not set it up within {START_TIMEOUT:?}; see {}",
            log.display()
        ),
    }
}

/// Where the runner in the background writes what it has to say.
pub(crate) fn log_file(store: &Store, alloc_id: &str) -> std::path::PathBuf {
    store.dir(alloc_id).join("runner.log")
}

/// What a runner has written since the log had this length, on one line.
pub(crate) fn said(log: &Path, since: u64) -> String {
    let text = fs::read(log).unwrap_or_default();
    let since = usize::try_from(since).unwrap_or_default();
    let text = String::from_utf8_lossy(text.get(since..).unwrap_or_default()).into_owned();
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return format!("it said nothing; see {}", log.display());
    }
    let last = lines.iter().rev().take(3).rev();
    last.map(|line| line.trim_start_matches("error: "))
        .collect::<Vec<_>>()
        .join("; ")
}
