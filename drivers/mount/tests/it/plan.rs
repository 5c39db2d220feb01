//! Plans are data.

use encamp_mount::{Bind, HOST_DIRECTORIES, Kind, Rootfs, Switch};

fn targets(rootfs: &Rootfs) -> Vec<String> {
    rootfs
        .mounts
        .iter()
        .map(|mount| mount.target.display().to_string())
        .collect()
}

#[test]
fn a_plain_task_gets_the_hosts_directories_and_the_kernels() {
    let rootfs = Rootfs::for_task("/alloc/1/web").build();
    let expected: Vec<_> = HOST_DIRECTORIES
        .iter()
        .chain(&["/dev", "/proc", "/sys"])
        .map(|path| (*path).to_owned())
        .collect();
    assert_eq!(targets(&rootfs), expected);
    assert_eq!(rootfs.switch, Switch::PivotRoot);
}

#[test]
fn what_is_added_comes_last_and_in_order() {
    let rootfs = Rootfs::for_task("/alloc/1/web")
        .host_directories(["/usr"])
        .bind(Bind::new("/srv/data", "/data").read_only())
        .file("/etc/resolv.conf", "nameserver 1.1.1.1\n")
        .bind(Bind::device("/dev/fuse", "/dev/fuse"))
        .shared_alloc("/alloc/1/alloc")
        .build();
    let expected = [
        "/usr",
        "/dev",
        "/proc",
        "/sys",
        "/alloc",
        "/data",
        "/etc/resolv.conf",
        "/dev/fuse",
    ];
    assert_eq!(targets(&rootfs), expected);
}

#[test]
fn a_plan_is_the_same_after_it_was_written_down() {
    let rootfs = Rootfs::for_task("/alloc/1/web")
        .shared_alloc("/alloc/1/alloc")
        .file("/etc/hosts", "127.0.0.1 localhost\n")
        .switch(Switch::MoveMount)
        .shm_size(1 << 20)
        .build();
    let json = serde_json::to_string(&rootfs).expect("serialise");
    assert_eq!(serde_json::from_str::<Rootfs>(&json).expect("deserialise"), rootfs);
    assert!(
        rootfs
            .mounts
            .iter()
            .any(|mount| mount.kind == Kind::Dev { shm_size: 1 << 20 })
    );
}
