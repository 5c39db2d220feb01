//! Runs that are killed with SIGKILL at many moments: tasks are found again, no line is lost or repeated, and a stop
//! leaves nothing.

use std::time::{Duration, Instant};

use crate::camp::{Camp, poll_quietly, wait};

/// How many moments.
const MOMENTS: u32 = 20;

/// How many lines the task prints.
const LINES: usize = 300;

/// Runs a task of this driver 20 times; kills the runner at another moment each time.
pub(crate) fn check(driver: &str, config: &str, apart: Duration) {
    let mut found = 0;
    for moment in 0..MOMENTS {
        found += u32::from(kill_at(driver, config, apart * moment));
    }
    // Else the moments miss what they are for.
    assert!(
        found >= MOMENTS / 2,
        "the allocation was found after {found} of {MOMENTS} kills only"
    );
}

/// Says whether there was anything to find.
fn kill_at(driver: &str, config: &str, moment: Duration) -> bool {
    let camp = Camp::new();
    let job = camp.job(job(driver, config));
    let mut child = camp.spawn(&["run", "--keep", job.to_str().unwrap()]);
    let began = Instant::now();
    poll_quietly(moment, || began.elapsed() >= moment);
    child.kill().unwrap();
    wait(child, &["run"]);

    let found = camp.status();
    if let Some(alloc) = found.first() {
        let id = alloc["id"].as_str().unwrap();
        let logs = camp.encamp(&["logs", "-f", id]);
        assert_eq!(logs.code, Some(0), "killed after {moment:?}: {logs:?}");
        assert_lines(&logs.out, moment);
        let again = camp.encamp(&["logs", id]);
        assert_eq!(
            again.out, logs.out,
            "killed after {moment:?}: the files differ from what was followed"
        );
        let status = camp.status();
        assert_eq!(status[0]["status"], "complete", "killed after {moment:?}: {status:?}");
        assert_eq!(camp.encamp(&["stop", id]).code, Some(0));
    }
    camp.assert_clean();
    !found.is_empty()
}

#[track_caller]
fn assert_lines(output: &str, moment: Duration) {
    let lines: Vec<&str> = output.lines().collect();
    let wrong = (0..LINES.max(lines.len())).find(|n| lines.get(*n) != Some(&format!("line {n}").as_str()));
    assert_eq!(wrong, None, "killed after {moment:?}: {} lines of {LINES}", lines.len());
}

fn job(driver: &str, config: &str) -> String {
    let script = format!(
        "i=0; while [ $i -lt {LINES} ]; do echo line $i; i=$((i+1)); [ $((i % 30)) = 0 ] && sleep 0.1; done; exit 0"
    );
    format!(
        "job \"j\" {{
  type = \"batch\"
  group \"g\" {{
    task \"t\" {{
      driver = \"{driver}\"
      config {{
        {config}
        command = \"sh\"
        args = [\"-c\", \"{script}\"]
      }}
    }}
  }}
}}
"
    )
}
