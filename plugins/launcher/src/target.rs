//! Which allocation and task the user means.

use anyhow::Result;
use encamp_runner::{AllocRecord, Phase, Store, Supervisor, TaskRecord};

use crate::exit::usage;
use crate::output;

/// An allocation that is kept, with its tasks in job order.
#[derive(Debug)]
pub(crate) struct Alloc {
    pub(crate) record: AllocRecord,
    pub(crate) tasks: Vec<(String, TaskRecord)>,
    /// Whether a live process runs it.
    pub(crate) supervisor: Supervisor,
}

/// What the user's words name.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) alloc: Alloc,
    /// The task, where one was named.
    pub(crate) task: Option<String>,
}

impl Alloc {
    pub(crate) fn load(store: &Store, record: AllocRecord) -> Result<Self> {
        let tasks = record
            .task_names
            .iter()
            .map(|name| Ok((name.clone(), store.task(&record.id, name)?)));
        let tasks = tasks.collect::<Result<Vec<_>>>()?;
        let supervisor = store.supervisor(&record.id)?;
        Ok(Self {
            record,
            tasks,
            supervisor,
        })
    }

    /// Each task of which something may be left that could not be removed, with the reason.
    pub(crate) fn remains(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tasks
            .iter()
            .flat_map(|(name, task)| task.remains.iter().map(|start| (name.as_str(), start.reason.as_str())))
    }

    /// Whether nothing of it will run again.
    pub(crate) fn is_over(&self) -> bool {
        self.tasks.iter().all(|(_, task)| task.phase == Phase::Dead)
    }

    /// The allocation in one word, as `nomad alloc status` has it.
    pub(crate) fn status(&self) -> &'static str {
        let any = |phase: Phase| self.tasks.iter().any(|(_, task)| task.phase == phase);
        match () {
            () if self.is_over() && self.remains().next().is_some() => "unclean",
            () if self.is_over() && self.tasks.iter().any(|(_, task)| task.failed) => "failed",
            () if self.is_over() => "complete",
            () if self.supervisor == Supervisor::None => "unattended",
            () if any(Phase::Running) => "running",
            () => "pending",
        }
    }

    /// The first part of its id, enough for people.
    pub(crate) fn short_id(&self) -> &str {
        self.record.id.get(..8).unwrap_or(&self.record.id)
    }
}

impl Target {
    /// The one task that is meant.
    pub(crate) fn one_task(&self) -> Result<&str> {
        match (&self.task, self.alloc.tasks.as_slice()) {
            (Some(task), _) => Ok(task),
            (None, [(only, _)]) => Ok(only),
            (None, tasks) => {
                let names: Vec<&str> = tasks.iter().map(|(name, _)| name.as_str()).collect();
                let (id, names) = (self.alloc.short_id(), names.join(", "));
                Err(usage(format!("allocation {id} has several tasks; say which: {names}")))
            }
        }
    }
}

/// Every allocation that is kept, oldest first.
pub(crate) fn all(store: &Store) -> Result<Vec<Alloc>> {
    let load = |record: AllocRecord| {
        let id = record.id.clone();
        let alloc = Alloc::load(store, record);
        // One damaged record must not hide the others.
        let alloc = alloc.inspect_err(|error| output::error(&format!("allocation {id} is passed over: {error:#}")));
        alloc.ok()
    };
    Ok(store.list()?.into_iter().filter_map(load).collect())
}

/// What `words` names: an allocation by the beginning of its id, a job by its id, either with `/TASK`, or a task alone.
/// With no words, the only allocation there is.
pub(crate) fn find(store: &Store, words: Option<&str>) -> Result<Target> {
    let allocs = all(store)?;
    if allocs.is_empty() {
        return Err(usage("there are no allocations; `encamp run --detach JOB` starts one"));
    }
    let Some(words) = words else {
        let alloc = only(allocs, "say which allocation")?;
        return Ok(Target { alloc, task: None });
    };
    let (head, task) = match words.split_once('/') {
        Some((head, task)) => (head, Some(task)),
        None => (words, None),
    };
    let (mut meant, mut others): (Vec<_>, Vec<_>) = allocs.into_iter().partition(|alloc| alloc.record.job_id == head);
    if meant.is_empty() {
        // A job's name goes before the beginning of an id.
        (meant, others) = others
            .into_iter()
            .partition(|alloc| !head.is_empty() && alloc.record.id.starts_with(head));
    }
    if meant.is_empty() {
        return find_task(others, words);
    }
    let alloc = only(meant, &format!("\"{head}\" names several allocations"))?;
    match task {
        Some(task) if !alloc.tasks.iter().any(|(name, _)| name == task) => {
            let names: Vec<&str> = alloc.tasks.iter().map(|(name, _)| name.as_str()).collect();
            let (id, names) = (alloc.short_id(), names.join(", "));
            Err(usage(format!(
                "allocation {id} has no task \"{task}\"; its tasks: {names}"
            )))
        }
        task => Ok(Target {
            alloc,
            task: task.map(str::to_owned),
        }),
    }
}

fn find_task(allocs: Vec<Alloc>, task: &str) -> Result<Target> {
    let mut having: Vec<Alloc> = allocs;
    having.retain(|alloc| alloc.tasks.iter().any(|(name, _)| name == task));
    if having.is_empty() {
        return Err(usage(format!(
            "no allocation, job or task is called \"{task}\"; see `encamp status`"
        )));
    }
    let alloc = only(having, &format!("several allocations have a task \"{task}\""))?;
    Ok(Target {
        alloc,
        task: Some(task.to_owned()),
    })
}

/// The only one of `allocs`. Where there are several, those that are over do not count if just one is left without them.
fn only(mut allocs: Vec<Alloc>, several: &str) -> Result<Alloc> {
    if allocs.len() > 1 && allocs.iter().filter(|alloc| !alloc.is_over()).count() == 1 {
        allocs.retain(|alloc| !alloc.is_over());
    }
    match (allocs.len(), allocs.pop()) {
        (1, Some(alloc)) => Ok(alloc),
        (_, last) => {
            allocs.extend(last);
            let names = allocs
                .iter()
                .map(|alloc| format!("{} ({})", alloc.short_id(), alloc.record.job_id));
            let names = names.collect::<Vec<_>>().join(", ");
            Err(usage(format!("{several}: {names}")))
        }
    }
}
