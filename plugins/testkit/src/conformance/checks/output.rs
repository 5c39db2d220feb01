//! What tasks print, and where it lands.

use encamp_driver::{ExitResult, TaskConfig, TaskOutput};

use crate::conformance::Verdict;
use crate::conformance::ground::{Ground, eventually};
use crate::conformance::report::{Checked, ensure, require};

pub(super) async fn output_lands_where_it_should(ground: &Ground) -> Checked {
    let task = ground.start("echo out; echo err >&2; echo more").await?;
    ground.end(&task).await?;
    task.prints("more\n").await?;
    let errors = eventually(|| task.stderr(), |text| text.contains("err\n")).await;
    let (stdout, stderr) = (task.stdout(), errors.unwrap_or_else(|text| text));
    ensure!(
        stdout == "out\nmore\n" && stderr == "err\n",
        "it is {stdout:?} and {stderr:?}"
    );
    Ok(())
}

pub(super) async fn output_of_a_burst_is_complete(ground: &Ground) -> Checked {
    const LINES: usize = 20_000;
    let script = "n=0; while test $n -lt 20000; do n=$((n+1)); echo line $n of a burst of output; done";
    let task = ground.start(script).await?;
    let exit = ground.end(&task).await?;
    ensure!(exit == ExitResult::code(0), "the task ends with {exit:?}");
    let expected = |n: usize| format!("line {} of a burst of output", n + 1);
    let seen = eventually(|| task.stdout(), |text| text.lines().count() >= LINES).await;
    let text = seen.unwrap_or_else(|text| text);
    let wrong = text.lines().enumerate().find(|(n, line)| *line != expected(*n));
    ensure!(wrong.is_none(), "line {wrong:?} is odd");
    let count = text.lines().count();
    ensure!(count == LINES, "{count} of {LINES} lines arrive");
    Ok(())
}

fn files_of(task: &TaskConfig) -> [std::path::PathBuf; 2] {
    let logs = task.alloc_dir.join("alloc/logs");
    ["stdout", "stderr"].map(|stream| logs.join(format!("{}.{stream}.0", task.name)))
}

/// Agents show what lies there, and nothing if one of the two is missing.
pub(super) async fn output_files_are_there_from_the_start(ground: &Ground) -> Checked {
    require!(
        ground.capabilities.disable_log_collection,
        "the host collects this driver's logs"
    );
    let task = ground.start("sleep 60").await?;
    let missing = files_of(&task.config).into_iter().find(|file| !file.exists());
    ensure!(missing.is_none(), "{missing:?} is missing");
    Ok(())
}

pub(super) async fn output_into_files_is_rotated(ground: &Ground) -> Checked {
    const SIZE: u64 = 64 * 1024;
    require!(!ground.over_grpc, "no host can ask for files over gRPC");
    require!(ground.claims.output_files, "the driver does not claim to write files");
    let config = ground.task("head -c 300000 /dev/zero; echo; echo last").await?;
    let dir = config.alloc_dir.join("alloc/logs");
    let output = TaskOutput::Files {
        dir: dir.clone(),
        max_files: 2,
        max_file_size: SIZE,
    };
    let task = ground.start_task(TaskConfig { output, ..config }).await?;
    ground.end(&task).await?;
    task.prints("last").await?;
    let files = std::fs::read_dir(&dir).map_err(|error| Verdict::Failed(format!("{}: {error}", dir.display())))?;
    let own = format!("{}.stdout.", task.config.name);
    let files: Vec<_> = files
        .flatten()
        .filter(|file| file.file_name().to_string_lossy().starts_with(&own))
        .collect();
    ensure!(files.len() == 2, "{} files are kept of 2: {files:?}", files.len());
    // A line that is cut may be kept whole.
    let large = files
        .iter()
        .find(|file| file.metadata().is_ok_and(|file| file.len() > 2 * SIZE));
    ensure!(large.is_none(), "{large:?} is larger than {SIZE} bytes");
    Ok(())
}

pub(super) async fn output_into_pipes_arrives(ground: &Ground) -> Checked {
    require!(
        !ground.capabilities.disable_log_collection,
        "the driver collects its logs itself"
    );
    let task = ground.start("echo out; echo err >&2; sleep 1; echo more").await?;
    task.prints("out\n").await?;
    ground.still_runs(&task).await?;
    task.prints("more\n").await?;
    let written = files_of(&task.config).into_iter().find(|file| file.exists());
    ensure!(written.is_none(), "{written:?} is written, too");
    Ok(())
}

pub(super) async fn output_that_nobody_wants_holds_up_nobody(ground: &Ground) -> Checked {
    let config = ground
        .task("head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2; exit 3")
        .await?;
    let output = TaskOutput::Discard;
    let task = ground.start_task(TaskConfig { output, ..config }).await?;
    let exit = ground.end(&task).await?;
    ensure!(exit == ExitResult::code(3), "exit 3 is reported as {exit:?}");
    let written = files_of(&task.config).into_iter().find(|file| file.exists());
    ensure!(written.is_none(), "{written:?} is written all the same");
    Ok(())
}
