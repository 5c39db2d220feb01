//! Job files that are taken, and what they mean.

use std::time::Duration;

use encamp_jobspec::{JobType, Lifecycle, LifecycleHook, Logs, Parsed, Resources, Restart, RestartMode, Task};

use crate::{job, parse_text};

#[track_caller]
fn accept(text: &str, variables: &[(&str, &str)]) -> Parsed {
    match parse_text(text, variables) {
        Ok(parsed) => parsed,
        Err(errors) => panic!("{errors}"),
    }
}

#[track_caller]
fn task(group: &str, task: &str) -> Task {
    let mut parsed = accept(&job(group, task), &[]);
    parsed.job.groups.remove(0).tasks.remove(0)
}

#[test]
fn the_least_job_has_every_default() {
    let parsed = accept(
        "job \"j\" {\n group \"g\" {\n task \"t\" {\n driver = \"exec\"\n}\n}\n}",
        &[],
    );
    let job = parsed.job;
    assert!(parsed.notices.is_empty());
    assert_eq!(
        (job.id.as_str(), job.name.as_str(), job.job_type),
        ("j", "j", JobType::Service)
    );
    assert_eq!((job.namespace.as_str(), job.region.as_str()), ("default", "global"));
    assert_eq!(job.datacenters, ["*"]);
    let task = &job.groups[0].tasks[0];
    assert_eq!(
        (task.name.as_str(), task.driver.as_str(), task.user.as_deref()),
        ("t", "exec", None)
    );
    assert_eq!(
        task.resources,
        Resources {
            cpu: 100,
            cores: None,
            memory: 300,
            memory_max: None
        }
    );
    assert_eq!(
        task.logs,
        Logs {
            max_files: 10,
            max_file_size: 10,
            disabled: false
        }
    );
    assert_eq!(task.kill_timeout, Duration::from_secs(5));
    assert_eq!(task.restart, Restart::default_of(JobType::Service));
    assert_eq!(
        (task.lifecycle, task.leader, task.span.line(), task.driver_span.line()),
        (None, false, 3, 4)
    );
}

const FULL: &str = r#"
        variable "tag" {
          type        = string
          default     = "1.0"
          description = "what to run"
        }
        variable "ports" { type = list(number) }
        locals {
          image = "app:${var.tag}"
          full  = upper(local.image)
        }
        job "web" {
          name        = "Web"
          type        = "batch"
          region      = "eu"
          namespace   = "apps"
          datacenters = ["dc1"]
          priority    = 70
          meta { owner = "me" }
          constraint {
            attribute = "${attr.kernel.name}"
            value     = "linux"
          }
          group "g" {
            count = 1
            meta = { tier = "front" }
            restart {
              attempts = 5
              mode     = "delay"
            }
            task "t" {
              driver = "docker"
              user   = "nobody"
              config {
                image = local.full
              }
              env {
                A    = "${var.ports[0]}"
                DIR  = "${NOMAD_TASK_DIR}/x"
                NODE = "${node.unique.name}-${attr.cpu.arch}-${meta.rack}-${env["HOME"]}"
                N    = 5
              }
              resources {
                cpu        = 500
                memory     = 256
                memory_max = 512
              }
              logs {
                max_files     = 3
                max_file_size = 1
              }
              kill_timeout = "1m30s"
              kill_signal  = "SIGINT"
              restart { interval = "10m" }
              lifecycle {
                hook    = "prestart"
                sidecar = true
              }
              leader = true
              meta { k = "v" }
            }
          }
        }"#;

#[test]
fn a_full_job_is_read() {
    let parsed = accept(FULL, &[("ports", "[8080, 9090]")]);
    let job = parsed.job;
    assert_eq!(
        (job.id.as_str(), job.name.as_str(), job.job_type),
        ("web", "Web", JobType::Batch)
    );
    assert_eq!((job.namespace.as_str(), job.region.as_str()), ("apps", "eu"));
    assert_eq!(
        (job.datacenters.as_slice(), job.meta["owner"].as_str()),
        (["dc1".to_owned()].as_slice(), "me")
    );
    let group = &job.groups[0];
    assert_eq!(group.meta["tier"], "front");
    let task = &group.tasks[0];
    let env: Vec<_> = task
        .env
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        env,
        [
            ("A", "8080"),
            ("DIR", "${NOMAD_TASK_DIR}/x"),
            (
                "NODE",
                "${node.unique.name}-${attr.cpu.arch}-${meta.rack}-${env[\"HOME\"]}"
            ),
            ("N", "5"),
        ]
    );
    assert_eq!(task.user.as_deref(), Some("nobody"));
    assert_eq!(
        task.resources,
        Resources {
            cpu: 500,
            cores: None,
            memory: 256,
            memory_max: Some(512)
        }
    );
    assert_eq!(
        task.logs,
        Logs {
            max_files: 3,
            max_file_size: 1,
            disabled: false
        }
    );
    assert_eq!(
        (task.kill_timeout, task.kill_signal.as_deref()),
        (Duration::from_secs(90), Some("SIGINT"))
    );
    let own = Restart {
        attempts: 5,
        interval: Duration::from_mins(10),
        delay: Duration::from_secs(15),
        mode: RestartMode::Delay,
    };
    assert_eq!(task.restart, own);
    assert_eq!(
        group.restart,
        Restart {
            interval: Duration::from_hours(24),
            ..own
        }
    );
    assert_eq!(
        task.lifecycle,
        Some(Lifecycle {
            hook: LifecycleHook::Prestart,
            sidecar: true
        })
    );
    assert!(task.leader);
    assert_eq!(task.meta["k"], "v");
}

#[test]
fn what_places_a_job_is_ignored_with_a_warning() {
    let parsed = accept(FULL, &[("ports", "[8080, 9090]")]);
    let notices: Vec<_> = parsed.notices.iter().map(ToString::to_string).collect();
    assert_eq!(
        notices,
        [
            "job.hcl:18:11: warning: \"priority\" has no effect; Ignored: encamp places nothing.",
            "job.hcl:20:11: warning: \"constraint\" has no effect; Ignored: encamp places nothing.",
        ]
    );
}

#[test]
fn env_is_a_block_or_an_assignment() {
    for text in ["env {\n A = 1\n}", "env = { A = 1 }", "env = { \"A\" : \"1\" }"] {
        assert_eq!(task("", text).env["A"], "1", "{text}");
    }
}

#[test]
fn variables_are_text_or_expressions_by_their_type() {
    let check = |declared: &str, given: &str, expected: &str| {
        let text = format!(
            "variable \"v\" {{\n{declared}\n}}\n{}",
            job("", "env { A = jsonencode(var.v) }")
        );
        let parsed = accept(&text, &[("v", given)]);
        assert_eq!(parsed.job.groups[0].tasks[0].env["A"], expected, "{declared} {given}");
    };
    check("type = string", "[1]", "\"[1]\"");
    check("type = string", " ${x} \"", "\" ${x} \\\"\"");
    check("type = number", "5", "5");
    check("type = bool", "true", "true");
    check("type = list(string)", "[\"a\", 2]", "[\"a\",\"2\"]");
    check("type = map(number)", "{ a = 1 }", "{\"a\":1}");
    check("default = \"x\"", "5", "\"5\"");
    check("default = 1", "5", "5");
    check("", "busybox:1", "\"busybox:1\"");
    check("", "[1]", "[1]");
}

#[test]
fn locals_may_stand_in_any_order() {
    let text = format!(
        "locals {{\n a = local.b + 1\n b = local.c + 1\n}}\nlocals {{\n c = 1\n}}\n{}",
        job("", "env { A = local.a }")
    );
    assert_eq!(accept(&text, &[]).job.groups[0].tasks[0].env["A"], "3");
}

#[test]
fn a_long_chain_of_locals_is_no_problem() {
    let chain: Vec<_> = (1..20_000).map(|n| format!("l{n} = local.l{}\n", n - 1)).collect();
    let text = format!(
        "locals {{\n{}l0 = 7\n}}\n{}",
        chain.concat(),
        job("", "env { A = local.l19999 }")
    );
    assert_eq!(accept(&text, &[]).job.groups[0].tasks[0].env["A"], "7");
}

#[test]
fn whole_processors_take_the_place_of_a_share() {
    let resources = task("", "resources { cores = 2 }").resources;
    assert_eq!((resources.cpu, resources.cores), (0, Some(2)));
    assert_eq!(
        task("", "resources {\n memory_max = -1\n}").resources.memory_max,
        Some(-1)
    );
    assert_eq!(task("", "resources {\n memory_max = 0\n}").resources.memory_max, None);
}

#[test]
fn the_environment_is_not_printed() {
    let task = task("", "env { TOKEN = \"hunter2\" }\nconfig { password = \"hunter2\" }");
    let printed = format!("{task:?}");
    assert!(!printed.contains("hunter2") && printed.contains("TOKEN"), "{printed}");
}
