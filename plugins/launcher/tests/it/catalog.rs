//! Jobs under plugins of a directory.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::camp::{Camp, Ran, poll, wait};

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
        self.install_as("tried", "driver", if by_host { "agent" } else { "" });
    }

    /// Installs the example as a file of this name and a plugin of this kind.
    fn install_as(&self, file: &str, kind: &str, more: &str) {
        let example = Path::new(env!("CARGO_BIN_EXE_encamp"))
            .with_file_name("examples")
            .join("tried");
        assert!(
            example.exists(),
            "{} is not built; run all of this crate's tests",
            example.display()
        );
        let path = self.plugins.path().join(file);
        let record = self.camp.path().join("record");
        let script = format!(
            "#!/bin/sh\necho $$ >> {}\nexec {} {kind} {} {more}\n",
            self.journal().display(),
            example.display(),
            record.display()
        );
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Puts a program in the example's place that says nothing and ignores what should end it.
    fn replace_by_one_that_hangs(&self) {
        let script = format!(
            "#!/bin/sh\ntrap '' INT TERM\necho $$ >> {}\nexec sleep 600\n",
            self.journal().display()
        );
        fs::write(self.plugins.path().join("tried"), script).unwrap();
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
fn the_directory_of_plugins_can_be_completed_wherever_it_can_be_given() {
    let script = Camp::new().encamp(&["completions", "zsh"]).out;
    let options = script.matches("--plugin-dir=").count();
    assert_eq!(options, 3, "run, validate and fingerprint");
    let hint = script
        .lines()
        .filter(|line| line.contains("--plugin-dir=") && line.contains("_files -/"));
    assert_eq!(hint.count(), options);
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

    /// A driver, a device plugin of the same name, and a program that is no plugin.
    fn bed_of_all() -> Bed {
        let bed = bed(false);
        bed.install_as("lamp", "device", "");
        let broken = bed.plugins.path().join("broken");
        fs::write(&broken, "#!/bin/sh\nexit 3\n").unwrap();
        fs::set_permissions(&broken, fs::Permissions::from_mode(0o755)).unwrap();
        let text = fs::read_to_string(bed.config()).unwrap();
        let more = "plugin \"lamp\" {}\nplugin \"broken\" {}\n";
        fs::write(bed.config(), format!("{text}{more}")).unwrap();
        bed
    }

    impl Bed {
        fn fingerprint(&self, more: &[&str]) -> Ran {
            let (dir, config) = (self.plugins.path().to_str().unwrap(), self.config());
            let args = [
                "fingerprint",
                "--plugin-dir",
                dir,
                "--plugin-config",
                config.to_str().unwrap(),
            ];
            self.camp.encamp(&[&args[..], more].concat())
        }
    }

    #[test]
    #[ignore = "needs root"]
    fn fingerprint_shows_the_drivers_and_the_devices_of_plugins() {
        let bed = bed_of_all();
        let ran = bed.fingerprint(&[]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.out.contains("raw_exec: healthy"), "{ran:?}");
        assert!(
            ran.out.contains("\ntried: healthy (Healthy)\n  driver.raw_exec = "),
            "{ran:?}"
        );
        let lamps = "\ntried:\n  acme/lamp/L1:\n    power = 5W\n    left: healthy\n    right: unhealthy (burnt out)\n";
        assert!(ran.out.ends_with(lamps), "{ran:?}");
        assert!(ran.err.contains("plugin broken: it does not start"), "{ran:?}");
        bed.assert_clean();
    }

    #[test]
    #[ignore = "needs root"]
    fn fingerprint_gives_one_of_them_as_json() {
        let bed = bed_of_all();
        let ran = bed.fingerprint(&["--json", "tried"]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let values = ran.out.lines().map(|line| serde_json::from_str(line).unwrap());
        let values: Vec<serde_json::Value> = values.collect();
        let found: Vec<_> = values.iter().filter(|value| value.get("error").is_none()).collect();
        assert_eq!(
            (found.len(), &found[0]["driver"], &found[1]["device"]),
            (2, &"tried".into(), &"tried".into())
        );
        assert_eq!(found[0]["fingerprint"]["health"], "healthy");
        assert_eq!(found[1]["devices"][0]["devices"][1]["health_description"], "burnt out");
        let ran = bed.fingerprint(&["nobody"]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        let known = "there is no driver \"nobody\"; known: docker, exec, raw_exec, tried, tried";
        assert!(ran.err.contains(known), "{ran:?}");
        bed.assert_clean();
    }

    #[test]
    #[ignore = "needs root"]
    fn an_interrupted_fingerprint_leaves_no_plugin() {
        let bed = bed(false);
        bed.replace_by_one_that_hangs();
        let dir = bed.plugins.path().to_str().unwrap();
        let config = bed.config();
        let args = [
            "fingerprint",
            "--plugin-dir",
            dir,
            "--plugin-config",
            config.to_str().unwrap(),
        ];
        let child = bed.camp.spawn(&args);
        poll("it is started", || bed.pids().len() == 1);
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
        let output = wait(child, &["fingerprint"]);
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        bed.assert_clean();
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
    fn what_a_task_writes_while_there_is_no_runner_is_kept_for_the_next() {
        let bed = Bed::new(Path::new("/var/lib"));
        bed.install_as("tried", "foreign", "");
        let (go, wrote) = (bed.camp.path().join("go"), bed.camp.path().join("wrote"));
        let job = bed.job(&format!(
            "echo begun; while [ ! -e {} ]; do sleep 0.05; done; echo alone; echo too >&2; echo > {}; i=0; while [ $i -lt \
             20000 ]; do echo line $i; i=$((i+1)); done",
            go.display(),
            wrote.display()
        ));
        let mut child = bed.camp.spawn(&words(&bed.args(&[&job])));
        bed.camp.until_task_is("running");
        poll("output", || bed.camp.encamp(&["logs", "plugged"]).out == "begun\n");
        child.kill().unwrap();
        wait(child, &["run"]);
        fs::write(&go, "").unwrap();
        // Without a reader it would not come this far.
        poll("the task has written", || wrote.exists());
        let logs = bed.camp.encamp(&["logs", "-f", "plugged"]);
        let mut lines = logs.out.lines();
        assert_eq!([lines.next(), lines.next()], [Some("begun"), Some("alone")], "{logs:?}");
        let rest: Vec<&str> = lines.collect();
        assert_eq!(rest.len(), 20000);
        assert!(rest.iter().enumerate().all(|(n, line)| *line == format!("line {n}")));
        let logs = bed.camp.encamp(&["logs", "--stderr", "plugged"]);
        assert_eq!(logs.out, "too\n", "{logs:?}");
        bed.camp.until_task_is("dead");
        assert_eq!(bed.camp.encamp(&["stop", "plugged"]).code, Some(0));
        bed.assert_clean();
    }

    #[test]
    #[ignore = "needs root"]
    fn an_interrupted_run_leaves_no_plugin_that_hangs() {
        let bed = bed(false);
        bed.replace_by_one_that_hangs();
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
