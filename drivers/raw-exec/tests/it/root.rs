//! What only root can do.

use super::*;

#[tokio::test]
#[ignore = "needs root"]
async fn limits_hold_and_are_reported_and_the_cgroup_goes_with_the_task() {
    let bed = Bed::new(Hierarchy::detect());
    assert!(!bed.cgroups.is_off(), "this host has no cgroups");
    let driver = bed.driver(ENABLED).await;
    let mut task = bed
        .task(&driver, &shell("exec head -c 200000000 /dev/zero | tail"))
        .await;
    task.id = format!("root/{}", bed.dir.path().file_name().unwrap().display());
    task.resources.memory_mb = 16;
    let id = task.id.clone();
    driver.start_task(task).await.unwrap();
    let exit = within("the end", driver.wait_task(&id)).await.unwrap();
    assert!(exit.oom_killed && exit.exit_code == 137, "{exit:?}");
    driver.destroy_task(&id, false).await.unwrap();
    assert!(!bed.cgroups.task(&id).exists());
}

#[tokio::test]
#[ignore = "needs root"]
async fn stats_come_from_the_cgroup() {
    let bed = Bed::new(Hierarchy::detect());
    let driver = bed.driver(ENABLED).await;
    let mut task = bed.task(&driver, &shell("while :; do :; done")).await;
    task.id = format!("root/{}", bed.dir.path().file_name().unwrap().display());
    let id = task.id.clone();
    driver.start_task(task).await.unwrap();
    check_stats(&driver, &id).await;
    driver.destroy_task(&id, true).await.unwrap();
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_task_of_a_user_has_that_users_groups_and_home() {
    let bed = Bed::new(Hierarchy::Off);
    let driver = bed.driver("enabled = true\ndenied_host_gids = \"0\"").await;
    let mut task = bed
        .task(
            &driver,
            &shell("id -u; id -G; echo $HOME $USER $LOGNAME; cat /proc/self/oom_score_adj"),
        )
        .await;
    task.user = Some("nobody".into());
    task.env.set("HOME", "/from/the/job");
    let id = task.id.clone();
    driver.start_task(task).await.unwrap();
    within("the end", driver.wait_task(&id)).await.unwrap();
    assert_eq!(bed.stdout(), "65534\n65534\n/from/the/job nobody nobody\n0\n");
    driver.destroy_task(&id, false).await.unwrap();
}

/// Cpusets as an agent makes them on v1: one that is shared, and one for a task's own cores, which has none yet.
struct AgentsCpusets(PathBuf);

impl AgentsCpusets {
    fn new(bed: &Bed) -> Self {
        let name = format!("nomad-{}", bed.dir.path().file_name().unwrap().display());
        let root = PathBuf::from("/sys/fs/cgroup/cpuset").join(name);
        for (dir, cores) in [
            ("", true),
            ("share", true),
            ("reserve", true),
            ("reserve/3ac4.web", false),
        ] {
            let dir = root.join(dir);
            fs::create_dir(&dir).unwrap();
            let above = dir.parent().unwrap();
            for file in ["cpuset.mems", "cpuset.cpus"] {
                if cores || file == "cpuset.mems" {
                    fs::write(dir.join(file), fs::read_to_string(above.join(file)).unwrap()).unwrap();
                }
            }
        }
        Self(root)
    }
}

impl Drop for AgentsCpusets {
    fn drop(&mut self) {
        for dir in ["reserve/3ac4.web", "reserve", "share", ""] {
            drop(fs::remove_dir(self.0.join(dir)));
        }
    }
}

#[tokio::test]
#[ignore = "needs root"]
async fn an_agents_cpusets_are_joined_with_the_reserved_cores_and_left_to_it() {
    let bed = Bed::new(Hierarchy::at(
        std::path::Path::new("/sys/fs/cgroup"),
        "encamp-raw-exec-agent",
    ));
    let cpusets = AgentsCpusets::new(&bed);
    let driver = bed.driver(ENABLED).await;
    let script = "grep -o 'cpuset:.*' /proc/self/cgroup; grep -o 'encamp-raw-exec-agent' /proc/self/cgroup | uniq; \
                  grep Cpus_allowed_list /proc/self/status | cut -f2";
    let all = fs::read_to_string(cpusets.0.join("cpuset.cpus")).unwrap();
    for (set, cores, expected) in [("reserve/3ac4.web", "1", "1"), ("share", "", all.trim())] {
        let mut task = bed.task(&driver, &shell(script)).await;
        task.id = format!("{}/{set}", bed.dir.path().file_name().unwrap().display());
        let given = cpusets.0.join(set);
        task.resources.linux.cpuset_cgroup = given.to_str().unwrap().to_owned();
        task.resources.linux.cpuset_cpus = cores.to_owned();
        driver.start_task(task.clone()).await.unwrap();
        within("the end", driver.wait_task(&task.id)).await.unwrap();
        let joined = given.strip_prefix("/sys/fs/cgroup/cpuset").unwrap().display();
        assert_eq!(
            bed.stdout(),
            format!("cpuset:/{joined}\nencamp-raw-exec-agent\n{expected}\n"),
            "limits are its own"
        );
        driver.destroy_task(&task.id, false).await.unwrap();
        fs::remove_file(bed.logs().join("web.stdout.0")).unwrap();
        assert!(given.exists(), "it is the agent's to remove");
        fs::remove_dir(&given).unwrap();
    }
    let left = fs::read_dir("/sys/fs/cgroup").unwrap().filter_map(Result::ok);
    let left: Vec<_> = left
        .map(|entry| entry.path().join("encamp-raw-exec-agent"))
        .filter(|dir| dir.exists())
        .collect();
    assert_eq!(left, Vec::<PathBuf>::new());
}

/// On this tree of a host with both versions no controller is left to limit with: joining, killing and removing is what
/// can be seen.
#[tokio::test]
#[ignore = "needs root"]
async fn an_agents_v2_scope_is_the_tasks_cgroup_and_goes_with_it() {
    let mount = std::path::Path::new("/sys/fs/cgroup/unified");
    let bed = Bed::new(Hierarchy::at(mount, "encamp-raw-exec-v2"));
    assert_eq!(bed.cgroups.version(), Some(2), "no v2 tree at {}", mount.display());
    let slice = mount.join(format!("nomad-{}.slice", bed.dir.path().file_name().unwrap().display()));
    let scope = slice.join("3ac4.web.scope");
    fs::create_dir_all(&scope).unwrap();
    let driver = bed.driver(ENABLED).await;
    let mut task = bed
        .task(&driver, &shell("grep ^0: /proc/self/cgroup; setsid sleep 60 & exit 0"))
        .await;
    task.resources = Resources::default();
    task.resources.linux.cpuset_cgroup = scope.to_str().unwrap().to_owned();
    for _ in 0..2 {
        driver.start_task(task.clone()).await.unwrap();
        within("the end", driver.wait_task(&task.id)).await.unwrap();
        let path = scope.strip_prefix(mount).unwrap().display();
        assert_eq!(bed.stdout(), format!("0::/{path}\n"));
        driver.destroy_task(&task.id, false).await.unwrap();
        fs::remove_file(bed.logs().join("web.stdout.0")).unwrap();
        assert!(!scope.exists() && slice.exists());
    }
    assert!(!mount.join("encamp-raw-exec-v2").exists());
    fs::remove_dir(&slice).unwrap();
}
