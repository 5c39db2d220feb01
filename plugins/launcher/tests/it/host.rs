//! Host tasks, by whoever runs the tests.

use std::fs;
use std::process::Child;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::camp::{Camp, poll, wait};

pub(crate) fn job(script: &str, extra: &str) -> String {
    let script = serde_json::to_string(script).unwrap();
    format!(
        "job \"j\" {{
  type = \"batch\"
  group \"g\" {{
    restart {{
      attempts = 0
      mode = \"fail\"
    }}
    task \"t\" {{
      driver = \"raw_exec\"
      config {{
        command = \"sh\"
        args = [\"-c\", {script}]
      }}
      {extra}
    }}
  }}
}}
"
    )
}

#[test]
fn a_run_shows_the_output_and_ends_with_the_exit_code_of_the_task() {
    let camp = Camp::new();
    let job = camp.job(job("echo out; echo err >&2; exit 7", ""));
    let ran = camp.encamp(&["run", job.to_str().unwrap()]);
    assert_eq!(ran.code, Some(7), "{ran:?}");
    assert_eq!(ran.out, "out\n");
    assert!(ran.err.contains("err\n"), "{ran:?}");
    camp.assert_clean();
}

#[test]
fn a_job_in_json_runs_with_a_file_beside_it() {
    let camp = Camp::new();
    let beside = camp.job("unused");
    let path = beside.with_file_name("job.json");
    fs::write(beside.with_file_name("words.txt"), "from a file").unwrap();
    let task = json!({
        "driver": "raw_exec",
        "config": {"command": "echo", "args": ["${file(\"words.txt\")}", "${NOMAD_TASK_NAME}"]},
    });
    let group = json!({"restart": {"attempts": 0}, "task": {"t": task}});
    let job = json!({"job": {"j": {"type": "batch", "group": {"g": group}}}});
    fs::write(&path, job.to_string()).unwrap();
    for verb in ["validate", "run"] {
        let ran = camp.encamp(&[verb, path.to_str().unwrap()]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(verb == "validate" || ran.out == "from a file t\n", "{ran:?}");
    }
    camp.assert_clean();
}

#[test]
fn every_example_for_host_tasks_is_valid_and_the_short_ones_run() {
    let camp = Camp::new();
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/");
    for name in ["hello", "hello-host", "exec", "raw_exec", "sidecar"] {
        let ran = camp.encamp(&["validate", &format!("{examples}{name}.nomad.hcl")]);
        assert_eq!(ran.code, Some(0), "{name}: {ran:?}");
    }
    let ran = camp.encamp(&[
        "run",
        "--var",
        "greeting=Ahoy",
        &format!("{examples}hello-host.nomad.hcl"),
    ]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.starts_with("Ahoy from the host"), "{ran:?}");
    let ran = camp.encamp(&["run", &format!("{examples}sidecar.nomad.hcl")]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let said: Vec<&str> = ran
        .out
        .lines()
        .filter_map(|line| line.split_once(" | "))
        .map(|(_, said)| said)
        .collect();
    let order = [
        "the bag is packed",
        "walking with a bag that is packed",
        "the bag is unpacked",
    ];
    let places: Vec<_> = order
        .iter()
        .map(|words| said.iter().position(|said| said == words))
        .collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{said:?}");
    camp.assert_clean();
}

#[test]
fn a_detached_run_goes_on_and_later_commands_find_it() {
    let camp = Camp::new();
    let job = camp.job(job(
        "echo ready; trap 'echo bye; exit 0' TERM; while :; do sleep 0.05; done",
        "kill_signal = \"SIGTERM\"",
    ));
    let ran = camp.encamp(&["run", "--detach", job.to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let id = ran.out.trim().to_owned();
    let status = camp.status();
    assert_eq!(
        (&status[0]["id"], &status[0]["status"]),
        (&id.clone().into(), &"running".into()),
        "{status:?}"
    );
    poll("ready", || camp.encamp(&["logs", "j/t"]).out == "ready\n");

    let ran = camp.encamp(&["exec", &id[..8], "sh", "-c", "echo in $NOMAD_TASK_NAME; exit 3"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(3), "in t\n"), "{ran:?}");
    let ran = camp.feed(&["exec", "-i", "t", "cat"], b"through");
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), "through"), "{ran:?}");
    let ran = camp.encamp(&["exec", "t", "no-such-command"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");

    let ran = camp.encamp(&["signal", "-s", "term", "j"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    camp.until_task_is("dead");
    assert_eq!(camp.encamp(&["logs"]).out, "ready\nbye\n");
    assert_eq!(camp.encamp(&["logs", "--tail", "1"]).out, "bye\n");
    assert_eq!(camp.encamp(&["stop", "j"]).code, Some(0));
    camp.assert_clean();
}

#[test]
fn an_interrupt_stops_the_task_and_a_second_one_kills_it() {
    let camp = Camp::new();
    let stubborn = job(
        "trap '' INT TERM; echo ready; while :; do sleep 0.05; done",
        "kill_timeout = \"1h\"",
    );
    let job = camp.job(stubborn);
    let child = camp.spawn(&["run", "--keep", job.to_str().unwrap()]);
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
    poll("ready", || {
        camp.status().len() == 1 && camp.encamp(&["logs"]).out == "ready\n"
    });
    kill(pid, Signal::SIGINT).unwrap();
    poll("stopping", || {
        let events = camp.status()[0]["tasks"][0]["events"].to_string();
        events.contains("Killing")
    });
    kill(pid, Signal::SIGINT).unwrap();
    let output = wait(child, &["run"]);
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert_eq!(camp.encamp(&["stop", "--all"]).code, Some(0));
    camp.assert_clean();
}

#[test]
fn a_closed_terminal_does_not_end_the_run() {
    let camp = Camp::new();
    let job = camp.job(job("echo ready; sleep 0.5; echo done", ""));
    let child = camp.spawn(&["run", "--keep", job.to_str().unwrap()]);
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
    poll("ready", || {
        camp.status().len() == 1 && camp.encamp(&["logs"]).out.starts_with("ready\n")
    });
    kill(pid, Signal::SIGHUP).unwrap();
    let output = wait(child, &["run"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ready\ndone\n");
    assert_eq!(camp.encamp(&["stop", "--all"]).code, Some(0));
    camp.assert_clean();
}

#[test]
fn a_closed_output_does_not_end_the_run() {
    let camp = Camp::new();
    let job = camp.job(job(
        "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done; exit 5",
        "",
    ));
    let mut child = camp.spawn(&["run", job.to_str().unwrap()]);
    drop(child.stdout.take());
    let output = wait(child, &["run"]);
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    camp.assert_clean();
}

/// Starts a run whose output nobody reads, of a task that says more than the pipe holds.
fn run_unread(camp: &Camp, script: &str) -> Child {
    let job = camp.job(job(script, "kill_timeout = \"1s\""));
    let child = camp.spawn(&["run", "--keep", job.to_str().unwrap()]);
    poll("much output", || {
        let logs = fs::read_dir(camp.data().join("alloc")).into_iter().flatten().flatten();
        let sizes = logs.map(|alloc| fs::metadata(alloc.path().join("alloc/logs/t.stdout.0")).map(|file| file.len()));
        sizes.flatten().any(|size| size > 1 << 20)
    });
    child
}

#[test]
fn a_run_whose_output_nobody_reads_is_stopped_like_any_other() {
    let camp = Camp::new();
    let child = run_unread(&camp, "while :; do echo out; echo err >&2; done");
    let ran = camp.encamp(&["stop", "--keep", "j"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.took < Duration::from_secs(20), "{ran:?}");
    let logs = camp.encamp(&["logs"]);
    // Now somebody reads, and gets all of it.
    let output = wait(child, &["run"]);
    assert_eq!(output.status.code(), Some(130), "{:?}", output.status);
    assert_eq!(output.stdout.len(), logs.out.len());
    assert_eq!(camp.encamp(&["stop", "j"]).code, Some(0));
    camp.assert_clean();
}

#[test]
fn an_interrupt_ends_a_run_that_is_over_though_nobody_reads_its_output() {
    let camp = Camp::new();
    let mut child = run_unread(&camp, "yes | head -c 2000000");
    camp.until_task_is("dead");
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
    let mut status = None;
    poll("the end of the run", || {
        kill(pid, Signal::SIGINT).unwrap();
        status = child.try_wait().unwrap();
        status.is_some()
    });
    assert_eq!(status.unwrap().code(), Some(130));
    assert_eq!(camp.encamp(&["logs"]).out.len(), 2_000_000);
    assert_eq!(camp.encamp(&["stop", "j"]).code, Some(0));
    camp.assert_clean();
}

#[test]
fn logs_as_json_are_objects_whatever_the_task_says() {
    let camp = Camp::new();
    let job = camp.job(job(r"printf 'one\n\377two\n'; printf three; echo err >&2", ""));
    let ran = camp.encamp(&["run", "--keep", job.to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let check = |args: &[&str], expected: &[Value]| {
        let ran = camp.encamp(args);
        let values: Vec<Value> = ran
            .out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(values, expected, "{args:?}");
    };
    let three = json!({ "task": "t", "stream": "stdout", "text": "three", "partial": true });
    let expected = [
        json!({ "task": "t", "stream": "stdout", "text": "one" }),
        json!({ "task": "t", "stream": "stdout", "text": "\u{fffd}two" }),
        three.clone(),
    ];
    check(&["logs", "--json"], &expected);
    check(&["logs", "--json", "-f"], &expected);
    check(&["logs", "--json", "--tail", "1"], &[three]);
    let err = json!({ "task": "t", "stream": "stderr", "text": "err" });
    check(&["logs", "--json", "--stderr"], &[err]);
    assert_eq!(camp.encamp(&["stop", "j"]).code, Some(0));
}

#[test]
fn json_is_printed_one_value_a_line() {
    let camp = Camp::new();
    let job = camp.job(job("echo hi", ""));
    let ran = camp.encamp(&["run", "--json", job.to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let values: Vec<Value> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(values.iter().any(|value| value["text"] == "hi"), "{values:?}");
    assert!(
        values.iter().any(|value| value["outcome"][0]["exit"]["exit_code"] == 0),
        "{values:?}"
    );
    assert!(
        values.iter().any(|value| value["event"]["kind"] == "Started"),
        "{values:?}"
    );
}
