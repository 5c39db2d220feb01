//! A plugin directory of its own for each test, and ways to wait.

use std::fmt::Debug;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use encamp_catalog::{
    Backoff, Catalog, Event, EventKind, Finding, Listed, Processes, Safety, Settings, Supervised, SupervisedDevice,
    Timing,
};
use encamp_driver::TaskConfig;
use encamp_hclspec::Source;
use tempfile::TempDir;
use tokio::sync::broadcast::Receiver;
use tokio::time::{Instant, sleep, timeout};

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Bed(TempDir);

impl Bed {
    pub(crate) fn new() -> Self {
        let bed = Self(tempfile::tempdir().unwrap());
        fs::create_dir(bed.plugins()).unwrap();
        fs::create_dir(bed.store()).unwrap();
        bed
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn plugins(&self) -> PathBuf {
        self.path().join("plugins")
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.path().join("store")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path().join("state")
    }

    /// Installs a program that the shell runs. A line in the journal is its first act; its sockets go with the bed, also
    /// where it is killed.
    pub(crate) fn install(&self, file: &str, script: &str) {
        let path = self.plugins().join(file);
        let journal = self.path().join(format!("journal-{file}"));
        fs::write(
            &path,
            format!(
                "#!/bin/sh\necho $$ >> {}\nexport TMPDIR={}\n{script}\n",
                journal.display(),
                self.path().display()
            ),
        )
        .unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }

    /// Installs the example, with arguments.
    pub(crate) fn install_toy(&self, file: &str, args: &str) {
        self.install(file, &format!("exec {} {args}", example("toy").display()));
    }

    /// Installs the example of a device plugin.
    pub(crate) fn install_files(&self, file: &str) {
        self.install(file, &format!("exec {}", example("device").display()));
    }

    /// How often a program was started.
    pub(crate) fn launches(&self, file: &str) -> usize {
        let journal = fs::read_to_string(self.path().join(format!("journal-{file}")));
        journal.unwrap_or_default().lines().count()
    }

    /// A block that lists the example.
    pub(crate) fn block(&self, file: &str) -> String {
        let store = self.store();
        format!(
            "plugin \"{file}\" {{\n  config {{\n    store = \"{}\"\n  }}\n}}\n",
            store.display()
        )
    }

    /// A block that lists the example of a device plugin.
    pub(crate) fn device_block(&self, file: &str) -> String {
        let store = self.store();
        format!(
            "plugin \"{file}\" {{\n  config {{\n    directory = \"{}\"\n  }}\n}}\n",
            store.display()
        )
    }

    pub(crate) fn settings(&self, blocks: &str) -> Settings {
        let listed = Listed::read(Source::new("plugins.hcl", blocks.to_owned())).unwrap();
        let mut settings = Settings::new(self.plugins(), listed, self.state());
        settings.safety = Safety::of_this_process().trusting_above(self.path());
        settings.launch = Arc::new(Processes::new(
            encamp_base_grpc::host()
                .start_timeout(Duration::from_secs(5))
                .stop_timeout(Duration::from_millis(500)),
        ));
        settings.timing = Timing {
            backoff: Backoff {
                first: Duration::from_millis(40),
                longest: Duration::from_millis(400),
            },
            answer: Duration::from_secs(5),
            farewell: Duration::from_millis(500),
            ..Timing::default()
        };
        settings
    }

    pub(crate) async fn scan(&self, blocks: &str) -> (Catalog, Vec<Finding>) {
        within("scan", Catalog::scan(self.settings(blocks))).await
    }

    /// A catalog of the example alone, with nothing amiss.
    pub(crate) async fn with_toy(&self) -> (Catalog, Supervised) {
        self.install_toy("toy", "");
        let (catalog, findings) = self.scan(&self.block("toy")).await;
        assert!(findings.is_empty(), "{findings:?}");
        let driver = catalog.driver("toy").unwrap();
        (catalog, driver)
    }

    /// A catalog of the example of a device plugin alone, with nothing amiss. It has one device, `key`.
    pub(crate) async fn with_files(&self) -> (Catalog, SupervisedDevice) {
        fs::write(self.store().join("key"), "12345").unwrap();
        self.install_files("files");
        let (catalog, findings) = self.scan(&self.device_block("files")).await;
        assert!(findings.is_empty(), "{findings:?}");
        let device = catalog.device("files").unwrap();
        (catalog, device)
    }

    /// Ends a task of the example.
    pub(crate) fn end(&self, id: &str, code: i32) {
        fs::write(self.store().join(id), code.to_string()).unwrap();
    }
}

/// The program of an example, which is built with the tests.
fn example(name: &str) -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let example = program.parent().unwrap().with_file_name("examples").join(name);
    assert!(
        example.exists(),
        "{} was not built: run `cargo build -p encamp-catalog --examples`",
        example.display()
    );
    example
}

pub(crate) fn task(id: &str) -> TaskConfig {
    TaskConfig {
        id: id.to_owned(),
        name: "web".to_owned(),
        ..TaskConfig::default()
    }
}

/// The plugins with something amiss.
pub(crate) fn blamed(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|finding| finding.plugin.as_str()).collect()
}

/// Kills with SIGKILL.
pub(crate) fn kill(pid: u32) {
    signal(pid, rustix::process::Signal::KILL);
}

pub(crate) fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

/// Whether a process runs: neither gone nor waiting to be reaped.
pub(crate) fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| state != 'Z')
}

pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}

/// Looks again and again until what is seen is good.
pub(crate) async fn poll<T: Debug>(what: &str, mut look: impl FnMut() -> T, good: impl Fn(&T) -> bool) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        let seen = look();
        if good(&seen) {
            return seen;
        }
        assert!(Instant::now() < end, "{what}: still {seen:?}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Waits for an event.
pub(crate) async fn event(events: &mut Receiver<Event>, wanted: impl Fn(&EventKind) -> bool) -> EventKind {
    let find = async {
        loop {
            let event = events.recv().await.unwrap();
            if wanted(&event.kind) {
                return event.kind;
            }
        }
    };
    within("event", find).await
}
