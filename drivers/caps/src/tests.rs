use proptest::prelude::*;

use super::*;

fn set(names: &str) -> CapabilitySet {
    CapabilitySet::parse(names.split_whitespace(), CapabilitySet::known()).expect("names of capabilities")
}

/// Space-separated names: what is allowed, added and dropped, and what a task gets of the default thirteen.
#[track_caller]
fn check(allow: &str, add: &str, drop: &str, expected: Result<&str, &str>) {
    let request = Request {
        defaults: CapabilitySet::nomad_defaults(),
        allow: set(allow),
        add: set(add),
        drop: set(drop),
    };
    let got = calculate(&request)
        .map(|set| set.short_names().join(" "))
        .map_err(|error| error.missing.short_names().join(" "));
    assert_eq!(got.as_ref().map(String::as_str).map_err(String::as_str), expected);
}

const DEFAULTS: &str = "audit_write chown dac_override fowner fsetid kill mknod net_bind_service setfcap setgid setpcap \
                        setuid sys_chroot";

#[test]
fn a_task_gets_the_allowed_defaults_without_its_drops_and_with_its_adds() {
    check("all", "", "", Ok(DEFAULTS));
    check(DEFAULTS, "", "", Ok(DEFAULTS));
    check("net_raw chown sys_time", "", "", Ok("chown"));
    check("all", "chown fowner", "all", Ok("chown fowner"));
    check("all", "net_raw", "all", Ok("net_raw"));
    check("all", "", "all", Ok(""));
    check("", "", "", Ok(""));
    check(DEFAULTS, "chown", "chown", Ok(DEFAULTS));
}

#[test]
fn every_capability_that_is_not_allowed_is_told() {
    check("chown", "net_raw chown sys_time", "", Err("net_raw sys_time"));
    check(DEFAULTS, "net_raw", "all", Err("net_raw"));
    let missing = set("sys_time net_raw");
    let text = NotAllowed { missing }.to_string();
    assert!(
        text.starts_with("driver does not allow the following capabilities: net_raw, sys_time;"),
        "{text}"
    );
}

#[test]
fn names_are_read_in_every_usual_form() {
    for name in ["net_raw", "NET_RAW", "cap_net_raw", "CAP_NET_RAW", " Cap_Net_Raw\t"] {
        assert_eq!(
            CapabilitySet::parse([name], CapabilitySet::known()),
            Ok(set("net_raw")),
            "{name:?}"
        );
    }
    assert_eq!(set("all"), CapabilitySet::known());
    assert_eq!(
        CapabilitySet::parse(["ALL"], CapabilitySet::up_to(7))
            .expect("all")
            .short_names()
            .len(),
        8
    );
}

#[test]
fn unknown_names_and_those_the_kernel_lacks_are_all_told() {
    let error = CapabilitySet::parse(["chown", "bpf", "cap_nope", ""], CapabilitySet::up_to(37)).unwrap_err();
    assert_eq!(error.unknown, ["bpf", "cap_nope", ""]);
}

#[test]
fn masks_are_the_kernels() {
    assert_eq!(set(DEFAULTS), CapabilitySet::nomad_defaults());
    assert_eq!(CapabilitySet::nomad_defaults().mask(), 0xa804_05fb);
    assert_eq!(CapabilitySet::root_defaults().mask(), 0x3f_ffff_ffff);
    assert_eq!(set("net_bind_service").mask(), 0x400);
    assert_eq!(set("checkpoint_restore").mask(), 1 << 40);
    assert_eq!(CapabilitySet::up_to(63), CapabilitySet::known());
    assert_eq!(CapabilitySet::up_to(u32::MAX), CapabilitySet::known());
    assert_eq!(CapabilitySet::up_to(0), set("chown"));
    let supported = CapabilitySet::supported();
    assert!(CapabilitySet::known().contains(supported), "{supported:?}");
}

#[test]
fn a_set_is_written_out_as_sorted_names() {
    let set = set("kill chown");
    assert_eq!(set.to_string(), "CAP_CHOWN, CAP_KILL");
    let json = serde_json::to_string(&set).expect("serialise");
    assert_eq!(json, r#"["CAP_CHOWN","CAP_KILL"]"#);
    assert_eq!(serde_json::from_str::<CapabilitySet>(&json).expect("deserialise"), set);
    serde_json::from_str::<CapabilitySet>(r#"["CAP_NOPE"]"#).expect_err("an unknown name");
}

proptest! {
    #[test]
    fn no_task_gets_more_than_it_is_allowed(defaults: u64, allow: u64, add: u64, drop: u64) {
        let [defaults, allow, add, drop] = [defaults, allow, add, drop].map(CapabilitySet::from_mask);
        match calculate(&Request { defaults, allow, add, drop }) {
            Ok(got) => {
                prop_assert!(allow.contains(got) && got.contains(add));
                prop_assert!(got.difference(add).intersection(drop).is_empty());
            }
            Err(error) => prop_assert!(!error.missing.is_empty() && add.contains(error.missing)),
        }
    }

    #[test]
    fn names_and_masks_are_the_same_set(mask: u64) {
        let set = CapabilitySet::from_mask(mask);
        prop_assert_eq!(CapabilitySet::parse(set.names(), CapabilitySet::known()), Ok(set));
    }
}

mod root {
    use std::collections::BTreeMap;
    use std::process::Command;

    use nix::unistd::{Gid, Uid};

    use super::*;

    const CHILD: &str = "ENCAMP_CAPS_TEST_CHILD";

    /// Runs in a process of its own: becomes `uid` with `mask`, then shows what a program that it executes has.
    #[test]
    #[ignore = "needs root"]
    fn child() {
        let Ok(spec) = std::env::var(CHILD) else { return };
        let (uid, mask) = spec.split_once(' ').expect("uid and mask");
        let (uid, mask) = (uid.parse().expect("uid"), mask.parse().expect("mask"));
        let set = CapabilitySet::from_mask(mask);
        set.before_setuid().expect("before");
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(uid));
        nix::unistd::setgroups(&[]).expect("setgroups");
        nix::unistd::setresgid(gid, gid, gid).expect("setresgid");
        nix::unistd::setresuid(uid, uid, uid).expect("setresuid");
        set.after_setuid().expect("after");
        let error =
            std::os::unix::process::CommandExt::exec(Command::new("grep").args(["^Cap", "/proc/thread-self/status"]));
        panic!("{error}");
    }

    fn status_of(uid: u32, set: CapabilitySet) -> BTreeMap<String, u64> {
        assert!(nix::unistd::geteuid().is_root(), "needs root");
        let output = Command::new(std::env::current_exe().expect("own path"))
            .args([
                "--exact",
                "tests::root::child",
                "--nocapture",
                "--include-ignored",
                "--test-threads=1",
            ])
            .env(CHILD, format!("{uid} {}", set.mask()))
            .output()
            .expect("run");
        let text = String::from_utf8_lossy(&output.stdout);
        let lines = text
            .lines()
            .filter_map(|line| line.split_once("Cap")?.1.split_once(":\t"));
        lines
            .map(|(name, mask)| (name.to_owned(), u64::from_str_radix(mask, 16).expect("mask")))
            .collect()
    }

    #[track_caller]
    fn check(uid: u32, set: CapabilitySet, passed_on: u64) {
        let mask = set.mask();
        let expected = [
            ("Amb", passed_on),
            ("Bnd", mask),
            ("Eff", mask),
            ("Inh", passed_on),
            ("Prm", mask),
        ];
        let expected: BTreeMap<_, _> = expected.map(|(name, mask)| (name.to_owned(), mask)).into();
        assert_eq!(status_of(uid, set), expected, "uid {uid}, {set}");
    }

    #[test]
    #[ignore = "needs root"]
    fn a_user_keeps_the_set_over_execve() {
        check(65534, CapabilitySet::nomad_defaults(), 0xa804_05fb);
        check(65534, set("net_bind_service"), 0x400);
        check(65534, CapabilitySet::empty(), 0);
    }

    #[test]
    #[ignore = "needs root"]
    fn root_has_the_set_and_no_more() {
        check(0, CapabilitySet::nomad_defaults(), 0);
        check(
            0,
            CapabilitySet::root_defaults().intersection(CapabilitySet::supported()),
            0,
        );
        check(0, CapabilitySet::empty(), 0);
    }
}
