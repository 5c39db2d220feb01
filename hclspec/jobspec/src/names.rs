//! Rules for the names of jobs, groups and tasks.

/// The longest name of a task, in bytes: it becomes a directory's.
const MAX_LEN: usize = 255;

/// Why a name cannot be a task's, if so. It becomes the name of a directory beside the shared `alloc` directory.
pub(crate) fn task(name: &str) -> Option<String> {
    if let Some(reason) = common(name) {
        return Some(reason);
    }
    match name {
        "." | ".." => Some(format!("\"{name}\" names a directory that is already there")),
        "alloc" => Some("\"alloc\" is reserved for the directory that the tasks of a group share".to_owned()),
        _ if name.contains(['/', '\\']) => Some("it may not contain slashes".to_owned()),
        _ => None,
    }
}

/// Why a name cannot be a group's, if so.
pub(crate) fn group(name: &str) -> Option<String> {
    common(name)
}

/// Why a text cannot be a job's id, if so.
pub(crate) fn job(id: &str) -> Option<String> {
    if id.contains(' ') {
        return Some("it may not contain spaces".to_owned());
    }
    common(id)
}

fn common(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("it may not be empty".to_owned());
    }
    if name.len() > MAX_LEN {
        return Some(format!("it has {} bytes, and may have at most {MAX_LEN}", name.len()));
    }
    if name.chars().any(char::is_control) {
        return Some("it may not contain control characters".to_owned());
    }
    None
}
