//! Containers, on a real engine.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::camp::{Camp, poll, wait};
use crate::{exec, killed};

/// An image with a shell, made from the machine's busybox and removed again.
struct Image(String);

impl Image {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("encamp-test/launcher:{}-{count}", std::process::id());
        let script = format!(
            "set -e; dir=$(mktemp -d); mkdir -p $dir/bin; cp /bin/busybox $dir/bin/; \
             for applet in sh echo sleep cat true ls id hostname; do ln -s busybox $dir/bin/$applet; done; \
             tar -C $dir -c . | docker import - {name}; rm -r $dir"
        );
        let made = Command::new("sh").args(["-c", &script]).output().unwrap();
        assert!(made.status.success(), "{made:?}");
        Self(name)
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        drop(Command::new("docker").args(["rmi", &self.0]).output());
    }
}

fn job(image: &str, script: &str) -> String {
    format!(
        "job \"j\" {{
  type = \"batch\"
  group \"g\" {{
    restart {{
      attempts = 0
      mode = \"fail\"
    }}
    task \"t\" {{
      driver = \"docker\"
      config {{
        image = \"{image}\"
        command = \"sh\"
        args = [\"-c\", \"{script}\"]
      }}
      kill_timeout = \"1s\"
    }}
  }}
}}
"
    )
}

fn containers_of(id: &str) -> String {
    let filter = format!("label=com.hashicorp.nomad.alloc_id={id}");
    let output = Command::new("docker")
        .args(["ps", "-aq", "--filter", &filter])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
#[ignore = "needs a docker engine"]
fn a_docker_run_may_be_killed_at_any_moment() {
    let image = Image::new();
    killed::check("docker", &format!("image = \"{}\"", image.0), Duration::from_millis(80));
}

#[test]
#[ignore = "needs a docker engine"]
fn a_container_runs_is_found_and_is_stopped_without_a_trace() {
    let image = Image::new();
    let camp = Camp::new();
    let job = camp.job(job(&image.0, "echo ready; exec sleep 3600"));
    let ran = camp.encamp(&["run", "--detach", job.to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let id = ran.out.trim();
    poll("ready", || camp.encamp(&["logs", id]).out == "ready\n");
    let ran = camp.encamp(&["exec", "t", "sh", "-c", "echo inside; exit 4"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(4), "inside\n"), "{ran:?}");
    assert!(!containers_of(id).is_empty());
    exec::check_ends(&camp);
    assert_eq!(camp.encamp(&["stop", id]).code, Some(0));
    assert_eq!(containers_of(id), "");
    camp.assert_clean();
}

#[test]
#[ignore = "needs a docker engine"]
fn an_image_that_is_nowhere_fails_the_task_and_says_so() {
    let camp = Camp::new();
    let job = camp.job(job("encamp-test/there-is-none:1", "true"));
    let ran = camp.encamp(&["run", job.to_str().unwrap()]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("encamp-test/there-is-none:1"), "{ran:?}");
    camp.assert_clean();
}

#[test]
#[ignore = "needs a docker engine"]
fn the_exit_code_of_a_container_is_that_of_the_run() {
    let image = Image::new();
    let camp = Camp::new();
    let job = camp.job(job(&image.0, "echo hi; exit 9"));
    let ran = camp.encamp(&["run", job.to_str().unwrap()]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(9), "hi\n"), "{ran:?}");
    camp.assert_clean();
}

/// The engine by a name of its own, which can be taken away and given back.
struct Alias {
    dir: tempfile::TempDir,
    engine: PathBuf,
}

impl Alias {
    fn new() -> Self {
        let host = std::env::var("DOCKER_HOST").unwrap_or_default();
        let engine = host.strip_prefix("unix://").unwrap_or("/var/run/docker.sock").into();
        let alias = Self {
            dir: tempfile::tempdir().unwrap(),
            engine,
        };
        alias.give_back();
        alias
    }

    fn host(&self) -> String {
        format!("unix://{}", self.path().display())
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("sock")
    }

    fn take_away(&self) {
        fs::remove_file(self.path()).unwrap();
    }

    fn give_back(&self) {
        symlink(&self.engine, self.path()).unwrap();
    }
}

/// A container that runs in the background, on an engine that only its own run was told of.
fn elsewhere(camp: &Camp, image: &Image, alias: &Alias) -> String {
    let job = camp.job(job(&image.0, "echo ready; exec sleep 3600"));
    let host = alias.host();
    let ran = camp.encamp_with(("DOCKER_HOST", &host), &["run", "--detach", job.to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.out.trim().to_owned()
}

const NOWHERE: (&str, &str) = ("DOCKER_HOST", "unix:///nowhere/docker.sock");

#[test]
#[ignore = "needs a docker engine"]
fn a_shell_with_another_engine_takes_up_and_stops_what_runs_on_the_first() {
    let (image, camp, alias) = (Image::new(), Camp::new(), Alias::new());
    let id = elsewhere(&camp, &image, &alias);
    poll("ready", || camp.encamp_with(NOWHERE, &["logs", &id]).out == "ready\n");
    let ran = camp.encamp_with(NOWHERE, &["exec", &id, "echo", "inside"]);
    assert_eq!(ran.out, "inside\n", "{ran:?}");
    camp.kill_runner_of(&id);
    let ran = camp.encamp_with(NOWHERE, &["status"]);
    assert!(ran.err.contains("taken its tasks up"), "{ran:?}");
    camp.kill_runner_of(&id);
    let ran = camp.encamp_with(NOWHERE, &["stop", &id]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(containers_of(&id), "");
    camp.assert_clean();
}

/// Stops by force while the engine is away: nothing is concluded, and nothing forgotten.
fn check_forced_stop(unattended: bool) {
    let (image, camp, alias) = (Image::new(), Camp::new(), Alias::new());
    let id = elsewhere(&camp, &image, &alias);
    if unattended {
        camp.kill_runner_of(&id);
    }
    alias.take_away();
    let ran = camp.encamp(&["stop", "--force", &id]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    for words in [
        "cannot say what became of the task",
        "record is kept",
        "start the engine",
    ] {
        assert!(ran.err.contains(words), "`{words}` is not in {ran:?}");
    }
    let status = camp.status();
    assert_eq!(status[0]["status"], "unclean", "{status:?}");
    let shown = camp.encamp(&["status", &id]);
    assert!(shown.out.contains("Not cleaned up"), "{shown:?}");
    assert_ne!(containers_of(&id), "");
    alias.give_back();
    assert_eq!(camp.encamp(&["stop", &id]).code, Some(0));
    assert_eq!(containers_of(&id), "");
    camp.assert_clean();
}

#[test]
#[ignore = "needs a docker engine"]
fn a_run_without_an_engine_fails_at_once_and_leaves_nothing() {
    let camp = Camp::new();
    let job = camp.job(job("encamp-test/none:1", "true"));
    let ran = camp.encamp_with(NOWHERE, &["run", job.to_str().unwrap()]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("/nowhere/docker.sock"), "{ran:?}");
    camp.assert_clean();
}

#[test]
#[ignore = "needs a docker engine"]
fn a_forced_stop_ends_also_when_the_engine_is_away() {
    check_forced_stop(false);
}

#[test]
#[ignore = "needs a docker engine"]
fn a_forced_stop_without_a_runner_ends_also_when_the_engine_is_away() {
    check_forced_stop(true);
}

#[test]
#[ignore = "needs a docker engine"]
fn a_stop_says_that_it_waits_for_the_engine_and_goes_on_with_it() {
    let (image, camp, alias) = (Image::new(), Camp::new(), Alias::new());
    let id = elsewhere(&camp, &image, &alias);
    camp.kill_runner_of(&id);
    alias.take_away();
    let mut stop = camp.spawn(&["stop", &id]);
    let stderr = stop.stderr.take().unwrap();
    let line = BufReader::new(stderr).lines().next().unwrap().unwrap();
    assert!(line.contains("still waiting for task \"t\""), "{line}");
    alias.give_back();
    let output = wait(stop, &["stop"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(containers_of(&id), "");
    camp.assert_clean();
}
