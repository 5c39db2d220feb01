use super::*;
use crate::event::EventKind;

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::new(dir.path().join("state"));
    (dir, store)
}

fn alloc(id: &str, second: u64) -> AllocRecord {
    AllocRecord {
        id: id.to_owned(),
        job_file: "job.hcl".to_owned(),
        job_text: "job \"j\" {}".to_owned(),
        job_dir: None,
        variables: BTreeMap::new(),
        host_env: BTreeMap::new(),
        job_id: "j".to_owned(),
        group: "g".to_owned(),
        task_names: Vec::new(),
        created_at: SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(second),
    }
}

#[test]
fn an_empty_store_lists_nothing() {
    let (_dir, store) = store();
    assert_eq!(store.list().unwrap(), []);
}

#[test]
fn allocations_are_listed_oldest_first_until_removed() {
    let (_dir, store) = store();
    store.create(&alloc("b", 2)).unwrap();
    store.create(&alloc("a", 5)).unwrap();
    assert_eq!(store.list().unwrap(), [alloc("b", 2), alloc("a", 5)]);
    store.remove("b").unwrap();
    store.remove("b").unwrap();
    assert_eq!(store.list().unwrap(), [alloc("a", 5)]);
}

#[test]
fn a_task_record_comes_back_as_it_was_written() {
    let (_dir, store) = store();
    store.create(&alloc("a", 1)).unwrap();
    assert_eq!(store.task("a", "web").unwrap(), TaskRecord::default());
    let mut record = TaskRecord {
        phase: Phase::Running,
        task_id: "a/web/1".to_owned(),
        handle_version: 3,
        driver_state: vec![1, 2, 255],
        ..TaskRecord::default()
    };
    record.push_event(Event {
        time: SystemTime::UNIX_EPOCH,
        ..Event::now("web", EventKind::Started, "started")
    });
    store.put_task("a", "web", &record).unwrap();
    assert_eq!(store.task("a", "web").unwrap(), record);
}

#[test]
fn a_record_keeps_the_latest_events_only() {
    let mut record = TaskRecord::default();
    for n in 0..25 {
        record.push_event(Event::now("web", EventKind::Driver, n.to_string()));
    }
    assert_eq!(record.events.len(), MAX_EVENTS);
    assert_eq!(record.events[MAX_EVENTS - 1].message, "24");
}

#[test]
fn a_damaged_record_is_an_error_that_names_it() {
    let (_dir, store) = store();
    store.create(&alloc("a", 1)).unwrap();
    fs::write(store.task_path("a", "web"), "{").unwrap();
    let error = store.task("a", "web").unwrap_err();
    assert!(error.to_string().contains("web.json"), "{error}");
}

#[test]
fn only_one_runner_has_an_allocation_and_others_learn_which() {
    let (_dir, store) = store();
    store.create(&alloc("a", 1)).unwrap();
    assert_eq!(store.supervisor("a").unwrap(), Supervisor::None);
    let lock = store.lock("a").unwrap();
    let us = i32::try_from(std::process::id()).unwrap();
    assert_eq!(store.supervisor("a").unwrap(), Supervisor::Process(us));
    assert!(matches!(store.lock("a"), Err(LockError::Held(pid)) if pid == us));
    drop(lock);
    assert_eq!(store.supervisor("a").unwrap(), Supervisor::None);
    drop(store.lock("a").unwrap());
}

#[test]
fn the_id_that_a_dead_runner_left_is_nobodys() {
    let (_dir, store) = store();
    store.create(&alloc("a", 1)).unwrap();
    let _lock = store.lock("a").unwrap();
    // What the file says before its new holder has written its own id.
    fs::write(store.dir("a").join("lock"), "1\n").unwrap();
    assert_eq!(store.supervisor("a").unwrap(), Supervisor::Unnamed);
}

#[test]
fn an_allocation_belongs_to_its_maker_from_the_moment_that_it_is_seen() {
    let (_dir, store) = store();
    let _lock = store.create(&alloc("a", 1)).unwrap();
    let us = i32::try_from(std::process::id()).unwrap();
    assert_eq!(store.supervisor("a").unwrap(), Supervisor::Process(us));
}

#[test]
fn a_lock_that_is_handed_on_is_never_free_in_between() {
    let (_dir, store) = store();
    let fd = store.create(&alloc("a", 1)).unwrap().into_fd();
    assert!(matches!(store.lock("a"), Err(LockError::Held(_))));
    let lock = store.inherit("a", fd).unwrap();
    assert!(matches!(store.lock("a"), Err(LockError::Held(_))));
    drop(lock);
    assert_eq!(store.supervisor("a").unwrap(), Supervisor::None);
}

#[test]
fn another_file_is_no_lock() {
    let (dir, store) = store();
    drop(store.create(&alloc("a", 1)).unwrap());
    let other = fs::File::create(dir.path().join("other")).unwrap();
    let error = store.inherit("a", other.into()).unwrap_err();
    assert!(error.to_string().contains("lock"), "{error}");
}

#[test]
fn a_longer_id_of_an_earlier_runner_leaves_nothing_in_the_lock() {
    let (_dir, store) = store();
    drop(store.create(&alloc("a", 1)).unwrap());
    fs::write(store.dir("a").join("lock"), "123456789012345\n").unwrap();
    let _lock = store.lock("a").unwrap();
    let text = fs::read_to_string(store.dir("a").join("lock")).unwrap();
    assert_eq!(text, format!("{}\n", std::process::id()));
}

#[test]
fn what_may_be_secret_is_not_printed() {
    let mut record = alloc("a", 1);
    record.job_text = "hunter2".to_owned();
    record.variables.insert("token".to_owned(), "hunter2".to_owned());
    record.host_env.insert("TOKEN".to_owned(), "hunter2".to_owned());
    let printed = format!("{record:?}");
    assert!(!printed.contains("hunter2"), "{printed}");
}

#[test]
fn a_wish_to_keep_is_remembered() {
    let (_dir, store) = store();
    drop(store.create(&alloc("a", 1)).unwrap());
    assert!(!store.is_kept("a"));
    store.keep("a").unwrap();
    assert!(store.is_kept("a"));
}

#[test]
fn records_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_dir, store) = store();
    store.create(&alloc("a", 1)).unwrap();
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(store.dir("a")), 0o700);
    assert_eq!(mode(store.dir("a").join("alloc.json")), 0o600);
    assert_eq!(mode(store.dir("a").join("lock")), 0o600);
}

#[test]
fn what_is_missing_above_the_folders_can_be_passed_by_all_if_it_is_roots() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let dir = tempfile::tempdir().unwrap();
    let there = dir.path().join("there");
    fs::create_dir(&there).unwrap();
    fs::set_permissions(&there, fs::Permissions::from_mode(0o750)).unwrap();
    let state = there.join("var/encamp/state");
    Store::new(state.clone()).create(&alloc("a", 1)).unwrap();
    let passable = if fs::metadata(&there).unwrap().uid() == 0 {
        0o711
    } else {
        0o700
    };
    for (path, expected) in [
        (there.clone(), 0o750),
        (there.join("var"), passable),
        (there.join("var/encamp"), passable),
        (state.clone(), 0o700),
        (state.join("a"), 0o700),
    ] {
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, expected, "{}", path.display());
    }
}
