use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use crate::Owner;

fn alloc() -> (tempfile::TempDir, AllocDir) {
    let data = tempfile::tempdir().expect("temporary directory");
    let alloc = AllocDir::new(data.path().join("alloc"), "3ac4").expect("a plain id");
    (data, alloc)
}

/// What is below `dir`, with modes.
fn listing(dir: &Path) -> Vec<String> {
    use std::os::unix::fs::PermissionsExt;
    let mut found = Vec::new();
    let mut pending = vec![dir.to_owned()];
    while let Some(next) = pending.pop() {
        let meta = fs::symlink_metadata(&next).expect("stat");
        let shown = next.strip_prefix(dir).expect("below").display().to_string();
        found.push(format!("{:o} {shown}", meta.permissions().mode() & 0o7777));
        if meta.is_dir() {
            pending.extend(
                fs::read_dir(&next)
                    .expect("list")
                    .map(|entry| entry.expect("entry").path()),
            );
        }
    }
    found.sort_by_key(|line| line.split(' ').nth(1).map(str::to_owned));
    found
}

#[test]
fn names_are_single_components() {
    let (_data, alloc) = alloc();
    for name in ["", ".", "..", "a/b", "/etc", "a\0b", "alloc"] {
        let error = alloc.task(name).expect_err(name).to_string();
        assert!(error.contains("cannot name a task"), "{error}");
    }
    AllocDir::new("/x", "../y").expect_err("an id that leads out");
    alloc.task("web.1-a_b").expect("a plain name");
}

#[test]
fn what_never_was_is_destroyed_without_complaint() {
    let (_data, alloc) = alloc();
    alloc.destroy().expect("no root");
    fs::create_dir(&alloc.root).expect("create");
    alloc.destroy().expect("no allocation");
}

#[test]
fn links_that_a_task_left_are_removed_and_not_followed() {
    let (data, alloc) = alloc();
    let kept = data.path().join("kept");
    fs::create_dir_all(kept.join("sub")).expect("create");
    fs::write(kept.join("sub/file"), "kept").expect("write");
    fs::create_dir_all(alloc.path().join("web/local")).expect("create");
    symlink(&kept, alloc.path().join("web/local/link")).expect("symlink");
    symlink("/", alloc.path().join("web/secrets")).expect("symlink");
    alloc.destroy().expect("destroy");
    assert!(!alloc.exists());
    assert_eq!(fs::read_to_string(kept.join("sub/file")).expect("read"), "kept");
}

#[test]
fn an_allocation_that_is_a_link_is_only_unlinked() {
    let (data, alloc) = alloc();
    let kept = data.path().join("kept");
    fs::create_dir_all(&kept).expect("create");
    fs::create_dir(&alloc.root).expect("create");
    symlink(&kept, alloc.path()).expect("symlink");
    alloc.destroy().expect("destroy");
    assert!(!alloc.exists() && kept.exists());
}

#[test]
fn a_tree_deeper_than_any_path_is_removed() {
    let (_data, alloc) = alloc();
    fs::create_dir_all(alloc.path()).expect("create");
    let mut dir = Beneath::open(alloc.path()).expect("open");
    for _ in 0..500 {
        rustix::fs::mkdirat(&dir, "directory", rustix::fs::Mode::RWXU).expect("mkdir");
        rustix::fs::symlinkat("/", &dir, "link").expect("symlink");
        dir = dir.dir("directory").expect("open");
    }
    drop(dir);
    alloc.destroy().expect("destroy");
    assert!(!alloc.exists());
}

#[test]
fn a_file_that_bars_the_way_is_an_error_that_names_it() {
    let (_data, alloc) = alloc();
    fs::create_dir_all(alloc.path()).expect("create");
    fs::write(alloc.path().join("alloc"), "").expect("write");
    let error = alloc.build().expect_err("a file is in the way").to_string();
    assert!(error.contains("3ac4/alloc"), "{error}");
}

mod root {
    use std::os::unix::fs::MetadataExt;
    use std::process::Command;

    use super::*;

    fn mounts_below(dir: &Path) -> Vec<String> {
        let table = fs::read_to_string("/proc/self/mountinfo").expect("mountinfo");
        let dir = dir.display().to_string();
        table
            .lines()
            .filter(|line| line.contains(&dir))
            .map(str::to_owned)
            .collect()
    }

    fn shell(script: &str) {
        assert!(rustix::process::geteuid().is_root(), "needs root");
        assert!(
            Command::new("sh").args(["-ec", script]).status().expect("sh").success(),
            "{script}"
        );
    }

    #[test]
    #[ignore = "needs root"]
    fn the_layout_has_its_modes() {
        let (_data, alloc) = alloc();
        alloc.build().expect("build");
        alloc.build_task("web", &TaskOptions::default()).expect("build task");
        let expected = [
            "711 ",
            "1777 alloc",
            "777 alloc/data",
            "755 alloc/logs",
            "1777 alloc/tmp",
            "777 web",
            "777 web/local",
            "700 web/private",
            "777 web/secrets",
            "1777 web/tmp",
        ];
        assert_eq!(listing(&alloc.path()), expected);
        alloc.destroy().expect("destroy");
    }

    #[test]
    #[ignore = "needs root"]
    fn a_known_user_owns_its_directories_alone() {
        let (_data, alloc) = alloc();
        alloc.build().expect("build");
        let owner = Some(Owner { uid: 65534, gid: 65533 });
        let task = alloc
            .build_task("web", &TaskOptions { owner, secrets_mb: 1 })
            .expect("build task");
        for (path, uid, gid, mode) in [
            (task.path().to_owned(), 65534, 65533, 0o755),
            (task.local(), 65534, 65533, 0o755),
            (task.secrets(), 65534, 65533, 0o700),
            (task.private(), 0, 0, 0o700),
        ] {
            let meta = fs::metadata(&path).expect("stat");
            assert_eq!(
                (meta.uid(), meta.gid(), meta.mode() & 0o7777),
                (uid, gid, mode),
                "{}",
                path.display()
            );
        }
        alloc.destroy().expect("destroy");
    }

    #[test]
    #[ignore = "needs root"]
    fn secrets_are_in_memory_with_a_limit_and_survive_a_second_build() {
        let (_data, alloc) = alloc();
        alloc.build().expect("build");
        let options = TaskOptions {
            owner: None,
            secrets_mb: 2,
        };
        let task = alloc.build_task("web", &options).expect("build task");
        fs::write(task.secrets().join("token"), "s").expect("write");
        alloc.build_task("web", &options).expect("build again");
        assert_eq!(fs::read_to_string(task.secrets().join("token")).expect("read"), "s");

        let mounts = mounts_below(&alloc.path());
        assert_eq!(mounts.len(), 2, "{mounts:?}");
        for option in ["nosuid", "nodev", "noexec", "tmpfs"] {
            assert!(
                mounts.iter().all(|mount| mount.contains(option)),
                "{option}: {mounts:?}"
            );
        }
        let full = fs::write(task.secrets().join("big"), vec![0; 3 << 20]).expect_err("too large");
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        alloc.destroy().expect("destroy");
        assert!(mounts_below(&alloc.path()).is_empty());
    }

    #[test]
    #[ignore = "needs root"]
    fn mounts_left_by_a_crash_are_undone_before_anything_is_removed() {
        let (data, alloc) = alloc();
        let kept = data.path().join("kept");
        fs::create_dir_all(&kept).expect("create");
        fs::write(kept.join("file"), "kept").expect("write");
        alloc.build().expect("build");
        let task = alloc.build_task("web", &TaskOptions::default()).expect("build task");
        let (kept_path, local) = (kept.display(), task.local().display().to_string());
        shell(&format!(
            "mkdir '{local}/a b'; mount --bind {kept_path} '{local}/a b'; mount -t tmpfs x '{local}/a b'"
        ));
        let held = fs::File::create(task.secrets().join("held")).expect("create");
        alloc.destroy().expect("destroy");
        drop(held);
        assert!(!alloc.exists());
        assert!(mounts_below(&alloc.path()).is_empty());
        assert_eq!(fs::read_to_string(kept.join("file")).expect("read"), "kept");
    }

    #[test]
    #[ignore = "needs root"]
    fn what_cannot_be_removed_is_told_and_the_rest_is_gone() {
        let (_data, alloc) = alloc();
        fs::create_dir_all(alloc.path().join("web/sub")).expect("create");
        for name in ["web/sub/stuck", "web/gone", "top"] {
            fs::write(alloc.path().join(name), "").expect("write");
        }
        let stuck = alloc.path().join("web/sub/stuck");
        shell(&format!("chattr +i {}", stuck.display()));
        let error = alloc.destroy().expect_err("an immutable file").to_string();
        assert!(error.contains("web/sub/stuck: Operation not permitted"), "{error}");
        assert!(!alloc.path().join("web/gone").exists() && !alloc.path().join("top").exists());
        shell(&format!("chattr -R -i {}", alloc.path().display()));
        alloc.destroy().expect("destroy");
        assert!(!alloc.exists());
    }

    #[test]
    #[ignore = "needs root"]
    fn a_link_in_the_place_of_secrets_is_not_mounted_over() {
        let (data, alloc) = alloc();
        let kept = data.path().join("kept");
        fs::create_dir_all(&kept).expect("create");
        alloc.build().expect("build");
        fs::create_dir_all(alloc.path().join("web")).expect("create");
        symlink(&kept, alloc.path().join("web/secrets")).expect("symlink");
        alloc.build_task("web", &TaskOptions::default()).expect("build task");
        assert!(mounts_below(&kept).is_empty());
        alloc.destroy().expect("destroy");
        assert!(kept.exists());
    }

    #[test]
    #[ignore = "needs root"]
    fn a_link_in_the_place_of_any_directory_is_replaced_and_what_it_points_to_is_left_alone() {
        let (data, alloc) = alloc();
        let owner = Some(Owner { uid: 65534, gid: 65533 });
        let options = TaskOptions { owner, secrets_mb: 1 };
        let build = || alloc.build().and_then(|()| alloc.build_task("web", &options));
        build().expect("build");
        alloc.destroy().expect("destroy");
        let victims = [data.path().to_owned(), alloc.root.clone(), data.path().join("kept")];
        fs::create_dir(&victims[2]).expect("create");
        let looks = || victims.each_ref().map(|victim| looks(victim));
        let before = looks();
        for path in [
            "alloc",
            "alloc/logs",
            "alloc/tmp",
            "alloc/data",
            "web",
            "web/local",
            "web/tmp",
            "web/secrets",
            "web/private",
        ] {
            for target in [
                "..",
                "../..",
                "../../..",
                victims[2].to_str().expect("text"),
                "/no/such/place",
            ] {
                let link = alloc.path().join(path);
                fs::create_dir_all(link.parent().expect("a parent")).expect("create");
                symlink(target, &link).expect("symlink");
                build().unwrap_or_else(|error| panic!("{path} -> {target}: {error}"));
                assert!(
                    fs::symlink_metadata(&link).expect("stat").is_dir(),
                    "{path} -> {target} is still there"
                );
                assert_eq!(looks(), before, "{path} -> {target}");
                alloc.destroy().expect("destroy");
            }
        }
    }

    #[test]
    #[ignore = "needs root"]
    fn what_is_missing_above_lets_every_task_pass_and_what_is_there_stays_as_it_is() {
        let data = tempfile::tempdir().expect("temporary directory");
        let there = data.path().join("there");
        fs::create_dir(&there).expect("create");
        fs::set_permissions(&there, std::os::unix::fs::PermissionsExt::from_mode(0o750)).expect("chmod");
        let alloc = AllocDir::new(there.join("data/alloc"), "3ac4").expect("a plain id");
        alloc.build().expect("build");
        let mode = |dir: &Path| looks(dir).0 & 0o7777;
        let modes = [&there, &there.join("data"), &there.join("data/alloc"), &alloc.path()].map(|dir| mode(dir));
        assert_eq!(modes, [0o750, 0o711, 0o711, 0o711]);
    }

    /// Mode, owner and group.
    fn looks(path: &Path) -> (u32, u32, u32) {
        let meta = fs::metadata(path).expect("stat");
        (meta.mode(), meta.uid(), meta.gid())
    }

    #[test]
    #[ignore = "needs root"]
    fn a_task_cannot_take_the_log_directory_away() {
        let (_data, alloc) = alloc();
        alloc.build().expect("build");
        let logs = alloc.logs();
        let status = Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups", "mv"])
            .args([&logs, &alloc.shared().join("moved")])
            .status()
            .expect("setpriv");
        assert!(!status.success() && logs.exists());
        alloc.destroy().expect("destroy");
    }
}
