//! Jobs under plugins of a directory.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::camp::{Camp, poll, wait};

/// A camp, and a directory of plugins that nobody else can write to.
struct Bed {
    camp: Camp,
    plugins: tempfile::TempDir,
}

impl Bed {
    fn new(parent: &Path) -> Self {
        let bed = Self {
            camp: Camp::new(),
            plugins: tempfile::tempdir_in(parent).unwrap(),
        };
        fs::write(
            bed.config(),
            "plugin \"tried\" {\n  config {\n    foo = \"x\"\n  }\n}\n",
        )
        .unwrap();
        bed
    }

    fn config(&self) -> PathBuf {
        self.camp.path().join("plugins.hcl")
    }

    /// Installs the example; `by_host` says who collects its tasks' output.
    fn install(&self, by_host: bool) {
        let example = Path::new(env!("CARGO_BIN_EXE_encamp"))
            .with_file_name("examples")
            .join("tried");
        assert!(
            example.exists(),
            "{} is not built; run all of this crate's tests",
            example.display()
        );
        let path = self.plugins.path().join("tried");
        let record = self.camp.path().join("record");
        let collects = if by_host { "agent" } else { "" };
        let script = format!(
            "#!/bin/sh\necho $$ >> {}\nexec {} driver {} {collects}\n",
            self.journal().display(),
            example.display(),
            record.display()
        );
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn journal(&self) -> PathBuf {
        self.camp.path().join("journal")
    }

    /// The processes of the plugin, in the order of their starts.
    fn pids(&self) -> Vec<i32> {
        let journal = fs::read_to_string(self.journal()).unwrap_or_default();
        journal.lines().map(|line| line.parse().unwrap()).collect()
    }

    fn job(&self, script: &str) -> String {
        let job = format!(
            "job \"plugged\" {{\n  type = \"batch\"\n  group \"g\" {{\n    task \"t\" {{\n      driver = \"tried\"\n      \
             restart {{ attempts = 0 }}\n      config {{\n        command = \"/bin/sh\"\n        args = [\"-c\", \
             {script:?}]\n      }}\n    }}\n  }}\n}}\n"
        );
        self.camp.job(job).to_str().unwrap().to_owned()
    }

    /// Runs `run` with more arguments.
    fn args<'a>(&'a self, more: &[&'a str]) -> Vec<String> {
        let dir = self.plugins.path().to_str().unwrap().to_owned();
        let config = self.config().to_str().unwrap().to_owned();
        let mut args = vec![
            "run".to_owned(),
            "--plugin-dir".to_owned(),
            dir,
            "--plugin-config".to_owned(),
            config,
        ];
        args.extend(more.iter().map(|arg| (*arg).to_owned()));
        args
    }

    fn assert_clean(&self) {
        self.camp.assert_clean();
        let left = |pid: &i32| kill(Pid::from_raw(*pid), None).is_ok();
        poll("no plugin is left", || !self.pids().iter().any(left));
        assert!(!self.camp.data().join("plugins").exists());
    }
}

fn words(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

#[test]
fn a_plugin_that_others_could_exchange_is_not_used() {
    let bed = Bed::new(&std::env::temp_dir());
    bed.install(false);
    fs::set_permissions(bed.plugins.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let job = bed.job("exit 0");
    let ran = bed.camp.encamp(&words(&bed.args(&[&job])));
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("it was not executed"), "{}", ran.err);
    assert!(ran.err.contains("chmod go-w it"), "{}", ran.err);
    assert!(ran.err.contains("tried"), "{}", ran.err);
    assert_eq!(bed.pids().len(), 0);
    bed.assert_clean();
}

mod root {
    use super::*;

    /// A place that only root can write to.
    fn bed(by_host: bool) -> Bed {
        let bed = Bed::new(Path::new("/var/lib"));
        bed.install(by_host);
        bed
    }

    fn check(by_host: bool) {
        let bed = bed(by_host);
        let job = bed.job("echo out; echo err >&2; exit 3");
        let ran = bed.camp.encamp(&words(&bed.args(&[&job])));
        assert_eq!(ran.code, Some(3), "{ran:?}");
        assert!(ran.out.contains("out\n"), "{ran:?}");
        assert!(ran.err.contains("err\n"), "{ran:?}");
        bed.assert_clean();
    }

    #[test]
    #[ignore = "needs root"]
    fn a_job_runs_under_a_plugin_that_writes_logs_itself() {
        check(false);
    }

    #[test]
    #[ignore = "needs root"]
    fn a_job_runs_under_a_plugin_whose_logs_the_host_writes() {
        check(true);
    }

    #[test]
    #[ignore = "needs root"]
    fn all_that_a_task_says_is_kept_in_order() {
        let bed = bed(true);
        let job = bed.job("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done");
        let ran = bed.camp.encamp(&words(&bed.args(&["--keep", &job])));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let logs = bed.camp.encamp(&["logs", "plugged"]);
        let lines: Vec<&str> = logs.out.lines().collect();
        assert_eq!(lines.len(), 20000);
        assert!(lines.iter().enumerate().all(|(n, line)| *line == format!("line {n}")));
        assert_eq!(bed.camp.encamp(&["stop", "plugged"]).code, Some(0));
        bed.assert_clean();
    }

    #[test]
    #[ignore = "needs root"]
    fn a_run_outlives_its_plugin() {
        let bed = bed(true);
        let go = bed.camp.path().join("go");
        let job = bed.job(&format!(
            "echo begun; while [ ! -e {} ]; do sleep 0.05; done; echo done; exit 4",
            go.display()
        ));
        let child = bed.camp.spawn(&words(&bed.args(&[&job])));
        bed.camp.until_task_is("running");
        // One for the scan, one that is used.
        poll("both are started", || bed.pids().len() == 2);
        kill(Pid::from_raw(bed.pids()[1]), Signal::SIGKILL).unwrap();
        poll("the next is started", || bed.pids().len() == 3);
        fs::write(&go, "").unwrap();
        let output = wait(child, &["run"]);
        assert_eq!(output.status.code(), Some(4), "{output:?}");
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(out.contains("begun\n") && out.contains("done\n"), "{output:?}");
        bed.assert_clean();
    }

    #[test]
    #[ignore = "needs root"]
    fn a_run_whose_program_was_killed_is_taken_up_with_its_plugin() {
        let bed = bed(false);
        let go = bed.camp.path().join("go");
        let job = bed.job(&format!(
            "echo begun; while [ ! -e {} ]; do sleep 0.05; done; echo done",
            go.display()
        ));
        let mut child = bed.camp.spawn(&words(&bed.args(&[&job])));
        bed.camp.until_task_is("running");
        poll("both are started", || bed.pids().len() == 2);
        let used = bed.pids()[1];
        child.kill().unwrap();
        wait(child, &["run"]);
        assert!(
            kill(Pid::from_raw(used), None).is_ok(),
            "the plugin has died with its host"
        );
        let exec = bed.camp.encamp(&["exec", "plugged", "--", "echo", "inside"]);
        assert_eq!((exec.code, exec.out.as_str()), (Some(0), "inside\n"), "{exec:?}");
        assert_eq!(bed.camp.encamp(&["status"]).code, Some(0));
        fs::write(&go, "").unwrap();
        let logs = bed.camp.encamp(&["logs", "-f", "plugged"]);
        assert_eq!(logs.out, "begun\ndone\n", "{logs:?}");
        bed.camp.until_task_is("dead");
        assert_eq!(bed.camp.encamp(&["stop", "plugged"]).code, Some(0));
        bed.assert_clean();
    }

    #[test]
    #[ignore = "needs root"]
    fn an_interrupted_run_leaves_no_plugin_that_hangs() {
        let bed = bed(false);
        let script = format!(
            "#!/bin/sh\ntrap '' INT TERM\necho $$ >> {}\nexec sleep 600\n",
            bed.journal().display()
        );
        fs::write(bed.plugins.path().join("tried"), script).unwrap();
        let job = bed.job("exit 0");
        let child = bed.camp.spawn(&words(&bed.args(&[&job])));
        poll("it is started", || bed.pids().len() == 1);
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
        let output = wait(child, &["run"]);
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        bed.assert_clean();
    }

    #[test]
    #[ignore = "needs root"]
    fn a_run_in_the_background_has_its_plugin() {
        let bed = bed(true);
        let job = bed.job("echo begun; sleep 600");
        let ran = bed.camp.encamp(&words(&bed.args(&["--detach", &job])));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        poll("output", || bed.camp.encamp(&["logs", "plugged"]).out == "begun\n");
        assert_eq!(bed.camp.encamp(&["stop", "plugged"]).code, Some(0));
        bed.assert_clean();
    }
}
