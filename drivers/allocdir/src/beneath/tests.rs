use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

/// A directory `in` with a file and a link to each place that a link can lead to, beside a file that is out of bounds.
fn world() -> (tempfile::TempDir, Beneath) {
    let world = tempfile::tempdir().expect("temporary directory");
    let inside = world.path().join("in");
    fs::create_dir_all(inside.join("sub")).expect("create");
    fs::write(world.path().join("secret"), "out").expect("write");
    fs::write(inside.join("file"), "in").expect("write");
    for (link, target) in [
        ("relative", "../secret"),
        ("absolute", world.path().join("secret").to_str().expect("utf-8")),
        ("directory", ".."),
        ("sub/good", "../file"),
        ("magic", "/proc/self/cwd"),
        ("dangling", "../made"),
    ] {
        symlink(target, inside.join(link)).expect("symlink");
    }
    let beneath = Beneath::open(&inside).expect("open");
    (world, beneath)
}

#[test]
fn paths_that_stay_inside_are_opened() {
    let (_world, beneath) = world();
    for path in ["file", "/file", "sub/../file", "sub/good", "./file"] {
        assert_eq!(beneath.read(path, 100).expect(path), b"in", "{path}");
    }
}

#[test]
fn paths_that_lead_out_are_refused_for_every_operation() {
    let (world, beneath) = world();
    for path in [
        "../secret",
        "relative",
        "absolute",
        "directory/secret",
        "sub/../../secret",
        "magic/x",
    ] {
        for (what, error) in [
            ("read", beneath.read(path, 100).err()),
            ("create", beneath.create(path, 0o644).err()),
            ("dir", beneath.dir(path).err()),
        ] {
            let error = error.unwrap_or_else(|| panic!("{what} {path} succeeded"));
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{what} {path}: {error}");
        }
    }
    for path in ["directory/made", "magic/made", "../made"] {
        beneath.write(path, b"x", 0o644).expect_err(path);
        beneath.create_dir_all(path, 0o755).expect_err(path);
        beneath.remove(path).expect_err(path);
    }
    beneath.create("dangling", 0o644).expect_err("through a dangling link");
    let mut seen: Vec<_> = fs::read_dir(world.path())
        .expect("list")
        .map(|e| e.expect("entry").file_name())
        .collect();
    seen.sort();
    assert_eq!(seen, ["in", "secret"]);
    assert_eq!(fs::read_to_string(world.path().join("secret")).expect("read"), "out");
}

#[test]
fn writing_takes_a_links_place_and_not_its_targets() {
    let (world, beneath) = world();
    beneath.write("relative", b"new", 0o600).expect("write");
    assert_eq!(beneath.read("relative", 100).expect("read"), b"new");
    assert_eq!(fs::read_to_string(world.path().join("secret")).expect("read"), "out");
    let mode = fs::metadata(world.path().join("in/relative"))
        .expect("stat")
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[test]
fn writing_makes_the_directories_on_the_way() {
    let (_world, beneath) = world();
    beneath.write("a/b/c", b"deep", 0o644).expect("write");
    assert_eq!(beneath.read("a/b/c", 100).expect("read"), b"deep");
    let entries = fs::read_dir(format!(
        "/proc/self/fd/{}",
        std::os::fd::AsRawFd::as_raw_fd(&beneath.as_fd())
    ));
    assert!(
        entries
            .expect("list")
            .all(|e| !e.expect("entry").file_name().to_string_lossy().contains("encamp"))
    );
}

#[test]
fn a_pipe_in_the_place_of_a_file_does_not_hang() {
    let (world, beneath) = world();
    let pipe = world.path().join("in/pipe");
    rustix::fs::mknodat(CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).expect("mkfifo");
    assert_eq!(
        beneath.open_read("pipe").expect_err("a pipe").kind(),
        io::ErrorKind::InvalidInput
    );
    assert_eq!(
        beneath.create("pipe", 0o644).expect_err("a pipe").kind(),
        io::ErrorKind::InvalidInput
    );
}

#[test]
fn a_file_over_the_limit_is_not_read() {
    let (_world, beneath) = world();
    assert_eq!(beneath.read("file", 2).expect("fits"), b"in");
    assert_eq!(
        beneath.read("file", 1).expect_err("too large").kind(),
        io::ErrorKind::FileTooLarge
    );
}

#[test]
fn removing_takes_the_link_and_what_is_missing_is_fine() {
    let (world, beneath) = world();
    for path in ["relative", "directory", "file", "sub/good", "sub", "none", "none/none"] {
        beneath.remove(path).expect(path);
    }
    assert!(world.path().join("secret").exists());
    assert!(!world.path().join("in/sub").exists());
}
