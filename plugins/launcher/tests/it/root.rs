//! Host tasks as root.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::camp::Camp;
use crate::killed;

/// A small disk.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path) -> Self {
        fs::create_dir_all(at).unwrap();
        mount(
            Some("tmpfs"),
            at,
            Some("tmpfs"),
            MsFlags::empty(),
            Some("size=4m,mode=0755"),
        )
        .unwrap();
        Self(at.to_owned())
    }

    fn fill(&self) {
        let mut file = fs::File::create(self.0.join("ballast")).unwrap();
        let mut size = 1 << 20;
        while size > 0 {
            if file.write_all(&vec![0; size]).is_err() {
                size /= 2;
            }
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _gone = umount2(&self.0, MntFlags::MNT_DETACH);
    }
}

#[test]
#[ignore = "needs root"]
fn a_raw_exec_run_may_be_killed_at_any_moment() {
    killed::check("raw_exec", "", Duration::from_millis(35));
}

#[test]
#[ignore = "needs root"]
fn an_exec_run_may_be_killed_at_any_moment() {
    killed::check("exec", "", Duration::from_millis(35));
}

#[test]
#[ignore = "needs root"]
fn an_isolated_task_sees_its_own_root_and_its_own_processes() {
    let camp = Camp::new();
    let ran = camp.encamp(&["run", concat!(env!("CARGO_MANIFEST_DIR"), "/examples/exec.nomad.hcl")]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        ran.out
            .starts_with("I am nobody, process 1; the root holds: alloc bin dev etc"),
        "{ran:?}"
    );
    camp.assert_clean();
}

#[test]
#[ignore = "needs root"]
fn an_allocation_on_a_full_disk_is_listed_and_stopped() {
    // Dropped after the camp, which stops what a failed test leaves.
    let mut disk = None;
    let camp = Camp::new();
    let disk = disk.insert(Disk::mount(&camp.data()));
    let text = "job \"j\" {\n group \"g\" {\n task \"t\" {\n driver = \"raw_exec\"\n config {\n \
                command = \"sleep\"\n args = [\"3600\"]\n }\n }\n }\n }\n";
    let path = camp.job(text);
    let ran = camp.encamp(&["run", "--detach", path.to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let id = ran.out.trim();
    camp.kill_runner_of(id);
    disk.fill();
    let ran = camp.encamp(&["status"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.contains(&id[..8]), "{ran:?}");
    let ran = camp.encamp(&["stop", id]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    umount2(&disk.0, MntFlags::empty()).unwrap();
    camp.assert_clean();
}
