//! Names and labels, by which a container is found again.

use std::collections::BTreeMap;

use encamp_driver::TaskConfig;

use crate::engine::Container;

/// The label that holds the allocation's id. Agents of other makes know containers by it.
pub(crate) const ALLOC_LABEL: &str = "com.hashicorp.nomad.alloc_id";
/// The label that holds the task's name.
pub(crate) const TASK_LABEL: &str = "com.hashicorp.nomad.task_name";
/// The label that holds the task's id, which is another one for each attempt.
pub(crate) const TASK_ID_LABEL: &str = "dev.encamp.task_id";

const PREFIX: &str = "com.hashicorp.nomad.";

/// Whether a container was made for the start `task_id`. All that we write on a container must agree: a stranger's may
/// have the same name, or one of the labels.
pub(crate) fn is_made_for(found: &Container, task_id: &str) -> bool {
    let label = |name: &str| found.labels.get(name).map(String::as_str);
    let (Some(alloc_id), Some(task)) = (label(ALLOC_LABEL), label(TASK_LABEL)) else {
        return false;
    };
    let of_task = task_id
        .strip_prefix(alloc_id)
        .and_then(|rest| rest.strip_prefix('/'))
        .and_then(|rest| rest.strip_prefix(task))
        .is_some_and(|rest| rest.starts_with('/'));
    of_task && label(TASK_ID_LABEL) == Some(task_id)
}

/// The container's name: the same for every attempt of one task of one allocation, so that there is never more than one.
pub(crate) fn container_name(task: &TaskConfig) -> String {
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let name: String = task.name.chars().map(|c| if valid(c) { c } else { '_' }).collect();
    // The first character is held to a stricter rule.
    let name = match name.chars().next() {
        Some(first) if first.is_ascii_alphanumeric() => name,
        _ => format!("task{name}"),
    };
    format!("{name}-{}", task.alloc_id)
}

/// The job's own labels, and over them ours.
pub(crate) fn labels(
    task: &TaskConfig,
    own: &BTreeMap<String, String>,
    patterns: &[String],
) -> BTreeMap<String, String> {
    let parent = task.parent_job_id.clone().unwrap_or_default();
    let offered = [
        ("job_name", &task.job_name),
        ("job_id", &task.job_id),
        ("parent_job_id", &parent),
        ("task_group_name", &task.task_group_name),
        ("task_name", &task.name),
        ("namespace", &task.namespace),
        ("node_name", &task.node_name),
        ("node_id", &task.node_id),
    ];
    let wanted = |name: &str| patterns.iter().any(|pattern| glob(pattern, name));
    let extra = offered
        .into_iter()
        .filter(|(name, value)| wanted(name) && !(*name == "parent_job_id" && value.is_empty()))
        .map(|(name, value)| (format!("{PREFIX}{name}"), value.clone()));
    let ours = [
        (ALLOC_LABEL, &task.alloc_id),
        (TASK_LABEL, &task.name),
        (TASK_ID_LABEL, &task.id),
    ];
    let ours = ours.into_iter().map(|(name, value)| (name.to_owned(), value.clone()));
    own.clone().into_iter().chain(extra).chain(ours).collect()
}

/// Whether `text` is what `pattern` says, where `*` stands for anything.
fn glob(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(head) else {
        return false;
    };
    (0..=text.len()).any(|at| text.get(at..).is_some_and(|tail| glob(rest, tail)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(labels: &[(&str, &str)], ours: bool) {
        let labels = labels
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let found = Container {
            labels: labels.collect(),
            ..Container::default()
        };
        assert_eq!(is_made_for(&found, "a1/web/0000000f"), ours, "{:?}", found.labels);
    }

    #[test]
    fn a_container_is_a_tasks_only_if_all_its_labels_say_so() {
        let (alloc, task, id) = (
            (ALLOC_LABEL, "a1"),
            (TASK_LABEL, "web"),
            (TASK_ID_LABEL, "a1/web/0000000f"),
        );
        check(&[alloc, task, id], true);
        check(&[], false);
        check(&[id], false);
        check(&[alloc, task], false);
        check(&[alloc, id], false);
        check(&[task, id], false);
        check(&[alloc, task, (TASK_ID_LABEL, "a1/web/0000000e")], false);
        check(&[alloc, (TASK_LABEL, "we"), id], false);
        check(&[(ALLOC_LABEL, "a2"), task, id], false);
        check(&[(ALLOC_LABEL, ""), (TASK_LABEL, ""), id], false);
    }
}
