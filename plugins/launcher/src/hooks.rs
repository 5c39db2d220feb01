//! The alloc hook that makes an allocation's directories.

use std::path::PathBuf;

use async_trait::async_trait;
use encamp_allocdir::{AllocDir, TaskOptions};
use encamp_hook::{AllocContext, AllocHook, HookError};

/// Makes the directories before the first task. They stay afterwards, for whoever reads the logs; who purges the
/// allocation removes them.
#[derive(Debug)]
pub(crate) struct Directories {
    root: PathBuf,
}

impl Directories {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }
}

#[async_trait]
impl AllocHook for Directories {
    fn name(&self) -> &'static str {
        "alloc_dir"
    }

    async fn prerun(&self, alloc: &mut AllocContext) -> Result<(), HookError> {
        let (root, id, tasks) = (self.root.clone(), alloc.alloc_id.clone(), alloc.tasks.clone());
        let built = tokio::task::spawn_blocking(move || build(root, &id, &tasks)).await;
        match built {
            Ok(built) => built.map_err(|error| HookError::recoverable(format!("{:#}", anyhow::Error::new(error)))),
            Err(error) => Err(HookError::fatal(error.to_string())),
        }
    }
}

fn build(root: PathBuf, id: &str, tasks: &[String]) -> Result<(), encamp_allocdir::Error> {
    let alloc = AllocDir::new(root, id)?;
    alloc.build()?;
    for task in tasks {
        alloc.build_task(task, &TaskOptions::default())?;
    }
    Ok(())
}
