//! What is not executed, and what operators are told of it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use encamp_catalog::Safety;

use crate::bed::Bed;

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A file `toy` in the plugin directory.
fn file(bed: &Bed) -> PathBuf {
    bed.install("toy", "exit 0");
    bed.plugins().join("toy")
}

/// What is said of `path`: empty if it may be executed. `DIR` is the bed's directory, `UID` this user.
#[track_caller]
fn check(bed: &Bed, path: &Path, expected: &str) {
    let uid = rustix::process::geteuid().as_raw().to_string();
    let safety = Safety::of_this_process().trusting_above(bed.path());
    let said = safety
        .judge(path)
        .map_or_else(|refusal| refusal.to_string(), |_| String::new());
    let said = said
        .replace(&bed.path().display().to_string(), "DIR")
        .replace(&format!("uid {uid}"), "uid UID");
    assert_eq!(said, expected);
}

#[test]
fn only_what_its_owner_alone_can_change_is_executed() {
    let bed = Bed::new();
    let toy = file(&bed);
    check(&bed, &toy, "");
    mode(&toy, 0o757);
    check(
        &bed,
        &toy,
        "\"DIR/plugins/toy\" (mode 0757, owner uid UID) can be written to by others than its owner: chmod go-w it",
    );
    mode(&toy, 0o4775);
    check(
        &bed,
        &toy,
        "\"DIR/plugins/toy\" (mode 4775, owner uid UID) can be written to by others than its owner: chmod go-w it",
    );
    mode(&toy, 0o644);
    check(
        &bed,
        &toy,
        "\"DIR/plugins/toy\" (mode 0644, owner uid UID) cannot be executed: chmod 0755 it if it is a plugin, else remove it",
    );
}

#[test]
fn a_directory_that_others_write_to_is_unsafe_at_any_depth_and_stickiness() {
    let bed = Bed::new();
    let toy = file(&bed);
    for (dir, name) in [(bed.plugins(), "DIR/plugins"), (bed.path().to_owned(), "DIR")] {
        mode(&dir, 0o1777);
        check(
            &bed,
            &toy,
            &format!(
                "{name:?} (mode 1777, owner uid UID) can be written to by others than its owner, who could exchange \
                 what is in it: chmod go-w it, or keep plugins elsewhere"
            ),
        );
        mode(&dir, 0o755);
    }
    check(&bed, &toy, "");
    // Without the trust of this test, the system's own directory for temporary files is no place for plugins.
    if fs::metadata(std::env::temp_dir()).unwrap().permissions().mode() & 0o022 != 0 {
        Safety::of_this_process().judge(&toy).unwrap_err();
    }
}

#[test]
fn links_are_judged_by_all_that_they_lead_over() {
    let bed = Bed::new();
    let toy = file(&bed);
    let (elsewhere, link) = (bed.path().join("elsewhere"), bed.plugins().join("link"));
    fs::create_dir(&elsewhere).unwrap();
    symlink("../elsewhere/middle", &link).unwrap();
    symlink("../plugins/toy", elsewhere.join("middle")).unwrap();
    let safety = Safety::of_this_process().trusting_above(bed.path());
    assert_eq!(safety.judge(&link).unwrap(), toy.canonicalize().unwrap());
    mode(&elsewhere, 0o777);
    let refusal = safety.judge(&link).unwrap_err().to_string();
    assert!(refusal.contains("elsewhere\" (mode 0777"), "{refusal}");
    mode(&elsewhere, 0o755);
    mode(&toy, 0o777);
    safety.judge(&link).unwrap_err();
}

#[test]
fn links_that_lead_nowhere_are_refused() {
    let bed = Bed::new();
    let (dangling, circle) = (bed.plugins().join("dangling"), bed.plugins().join("circle"));
    symlink("gone", &dangling).unwrap();
    symlink("circle", &circle).unwrap();
    check(
        &bed,
        &dangling,
        "\"DIR/plugins/dangling\" leads to \"DIR/plugins/gone\", which is not there: mend the link or remove it",
    );
    check(
        &bed,
        &circle,
        "\"DIR/plugins/circle\" leads over more than 40 links: mend the link or remove it",
    );
}

#[test]
fn only_regular_files_are_executed() {
    let bed = Bed::new();
    let toy = file(&bed);
    let nothing = "is no regular file: only programs belong here";
    check(&bed, &bed.plugins(), &format!("\"DIR/plugins\" {nothing}"));
    check(&bed, &toy.join("x"), &format!("\"DIR/plugins/toy/x\" {nothing}"));
    let fifo = bed.plugins().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o755.into(), 0).unwrap();
    check(&bed, &fifo, &format!("\"DIR/plugins/fifo\" {nothing}"));
}

#[test]
fn what_belongs_to_somebody_else_is_not_executed() {
    let bed = Bed::new();
    let toy = file(&bed);
    // For somebody else, this user is somebody else.
    let other = rustix::process::geteuid().as_raw() + 1;
    let refused = Safety::of_user(other).trusting_above(bed.path()).judge(&toy);
    if rustix::process::geteuid().is_root() {
        refused.unwrap();
    } else {
        let refusal = refused.unwrap_err().to_string();
        assert!(
            refusal.contains(&format!("belongs to neither root nor uid {other}")),
            "{refusal}"
        );
    }
}

mod root {
    use super::*;

    #[test]
    #[ignore = "needs root"]
    fn a_program_of_another_user_is_not_executed() {
        let bed = Bed::new();
        let toy = file(&bed);
        std::os::unix::fs::chown(&toy, Some(1000), None).unwrap();
        check(
            &bed,
            &toy,
            "\"DIR/plugins/toy\" (mode 0755, owner uid 1000) belongs to neither root nor uid UID, who would run it: chown root it",
        );
        Safety::of_user(1000).trusting_above(bed.path()).judge(&toy).unwrap();
    }
}
