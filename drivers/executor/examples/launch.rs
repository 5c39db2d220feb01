//! Launches a command and waits for it: `launch <state dir> <log dir> <task id> <command> [argument ...]`.
//! `OOM_SCORE_ADJ` in its environment is the command's.
//!
//! Kill this program meanwhile: the command keeps running, its output keeps being written, and a second
//! `Executor::adopt` finds it.
#![expect(clippy::print_stdout, reason = "a command line program")]

use std::env;

use encamp_executor::{Executor, Output, Plan, Program};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = env::args().skip(1);
    let mut next = |what: &str| args.next().ok_or_else(|| format!("missing argument: {what}"));
    let executor = Executor::new(Program::locate()?, next("state dir")?.into());
    let (log_dir, task_id) = (next("log dir")?, next("task id")?);
    let plan = Plan {
        args: Vec::new(),
        output: Output::Files {
            dir: log_dir.into(),
            name: "task".to_owned(),
            max_files: 10,
            max_file_size: 10 << 20,
        },
        ..Plan::new(next("command")?)
    };
    let plan = Plan {
        args: args.collect(),
        oom_score_adj: env::var("OOM_SCORE_ADJ").ok().map(|score| score.parse()).transpose()?,
        ..plan
    };
    let process = executor.launch(&task_id, &plan).await?;
    println!("running as {}", process.pid());
    let exit = process.wait().await;
    println!("exit code {}", exit.exit_code);
    process.destroy(false).await?;
    Ok(())
}
