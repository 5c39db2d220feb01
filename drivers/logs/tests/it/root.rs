//! What only root can do.

use std::fs;
use std::path::Path;

use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::{files, writer};

/// A file system of one MiB, for as long as this lives.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(at: &'a Path) -> Self {
        mount(Some("tmpfs"), at, Some("tmpfs"), MsFlags::empty(), Some("size=1m")).unwrap();
        Self(at)
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        umount2(self.0, MntFlags::MNT_DETACH).unwrap();
    }
}

#[test]
#[ignore = "needs root"]
fn a_full_disk_costs_what_does_not_fit_and_writing_goes_on_when_there_is_space() {
    let dir = tempfile::tempdir().unwrap();
    let _disk = SmallDisk::mount(dir.path());
    fs::write(dir.path().join("ballast"), vec![0; 512 * 1024]).unwrap();
    let mut writer = writer(dir.path(), 10, 256 * 1024);
    let chunk = vec![b'x'; 64 * 1024];
    let mut lost = 0;
    for _ in 0..20 {
        if let Err(error) = writer.write(&chunk) {
            lost += error.lost;
            assert_eq!(error.source.kind(), std::io::ErrorKind::StorageFull);
        }
    }
    let kept: usize = files(dir.path()).iter().map(|(_, bytes)| bytes.len()).sum();
    assert!(lost > 0 && kept + lost == 20 * chunk.len(), "{kept} kept, {lost} lost");
    fs::remove_file(dir.path().join("ballast")).unwrap();
    writer.write(b"after\n").unwrap();
    assert!(files(dir.path()).pop().unwrap().1.ends_with(b"after\n"));
}
