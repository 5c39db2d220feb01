//! `encamp supervise`: the runner in the background.

use std::fs::File;
use std::os::fd::AsFd as _;

use anyhow::{Context as _, Result, bail};
use encamp_runner::{Control, Lock, Store};

use crate::attend::{left_behind, take_up};
use crate::output;
use crate::paths::DataDir;
use crate::signals::Signals;

pub(crate) async fn supervise(data: &DataDir, alloc_id: &str) -> Result<u8> {
    let signals = Signals::catch()?;
    // Already a session's leader is as good.
    let _leader = nix::unistd::setsid();
    let store = Store::new(data.state());
    let lock = lock_from_stdin(&store, alloc_id)?;
    let records = store.list()?;
    let record = records.into_iter().find(|record| record.id == alloc_id);
    let record = record.with_context(|| format!("there is no allocation {alloc_id}"))?;
    let (runner, control, wired) = take_up(data, &record, lock).await?;
    drop(tokio::spawn(say_that_it_is_taken_up(control.clone())));
    let outcome = signals.run(runner, control, output::notice).await;
    wired.close().await;
    let outcome = outcome?;
    // Records and logs stay until `encamp stop`: nobody may have seen them yet.
    match left_behind(alloc_id, outcome.remains()) {
        Some(left) => bail!(left),
        None => Ok(0),
    }
}

/// Whoever started this process waits for a word on standard output.
async fn say_that_it_is_taken_up(control: Control) {
    if control.set_up().await {
        output::to_stdout(b"up\n");
    }
}

/// Takes the lock from standard input, where whoever started this process has put it; no child of ours is to have it.
fn lock_from_stdin(store: &Store, alloc_id: &str) -> Result<Lock> {
    let fd = std::io::stdin().as_fd().try_clone_to_owned();
    let fd = fd.context("cannot take the lock from standard input")?;
    let null = File::open("/dev/null").context("cannot open /dev/null")?;
    nix::unistd::dup2_stdin(null).context("cannot let go of standard input")?;
    Ok(store.inherit(alloc_id, fd)?)
}
