//! Job files that are refused, and why.

use crate::{job, parse_text};

/// Checks the diagnostics of a file, one on a line.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    check_with(text, &[], expected);
}

#[track_caller]
fn check_with(text: &str, variables: &[(&str, &str)], expected: &[&str]) {
    let errors = parse_text(text, variables)
        .err()
        .unwrap_or_else(|| panic!("accepted: {text}"));
    assert_eq!(errors.to_string().lines().collect::<Vec<_>>(), expected, "{text}");
}

/// Checks the diagnostics for what stands on line 6 in the task.
#[track_caller]
fn check_task(task: &str, expected: &[&str]) {
    check(&job("", task), expected);
}

#[test]
fn files_without_a_job() {
    check(
        "",
        &["job.hcl:1:1: Missing job block; A job file holds one job: job \"name\" { .. }."],
    );
    check(
        "jbo \"x\" {}\n",
        &["job.hcl:1:1: Unsupported block type; Blocks of type \"jbo\" are not expected here. Did you mean \"job\"?"],
    );
    check(
        "\n  {\"Job\": {}}",
        &[
            "job.hcl:2:4: API job; This is a job as the HTTP API takes it, which is not supported yet. Write it as a job \
             file: {\"job\": {\"name\": {\"group\": {..}}}}.",
        ],
    );
}

#[test]
fn labels_are_checked() {
    check(
        "job {}",
        &["job.hcl:1:5: Missing name for job; Blocks of type \"job\" have one label, the name."],
    );
    check(
        "job \"a b\" \"c\" {\n group {}\n}",
        &["job.hcl:1:11: Extraneous label for job; Blocks of type \"job\" have one label, the name."],
    );
    check(
        "job \"a b\" {\n group {}\n}",
        &[
            "job.hcl:1:1: Invalid job name; This cannot be the name of a job: it may not contain spaces.",
            "job.hcl:2:8: Missing name for group; Blocks of type \"group\" have one label, the name.",
        ],
    );
    let name = |name: &str, reason: &str| {
        let text = format!("job \"j\" {{\ngroup \"g\" {{\ntask {name} {{\ndriver = \"exec\"\n}}\n}}\n}}");
        let line = format!("job.hcl:3:6: Invalid task name; This cannot be the name of a task: {reason}.");
        check(&text, &[&line]);
    };
    name("\"a/b\"", "it may not contain slashes");
    name("\"..\"", "\"..\" names a directory that is already there");
    name(
        "\"alloc\"",
        "\"alloc\" is reserved for the directory that the tasks of a group share",
    );
    name("\"\"", "it may not be empty");
    name("\"a\\u0000\"", "it may not contain control characters");
    name(
        &format!("\"{}\"", "x".repeat(201)),
        "it has 201 bytes, and may have at most 200",
    );
    check(
        &format!("job \"{}\" {{}}", "j".repeat(256)),
        &[
            "job.hcl:1:1: Invalid job name; This cannot be the name of a job: it has 256 bytes, and may have at most 255.",
            "job.hcl:1:1: Missing group block; A job holds one group at least: group \"name\" { task \"name\" { .. } }.",
        ],
    );
}

#[test]
fn a_kill_signal_that_nobody_knows() {
    let signal = |name: &str, detail: &str| {
        let line = format!("job.hcl:6:15: Invalid kill_signal; {detail}");
        check_task(&format!("kill_signal = \"{name}\""), &[&line]);
    };
    signal("SIGTREM", "\"SIGTREM\" is no signal. Did you mean \"SIGTERM\"?");
    signal("usr3", "\"usr3\" is no signal. Did you mean \"SIGUSR1\"?");
    signal("15", "\"15\" is no signal; write one like \"SIGTERM\".");
}

#[test]
fn groups_and_tasks_are_needed_and_unique() {
    check(
        "job \"j\" {}",
        &["job.hcl:1:1: Missing group block; A job holds one group at least: group \"name\" { task \"name\" { .. } }."],
    );
    check(
        "job \"j\" {\n group \"g\" {}\n group \"g\" {}\n}",
        &[
            "job.hcl:2:2: Missing task block; A group holds one task at least: task \"name\" { .. }.",
            "job.hcl:3:2: Missing task block; A group holds one task at least: task \"name\" { .. }.",
            "job.hcl:3:8: Duplicate group name; There is another group of this name before it. Each group needs its own name.",
        ],
    );
    check(
        &job("task \"t\" { driver = \"exec\" }", "leader = true"),
        &[
            "job.hcl:4:6: Duplicate task name; There is another task of this name before it. Each task needs its own name.",
        ],
    );
    check(
        &job("task \"u\" {\ndriver = \"exec\"\nleader = true\n}", "leader = true"),
        &["job.hcl:7:1: Two leaders; At most one task of a group can be its leader."],
    );
    check(
        &job("count = 2", ""),
        &["job.hcl:3:9: Unsupported count; One instance of a group is run here: remove \"count\", or set it to 1."],
    );
    check(
        "job \"a\" {}\njob \"b\" {}",
        &[
            "job.hcl:1:1: Missing group block; A job holds one group at least: group \"name\" { task \"name\" { .. } }.",
            "job.hcl:2:1: Duplicate job block; A job file holds one job only.",
        ],
    );
}

#[test]
fn names_that_are_unknown_or_not_supported_yet() {
    check_task(
        "dirver = 1",
        &[
            "job.hcl:6:1: Unsupported argument; An argument named \"dirver\" is not expected here. Did you mean \"driver\"?",
        ],
    );
    check_task(
        "zzzzz {}",
        &["job.hcl:6:1: Unsupported block type; Blocks of type \"zzzzz\" are not expected here."],
    );
    check_task(
        "template {\n data = \"\"\n destination = \"a\"\n}",
        &[
            "job.hcl:6:1: Unsupported block; \"template\" in a task is not supported yet. Remove it to run the job here.",
        ],
    );
    check_task(
        "resources = {}",
        &[
            "job.hcl:6:1: Unsupported argument; An argument named \"resources\" is not expected here. \"resources\" is a block: write resources { .. }.",
        ],
    );
    check_task(
        "user {}",
        &[
            "job.hcl:6:1: Unsupported block type; Blocks of type \"user\" are not expected here. \"user\" is an argument: write user = ..",
        ],
    );
    check_task(
        "logs {}\nlogs {}",
        &[
            "job.hcl:7:1: Duplicate logs block; Only one block of type \"logs\" is allowed here. The first one is at job.hcl:6:1.",
        ],
    );
    check_task(
        "resources {\n device \"gpu\" {}\n}",
        &[
            "job.hcl:7:2: Unsupported block; \"device\" in a resources block is not supported yet. Remove it to run the job here.",
        ],
    );
    check(
        &job("network {}", ""),
        &[
            "job.hcl:3:1: Unsupported block; \"network\" in a group is not supported yet. Remove it to run the job here.",
        ],
    );
    let system = job("", "").replacen("{\n", "{\ntype = \"system\"\n", 1);
    check(
        &system,
        &["job.hcl:2:8: Invalid job type; Jobs of type \"system\" are not supported yet."],
    );
}

#[test]
fn values_are_checked() {
    check_task(
        "kill_timeout = 30",
        &[
            "job.hcl:6:16: Invalid duration; Inappropriate value for \"kill_timeout\": a duration needs a unit: ns, us, ms, s, m or h, as in \"30s\" or \"1m30s\".",
        ],
    );
    check_task(
        "kill_timeout = \"-5s\"",
        &[
            "job.hcl:6:16: Invalid duration; Inappropriate value for \"kill_timeout\": a duration cannot be negative here.",
        ],
    );
    check_task(
        "resources {\n memory = 1.5\n}",
        &["job.hcl:7:11: Invalid memory; \"memory\" must be a whole number, and at least 10."],
    );
    check_task(
        "resources {\n memory = 256\n memory_max = 128\n}",
        &[
            "job.hcl:8:15: Invalid memory_max; \"memory_max\" must be at least \"memory\", which is 256, or -1 for no limit.",
        ],
    );
    check_task(
        "resources {\n cpu = 1\n cores = 1\n}",
        &[
            "job.hcl:8:10: Conflicting resources; \"cpu\" and \"cores\" cannot both be set: a task has a share of the processors, or whole ones.",
        ],
    );
    check_task(
        "logs { max_files = 0 }",
        &["job.hcl:6:20: Invalid max_files; \"max_files\" must be at least 1."],
    );
    check_task(
        "lifecycle { hook = \"prestrat\" }",
        &[
            "job.hcl:6:20: Invalid hook; \"hook\" must be one of \"prestart\", \"poststart\", \"poststop\". Did you mean \"prestart\"?",
        ],
    );
    check_task(
        "lifecycle {}",
        &["job.hcl:6:11: Missing required argument; The argument \"hook\" is required, but it is not set."],
    );
    check_task(
        "restart { mode = \"x\" }",
        &["job.hcl:6:18: Invalid mode; \"mode\" must be one of \"fail\", \"delay\"."],
    );
    check_task(
        "leader = \"yes\"",
        &["job.hcl:6:10: Incorrect attribute value type; Inappropriate value for \"leader\": a bool is required."],
    );
    check_task(
        "env { A = [1] }",
        &[
            "job.hcl:6:11: Incorrect attribute value type; Inappropriate value for \"env.A\": string required, but have tuple.",
        ],
    );
    check_task(
        "user = \"${vra.x}\"",
        &["job.hcl:6:11: Unknown variable; There is no variable named \"vra\". Did you mean \"var\"?"],
    );
    check(
        "job \"j\" {\n group \"g\" {\n task \"t\" {}\n}\n}",
        &["job.hcl:3:2: Missing driver; The task \"t\" has no driver. Name one: driver = \"exec\"."],
    );
}

#[test]
fn all_that_is_wrong_is_reported_in_the_order_of_the_text() {
    check_task(
        "leader = 5\nkill_timeout = \"x\"\nuser = [1]\nresources {\n cpu = -1\n memory = \"a\"\n cores = 1.5\n}",
        &[
            "job.hcl:6:10: Incorrect attribute value type; Inappropriate value for \"leader\": bool required, but have number.",
            "job.hcl:7:16: Invalid duration; Inappropriate value for \"kill_timeout\": not a duration: write numbers with units, as in \"30s\" or \"1m30s\".",
            "job.hcl:8:8: Incorrect attribute value type; Inappropriate value for \"user\": string required, but have tuple.",
            "job.hcl:10:8: Invalid cpu; \"cpu\" must be at least 1.",
            "job.hcl:11:11: Incorrect attribute value type; Inappropriate value for \"resources.memory\": a number is required.",
            "job.hcl:12:10: Invalid cores; \"cores\" must be a whole number, and at least 1.",
        ],
    );
}

#[test]
fn variables_and_locals_are_checked() {
    let with = |head: &str| format!("{head}\n{}", job("", ""));
    check(
        &with("variable \"v\" {}"),
        &["job.hcl:1:1: Missing variable value; The variable \"v\" has no default. Give it a value with --var v=.."],
    );
    check_with(
        &with("variable \"image\" { default = 1 }"),
        &[("imgae", "x")],
        &[
            "Undefined variable; A value is given for the variable \"imgae\", but the job file has no such variable. Did you mean \"image\"?",
        ],
    );
    check_with(
        &with("variable \"n\" { type = number }"),
        &[("n", "hunter2")],
        &[
            "job.hcl:1:1: Invalid variable value; The value given for the variable \"n\" is not of its type, number: variables not allowed.",
        ],
    );
    check(
        &with("variable \"n\" { type = nmuber }"),
        &["job.hcl:1:23: Unknown variable; There is no type \"nmuber\". Did you mean \"number\"?"],
    );
    check(
        &with("variable \"n\" { default = var.x }"),
        &[
            "job.hcl:1:26: Variables not allowed; There are no variables here, so \"var\" cannot be one. A text is put in quotes.",
        ],
    );
    check(
        &with("variable \"n\" { default = 1 }\nvariable \"n\" { default = 1 }"),
        &["job.hcl:2:1: Duplicate variable; The variable \"n\" is already declared."],
    );
    check(
        &with("locals {\n a = local.b\n b = local.a\n c = local.d\n}"),
        &[
            "job.hcl:2:2: Circular local; The local \"a\" refers to itself, if only by way of others.",
            "job.hcl:3:2: Circular local; The local \"b\" refers to itself, if only by way of others.",
            "job.hcl:4:11: Unsupported attribute; There is no attribute named \"d\" in this object.",
        ],
    );
}

#[test]
fn validations_of_variables_are_run() {
    let with = |condition: &str| {
        format!(
            "variable \"n\" {{\n default = 5\n validation {{\n condition = {condition}\n error_message = \"No ${{var.n}}.\"\n}}\n}}\n{}",
            job("", "")
        )
    };
    assert!(parse_text(&with("var.n > 3"), &[]).is_ok());
    check(&with("var.n > 7"), &["job.hcl:4:14: Invalid value for variable; No 5."]);
    check(
        &with("var.m"),
        &["job.hcl:4:17: Unsupported attribute; There is no attribute named \"m\" in this object."],
    );
    check(
        &with("null"),
        &["job.hcl:4:14: Invalid variable validation result; The condition is true or false, and not null."],
    );
    check_with(
        &with("var.n > 3"),
        &[("n", "1")],
        &["job.hcl:4:14: Invalid value for variable; No 1."],
    );
}

#[test]
fn blocks_are_checked_as_a_whole() {
    let group = |text: &str, expected: &[&str]| {
        let options = encamp_jobspec::Options::default().with_unsupported(encamp_jobspec::Unsupported::Note);
        let source = encamp_hclspec::Source::new("job.hcl", job(text, ""));
        let errors = encamp_jobspec::parse_with(source, &options).unwrap_err();
        let errors = errors
            .iter()
            .filter(|error| error.severity == encamp_hclspec::Severity::Error);
        let lines: Vec<_> = errors.map(ToString::to_string).collect();
        assert_eq!(lines, expected, "{text}");
    };
    group(
        "update {\n min_healthy_time = \"10m\"\n}",
        &["job.hcl:4:21: Invalid min_healthy_time; \"min_healthy_time\" must be less than \"healthy_deadline\"."],
    );
    group(
        "spread {\n attribute = \"a\"\n target \"x\" {\n percent = 60\n}\n target \"y\" {\n percent = 60\n}\n}",
        &["job.hcl:3:8: Invalid spread; The targets of a spread come to 100 percent at most, and these to 120."],
    );
    group(
        "network {\n mode = \"brigde\"\n port \"p\" {\n static = 70000\n}\n}",
        &[
            "job.hcl:4:9: Invalid mode; \"mode\" must be one of \"none\", \"bridge\", \"host\". Did you mean \"bridge\"?",
            "job.hcl:6:11: Invalid static; \"static\" must be a whole number from 0 to 65535.",
        ],
    );
    group(
        "service {\n check {\n type = \"http\"\n interval = \"1ms\"\n}\n}",
        &[
            "job.hcl:4:8: Missing path; A check of type \"http\" has a \"path\".",
            "job.hcl:4:8: Missing timeout; A check has a \"timeout\".",
            "job.hcl:6:13: Invalid interval; \"interval\" must be 1s at least.",
        ],
    );
    group(
        "constraint {\n operator = \"!=\"\n value = \"x\"\n}\naffinity {\n attribute = \"a\"\n weight = 0\n}",
        &[
            "job.hcl:3:12: Missing attribute; \"attribute\" says what of a node is compared, as in attribute = \"${attr.kernel.name}\".",
            "job.hcl:9:11: Invalid weight; \"weight\" may not be 0: that would be no affinity.",
        ],
    );
    group(
        "volume \"v\" {}",
        &["job.hcl:3:12: Missing required argument; The argument \"type\" is required, but it is not set."],
    );
    group(
        "scaling {\n min = 3\n max = 2\n}",
        &["job.hcl:4:8: Invalid min; \"min\" may not be greater than \"max\"."],
    );
}

#[test]
fn a_rendered_error_shows_the_line() {
    let errors = parse_text(&job("", "resorces {\n cpu = 1\n}"), &[]).unwrap_err();
    assert_eq!(
        errors.render(encamp_hclspec::Style::Plain),
        "error: Unsupported block type
 --> job.hcl:6:1
  |
6 | resorces {
  | ^^^^^^^^
  |
  = Blocks of type \"resorces\" are not expected here. Did you mean \"resources\"?"
    );
}
