//! The allocation that a session's tasks live in: what an agent makes for a driver, in a directory for temporary files.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use encamp_allocdir::{AllocDir, TaskOptions};
use encamp_driver::{Capabilities, FsIsolation, LinuxResources, Resources, TaskConfig, TaskOutput};
use encamp_hclspec::Value;
use encamp_hook::TaskInfo;
use encamp_logs::Config as LogLimits;
use encamp_taskenv::{Builder, Dirs, Ids, Limits};
use nix::errno::Errno;
use nix::sys::stat::Mode;
use tempfile::TempDir;

use super::command::Start;
use crate::environment::Environment;
use crate::hooks;
use crate::machine;

/// What the job of a session's tasks is called.
const JOB: &str = "encamp-plugin";

/// An allocation of its own.
#[derive(Debug)]
pub(super) struct Alloc {
    id: String,
    /// Removed by the one who knows that nothing runs in it any more.
    root: PathBuf,
    dir: AllocDir,
}

impl Alloc {
    pub(super) fn make() -> Result<Self> {
        let id = encamp_runner::new_alloc_id();
        // Tasks of other users pass through.
        let mode = Permissions::from_mode(0o711);
        let root = tempfile::Builder::new()
            .prefix("encamp-plugin-")
            .permissions(mode)
            .tempdir();
        let root = root
            .map(TempDir::keep)
            .context("cannot make a directory for the tasks")?;
        let dir = AllocDir::new(root.join("alloc"), &id)?;
        dir.build()?;
        Ok(Self { id, root, dir })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn logs(&self) -> PathBuf {
        self.dir.logs()
    }

    /// What the driver is told of a new task, whose directories are there now.
    pub(super) fn task(
        &self,
        driver: (&str, &Capabilities),
        name: &str,
        args: &Start,
        config: Value,
    ) -> Result<TaskConfig> {
        let (driver, capabilities) = driver;
        let info = TaskInfo {
            name: name.to_owned(),
            driver: driver.to_owned(),
            user: args.user.clone(),
        };
        let options = TaskOptions {
            owner: hooks::owner(&info),
            ..TaskOptions::default()
        };
        self.dir.build_task(name, &options)?;
        let node = machine::node();
        // Another one for each start.
        let unique = encamp_runner::new_alloc_id();
        let number = unique.get(..8).unwrap_or(&unique);
        Ok(TaskConfig {
            id: format!("{}/{name}/{number}", self.id),
            name: name.to_owned(),
            alloc_id: self.id.clone(),
            job_id: JOB.to_owned(),
            job_name: JOB.to_owned(),
            task_group_name: JOB.to_owned(),
            namespace: "default".to_owned(),
            node_name: node.facts.name.clone(),
            node_id: node.facts.id.clone(),
            driver_config: config,
            env: self.environment(capabilities.fs_isolation, name, args, &node),
            resources: resources(args, node.total_compute_mhz),
            user: args.user.clone(),
            alloc_dir: self.dir.path(),
            output: self.output(capabilities, name)?,
            ..TaskConfig::default()
        })
    }

    fn environment(
        &self,
        fs_isolation: FsIsolation,
        name: &str,
        args: &Start,
        node: &encamp_runner::Node,
    ) -> encamp_driver::Env {
        let host_env = match fs_isolation {
            FsIsolation::None => Environment::here().into_variables(),
            _ => std::collections::BTreeMap::new(),
        };
        let builder = Builder {
            ids: Ids {
                alloc_id: self.id.clone(),
                alloc_name: format!("{JOB}.{JOB}[0]"),
                alloc_index: Some(0),
                task_name: name.to_owned(),
                group_name: JOB.to_owned(),
                job_id: JOB.to_owned(),
                job_name: JOB.to_owned(),
                namespace: "default".to_owned(),
                region: "global".to_owned(),
                datacenter: node.facts.datacenter.clone(),
                ..Ids::default()
            },
            dirs: Dirs::of_alloc(self.dir.path(), name),
            fs_isolation,
            limits: Limits {
                memory_mb: args.memory,
                cpu_mhz: args.cpu,
                ..Limits::default()
            },
            host_env,
            task_env: args.env.iter().cloned().collect(),
            node: node.facts.clone(),
            ..Builder::default()
        };
        builder.build().env
    }

    /// Files where the driver writes them itself, else pipes.
    fn output(&self, capabilities: &Capabilities, name: &str) -> Result<TaskOutput> {
        let (dir, limits) = (self.logs(), LogLimits::default());
        if capabilities.disable_log_collection {
            return Ok(TaskOutput::Files {
                dir,
                max_files: limits.max_files,
                max_file_size: limits.max_file_size,
            });
        }
        let pipe = |stream: &str| {
            let path = dir.join(format!(".{name}.{stream}.fifo"));
            match nix::unistd::mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR) {
                // That of an earlier task of this name.
                Ok(()) | Err(Errno::EEXIST) => Ok(path),
                Err(error) => Err(error).with_context(|| format!("cannot make the pipe {}", path.display())),
            }
        };
        Ok(TaskOutput::Fifo {
            stdout: pipe("stdout")?,
            stderr: pipe("stderr")?,
        })
    }

    /// Removes all of it. Nothing runs in it any more.
    pub(super) fn remove(&self) -> Result<()> {
        self.dir.destroy()?;
        for dir in [self.root.join("alloc"), self.root.clone()] {
            std::fs::remove_dir(&dir).with_context(|| format!("cannot remove {}", dir.display()))?;
        }
        Ok(())
    }
}

fn resources(args: &Start, total_mhz: u64) -> Resources {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a share of a node's compute needs no more than 52 bits"
    )]
    let percent_ticks = args.cpu as f64 / total_mhz.max(1) as f64;
    let memory_mb = i64::try_from(args.memory).unwrap_or(i64::MAX);
    Resources {
        cpu_mhz: args.cpu,
        memory_mb: args.memory,
        linux: LinuxResources {
            cpu_shares: args.cpu,
            memory_limit_bytes: memory_mb.saturating_mul(1024 * 1024),
            percent_ticks,
            ..LinuxResources::default()
        },
        ..Resources::default()
    }
}
