//! The alloc hook that makes an allocation's directories.

use std::path::PathBuf;

use async_trait::async_trait;
use encamp_allocdir::{AllocDir, Owner, TaskOptions};
use encamp_hook::{AllocContext, AllocHook, HookError, TaskInfo};
use encamp_users::Identity;
use nix::unistd::{getegid, geteuid};

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

fn build(root: PathBuf, id: &str, tasks: &[TaskInfo]) -> Result<(), encamp_allocdir::Error> {
    let alloc = AllocDir::new(root, id)?;
    alloc.build()?;
    for task in tasks {
        let options = TaskOptions {
            owner: owner(task),
            ..TaskOptions::default()
        };
        alloc.build_task(&task.name, &options)?;
    }
    Ok(())
}

/// Who the task's directories belong to. A container's user is its image's to know. A user that the host does not know is
/// left to the driver to complain about.
pub(crate) fn owner(task: &TaskInfo) -> Option<Owner> {
    let user = task.user.as_deref().filter(|user| !user.is_empty());
    let user = match (task.driver.as_str(), user) {
        ("exec" | "raw_exec", Some(user)) => user,
        ("exec", None) => "nobody",
        ("raw_exec", None) => {
            let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
            return Some(Owner { uid, gid });
        }
        _ => return None,
    };
    let Identity { uid, gid, .. } = Identity::lookup(user).ok()?;
    Some(Owner { uid, gid })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(driver: &str, user: Option<&str>, expected: Option<u32>) {
        let task = TaskInfo {
            name: "web".to_owned(),
            driver: driver.to_owned(),
            user: user.map(str::to_owned),
        };
        assert_eq!(owner(&task).map(|owner| owner.uid), expected, "{task:?}");
    }

    #[test]
    fn directories_belong_to_the_user_of_a_host_task_and_to_nobody_known_otherwise() {
        let us = geteuid().as_raw();
        check("exec", None, Some(65534));
        check("exec", Some(""), Some(65534));
        check("exec", Some("root"), Some(0));
        check("raw_exec", None, Some(us));
        check("raw_exec", Some("nobody"), Some(65534));
        check("exec", Some("no such user"), None);
        check("docker", None, None);
        check("docker", Some("root"), None);
    }
}
