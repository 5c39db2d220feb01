//! Who a task is and what it may do.

use encamp_driver::Driver;

use crate::support::World;

/// What `/proc/self/status` says in the task: ids, groups and capability masks, one per line.
async fn status(world: &World, user: Option<&str>, config: &str) -> Vec<String> {
    let fields = "Uid Gid Groups CapInh CapPrm CapEff CapBnd CapAmb";
    let pattern = format!("^({}):", fields.replace(' ', "|"));
    let mut task = world
        .task(&format!(
            "command = \"grep\"\nargs = [\"-E\", \"{pattern}\", \"/proc/self/status\"]\n{config}"
        ))
        .await;
    task.user = user.map(str::to_owned);
    let (printed, exit) = world.run(task).await;
    assert!(exit.successful(), "{exit:?}: {printed:?}");
    let value = |line: String| {
        line.split_once(':')
            .map(|(_, value)| value.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    printed.into_iter().filter_map(value).collect()
}

fn ids(id: u32) -> String {
    [id; 4].map(|id| id.to_string()).join(" ")
}

#[track_caller]
fn check(got: &[String], uid: u32, gid: u32, masks: [u64; 5]) {
    let expected = [ids(uid), ids(gid), gid.to_string()];
    let masks = masks.map(|mask| format!("{mask:016x}"));
    assert_eq!(got, expected.into_iter().chain(masks).collect::<Vec<_>>());
}

const DEFAULT: u64 = 0xa804_05fb;

#[tokio::test]
#[ignore = "needs root"]
async fn a_task_without_a_user_is_nobody_with_nobodys_group_and_the_default_capabilities() {
    let world = World::new();
    check(&status(&world, None, "").await, 65534, 65534, [DEFAULT; 5]);
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_task_runs_as_the_user_and_group_that_it_names() {
    let world = World::new();
    check(&status(&world, Some("daemon"), "").await, 1, 1, [DEFAULT; 5]);
    check(&status(&world, Some("4711:4712"), "").await, 4711, 4712, [DEFAULT; 5]);
    check(&status(&world, Some("nobody:daemon"), "").await, 65534, 1, [DEFAULT; 5]);
}

#[tokio::test]
#[ignore = "needs root"]
async fn capabilities_are_dropped_and_added() {
    let world = World::new();
    let config = "cap_drop = [\"all\"]\ncap_add = [\"net_bind_service\"]";
    check(&status(&world, None, config).await, 65534, 65534, [0x400; 5]);
    check(
        &status(&world, None, "cap_drop = [\"all\"]").await,
        65534,
        65534,
        [0; 5],
    );
}

#[tokio::test]
#[ignore = "needs root"]
async fn root_has_what_is_allowed_and_no_more() {
    let world = World::new();
    check(
        &status(&world, Some("root"), "").await,
        0,
        0,
        [0, DEFAULT, DEFAULT, DEFAULT, 0],
    );
    check(&status(&world, Some("0"), "cap_drop = [\"all\"]").await, 0, 0, [0; 5]);
}

#[tokio::test]
#[ignore = "needs root"]
async fn what_the_operator_denies_is_not_started() {
    let world = World::new();
    world
        .configure("denied_host_uids = \"0-99\"\ndenied_host_gids = \"65534\"")
        .await;
    for (user, expected) in [
        (Some("daemon"), "uid 1 of user daemon"),
        (Some("0"), "uid 0 of user root"),
        (None, "gid 65534 of user nobody"),
        (Some("no-such-user"), "unknown user"),
    ] {
        let mut task = world.script("true").await;
        task.user = user.map(str::to_owned);
        let error = world.driver.start_task(task).await.expect_err("denied");
        assert!(
            error.to_string().contains(expected) && !error.is_recoverable(),
            "{error}"
        );
    }
    world.configure("").await;
    let config = "command = \"true\"\ncap_add = [\"net_raw\"]";
    let error = world
        .driver
        .start_task(world.task(config).await)
        .await
        .expect_err("not allowed")
        .to_string();
    assert!(
        error.contains("does not allow the following capabilities: net_raw"),
        "{error}"
    );
    assert!(world.cgroups().is_empty());
}

#[tokio::test]
#[ignore = "needs root"]
async fn the_environment_is_the_jobs_with_what_every_program_expects() {
    let world = World::new();
    let mut task = world.task("command = \"env\"").await;
    task.env.set("GREETING", "hello");
    task.env.set("HOME", "/local");
    let (mut printed, _) = world.run(task).await;
    printed.sort();
    let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    assert_eq!(
        printed,
        ["GREETING=hello", "HOME=/local", "LOGNAME=nobody", path, "USER=nobody"]
    );
}
