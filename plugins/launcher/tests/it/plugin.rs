//! Plugins, launched and tried by hand.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::camp::{Camp, Ran, poll, processes_with};

mod terminal;

/// What `{foo = "v1", bar = 1337, baz = true}` is as message pack, as upstream's own encoder writes it.
const RECORDED: &str = "83a3626172cd0539a362617ac3a3666f6fa27631";

/// A camp with the example plugin.
struct Bed {
    camp: Camp,
}

impl Bed {
    fn new() -> Self {
        let bed = Self { camp: Camp::new() };
        fs::create_dir(bed.tmp()).unwrap();
        bed
    }

    /// The directory for temporary files, where nothing may be left.
    fn tmp(&self) -> PathBuf {
        self.camp.path().join("tmp")
    }

    fn record(&self) -> PathBuf {
        self.camp.path().join("record")
    }

    /// The bytes that the plugin was configured with, each time.
    fn recorded(&self) -> Vec<String> {
        let text = fs::read_to_string(self.record()).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.camp.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn command(&self, args: &[&str]) -> std::process::Command {
        let mut command = self.camp.command(&[]);
        command.arg("plugin").args(args).env("TMPDIR", self.tmp());
        command.current_dir(self.camp.path());
        command
    }

    /// `encamp plugin` with these arguments; then the example's program and its arguments.
    fn tried(&self, args: &[&str], kind: &[&str]) -> std::process::Command {
        let mut command = self.command(args);
        command.arg(plugin()).arg(kind[0]).arg(self.record()).args(&kind[1..]);
        command
    }

    fn run(&self, args: &[&str], kind: &[&str], script: &str) -> Ran {
        crate::camp::ran(self.tried(args, kind), script.as_bytes())
    }

    #[track_caller]
    fn assert_clean(&self) {
        let left: Vec<_> = fs::read_dir(self.tmp())
            .unwrap()
            .flatten()
            .map(|entry| entry.path())
            .collect();
        assert!(left.is_empty(), "left behind: {left:?}");
        let needle = self.camp.path().to_str().unwrap();
        poll("no process is left", || processes_with(needle).is_empty());
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        encamp_executor::testing::destroy_all(&self.record().with_extension("state"));
    }
}

/// The example that tests talk to, which is built with them.
fn plugin() -> PathBuf {
    let beside = Path::new(env!("CARGO_BIN_EXE_encamp")).parent().unwrap();
    let path = beside.join("examples/tried");
    assert!(
        path.exists(),
        "{} is not built; run all of this crate's tests",
        path.display()
    );
    path
}

#[track_caller]
fn json(text: &str) -> Value {
    serde_json::from_str(text.trim()).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A program that is no plugin, and what is said about it.
#[track_caller]
fn check_no_plugin(make: impl FnOnce(&Bed) -> String, code: i32, said: &[&str]) {
    let bed = Bed::new();
    let path = make(&bed);
    let command = bed.command(&["info", "--start-timeout", "2s", &path]);
    let ran = crate::camp::ran(command, b"");
    assert_eq!(ran.code, Some(code), "{ran:?}");
    for words in said {
        assert!(ran.err.contains(words), "`{words}` is not in:\n{}", ran.err);
    }
    assert!(ran.took < Duration::from_secs(20), "it took {:?}", ran.took);
    bed.assert_clean();
}

fn executable(bed: &Bed, text: &str) -> String {
    let path = bed.file("program", text);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn a_program_that_is_no_plugin_is_told_from_one() {
    check_no_plugin(|_| "/bin/true".to_owned(), 1, &["/bin/true", "exited with code 0"]);
    check_no_plugin(
        |_| "/nowhere/plugin".to_owned(),
        2,
        &["/nowhere/plugin", "No such file"],
    );
    check_no_plugin(|_| "/etc".to_owned(), 2, &["/etc", "is a directory"]);
    check_no_plugin(|bed| bed.file("text", "hello\n"), 1, &["text", "Permission denied"]);
    check_no_plugin(
        |bed| executable(bed, "#!/bin/sh\necho hello\n"),
        1,
        &["program", "cannot be used as a plugin"],
    );
}

#[test]
fn a_program_that_says_nothing_is_given_up_after_its_time() {
    let script = "#!/bin/sh\necho 'I am waiting' >&2\nexec sleep 600\n";
    check_no_plugin(
        |bed| executable(bed, script),
        1,
        &["was not ready within 2s", "I am waiting"],
    );
}

#[test]
fn a_plugin_says_what_it_is() {
    let bed = Bed::new();
    let ran = bed.run(&["info"], &["driver"], "");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for words in [
        "Name            tried",
        "Version         1.2.3",
        "API versions    0.1.0",
        "Exec            yes",
    ] {
        assert!(ran.out.contains(words), "`{words}` is not in:\n{}", ran.out);
    }
    let ran = bed.run(&["info", "--json"], &["device"], "");
    let said = json(&ran.out);
    assert_eq!(
        (&said["name"], &said["type"]),
        (&"tried".into(), &"device".into()),
        "{said}"
    );
    assert!(
        said["pid"].is_u64() && said["address"].is_string() && said["capabilities"].is_null(),
        "{said}"
    );
    bed.assert_clean();
}

#[test]
fn a_plugins_log_is_shown_from_its_warnings_on_unless_more_is_asked_for() {
    let bed = Bed::new();
    let ran = bed.run(&["info"], &["driver"], "");
    assert!(
        ran.err.contains("WARN  tried: This is only a trial: lamp=false"),
        "{ran:?}"
    );
    assert!(!ran.err.contains("Nobody needs to know"), "{ran:?}");
    let ran = bed.run(&["info", "--verbose"], &["driver"], "");
    assert!(ran.err.contains("DEBUG tried: Nobody needs to know this"), "{ran:?}");
}

#[test]
fn a_schema_comes_in_every_form() {
    let bed = Bed::new();
    let check = |args: &[&str], said: &[&str]| {
        let ran = bed.run(&[&["schema"], args].concat(), &["driver"], "");
        assert_eq!(ran.code, Some(0), "{ran:?}");
        for words in said {
            assert!(ran.out.contains(words), "{args:?}: `{words}` is not in:\n{}", ran.out);
        }
    };
    check(
        &[],
        &[
            "Configuration of the plugin:\n\noption  type    default",
            "bar     number  7\n",
            "command",
        ],
    );
    check(
        &["--config", "--format", "markdown"],
        &["| `bar` | number | `7` |  |\n"],
    );
    check(&["--config", "--format", "hcl"], &["default \"bar\" {", "type = bool"]);
    check(
        &["--task", "--format", "json-schema"],
        &["\n  \"$schema\": ", "\"command\""],
    );
    let ran = bed.run(&["schema", "--json"], &["driver"], "");
    let schemas = json(&ran.out);
    assert!(schemas["config"]["properties"]["bar"].is_object(), "{schemas}");
    assert!(schemas["task"]["properties"]["command"].is_object(), "{schemas}");
    let ran = bed.run(&["schema", "--task"], &["device"], "");
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("no driver"), "{ran:?}");
}

/// A configuration, and what the plugin was given for it.
#[track_caller]
fn check_bytes(text: &str, bytes: &str) {
    let bed = Bed::new();
    let file = bed.file("config.hcl", text);
    let mut command = bed.command(&["validate"]);
    command.arg(plugin()).args([&file, "driver"]).arg(bed.record());
    let ran = crate::camp::ran(command, b"");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(bed.recorded(), [format!("{bytes} 0.1.0")], "{text}");
}

#[test]
fn a_plugin_is_given_the_value_of_its_configuration_and_not_its_text() {
    check_bytes("foo = \"v1\"\nbar = 1337\nbaz = true\n", RECORDED);
    let block = "client {\n  enabled = true\n}\nplugin \"other\" {}\nplugin \"tried\" {\n  args = [\"x\"]\n  config {\n    \
                 foo = \"v1\"\n    bar = 1300 + 37\n    baz = true\n  }\n}\n";
    check_bytes(block, RECORDED);
    check_bytes("config {\n  foo = \"v1\"\n  bar = 1337\n  baz = true\n}\n", RECORDED);
}

/// The lines that are written when the program is started with what a `plugin` block, or the command line, says.
#[track_caller]
fn check_args(block: &str, words: &[&str], started_with: &str) {
    let bed = Bed::new();
    let told = bed.camp.path().join("told");
    let text = format!(
        "#!/bin/sh\necho \"$@\" > {}\nexec {} driver {}\n",
        told.display(),
        plugin().display(),
        bed.record().display()
    );
    let program = executable(&bed, &text);
    let file = bed.file("agent.hcl", block);
    for args in [
        &["validate", &program, &file][..],
        &["driver", "--config", &file, &program],
    ] {
        let mut command = bed.command(args);
        command.args(words);
        let ran = crate::camp::ran(command, b"");
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert_eq!(fs::read_to_string(&told).unwrap().trim_end(), started_with, "{block}");
    }
    bed.assert_clean();
}

#[test]
fn a_program_is_started_with_the_args_of_its_block() {
    let block = "plugin \"other\" {\n  args = [\"no\"]\n}\nplugin \"program\" {\n  args = [\"-x\", \"a b\", 7]\n}\n";
    check_args(block, &[], "-x a b 7");
    check_args(block, &["mine"], "mine");
    check_args("plugin \"tried\" {\n  args = [\"-x\"]\n}\n", &[], "");
    check_args("", &[], "");
    let later =
        "plugin \"program\" {\n  args = [\"1\"]\n}\nplugin \"program\" {\n  args = [\"2\"]\n}\nplugin \"program\" {}\n";
    check_args(later, &[], "2");
}

#[test]
fn wrong_args_are_shown_at_their_line_and_nothing_is_started() {
    let bed = Bed::new();
    let program = executable(&bed, "#!/bin/sh\ntouch started\n");
    bed.file("agent.hcl", "plugin \"program\" {\n  args = 7\n}\n");
    let ran = crate::camp::ran(bed.command(&["validate", &program, "agent.hcl"]), b"");
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("agent.hcl:2:"), "{}", ran.err);
    assert!(!bed.camp.path().join("started").exists());
}

#[test]
fn what_is_not_configured_has_its_default() {
    let defaults = "83a362617207a362617ac0a3666f6fc0";
    check_bytes("", defaults);
    check_bytes("# nothing\n/* at all */\n", defaults);
    check_bytes("plugin \"tried\" {\n}\n", defaults);
}

#[test]
fn a_wrong_configuration_is_shown_at_its_line_and_never_sent() {
    let bed = Bed::new();
    bed.file(
        "bad.hcl",
        "plugin \"tried\" {\n  config {\n    foo = \"v1\"\n    barr = 1\n  }\n}\n",
    );
    let mut command = bed.command(&["validate"]);
    command.arg(plugin()).args(["bad.hcl", "driver"]).arg(bed.record());
    let ran = crate::camp::ran(command, b"");
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let expected = "error: Unsupported argument\n --> bad.hcl:4:5\n  |\n4 |     barr = 1\n  |     ^^^^\n  |\n  \
                    = An argument named \"barr\" is not expected here. Did you mean \"bar\"?\n";
    assert!(ran.err.ends_with(expected), "{}", ran.err);
    assert_eq!(bed.recorded(), [""; 0]);
    bed.file("bad.hcl", "plugin \"other\" {}\n");
    let ran = bed.run(&["driver", "--json", "--config", "bad.hcl"], &["driver"], "list\n");
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let said = json(&ran.out);
    assert_eq!(
        said["diagnostics"][0]["summary"], "No configuration of this plugin",
        "{said}"
    );
    bed.assert_clean();
}

#[test]
fn what_a_plugin_has_against_its_configuration_is_told() {
    let bed = Bed::new();
    bed.file("no.hcl", "foo = \"no\"\n");
    let mut command = bed.command(&["validate"]);
    command.arg(plugin()).args(["no.hcl", "driver"]).arg(bed.record());
    let ran = crate::camp::ran(command, b"");
    assert_eq!(ran.code, Some(2), "{ran:?}");
    let expected = "error: plugin \"tried\" refuses the configuration in no.hcl: SetConfig failed: foo must not be no";
    assert!(ran.err.contains(expected), "{}", ran.err);
    let ran = bed.run(&["driver", "--config", "no.hcl"], &["driver"], "list\n");
    assert_eq!(ran.code, Some(2), "{ran:?}");
    bed.assert_clean();
}

/// What a task writes and does, seen by whoever starts it in a session.
#[track_caller]
fn check_session(kind: &[&str]) {
    let bed = Bed::new();
    bed.file(
        "task.hcl",
        "command = \"/bin/sh\"\nargs = [\"-c\", \"echo out; echo err >&2; exec sleep 600\"]\n",
    );
    let script = "fingerprint\nstart --name web --env A=b task.hcl\nlist\n\
                  exec web /bin/sh -c 'echo in $A; until [ -s $NOMAD_ALLOC_DIR/logs/web.stderr.0 ]; do sleep .05; done'\n\
                  logs web\nlogs --stderr web\nstats web\nstop web 2s SIGINT\nwait web\ninspect web\ndestroy web\n\
                  list\n# the end\nexit\nbogus\n";
    let ran = bed.run(&["driver"], kind, script);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let lines: Vec<_> = ran.out.lines().collect();
    for line in [
        "healthy (Healthy)",
        "in b",
        "out",
        "err",
        "web has ended: killed by signal 2",
        "web: stopped",
        "State      exited",
        "web: destroyed",
    ] {
        assert!(lines.contains(&line), "`{line}` is not in:\n{}", ran.out);
    }
    assert!(
        lines.iter().any(|line| line.starts_with("web: started as ")),
        "{}",
        ran.out
    );
    assert!(lines.iter().any(|line| line.contains("MHz), resident")), "{}", ran.out);
    assert_eq!(lines.last(), Some(&"NAME  STATE  RESULT  ID"), "{}", ran.out);
    assert_eq!(bed.recorded(), ["83a362617207a362617ac0a3666f6fc0 0.1.0 with a node"]);
    bed.assert_clean();
}

#[test]
fn a_script_takes_a_task_through_its_life() {
    check_session(&["driver"]);
}

#[test]
fn output_that_a_driver_leaves_to_the_host_is_collected() {
    check_session(&["driver", "agent"]);
}

#[test]
fn a_session_says_everything_as_json() {
    let bed = Bed::new();
    let script =
        "start { command = \"/bin/sh\", args = [\"-c\", \"exit 3\"] }\nwait task1\nlist\nexec task1 true\nnonsense\n";
    let ran = bed.run(&["driver", "--json"], &["driver"], script);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let lines: Vec<Value> = ran.out.lines().map(json).collect();
    let [started, exited, listed, no_exec, nonsense] = lines.as_slice() else {
        panic!("{lines:#?}");
    };
    assert_eq!(
        (&started["task"], &started["done"]),
        (&"task1".into(), &"started".into())
    );
    assert_eq!(
        (&exited["event"], &exited["exit"]["exit_code"]),
        (&"exited".into(), &3.into())
    );
    assert_eq!(
        (&listed["state"], &listed["exit"]["exit_code"]),
        (&"exited".into(), &3.into())
    );
    assert!(
        no_exec["error"].is_string() && nonsense["error"].is_string(),
        "{lines:#?}"
    );
    bed.assert_clean();
}

#[test]
fn a_script_goes_on_after_an_error_unless_it_is_told_to_stop() {
    let bed = Bed::new();
    let ran = bed.run(&["driver"], &["driver"], "inspect nobody\nlist\n");
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (Some(1), "NAME  STATE  RESULT  ID\n"),
        "{ran:?}"
    );
    assert!(ran.err.contains("error: there is no task nobody"), "{ran:?}");
    let ran = bed.run(&["driver", "-e"], &["driver"], "inspect nobody\nlist\n");
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{ran:?}");
}

#[test]
fn a_wrong_task_is_shown_at_its_place_and_not_started() {
    let bed = Bed::new();
    bed.file("task.hcl", "config {\n  comand = \"/bin/date\"\n}\n");
    let ran = bed.run(
        &["driver"],
        &["driver"],
        "start task.hcl\nstart { comand = 1, a = 2 }\nstart\nlist\n",
    );
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (Some(1), "NAME  STATE  RESULT  ID\n"),
        "{ran:?}"
    );
    for words in [
        "task.hcl:2:3",
        "Did you mean \"command\"?",
        "block:1:12",
        "say what to start",
    ] {
        assert!(ran.err.contains(words), "`{words}` is not in:\n{}", ran.err);
    }
}

#[test]
fn what_a_session_leaves_running_is_killed_with_it() {
    let bed = Bed::new();
    let ran = bed.run(
        &["driver"],
        &["driver"],
        "start { command = \"/bin/sleep\", args = [\"600\"] }\n",
    );
    assert_eq!(ran.code, Some(0), "{ran:?}");
    bed.assert_clean();
}

#[test]
fn a_wrong_kind_of_plugin_is_sent_to_its_own_command() {
    let bed = Bed::new();
    let ran = bed.run(&["driver"], &["device"], "");
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("use `encamp plugin device`"), "{ran:?}");
}

#[test]
fn a_device_is_looked_at_and_reserved() {
    let bed = Bed::new();
    let ran = bed.run(
        &["device"],
        &["device"],
        "fingerprint\nstats\nstop\nreserve left\nreserve right\n",
    );
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let expected = "acme/lamp/L1:\n  power = 5W\n  left: healthy\n  right: unhealthy (burnt out)\nleft: 4 W\n  \
                    power = 4 W\nenv LAMP=left\ndevice /dev/null at /dev/null, rw\n";
    assert_eq!(ran.out, expected);
    assert!(ran.err.contains("error: unknown device id: right"), "{ran:?}");
    bed.assert_clean();
}

/// The process of the example that a session has launched, once the session has come so far that it wrote this.
fn launched(bed: &Bed, until: &str) -> Pid {
    let out = bed.camp.path().join("out");
    poll("the session is under way", || {
        fs::read_to_string(&out).unwrap_or_default().contains(until)
    });
    let needle = format!("tried\0driver\0{}", bed.record().display());
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        let is_encamp = line.windows(7).any(|bytes| bytes == b"\0plugin");
        (!is_encamp && String::from_utf8_lossy(&line).contains(&needle)).then_some(Pid::from_raw(pid))
    });
    pids.last().unwrap()
}

/// A session that waits for a task that does not end.
fn waiting(bed: &Bed) -> std::process::Child {
    let script = bed.file(
        "script",
        "start { command = \"/bin/sleep\", args = [\"600\"] }\nwait task1\nlist\n",
    );
    let mut command = bed.tried(&["driver"], &["driver"]);
    command.stdin(fs::File::open(script).unwrap());
    command.stdout(fs::File::create(bed.camp.path().join("out")).unwrap());
    command.spawn().unwrap()
}

#[test]
fn ctrl_c_ends_a_script_and_leaves_nothing() {
    let bed = Bed::new();
    let session = waiting(&bed);
    launched(&bed, "task1: started");
    let pid = Pid::from_raw(i32::try_from(session.id()).unwrap());
    kill(pid, Signal::SIGINT).unwrap();
    let output = crate::camp::wait(session, &["driver"]);
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    bed.assert_clean();
}

#[test]
fn the_death_of_a_plugin_is_told_and_its_tasks_are_removed() {
    let bed = Bed::new();
    let session = waiting(&bed);
    kill(launched(&bed, "task1: started"), Signal::SIGKILL).unwrap();
    let output = crate::camp::wait(session, &["driver"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("error: the plugin was killed by signal 9"), "{said}");
    assert!(said.contains("launched once more"), "{said}");
    bed.assert_clean();
}

#[test]
fn shells_complete_the_commands() {
    let camp = Camp::new();
    let ran = camp.encamp(&["completions", "bash"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for words in [
        "encamp__subcmd__plugin",
        "--start-timeout",
        "json-schema",
        "--stop-at-error",
    ] {
        assert!(ran.out.contains(words), "`{words}` is not in the script");
    }
}
