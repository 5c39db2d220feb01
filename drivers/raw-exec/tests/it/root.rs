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
