//! Allocations that something is wrong with: they hide no other, they are ended all the same, and nothing is forgotten.

use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::camp::{Camp, poll, poll_quietly, wait};

fn job(name: &str, script: &str, restart: &str) -> String {
    let script = serde_json::to_string(script).unwrap();
    format!(
        "job \"{name}\" {{
  type = \"batch\"
  group \"g\" {{
    restart {{
      {restart}
    }}
    task \"t\" {{
      driver = \"raw_exec\"
      config {{
        command = \"sh\"
        args = [\"-c\", {script}]
      }}
    }}
  }}
}}
"
    )
}

const NO_RESTART: &str = "attempts = 0\n mode = \"fail\"";

/// Starts a job in the background; its allocation's id.
fn detach(camp: &Camp, text: &str) -> String {
    let job = camp.job(text);
    let ran = camp.encamp(&["run", "--detach", job.to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.out.trim().to_owned()
}

#[test]
fn an_allocation_that_cannot_be_set_up_hides_no_other_and_is_stopped() {
    let camp = Camp::new();
    let broken = detach(&camp, &job("broken", "exec sleep 3600", NO_RESTART));
    let sound = detach(&camp, &job("sound", "exec sleep 3600", NO_RESTART));
    camp.kill_runner_of(&broken);
    let shared = camp.data().join("alloc").join(&broken).join("alloc/data");
    fs::remove_dir(&shared).unwrap();
    fs::write(&shared, "in the way").unwrap();

    let ran = camp.encamp(&["status"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        ran.out.contains(&broken[..8]) && ran.out.contains(&sound[..8]),
        "{ran:?}"
    );
    assert!(ran.err.contains("cannot be taken up"), "{ran:?}");
    let ran = camp.encamp(&["stop", &broken]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("alloc_dir"), "it was set up: {ran:?}");
    assert_eq!(camp.encamp(&["stop", &sound]).code, Some(0));
    camp.assert_clean();
}

#[test]
fn a_job_file_that_cannot_be_read_any_more_does_not_keep_its_tasks_from_being_stopped() {
    let camp = Camp::new();
    let id = detach(&camp, &job("j", "exec sleep 3600", NO_RESTART));
    camp.kill_runner_of(&id);
    let record = camp.data().join("state").join(&id).join("alloc.json");
    let mut value: serde_json::Value = serde_json::from_slice(&fs::read(&record).unwrap()).unwrap();
    value["job_text"] = "job {".into();
    fs::write(&record, value.to_string()).unwrap();
    let ran = camp.encamp(&["status"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.err.contains("cannot be taken up"), "{ran:?}");
    let ran = camp.encamp(&["stop", &id]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    camp.assert_clean();
}

#[test]
fn a_detached_run_says_why_its_task_did_not_start() {
    let camp = Camp::new();
    let text = job("j", "true", NO_RESTART).replace("\"sh\"", "\"/no/such/command\"");
    let path = camp.job(text);
    let ran = camp.encamp(&["run", "--detach", path.to_str().unwrap()]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("/no/such/command"), "{ran:?}");
    assert_eq!(camp.encamp(&["stop", ran.out.trim()]).code, Some(0));
    camp.assert_clean();
}

#[test]
fn a_detached_run_says_why_its_runner_ended() {
    let camp = Camp::new();
    fs::create_dir_all(camp.data()).unwrap();
    let rooms = camp.data().join("alloc");
    fs::write(&rooms, "in the way").unwrap();
    let path = camp.job(job("j", "true", NO_RESTART));
    let ran = camp.encamp(&["run", "--detach", path.to_str().unwrap()]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("alloc_dir"), "{ran:?}");
    fs::remove_file(&rooms).unwrap();
    assert_eq!(camp.encamp(&["stop", ran.out.trim()]).code, Some(0));
    camp.assert_clean();
}

#[test]
fn what_the_job_names_of_the_environment_is_the_same_for_the_next_runner() {
    let camp = Camp::new();
    let script = "echo ${FLAVOUR}; while [ ! -e ${NOMAD_TASK_DIR}/go ]; do sleep 0.05; done; \
                  rm ${NOMAD_TASK_DIR}/go; exit 1";
    let restart = "attempts = 2\n delay = \"0s\"\n interval = \"1h\"\n mode = \"fail\"";
    let path = camp.job(job("j", script, restart));
    let ran = camp.encamp_with(("FLAVOUR", "vanilla"), &["run", "--detach", path.to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let id = ran.out.trim();
    camp.kill_runner_of(id);
    // From here on nobody has the variable.
    camp.until_task_is("running");
    let ran = camp.encamp(&["exec", "t", "sh", "-c", "touch $NOMAD_TASK_DIR/go"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let mut said = String::new();
    poll_quietly(crate::camp::PATIENCE, || {
        said = camp.encamp(&["logs", "t"]).out;
        said.lines().count() == 2
    });
    assert_eq!(said, "vanilla\nvanilla\n", "{:?}", camp.status());
    camp.kill_runner_of(id);
    assert_eq!(camp.encamp(&["stop", id]).code, Some(0));
    camp.assert_clean();
}

#[test]
fn a_stop_may_keep_what_a_run_in_a_terminal_would_remove() {
    let camp = Camp::new();
    let path = camp.job(job("j", "echo ready; exec sleep 3600", NO_RESTART));
    let child = camp.spawn(&["run", path.to_str().unwrap()]);
    poll("ready", || camp.encamp(&["logs"]).out == "ready\n");
    let ran = camp.encamp(&["stop", "--keep", "j"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(wait(child, &["run"]).status.code(), Some(130));
    assert_eq!(camp.encamp(&["logs"]).out, "ready\n");
    assert_eq!(camp.encamp(&["stop", "j"]).code, Some(0));
    camp.assert_clean();
}

#[test]
fn whoever_can_be_seen_to_run_an_allocation_can_be_told_to_stop() {
    for _ in 0..5 {
        let camp = Camp::new();
        let path = camp.job(job("j", "exec sleep 3600", NO_RESTART));
        let child = camp.spawn(&["run", path.to_str().unwrap()]);
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
        let state = camp.data().join("state");
        let lock = || {
            let alloc = fs::read_dir(&state).ok()?.next()?.ok()?;
            fs::read_to_string(alloc.path().join("lock")).ok()
        };
        poll("locked", || {
            lock().is_some_and(|holder| holder.trim() == pid.to_string())
        });
        kill(pid, Signal::SIGTERM).unwrap();
        let output = wait(child, &["run"]);
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        camp.assert_clean();
    }
}

#[test]
fn an_allocation_that_begins_is_never_taken_for_one_whose_runner_died() {
    let camp = Camp::new();
    let path = camp.job(job("j", "exec sleep 3600", NO_RESTART));
    let mut child = camp.spawn(&["run", "--detach", path.to_str().unwrap()]);
    while child.try_wait().unwrap().is_none() {
        let ran = camp.encamp(&["status"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(!ran.err.contains("died"), "{ran:?}");
    }
    assert_eq!(wait(child, &["run"]).status.code(), Some(0));
    assert_eq!(camp.encamp(&["stop", "--all"]).code, Some(0));
    camp.assert_clean();
}
