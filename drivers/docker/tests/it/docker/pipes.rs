//! Output into named pipes that somebody else reads, as a Nomad agent does.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use encamp_driver::{Driver, TaskConfig, TaskHandle, TaskOutput, TaskState};
use nix::sys::stat::Mode;

use crate::support::{Place, assert_counted, configure, run};

const LONG: Duration = Duration::from_mins(2);

/// Output is left to the agent.
async fn leave_it_to_the_agent(place: &Place) {
    configure(place, &[("log_collection", "agent".into())]).await;
}

/// A task that writes into pipes, and their paths.
fn piped(place: &Place, script: &str) -> (TaskConfig, [PathBuf; 2]) {
    let mut task = place.task(script, &[]);
    let pipes = ["stdout", "stderr"].map(|name| {
        let path = place.dir.path().join(format!("alloc/logs/.t.{name}.fifo"));
        nix::unistd::mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        path
    });
    task.output = TaskOutput::Fifo {
        stdout: pipes[0].clone(),
        stderr: pipes[1].clone(),
    };
    (task, pipes)
}

/// Reads a pipe to its end: until its last writer has closed it.
fn read_to_end(path: &Path) -> JoinHandle<Vec<u8>> {
    let path = path.to_owned();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        File::open(path).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    })
}

/// Reads so many lines, and goes away.
async fn read_lines(path: &Path, count: usize) -> Vec<String> {
    let path = path.to_owned();
    let reading = tokio::task::spawn_blocking(move || {
        let lines = BufReader::new(File::open(path).unwrap()).lines();
        lines.take(count).map(Result::unwrap).collect()
    });
    tokio::time::timeout(LONG, reading).await.expect("lines come").unwrap()
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn output_goes_whole_into_pipes_that_end_with_the_task() {
    let place = Place::shared();
    leave_it_to_the_agent(&place).await;
    let lines = 100_000;
    let (task, [stdout, stderr]) = piped(&place, &format!("seq 1 {lines}; seq 1 10 >&2"));
    let (stdout, stderr) = (read_to_end(&stdout), read_to_end(&stderr));
    assert_eq!(run(&place, &task).await.exit_code, 0);
    assert_counted(&stdout.join().unwrap(), lines);
    assert_counted(&stderr.join().unwrap(), 10);
    assert!(place.text("stdout").is_empty(), "no files are written");
}

#[tokio::test]
#[ignore = "needs a docker engine"]
async fn a_reader_and_a_driver_that_come_and_go_lose_no_line() {
    let mut place = Place::shared();
    leave_it_to_the_agent(&place).await;
    let next = "until [ -e /local/go$i ]; do usleep 10000; done; seq $i $((i+999))";
    let (task, [stdout, _]) = piped(&place, &format!("for i in 1 1001 2001; do {next}; done"));
    let go = |first: usize| {
        std::fs::write(place.dir.path().join(format!("t/local/go{first}")), "").unwrap();
        let numbers = first..first + 1000;
        numbers.map(|number| number.to_string()).collect::<Vec<_>>()
    };
    place.docker.start_task(task.clone()).await.unwrap();
    // Nobody reads yet when the first lines come, and nobody reads any more when the next ones do.
    let expected = go(1);
    assert_eq!(read_lines(&stdout, 1000).await, expected);
    let expected = go(1001);
    assert_eq!(read_lines(&stdout, 1000).await, expected);
    let expected = go(2001);
    place.restart();
    leave_it_to_the_agent(&place).await;
    let handle = TaskHandle {
        version: 1,
        config: task.clone(),
        state: TaskState::Running,
        driver_state: Vec::new(),
    };
    place.docker.recover_task(handle).await.unwrap();
    let rest = read_to_end(&stdout);
    let exit = tokio::time::timeout(LONG, place.docker.wait_task(&task.id)).await;
    assert_eq!(exit.unwrap().unwrap().exit_code, 0);
    let rest = String::from_utf8(rest.join().unwrap()).unwrap();
    assert_eq!(rest.lines().collect::<Vec<_>>(), expected);
    place.docker.destroy_task(&task.id, false).await.unwrap();
}
