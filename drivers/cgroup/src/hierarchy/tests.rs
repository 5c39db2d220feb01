use std::collections::HashSet;

use super::*;

const HYBRID: &str = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
37 31 0:34 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer
38 31 0:34 / /mnt/again\\040here rw,relatime - cgroup cgroup rw,freezer
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";
const UNIFIED: &str = "\
30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate
";
const NAMED_ONLY: &str = "\
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";
const LEFTOVER: &str = "\
37 31 0:34 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer
38 31 0:35 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";
const FREEZER_ONLY: &str = "\
37 31 0:34 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer
";
const READ_ONLY: &str = "\
30 23 0:26 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw
";

#[track_caller]
fn check(table: &str, version: Option<u8>) -> Hierarchy {
    let dir = tempfile::tempdir().expect("temporary directory");
    let file = dir.path().join("mountinfo");
    std::fs::write(&file, table).expect("write");
    let found = Hierarchy::detect_in(&file, "parent");
    assert_eq!(found.version(), version, "{found:?}");
    found
}

#[test]
fn a_host_is_what_its_mounts_say() {
    check(UNIFIED, Some(2));
    check(NAMED_ONLY, Some(2));
    check(LEFTOVER, Some(2));
    check(FREEZER_ONLY, Some(1));
    check(READ_ONLY, None);
    check("", None);
    check("garbage\n - - -\n", None);
    assert!(Hierarchy::detect_in(Path::new("/nonexistent"), "p").is_off());
}

#[test]
fn a_host_with_both_versions_counts_as_v1() {
    let Hierarchy::V1 { mounts, .. } = check(HYBRID, Some(1)) else {
        panic!("not v1")
    };
    let expected = [
        (Controller::Freezer, "/sys/fs/cgroup/freezer"),
        (Controller::Memory, "/sys/fs/cgroup/memory"),
        (Controller::Cpu, "/sys/fs/cgroup/cpu,cpuacct"),
        (Controller::Cpuacct, "/sys/fs/cgroup/cpu,cpuacct"),
    ];
    assert_eq!(
        mounts,
        expected
            .map(|(controller, path)| (controller, PathBuf::from(path)))
            .into()
    );
}

#[test]
fn names_stay_readable_and_never_collide() {
    assert_eq!(name::directory("3ac4/web/01"), "3ac4.web.01");
    let long = "x".repeat(500);
    let names = [
        "", ".", "..", "a b", "a_b", "a/../b", "../x", "ä", "a\0", &long, ".hidden", "a\nb",
    ];
    let made: HashSet<_> = names.iter().map(|task| name::directory(task)).collect();
    assert_eq!(made.len(), names.len(), "{made:?}");
    for made in made {
        assert!(
            !made.contains('/') && made != ".." && made.len() < 255 && !made.contains('\0'),
            "{made:?}"
        );
    }
}

#[test]
fn a_cgroup_is_the_same_after_it_was_written_down() {
    for hierarchy in [check(HYBRID, Some(1)), check(UNIFIED, Some(2)), Hierarchy::Off] {
        let cgroup = hierarchy.task("3ac4/web/01");
        let json = serde_json::to_string(&cgroup).expect("serialise");
        assert_eq!(serde_json::from_str::<Cgroup>(&json).expect("deserialise"), cgroup);
    }
}
