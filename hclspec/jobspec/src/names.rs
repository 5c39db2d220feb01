//! Rules for the names of jobs, groups, tasks and signals.

use encamp_hclspec::did_you_mean;

/// The longest name of a job or a group, in bytes.
const MAX_LEN: usize = 255;
/// The longest name of a task, in bytes: it becomes part of the names of files, with what tells those apart.
const MAX_TASK_LEN: usize = 200;

/// The signals that every driver knows.
const SIGNALS: [&str; 29] = [
    "SIGABRT",
    "SIGALRM",
    "SIGBUS",
    "SIGCHLD",
    "SIGCONT",
    "SIGFPE",
    "SIGHUP",
    "SIGILL",
    "SIGINT",
    "SIGIO",
    "SIGKILL",
    "SIGPIPE",
    "SIGPROF",
    "SIGQUIT",
    "SIGSEGV",
    "SIGSTOP",
    "SIGSYS",
    "SIGTERM",
    "SIGTRAP",
    "SIGTSTP",
    "SIGTTIN",
    "SIGTTOU",
    "SIGURG",
    "SIGUSR1",
    "SIGUSR2",
    "SIGVTALRM",
    "SIGWINCH",
    "SIGXCPU",
    "SIGXFSZ",
];

/// Why a name cannot be a task's, if so. It becomes the name of a directory beside the shared `alloc` directory.
pub(crate) fn task(name: &str) -> Option<String> {
    if let Some(reason) = common(name, MAX_TASK_LEN) {
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
    common(name, MAX_LEN)
}

/// Why a text cannot be a job's id, if so.
pub(crate) fn job(id: &str) -> Option<String> {
    if id.contains(' ') {
        return Some("it may not contain spaces".to_owned());
    }
    common(id, MAX_LEN)
}

/// Why a text cannot be a signal's name, if so. Case does not matter, nor does `SIG` in front.
pub(crate) fn signal(name: &str) -> Option<String> {
    let upper = name.to_ascii_uppercase();
    let full = if upper.starts_with("SIG") {
        upper
    } else {
        format!("SIG{upper}")
    };
    if SIGNALS.contains(&full.as_str()) {
        return None;
    }
    Some(match did_you_mean(&full, SIGNALS) {
        Some(other) => format!("\"{name}\" is no signal. Did you mean \"{other}\"?"),
        None => format!("\"{name}\" is no signal; write one like \"SIGTERM\"."),
    })
}

fn common(name: &str, longest: usize) -> Option<String> {
    if name.is_empty() {
        return Some("it may not be empty".to_owned());
    }
    if name.len() > longest {
        return Some(format!("it has {} bytes, and may have at most {longest}", name.len()));
    }
    if name.chars().any(char::is_control) {
        return Some("it may not contain control characters".to_owned());
    }
    None
}
