//! What a task can see and touch.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use encamp_driver::{Device, DnsConfig, Driver, HostsConfig, Mount, NetworkIsolation, NetworkIsolationMode};

use crate::support::World;

#[tokio::test]
#[ignore = "needs root"]
async fn the_root_holds_the_tasks_directories_and_the_hosts_programs_and_nothing_else() {
    let world = World::new();
    let printed = world.run_script("ls -1 /").await;
    let host = ["bin", "etc", "lib", "lib32", "lib64", "sbin", "usr"].into_iter();
    let host = host.filter(|name| Path::new("/").join(name).exists());
    let own = ["alloc", "dev", "local", "private", "proc", "secrets", "sys", "tmp"].into_iter();
    let mut expected: Vec<_> = own.chain(host).collect();
    if printed.contains(&"run".to_owned()) {
        expected.push("run");
    }
    expected.sort_unstable();
    assert_eq!(printed, expected);
}

#[tokio::test]
#[ignore = "needs root"]
async fn the_task_has_processes_and_ipc_to_itself_unless_it_shares_the_hosts() {
    let world = World::new();
    let host = |name: &str| {
        fs::read_link(format!("/proc/self/ns/{name}"))
            .expect("namespace")
            .display()
            .to_string()
    };
    let script = "echo $$; readlink /proc/self/ns/pid /proc/self/ns/ipc";
    let printed = world.run_script(script).await;
    assert_eq!(printed.first().map(String::as_str), Some("1"));
    assert!(
        !printed.contains(&host("pid")) && !printed.contains(&host("ipc")),
        "{printed:?}"
    );

    world.configure("default_ipc_mode = \"host\"").await;
    let config = format!("command = \"/bin/sh\"\nargs = [\"-c\", \"{script}\"]\npid_mode = \"host\"");
    let (printed, _) = world.run(world.task(&config).await).await;
    assert_eq!(
        printed.get(1..),
        Some([host("pid"), host("ipc")].as_slice()),
        "{printed:?}"
    );
}

#[tokio::test]
#[ignore = "needs root"]
async fn the_hosts_files_cannot_be_written_to_and_other_allocations_cannot_be_seen() {
    let world = World::new();
    fs::create_dir(world.dir.path().join("other")).expect("create");
    let script = format!(
        "for d in /etc /usr /usr/bin /alloc/logs /sys /proc/sys/kernel /local /secrets /tmp /alloc/data; do \
         if (echo x > $d/encamp-exec-test) 2>/dev/null; then echo $d; fi; done; ls {0} {0}/other 2>/dev/null; \
         cat /private/* 2>/dev/null; true",
        world.dir.path().display()
    );
    fs::write(world.task_dir().join("private/token"), "hidden").expect("write");
    assert_eq!(
        world.run_script(&script).await,
        ["/local", "/secrets", "/tmp", "/alloc/data"]
    );
    assert!(!Path::new("/etc/encamp-exec-test").exists());
}

#[tokio::test]
#[ignore = "needs root"]
async fn volumes_and_devices_appear_as_they_are_told_to() {
    let world = World::new();
    let volume = world.dir.path().join("volume");
    fs::create_dir(&volume).expect("create");
    fs::write(volume.join("file"), "kept\n").expect("write");
    let script = "cat /data/file /etc/encamp-exec/file; (echo x > /data/file) 2>/dev/null || echo read-only; \
                  echo new > /etc/encamp-exec/new && echo written; head -c 3 /dev/extra | wc -c";
    let mut task = world.script(script).await;
    task.user = Some("root".into());
    let mount = |task_path: &str, readonly| Mount {
        task_path: task_path.into(),
        host_path: volume.clone(),
        readonly,
        ..Mount::default()
    };
    task.mounts = vec![mount("/data", true), mount("/etc/encamp-exec", false)];
    task.devices = vec![Device {
        task_path: "/dev/extra".into(),
        host_path: "/dev/zero".into(),
        cgroup_permissions: "rwm".into(),
    }];
    let (printed, _) = world.run(task).await;
    assert_eq!(printed, ["kept", "kept", "read-only", "written", "3"]);
    assert_eq!(fs::read_to_string(volume.join("new")).expect("written"), "new\n");
    assert!(!Path::new("/etc/encamp-exec").exists());
}

#[tokio::test]
#[ignore = "needs root"]
async fn names_are_resolved_as_the_group_says() {
    let world = World::new();
    let mut task = world
        .script("cat /etc/resolv.conf; (echo x > /etc/resolv.conf) 2>/dev/null || echo read-only")
        .await;
    task.dns = Some(DnsConfig {
        servers: vec!["192.0.2.1".into()],
        searches: vec!["a.example".into()],
        options: vec!["ndots:1".into()],
    });
    let (printed, _) = world.run(task).await;
    assert_eq!(
        printed,
        [
            "search a.example",
            "nameserver 192.0.2.1",
            "options ndots:1",
            "read-only"
        ]
    );
}

#[tokio::test]
#[ignore = "needs root"]
async fn the_groups_network_is_joined_and_its_name_is_known() {
    let world = World::new();
    let netns = world.dir.path().join("netns");
    fs::write(&netns, "").expect("create");
    let unshare = std::process::Command::new("unshare")
        .arg(format!("--net={}", netns.display()))
        .arg("true")
        .status();
    assert!(unshare.expect("unshare").success());
    let mut task = world.script("ls /sys/class/net; tail -1 /etc/hosts").await;
    task.network_isolation = Some(NetworkIsolation {
        mode: NetworkIsolationMode::Group,
        path: netns.clone(),
        hosts: Some(HostsConfig {
            hostname: "web-1".into(),
            address: "172.26.64.2".into(),
        }),
        ..NetworkIsolation::default()
    });
    let (printed, _) = world.run(task).await;
    nix::mount::umount(&netns).expect("umount");
    assert_eq!(printed, ["lo", "172.26.64.2 web-1"]);
}

#[tokio::test]
#[ignore = "needs root"]
async fn links_that_a_task_planted_do_not_lead_its_next_start_out() {
    let world = World::new();
    let kept = world.dir.path().join("kept");
    fs::create_dir(&kept).expect("create");
    fs::write(kept.join("token"), "host").expect("write");
    world.run_script("true").await;
    for name in ["proc", "dev", "alloc", "usr", "etc"] {
        let path = world.task_dir().join(name);
        drop(fs::remove_dir(&path));
        symlink(&kept, &path).expect("symlink");
    }
    symlink(&kept, world.task_dir().join("local/out")).expect("symlink");
    let mut task = world
        .script("cat /local/out/token /etc/token 2>/dev/null; test -d /proc/1 && echo started")
        .await;
    task.mounts = vec![Mount {
        task_path: "/local/out/sub".into(),
        host_path: world.alloc().join("alloc"),
        readonly: true,
        ..Mount::default()
    }];
    let error = world
        .driver
        .start_task(task.clone())
        .await
        .expect_err("a link to nothing");
    assert!(error.to_string().contains("/local/out/sub"), "{error}");
    task.mounts.clear();
    let (printed, _) = world.run(task).await;
    assert_eq!(printed, ["started"]);
    let listing: Vec<_> = fs::read_dir(&kept)
        .expect("list")
        .map(|entry| entry.expect("entry").file_name())
        .collect();
    assert_eq!(listing, ["token"]);
}

#[tokio::test]
#[ignore = "needs root"]
async fn the_root_can_be_moved_where_it_cannot_be_pivoted() {
    let world = World::new();
    world.configure("no_pivot_root = true").await;
    assert_eq!(
        world
            .run_script("echo $$; ls -d /alloc; ls /root /home 2>/dev/null; true")
            .await,
        ["1", "/alloc"]
    );
}
