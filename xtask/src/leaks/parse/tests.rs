//! Texts as the kernel and the tools write them.

use std::path::{Path, PathBuf};

use super::{hierarchies, iptables, is_of_system, mount_points, mounts, nft, own_cgroup};

const MOUNTINFO: &str = "\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
25 22 0:23 / /sys/fs/cgroup/memory rw,nosuid shared:3 - cgroup cgroup rw,memory
26 22 0:24 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate
27 22 0:25 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
80 22 254:0 /run/netns /run/netns rw shared:1 - ext4 /dev/vda rw
90 22 0:40 / /tmp/a\\040b rw - tmpfs none rw,size=4k
";

#[test]
fn a_mount_is_its_point_its_type_and_its_source() {
    let all = mounts(MOUNTINFO);
    assert_eq!(all.len(), 5, "without that of `ip netns`");
    assert_eq!(all.first().unwrap(), "/ (ext4 from /dev/vda)");
    assert_eq!(all.last().unwrap(), "/tmp/a b (tmpfs from none)");
    assert_eq!(mount_points(MOUNTINFO).last().unwrap(), Path::new("/tmp/a b"));
}

#[test]
fn hierarchies_of_both_versions_are_found() {
    let found = hierarchies(MOUNTINFO);
    let paths: Vec<_> = found.iter().map(|(path, _)| path.clone()).collect();
    assert_eq!(
        paths,
        ["memory", "unified", "systemd"].map(|name| PathBuf::from("/sys/fs/cgroup").join(name))
    );
    let own = "4:memory:/user/1\n1:name=systemd:/init\n0::/v2\n";
    let places: Vec<_> = found
        .iter()
        .map(|(_, controllers)| own_cgroup(own, controllers))
        .collect();
    assert_eq!(places, ["/user/1", "/v2", "/init"]);
}

#[test]
fn cgroups_of_the_system_are_told_from_those_of_tests() {
    let cases = [
        ("encamp", "/", false),
        ("encamp/task", "/", false),
        ("system.slice/cron.service", "/", true),
        ("docker", "/", true),
        (
            "docker/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef/x",
            "/",
            true,
        ),
        ("docker/test", "/", false),
        // Put into a cgroup, we make ours below it; what is beside it is its manager's.
        ("manager/us", "/manager/us", true),
        ("manager/us/encamp", "/manager/us", false),
        ("manager/them", "/manager/us", true),
        ("encamp/task", "/manager/us", false),
        ("user.slice/session.scope/encamp", "/user.slice/session.scope", false),
    ];
    for (cgroup, own, wanted) in cases {
        assert_eq!(
            is_of_system(Path::new(cgroup), own),
            wanted,
            "{cgroup}, when we are in {own}"
        );
    }
}

#[test]
fn nft_rules_are_compared_without_their_counters() {
    let ruleset = "\
# Warning: table ip nat is managed by iptables-nft, do not touch!
table ip nat {
\tchain POSTROUTING {
\t\ttype nat hook postrouting priority srcnat; policy accept;
\t\tip saddr 10.0.0.0/8 counter packets 12 bytes 720 masquerade # handle 4
\t}
}
";
    let wanted = [
        "nft: table ip nat",
        "nft: table ip nat / chain POSTROUTING",
        "nft: table ip nat / chain POSTROUTING / type nat hook postrouting priority srcnat; policy accept;",
        "nft: table ip nat / chain POSTROUTING / ip saddr 10.0.0.0/8 counter masquerade #",
    ];
    assert_eq!(nft(ruleset), wanted);
    assert_eq!(nft(&ruleset.replace("12", "13")), wanted);
}

#[test]
fn iptables_rules_are_compared_without_their_counters() {
    let saved =
        "# Generated\n*nat\n:PREROUTING ACCEPT [5:300]\n:DOCKER - [0:0]\n-A DOCKER -i docker0 -j RETURN\nCOMMIT\n";
    assert_eq!(
        iptables("iptables", saved),
        [
            "iptables: nat / chain DOCKER",
            "iptables: nat / -A DOCKER -i docker0 -j RETURN"
        ]
    );
}
