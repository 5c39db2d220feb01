//! Tasks that want out.

use std::fs;
use std::os::unix::fs::symlink;

use encamp_executor::{Output, Plan};

use super::{MINUTE, isolated, shell};
use crate::support::{Bed, eventually, within};

/// What is there is the host's own.
fn marked_bed() -> Bed {
    let bed = Bed::new();
    fs::create_dir_all(bed.dir.path().join("root/local")).unwrap();
    for dir in [bed.dir.path().to_owned(), bed.logs()] {
        fs::write(dir.join("of-the-host"), "").unwrap();
    }
    bed
}

#[tokio::test]
#[ignore = "needs root"]
async fn no_descriptor_of_the_supervising_process_is_a_work_directory() {
    let bed = marked_bed();
    for fd in 3..=20 {
        let plan = Plan {
            work_dir: format!("/proc/self/fd/{fd}").into(),
            ..isolated(&bed, "pwd; ls")
        };
        let launched = bed.executor.launch("a/task/1", &plan).await;
        let error = launched.err().map(|error| format!("{error:?}")).unwrap_or_default();
        assert!(error.contains("WorkDir"), "{fd}: {error}");
        assert!(!bed.stdout().contains("of-the-host"), "{}", bed.stdout());
    }
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_work_directory_that_became_a_link_into_proc_is_no_way_out_for_a_session() {
    let bed = marked_bed();
    let root = bed.dir.path().join("root");
    fs::create_dir_all(root.join("local/app")).unwrap();
    let plan = Plan {
        work_dir: "/local/app".into(),
        ..isolated(&bed, "sleep 60")
    };
    let process = bed.executor.launch("a/task/1", &plan).await.unwrap();
    process.exec(&shell("pwd"), MINUTE).await.unwrap();
    fs::remove_dir(root.join("local/app")).unwrap();
    for fd in 3..=20 {
        symlink(format!("/proc/self/fd/{fd}"), root.join("local/app")).unwrap();
        let session = process.exec(&shell("pwd; ls -a"), MINUTE).await;
        let text = session.map(|output| String::from_utf8_lossy(&output.output).into_owned());
        assert!(text.is_err(), "{fd}: {text:?}");
        fs::remove_file(root.join("local/app")).unwrap();
    }
    // A link inside the task is its own business.
    symlink("/tmp", root.join("local/app")).unwrap();
    let output = process.exec(&shell("pwd -P"), MINUTE).await.unwrap();
    assert_eq!(output.output, b"/tmp\n");
    process.destroy(true).await.unwrap();
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_task_has_no_descriptor_and_no_null_device_of_the_hosts() {
    let bed = marked_bed();
    let script = "ls /proc/$$/fd > /tmp/fds; cat /proc/$$/mountinfo > /tmp/mounts; \
                  grep mnt_id /proc/$$/fdinfo/[012] | tr -d '\\t' > /tmp/ids; \
                  chmod 600 /proc/self/fd/0; touch /tmp/done; sleep 60";
    let plan = Plan {
        output: Output::Discard,
        ..isolated(&bed, script)
    };
    let before = fs::metadata("/dev/null").unwrap().permissions();
    let process = bed.executor.launch("a/task/1", &plan).await.unwrap();
    let tmp = bed.dir.path().join("root/tmp");
    eventually("the task", || {
        if tmp.join("done").exists() {
            Ok(())
        } else {
            Err("missing")
        }
    })
    .await;
    let after = fs::metadata("/dev/null").unwrap().permissions();
    // Put right before anything is asserted: the whole machine needs it.
    fs::set_permissions("/dev/null", before.clone()).unwrap();
    let read = |name: &str| fs::read_to_string(tmp.join(name)).unwrap();
    let mounts = read("mounts");
    let ids = read("ids");
    assert_eq!(ids.lines().count(), 3, "{ids}");
    for line in ids.lines() {
        let id = line.rsplit_once(':').unwrap().1;
        assert!(
            mounts.lines().any(|mount| mount.starts_with(&format!("{id} "))),
            "{ids}{mounts}"
        );
    }
    assert_eq!(after, before);
    process.destroy(true).await.unwrap();
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_task_that_leaves_its_namespaces_has_its_sessions_in_those_it_was_given() {
    let bed = marked_bed();
    // Another mount namespace, in a user namespace of its own, where its `/proc` says what it likes.
    let script = "exec unshare --user --map-root-user --mount sh -c \
                  'mount -t tmpfs none /proc && mkdir /proc/thread-self && echo CapBnd: 0 > /proc/thread-self/status && \
                   echo fake > /proc/version; echo ready; sleep 60'";
    let process = bed.executor.launch("a/task/1", &isolated(&bed, script)).await.unwrap();
    eventually("the task", || match bed.stdout() {
        text if text.contains("ready") => Ok(()),
        text => Err((text, fs::read_to_string(bed.logs().join("task.stderr.0")))),
    })
    .await;
    let script = "grep -c fake /proc/version; grep CapBnd /proc/self/status";
    let output = process.exec(&shell(script), MINUTE).await.unwrap();
    let text = String::from_utf8_lossy(&output.output).into_owned();
    assert_eq!(text, "0\nCapBnd:\t00000000a80405fb\n");
    process.destroy(true).await.unwrap();
}

#[tokio::test]
#[ignore = "needs root"]
async fn an_isolated_task_does_not_have_the_callers_session_keyring() {
    let bed = marked_bed();
    let keyrings = |text: String| -> Vec<String> {
        let lines = text.lines().filter(|line| line.contains(" _ses"));
        lines
            .filter_map(|line| Some(line.split_once(' ')?.0.to_owned()))
            .collect()
    };
    let before = keyrings(fs::read_to_string("/proc/keys").unwrap());
    let plan = isolated(&bed, "exec cat /proc/keys");
    let process = bed.executor.launch("a/task/1", &plan).await.unwrap();
    assert_eq!(within("the end", process.wait()).await.exit_code, 0);
    let inside = keyrings(bed.stdout());
    assert!(inside.iter().any(|id| !before.contains(id)), "{inside:?} {before:?}");
    process.destroy(false).await.unwrap();
}
