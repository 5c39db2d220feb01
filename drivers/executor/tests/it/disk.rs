//! Much output.

use std::fs;

use encamp_executor::Output;

use crate::support::{Bed, supervisor, within};

fn private_dirty_kib(pid: i32) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let line = rollup
        .lines()
        .find_map(|line| line.strip_prefix("Private_Dirty:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn a_task_that_prints_256_mib_keeps_the_last_files_and_the_supervisor_stays_small() {
    let bed = Bed::new();
    let mut plan = bed.script("dd if=/dev/zero bs=64k count=4096 2>/dev/null | tr '\\0' x; echo; echo the end; while [ ! -e go ]; do sleep 0.01; done");
    plan.output = Output::Files {
        dir: bed.logs(),
        name: "task".into(),
        max_files: 3,
        max_file_size: 10 << 20,
    };
    let process = bed.executor.launch("a/task/1", &plan).await.unwrap();
    let keeper = supervisor(&bed.state());
    let before = private_dirty_kib(keeper);
    crate::support::eventually("the end of the output", || {
        let last = fs::read_dir(bed.logs())
            .unwrap()
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().contains("stdout"));
        let ends = last.filter(|entry| fs::read(entry.path()).unwrap_or_default().ends_with(b"the end\n"));
        if ends.count() == 1 { Ok(()) } else { Err("not yet") }
    })
    .await;
    let after = private_dirty_kib(keeper);
    assert!(after <= before + 128, "from {before} to {after} KiB");
    fs::write(bed.dir.path().join("go"), "").unwrap();
    let exit = within("the end", process.wait()).await;
    assert_eq!((exit.exit_code, exit.output_lost), (0, 0));
    let mut sizes: Vec<(u64, u64)> = fs::read_dir(bed.logs())
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            let index = entry.file_name().to_str()?.strip_prefix("task.stdout.")?.parse().ok()?;
            Some((index, entry.metadata().ok()?.len()))
        })
        .collect();
    sizes.sort_unstable();
    // 256 MiB and ten bytes: 25 full files, a 26th with the rest, of which the last three are left.
    let full = 10 << 20;
    assert_eq!(sizes, [(23, full), (24, full), (25, (256 << 20) + 9 - 25 * full)]);
    process.destroy(false).await.unwrap();
}
