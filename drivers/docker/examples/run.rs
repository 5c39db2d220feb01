//! Runs one task in a container and collects its output; run again after it was killed, it takes the task back.
//!
//! `run <socket> <directory> <image> <command> [argument..]`
//!
//! What there is to tell of the task goes to standard error.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use encamp_docker::{BollardEngine, Docker};
use encamp_driver::{Driver as _, Error, Resources, TaskConfig, TaskHandle, TaskOutput, TaskState};
use encamp_hclspec::Value;
use futures_util::StreamExt as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [socket, dir, image, command, rest @ ..] = arguments.as_slice() else {
        return Err("usage: run <socket> <directory> <image> <command> [argument..]".into());
    };
    let engine = BollardEngine::connect(Some(socket))?;
    let docker = Docker::new(Arc::new(engine), Path::new(dir).join("state"));
    let task = task(Path::new(dir), image, command, rest)?;

    // An empty driver state asks for whatever an interrupted start left.
    let handle = TaskHandle {
        version: 1,
        config: task.clone(),
        state: TaskState::Unknown,
        driver_state: Vec::new(),
    };
    let mut events = docker.task_events().await?;
    let tell = tokio::spawn(async move {
        while let Some(Ok(event)) = events.next().await {
            writeln!(std::io::stderr(), "{}", event.message)?;
        }
        std::io::Result::Ok(())
    });
    match docker.recover_task(handle).await {
        Ok(()) => {}
        Err(Error::TaskNotFound(_)) => drop(docker.start_task(task.clone()).await?),
        Err(error) => return Err(error.into()),
    }
    let exit = docker.wait_task(&task.id).await?;
    docker.destroy_task(&task.id, true).await?;
    // The driver's end is the end of its events.
    drop(docker);
    tell.await??;
    std::process::exit(exit.exit_code)
}

fn task(dir: &Path, image: &str, command: &str, arguments: &[String]) -> std::io::Result<TaskConfig> {
    // One allocation to a directory, so that a second run finds what the first one left.
    let alloc_id = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let logs = dir.join("alloc/logs");
    for own in [&logs, &dir.join("run/local"), &dir.join("run/secrets")] {
        std::fs::create_dir_all(own)?;
    }
    let log_driver = std::env::var("ENCAMP_LOGGING").unwrap_or_else(|_| "json-file".to_owned());
    let logging = if log_driver.is_empty() {
        Value::NULL
    } else {
        Value::object([("type", log_driver)])
    };
    let driver_config = Value::object([
        ("image", Value::from(image)),
        ("command", Value::from(command)),
        ("args", Value::tuple(arguments.iter().map(String::as_str))),
        ("network_mode", Value::from("none")),
        ("logging", logging),
    ]);
    Ok(TaskConfig {
        id: format!("{alloc_id}/run/00000001"),
        name: "run".to_owned(),
        alloc_id,
        job_id: "run".to_owned(),
        job_name: "run".to_owned(),
        task_group_name: "run".to_owned(),
        namespace: "default".to_owned(),
        node_name: "here".to_owned(),
        node_id: "here".to_owned(),
        driver_config,
        env: std::iter::empty::<(String, String)>().collect(),
        device_env: std::iter::empty::<(String, String)>().collect(),
        resources: Resources {
            cpu_mhz: 100,
            memory_mb: 128,
            ..Resources::default()
        },
        alloc_dir: dir.to_owned(),
        output: TaskOutput::Files {
            dir: logs,
            max_files: 10,
            max_file_size: 100 * 1024 * 1024,
        },
        ..TaskConfig::default()
    })
}
