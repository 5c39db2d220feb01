//! From the command line's words to an allocation.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use std::{fs, io};

use anyhow::{Context as _, Result};
use encamp_hclspec::Source;
use encamp_jobspec::{Group, Options, Parsed};
use encamp_runner::{AllocRecord, Allocation, Prepared};

use crate::cli::JobArgs;
use crate::environment::Environment;
use crate::exit::{self, BadInput, usage};
use crate::machine;
use crate::paths::DataDir;

/// Larger files are not written by people; they are not even read.
const MAX_FILE: u64 = 16 * 1024 * 1024;

/// What the user asked to run, as the store keeps it.
pub(crate) fn request(args: &JobArgs) -> Result<(AllocRecord, Allocation, encamp_hclspec::Diagnostics)> {
    let name = if args.job == Path::new("-") {
        "<stdin>".to_owned()
    } else {
        args.job.display().to_string()
    };
    let source = Source::from_bytes(&name, read("job file", &args.job)?).map_err(BadInput::Job)?;
    let record = AllocRecord {
        id: encamp_runner::new_alloc_id(),
        job_file: name,
        job_text: source.text().to_owned(),
        job_dir: directory(&args.job),
        variables: args.vars.iter().cloned().collect(),
        host_env: Environment::here().to_keep(source.text()),
        job_id: String::new(),
        group: args.group.clone().unwrap_or_default(),
        task_names: args.tasks.clone(),
        created_at: SystemTime::now(),
    };
    let parsed = parse(source, &record)?;
    build(record, parsed)
}

/// The allocation of a record that was kept.
pub(crate) fn again(record: &AllocRecord, data: &DataDir) -> Result<Allocation> {
    let source = Source::new(&record.job_file, record.job_text.clone());
    let parsed = parse(source, record)?;
    let (_, mut allocation, _) = build(record.clone(), parsed)?;
    allocation.dir = data.allocs().join(&allocation.id);
    Ok(allocation)
}

fn parse(source: Arc<Source>, record: &AllocRecord) -> Result<Parsed> {
    let mut options = Options::new(record.variables.clone());
    options.directory.clone_from(&record.job_dir);
    Ok(encamp_jobspec::parse_with(source, &options).map_err(BadInput::Job)?)
}

/// Where the job file is; the working directory for standard input.
fn directory(job: &Path) -> Option<PathBuf> {
    let beside = if job == Path::new("-") { None } else { job.parent() };
    let beside = beside
        .filter(|path| !path.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    std::path::absolute(beside).ok()
}

/// Checks an allocation against the drivers; nothing is started.
pub(crate) async fn prepare(allocation: Allocation, parts: &encamp_runner::Parts) -> Result<Prepared> {
    Ok(encamp_runner::prepare(allocation, parts).await.map_err(BadInput::Job)?)
}

/// The same for an allocation that was checked before, by whoever ran it first.
pub(crate) async fn prepare_again(allocation: Allocation, parts: &encamp_runner::Parts) -> Result<Prepared> {
    let prepared = encamp_runner::prepare_again(allocation, parts).await;
    Ok(prepared.map_err(BadInput::Job)?)
}

fn build(mut record: AllocRecord, parsed: Parsed) -> Result<(AllocRecord, Allocation, encamp_hclspec::Diagnostics)> {
    let Parsed { job, notices } = parsed;
    let wanted = (!record.group.is_empty()).then_some(record.group.as_str());
    let mut group = choose_group(&job.groups, wanted)?.clone();
    keep_tasks(&mut group, &record.task_names)?;
    record.job_id.clone_from(&job.id);
    record.group.clone_from(&group.name);
    record.task_names = group.tasks.iter().map(|task| task.name.clone()).collect();
    let allocation = Allocation {
        id: record.id.clone(),
        job,
        group,
        dir: std::path::PathBuf::new(),
        node: machine::node(),
    };
    Ok((record, allocation, notices))
}

fn choose_group<'a>(groups: &'a [Group], wanted: Option<&str>) -> Result<&'a Group> {
    let names = || {
        groups
            .iter()
            .map(|group| group.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    match (wanted, groups) {
        (Some(wanted), _) => groups
            .iter()
            .find(|group| group.name == wanted)
            .ok_or_else(|| usage(format!("the job has no group \"{wanted}\"; its groups: {}", names()))),
        (None, [group]) => Ok(group),
        (None, _) => Err(usage(format!(
            "the job has several groups; choose one with --group: {}",
            names()
        ))),
    }
}

fn keep_tasks(group: &mut Group, wanted: &[String]) -> Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    for name in wanted {
        if !group.tasks.iter().any(|task| task.name == *name) {
            let names: Vec<&str> = group.tasks.iter().map(|task| task.name.as_str()).collect();
            let (group, names) = (&group.name, names.join(", "));
            return Err(usage(format!(
                "group \"{group}\" has no task \"{name}\"; its tasks: {names}"
            )));
        }
    }
    group.tasks.retain(|task| wanted.contains(&task.name));
    Ok(())
}

/// A file that the user named; `-` is standard input.
pub(crate) fn read(what: &str, path: &Path) -> Result<Vec<u8>> {
    let reading = || format!("cannot read {what} {}", path.display());
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin()
            .take(MAX_FILE + 1)
            .read_to_end(&mut bytes)
            .context("cannot read standard input")?;
    } else {
        let file = fs::File::open(path).map_err(|error| usage(format!("{}: {error}", reading())))?;
        let length = file.metadata().with_context(reading)?;
        if length.is_dir() {
            return Err(usage(format!("{}: it is a directory", reading())));
        }
        file.take(MAX_FILE + 1).read_to_end(&mut bytes).with_context(reading)?;
    }
    if bytes.len() as u64 > MAX_FILE {
        return Err(usage(format!("{}: it is larger than 16 MiB", reading())));
    }
    Ok(bytes)
}

/// Shows what in the job is passed over.
pub(crate) fn show_notices(notices: &encamp_hclspec::Diagnostics) {
    if !notices.is_empty() {
        exit::report(notices);
    }
}
