//! An allocation with a driver, and the few things that every test does with them.

use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use encamp_base::{Plugin, PluginConfig};
use encamp_cgroup::Hierarchy;
use encamp_driver::{Driver, ExitResult, LinuxResources, Resources, TaskConfig, TaskOutput};
use encamp_exec::Exec;
use encamp_executor::Executor;
use encamp_hclspec::{Body, Context, Source, Spec, Spellings, Value, decode_with};

pub(crate) struct World {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) driver: Exec,
    cgroups: String,
}

impl World {
    pub(crate) fn new() -> Self {
        assert!(nix::unistd::geteuid().is_root(), "needs root");
        let dir = tempfile::Builder::new()
            .permissions(open_to_all())
            .tempdir()
            .expect("temporary directory");
        let alloc = dir.path().join("3ac4");
        for path in [
            "alloc/logs",
            "alloc/data",
            "web/local",
            "web/secrets",
            "web/tmp",
            "web/private",
        ] {
            fs::create_dir_all(alloc.join(path)).expect("create");
        }
        for path in ["alloc/data", "web", "web/local", "web/tmp", "web/secrets"] {
            fs::set_permissions(alloc.join(path), std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("chmod");
        }
        let cgroups = format!("encamp-exec-test-{}", dir.path().file_name().expect("name").display());
        let driver = driver(dir.path(), &cgroups);
        Self { dir, driver, cgroups }
    }

    /// The driver after its program was started anew.
    pub(crate) fn another_driver(&self) -> Exec {
        driver(self.dir.path(), &self.cgroups)
    }

    pub(crate) async fn configure(&self, text: &str) {
        let config = PluginConfig::new(value(&self.driver.config_schema(), text));
        self.driver.set_config(config).await.expect("accepted");
    }

    pub(crate) fn alloc(&self) -> PathBuf {
        self.dir.path().join("3ac4")
    }

    pub(crate) fn task_dir(&self) -> PathBuf {
        self.alloc().join("web")
    }

    /// A task that runs a shell script.
    pub(crate) async fn script(&self, script: &str) -> TaskConfig {
        self.task(&format!(
            "command = \"/bin/sh\"\nargs = [\"-c\", <<SCRIPT\n{script}\nSCRIPT\n]"
        ))
        .await
    }

    pub(crate) async fn task(&self, config: &str) -> TaskConfig {
        let spec = self.driver.task_config_schema().await.expect("schema");
        TaskConfig {
            id: "3ac4/web/0a1b2c3d".into(),
            name: "web".into(),
            alloc_id: "3ac4".into(),
            job_id: "job".into(),
            job_name: "job".into(),
            task_group_name: "group".into(),
            namespace: "default".into(),
            node_name: "node".into(),
            node_id: "node".into(),
            driver_config: value(&spec, config),
            resources: Resources {
                cpu_mhz: 500,
                memory_mb: 64,
                memory_max_mb: 0,
                linux: LinuxResources::default(),
                ..Resources::default()
            },
            alloc_dir: self.alloc(),
            output: TaskOutput::Files {
                dir: self.alloc().join("alloc/logs"),
                max_files: 2,
                max_file_size: 1 << 20,
            },
            ..TaskConfig::default()
        }
    }

    /// Runs a task to its end; gives back what it printed, line by line, and how it ended.
    pub(crate) async fn run(&self, task: TaskConfig) -> (Vec<String>, ExitResult) {
        let id = task.id.clone();
        self.driver
            .start_task(task)
            .await
            .unwrap_or_else(|error| panic!("{}", error.chain()));
        let exit = self.driver.wait_task(&id).await.expect("wait");
        self.driver.destroy_task(&id, false).await.expect("destroy");
        (self.printed(), exit)
    }

    pub(crate) async fn run_script(&self, script: &str) -> Vec<String> {
        let (printed, exit) = self.run(self.script(script).await).await;
        assert!(exit.err.is_none(), "{exit:?}");
        printed
    }

    /// What the task printed last, errors included.
    pub(crate) fn printed(&self) -> Vec<String> {
        let logs = self.alloc().join("alloc/logs");
        let read = |name: &str| fs::read_to_string(logs.join(name)).unwrap_or_default();
        let text = read("web.stdout.0") + &read("web.stderr.0");
        for name in ["web.stdout.0", "web.stderr.0"] {
            drop(fs::remove_file(logs.join(name)));
        }
        text.lines().map(str::to_owned).collect()
    }

    /// The test's cgroups that are there.
    pub(crate) fn cgroups(&self) -> Vec<PathBuf> {
        let controllers = fs::read_dir("/sys/fs/cgroup").expect("cgroups").filter_map(Result::ok);
        controllers
            .map(|entry| entry.path().join(&self.cgroups))
            .filter(|path| path.exists())
            .collect()
    }

    /// Lines of the host's mount table that name the test's directory.
    pub(crate) fn mounts(&self) -> Vec<String> {
        let table = fs::read_to_string("/proc/self/mountinfo").expect("mountinfo");
        let dir = self.dir.path().display().to_string();
        table
            .lines()
            .filter(|line| line.contains(&dir))
            .map(str::to_owned)
            .collect()
    }
}

/// What a test that fails leaves running is ended with it.
impl Drop for World {
    fn drop(&mut self) {
        encamp_executor::testing::destroy_all(&self.dir.path().join("executor"));
    }
}

fn hierarchy(parent: &str) -> Hierarchy {
    Hierarchy::at(Path::new("/sys/fs/cgroup"), parent)
}

fn driver(dir: &Path, cgroups: &str) -> Exec {
    let executor = Executor::new(encamp_executor::testing::program(), dir.join("executor"));
    let cgroups = hierarchy(cgroups);
    assert!(!cgroups.is_off(), "no cgroups");
    Exec::new(executor, cgroups)
}

/// The task's user has to reach its directory.
fn open_to_all() -> fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o755)
}

fn value(spec: &Spec, text: &str) -> Value {
    let body = Body::parse(Source::new("test", text.to_owned())).unwrap_or_else(|error| panic!("{error}"));
    decode_with(spec, &body, &Context::default(), Spellings::Every).unwrap_or_else(|error| panic!("{error}"))
}

/// Looks again and again until what is seen is good, for 20 s at most.
pub(crate) async fn poll<T: std::fmt::Debug, F: Future<Output = T>>(
    mut look: impl FnMut() -> F,
    good: impl Fn(&T) -> bool,
) -> T {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        let seen = look().await;
        if good(&seen) {
            return seen;
        }
        assert!(tokio::time::Instant::now() < deadline, "still {seen:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
