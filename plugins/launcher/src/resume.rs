//! Runners in the background: started, and started again where one has died.

use std::process::{Command, Stdio};
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context as _, Result, bail};
use encamp_runner::{Store, Supervisor};

use crate::output;
use crate::paths::DataDir;
use crate::target::Alloc;

/// How long a runner may take to take up its allocation.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// Sees to it that an allocation which is not over has a runner: where the last one died, its tasks went on alone, and
/// nobody restarted them or collected the output of containers.
pub(crate) async fn ensure_supervised(data: &DataDir, store: &Store, alloc: &mut Alloc) -> Result<()> {
    if alloc.supervisor != Supervisor::None || alloc.is_over() {
        return Ok(());
    }
    let pid = supervise(data, store, &alloc.record.id).await?;
    let id = alloc.short_id();
    output::notice(&format!(
        "the runner of {id} had died; process {pid} has taken its tasks up again"
    ));
    *alloc = Alloc::load(store, alloc.record.clone())?;
    Ok(())
}

/// Starts a runner in the background and waits until it has taken the allocation up.
pub(crate) async fn supervise(data: &DataDir, store: &Store, alloc_id: &str) -> Result<i32> {
    let log = store.dir(alloc_id).join("runner.log");
    let log_file = fs::File::options().create(true).append(true).open(&log);
    let log_file = log_file.with_context(|| format!("cannot write {}", log.display()))?;
    let program = env::current_exe().context("cannot find this program's own file")?;
    let mut command = Command::new(program);
    command
        .arg("supervise")
        .arg(alloc_id)
        .arg("--data-dir")
        .arg(data.root());
    // It makes a session of its own, which the leader of a process group could not.
    command.current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log_file);
    let mut child = command.spawn().context("cannot start a runner in the background")?;
    let taken_up = async {
        loop {
            if let Supervisor::Process(pid) = store.supervisor(alloc_id)? {
                return Ok(pid);
            }
            if let Some(status) = child.try_wait()? {
                if store.list()?.iter().any(|record| record.id == alloc_id) && !status.success() {
                    let said = fs::read_to_string(&log).unwrap_or_default();
                    bail!("the runner ended at once ({status}): {}", said.trim());
                }
                return Ok(0);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    match tokio::time::timeout(START_TIMEOUT, taken_up).await {
        Ok(pid) => pid,
        Err(_) => bail!(
            "the runner did not take the allocation up within {START_TIMEOUT:?}; see {}",
            log.display()
        ),
    }
}
