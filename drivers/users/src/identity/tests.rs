use super::*;

#[track_caller]
fn check(spec: &str, uid: u32, gid: u32, name: &str) {
    let identity = Identity::lookup(spec).unwrap_or_else(|error| panic!("{spec}: {error}"));
    assert_eq!(
        (identity.uid, identity.gid, identity.name.as_str()),
        (uid, gid, name),
        "{spec}"
    );
    assert_eq!(
        identity.groups.first(),
        Some(&gid),
        "{spec}: the primary group comes first"
    );
}

#[track_caller]
fn refuse(spec: &str, expected: &str) {
    let error = Identity::lookup(spec).expect_err(spec).to_string();
    assert!(error.starts_with(expected), "{spec}: {error}");
}

#[test]
fn users_are_found_by_name_and_by_number() {
    check("root", 0, 0, "root");
    check("0", 0, 0, "root");
    check("nobody", 65534, 65534, "nobody");
    check("65534", 65534, 65534, "nobody");
}

#[test]
fn a_group_takes_the_primary_ones_place() {
    check("nobody:daemon", 65534, 1, "nobody");
    check("nobody:4711", 65534, 4711, "nobody");
    check("4711:4712", 4711, 4712, "4711");
    check("4711:daemon", 4711, 1, "4711");
}

#[test]
fn what_the_host_does_not_know_is_named_with_the_way_out() {
    refuse("no-such-user", "unknown user \"no-such-user\"");
    refuse("nobody:no-such-group", "unknown group \"no-such-group\"");
    refuse(
        "4711",
        "uid 4711 is not known on the host, so its group is not either; name one as \"4711:<gid>\"",
    );
}

#[test]
fn nonsense_is_refused() {
    for spec in [
        "",
        ":",
        "root:",
        ":root",
        "a:b:c",
        "4294967295",
        "99999999999",
        "nobody:4294967295",
    ] {
        let error = Identity::lookup(spec).expect_err(spec);
        assert!(matches!(error, LookupError::Malformed(_)), "{spec}: {error}");
    }
    refuse("a\0b", "");
}

#[test]
fn every_user_of_the_host_has_the_groups_that_the_system_says_and_no_others() {
    let passwd = std::fs::read_to_string("/etc/passwd").expect("passwd");
    for name in passwd.lines().filter_map(|line| line.split(':').next()) {
        let output = std::process::Command::new("id")
            .args(["-G", name])
            .output()
            .expect("id");
        let text = String::from_utf8(output.stdout).expect("utf-8");
        let mut expected: Vec<u32> = text.split_whitespace().map(|gid| gid.parse().expect("gid")).collect();
        let mut groups = Identity::lookup(name).expect(name).groups;
        expected.sort_unstable();
        groups.sort_unstable();
        assert_eq!(groups, expected, "{name}");
    }
}

#[test]
fn a_user_without_a_name_has_one_group_and_no_home() {
    let identity = Identity::lookup("4711:4712").expect("ids");
    assert_eq!(identity.groups, [4712]);
    assert_eq!(identity.home, PathBuf::from("/"));
    assert!(!identity.is_root());
}

#[test]
fn the_current_user_is_the_one_that_runs_this() {
    let identity = Identity::current().expect("current");
    assert_eq!(identity.uid, nix::unistd::geteuid().as_raw());
    assert_eq!(identity.is_root(), nix::unistd::geteuid().is_root());
}
