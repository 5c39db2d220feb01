//! Containers, on a real engine.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::camp::{Camp, poll};
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
