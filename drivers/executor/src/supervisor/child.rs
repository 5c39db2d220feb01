//! From a fork to a running command.
//!
//! The child makes everything ready, says so, and waits for leave to execute: by then it is on record, so that whoever
//! cleans up knows of it. Whatever fails is told over the same channel, which closes when the command is executed.

use std::collections::HashSet;
use std::convert::Infallible;
use std::ffi::CString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::{set_dumpable, set_pdeathsig};
use nix::sys::signal::Signal;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, socketpair};
use nix::sys::statfs::{CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, fstatfs};
use nix::unistd::{ForkResult, Gid, Uid, chdir, fchdir, getcwd, setsid};
use serde::{Deserialize, Serialize};

use super::inside::{self, Namespaces};
use super::stdio::{self, Stdio};
use crate::{Failure, Plan, Step, passing, proc, sys};

const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const MESSAGE_SIZE: usize = 64 * 1024;
/// The most bytes of each text in a failure: with both, and every byte escaped, it fits into a message.
const MAX_TEXT: usize = 4096;
/// The most places along `PATH` that a command is looked for in.
const MAX_PLACES: usize = 4096;
/// How many of them are named when it is in none.
const SHOWN_PLACES: usize = 10;

/// A command to be started: the task's own, or one inside the task.
#[derive(Debug)]
pub(super) struct Job<'a> {
    pub(super) plan: &'a Plan,
    pub(super) command: &'a str,
    pub(super) args: &'a [String],
    pub(super) stdio: Stdio,
    /// The namespaces that are joined; none for the task's own command, which makes them.
    pub(super) inside: Option<&'a Namespaces>,
}

/// A child on its way to its command.
#[derive(Debug)]
pub(super) struct Spawned {
    pub(super) pid: i32,
    pub(super) channel: OwnedFd,
}

/// The task's cgroup, in the unified hierarchy. To be born there takes microseconds, to move there many milliseconds.
struct Home {
    procs: PathBuf,
    dir: OwnedFd,
}

/// What a child says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Word {
    /// All is ready but the last step. With a session comes its terminal's near side, if there is one; with the task,
    /// its namespaces.
    Ready {
        /// When the child started, in ticks since boot. It says so itself: others may not be shown it in `/proc`.
        start: u64,
    },
    /// The child has ended.
    Failed(Failure),
}

/// Forks a child for a command.
pub(super) fn spawn(job: &Job<'_>) -> Result<Spawned, Failure> {
    let failed = |error: io::Error| Failure::new(Step::Fork, job.command, &error);
    let kind = SockType::SeqPacket;
    let (channel, far) =
        socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC).map_err(|errno| failed(errno.into()))?;
    let home = Home::of(job.plan);
    let (forked, home) = match home.as_ref().map(|home| sys::fork_into(home.dir.as_fd())) {
        Some(Ok(forked)) => (forked, home.as_ref()),
        // The kernel is older than that, or may not be asked for it.
        Some(Err(_)) | None => (sys::fork().map_err(failed)?, None),
    };
    match forked {
        ForkResult::Parent { child } => Ok(Spawned {
            pid: child.as_raw(),
            channel,
        }),
        ForkResult::Child => {
            drop(channel);
            let Err(failure) = become_command(job, home, far.as_fd());
            tell_failure(far.as_fd(), failure);
            sys::exit_now(127)
        }
    }
}

impl Home {
    fn of(plan: &Plan) -> Option<Self> {
        let files = plan.cgroup.as_ref()?.procs_files();
        files.into_iter().find_map(|procs| {
            let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_NOFOLLOW;
            let dir = OpenOptions::new().read(true).custom_flags(flags).open(procs.parent()?);
            let dir = OwnedFd::from(dir.ok()?);
            let is_unified = fstatfs(&dir).ok()?.filesystem_type() == CGROUP2_SUPER_MAGIC;
            is_unified.then_some(Self { procs, dir })
        })
    }
}

impl Spawned {
    /// Lets the child execute its command.
    pub(super) fn release(channel: BorrowedFd<'_>) {
        // A child that is gone is noticed by what it leaves.
        drop(passing::send(channel, b"!", &[]));
    }
}

/// What the child has said; `None` once it has executed its command, or is gone.
pub(super) fn hear(channel: BorrowedFd<'_>) -> io::Result<Option<(Word, Vec<OwnedFd>)>> {
    let mut buffer = vec![0; MESSAGE_SIZE];
    let (length, fds) = match passing::receive(channel, &mut buffer) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
        other => other?,
    };
    if length == 0 {
        return Ok(None);
    }
    let word = serde_json::from_slice(buffer.get(..length).unwrap_or_default())?;
    Ok(Some((word, fds)))
}

fn tell(channel: BorrowedFd<'_>, word: &Word, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let bytes = serde_json::to_vec(word)?;
    passing::send(channel, &bytes, fds).map(drop)
}

/// A failure that is not told would pass for a success.
fn tell_failure(channel: BorrowedFd<'_>, failure: Failure) {
    let short = Failure {
        subject: "the command".to_owned(),
        detail: None,
        ..failure
    };
    let cut = Failure {
        subject: shortened(failure.subject),
        detail: failure.detail.map(shortened),
        ..short
    };
    if tell(channel, &Word::Failed(cut), &[]).is_err() {
        // Nobody there to hear, at worst: the supervising process is gone, and this one soon after it.
        drop(tell(channel, &Word::Failed(short), &[]));
    }
}

fn shortened(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        text.push('…');
    }
    text
}

fn become_command(job: &Job<'_>, home: Option<&Home>, channel: BorrowedFd<'_>) -> Result<Infallible, Failure> {
    let plan = job.plan;
    end_with_supervisor(channel)?;
    let _: nix::Result<_> = setsid();
    // Before another /proc, or none, takes the place of this one.
    let start = proc::Stat::of_this_process()
        .map_err(|error| Failure::new(Step::Fork, "the task", &error))?
        .start;
    join_cgroups(plan, home)?;
    set_oom_score(plan)?;
    stdio::connect(&job.stdio, plan)?;
    close_others(job, channel)?;
    let namespaces = match job.inside {
        Some(namespaces) => namespaces.join().map(|()| Vec::new())?,
        None => inside::make(plan)?,
    };
    let terminal = stdio::settle(&job.stdio, plan)?;
    leave_keyring(plan)?;
    enter_work_dir(plan)?;
    become_user(plan)?;
    // Again: a change of user forgets it.
    end_with_supervisor(channel)?;

    let fds: Vec<BorrowedFd<'_>> = terminal.iter().chain(&namespaces).map(AsFd::as_fd).collect();
    tell(channel, &Word::Ready { start }, &fds).map_err(|error| Failure::new(Step::Fork, "the task", &error))?;
    await_leave(channel)?;
    sys::reset_signals();
    execute(job)
}

fn end_with_supervisor(channel: BorrowedFd<'_>) -> Result<(), Failure> {
    let failed = |errno| failure(Step::Fork, "the task", errno);
    set_pdeathsig(Signal::SIGKILL).map_err(failed)?;
    // Gone before it was asked for? Its pid cannot tell: in a pid namespace of our own it is always 0.
    let mut fds = [PollFd::new(channel, PollFlags::empty())];
    if poll(&mut fds, PollTimeout::ZERO).map_err(failed)? > 0 {
        sys::exit_now(127);
    }
    Ok(())
}

/// What is inherited is of the host. Until `execve` it would be there for every path through `/proc/self/fd`, and the
/// task has a say in those that are looked up from here on.
fn close_others(job: &Job<'_>, channel: BorrowedFd<'_>) -> Result<(), Failure> {
    let mut kept = job.inside.map(Namespaces::raw_fds).unwrap_or_default();
    kept.push(channel.as_raw_fd());
    sys::close_all_but(kept).map_err(|error| Failure::new(Step::Fork, "inherited descriptors", &error))
}

/// Also notices a supervising process that was killed before this one had asked to end with it.
fn await_leave(channel: BorrowedFd<'_>) -> Result<(), Failure> {
    let mut leave = [0];
    loop {
        match recv(channel.as_raw_fd(), &mut leave, MsgFlags::empty()) {
            Ok(1) => return Ok(()),
            Err(Errno::EINTR) => {}
            _ => sys::exit_now(127),
        }
    }
}

/// Joins all cgroups but the one that it was born in.
fn join_cgroups(plan: &Plan, home: Option<&Home>) -> Result<(), Failure> {
    let own = plan.cgroup.as_ref().map(encamp_cgroup::Cgroup::procs_files);
    let all = own.iter().flatten().chain(&plan.join_procs);
    for file in all.filter(|file| home.is_none_or(|home| home.procs != **file)) {
        join_cgroup(file).map_err(|error| Failure::path(Step::Cgroup, file, &error))?;
    }
    Ok(())
}

/// Moves this process, which has one thread, by moving that thread where it can: for a whole process the kernel stops
/// all forks and exits on the machine, and waits 10 ms until it has. In the unified hierarchy there is no such file.
fn join_cgroup(procs: &Path) -> io::Result<()> {
    match write_own_pid(&procs.with_file_name("tasks")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => write_own_pid(procs),
        moved => moved,
    }
}

/// The path may be of a job's choice: nothing but a cgroup's file is written to, whatever has taken its place.
fn write_own_pid(path: &Path) -> io::Result<()> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let mut file = OpenOptions::new().write(true).custom_flags(flags).open(path)?;
    let kind = fstatfs(&file)?.filesystem_type();
    if kind != CGROUP_SUPER_MAGIC && kind != CGROUP2_SUPER_MAGIC {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is not in a cgroup file system",
        ));
    }
    file.write_all(b"0")
}

fn set_oom_score(plan: &Plan) -> Result<(), Failure> {
    let Some(score) = plan.oom_score_adj.map(|score| score.to_string()) else {
        return Ok(());
    };
    let failed = |error: io::Error| Failure::new(Step::OomScore, &score, &error);
    // A process that cannot be read by others has files in /proc that only root can write, even if they are about itself.
    let is_open = !nix::unistd::geteuid().is_root();
    let open = |open| if is_open { set_dumpable(open) } else { Ok(()) };
    open(true).map_err(|errno| failed(errno.into()))?;
    let written = fs::write("/proc/self/oom_score_adj", &score);
    open(false).map_err(|errno| failed(errno.into()))?;
    written.map_err(failed)
}

/// The agent's keys are not the task's.
fn leave_keyring(plan: &Plan) -> Result<(), Failure> {
    if plan.isolation.is_none() {
        return Ok(());
    }
    match sys::join_new_session_keyring() {
        // Built without keys, or in a container that lets nobody at them.
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => Ok(()),
        other => other.map_err(|error| Failure::new(Step::Namespace, "the session keyring", &error)),
    }
}

/// As root, so that directories above it may be closed to the task's user.
fn enter_work_dir(plan: &Plan) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::path(Step::WorkDir, &plan.work_dir, &error);
    if plan.isolation.is_none() {
        return chdir(&plan.work_dir).map_err(|errno| failed(errno.into()));
    }
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY;
    let dir = inside::open(&plan.work_dir, flags).map_err(|errno| failed(errno.into()))?;
    fchdir(dir).map_err(|errno| failed(errno.into()))?;
    // The kernel says "(unreachable)" of what is not below the root.
    if getcwd().is_ok_and(|dir| dir.is_absolute()) {
        return Ok(());
    }
    let outside = "it is not inside the task's file system";
    Err(failed(io::Error::new(io::ErrorKind::InvalidInput, outside)))
}

fn become_user(plan: &Plan) -> Result<(), Failure> {
    let capabilities = plan.isolation.as_ref().map(|isolation| isolation.capabilities);
    let limited = |error: encamp_caps::ApplyError| Failure {
        step: Step::Capabilities,
        subject: error.to_string(),
        errno: 0,
        detail: Some(error.source.to_string()),
    };
    if let Some(capabilities) = capabilities {
        capabilities.before_setuid().map_err(limited)?;
    }
    if let Some(user) = &plan.user {
        change_user(user).map_err(|errno| failure(Step::User, &user.name, errno))?;
    }
    if let Some(capabilities) = capabilities {
        capabilities.after_setuid().map_err(limited)?;
    }
    Ok(())
}

fn change_user(user: &encamp_users::Identity) -> nix::Result<()> {
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    let is_already = nix::unistd::geteuid() == uid && nix::unistd::getegid() == gid;
    if is_already && !uid.is_root() {
        return Ok(());
    }
    let groups: Vec<Gid> = user.groups.iter().copied().map(Gid::from_raw).collect();
    nix::unistd::setgroups(&groups)?;
    nix::unistd::setresgid(gid, gid, gid)?;
    nix::unistd::setresuid(uid, uid, uid)
}

/// Tries every place the command may be in, as a shell does.
fn execute(job: &Job<'_>) -> Result<Infallible, Failure> {
    let env = &job.plan.env;
    let path = env
        .iter()
        .rev()
        .find_map(|pair| pair.strip_prefix("PATH="))
        .unwrap_or(DEFAULT_PATH);
    let candidates = candidates(job.command, &job.plan.task_dir, path);
    let c_env = c_strings(env.iter().map(String::as_str), "the environment")?;
    let mut args = c_strings(
        std::iter::once(job.command).chain(job.args.iter().map(String::as_str)),
        "the arguments",
    )?;

    let mut refused = None;
    for candidate in &candidates {
        let shown = candidate.to_string_lossy();
        let program = c_strings(std::iter::once(shown.as_ref()), "the command")?
            .pop()
            .unwrap_or_default();
        if let Some(first) = args.first_mut() {
            first.clone_from(&program);
        }
        let Err(error) = sys::execute(&program, &args, &c_env);
        match error.raw_os_error() {
            Some(libc::ENOENT | libc::ENOTDIR) if !candidate.is_file() => {}
            Some(libc::EACCES) if candidate.is_dir() => {}
            Some(libc::EACCES) => refused = refused.or_else(|| Some(Failure::new(Step::Exec, shown, &error))),
            _ => return Err(Failure::new(Step::Exec, shown, &error)),
        }
    }
    Err(refused.unwrap_or_else(|| not_found(job.command, &candidates)))
}

fn not_found(command: &str, candidates: &[PathBuf]) -> Failure {
    let shown = candidates.iter().take(SHOWN_PLACES);
    let mut places: Vec<String> = shown.map(|path| path.display().to_string()).collect();
    if candidates.len() > SHOWN_PLACES {
        places.push(format!("and {} more places", candidates.len() - SHOWN_PLACES));
    }
    Failure {
        step: Step::Lookup,
        subject: command.to_owned(),
        errno: libc::ENOENT,
        detail: Some(format!("at {}", places.join(", "))),
    }
}

/// Where a command may be, in order. A command may leave the task's directory (`..`): what it may reach is for its
/// user's rights and its file system to say, not for this.
fn candidates(command: &str, task_dir: &Path, path: &str) -> Vec<PathBuf> {
    let relative = command.trim_start_matches('/');
    let mut found = Vec::new();
    if !relative.is_empty() {
        found.push(task_dir.join("local").join(relative));
        found.push(task_dir.join(relative));
    }
    if command.starts_with('/') {
        found.push(PathBuf::from(command));
    } else if !command.contains('/') && !command.is_empty() {
        found.extend(
            path.split(':')
                .filter(|dir| dir.starts_with('/'))
                .take(MAX_PLACES)
                .map(|dir| Path::new(dir).join(command)),
        );
    }
    let mut seen = HashSet::new();
    found.retain(|candidate| seen.insert(candidate.clone()));
    found
}

fn c_strings<'a>(texts: impl Iterator<Item = &'a str>, what: &str) -> Result<Vec<CString>, Failure> {
    texts.map(CString::new).collect::<Result<_, _>>().map_err(|_| Failure {
        step: Step::Exec,
        subject: what.to_owned(),
        errno: 0,
        detail: Some("a zero byte cannot be passed to a program".to_owned()),
    })
}

fn failure(step: Step, subject: impl Into<String>, errno: Errno) -> Failure {
    Failure::new(step, subject, &errno.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(command: &str, expected: &[&str]) {
        let found = candidates(command, Path::new("/t"), "/usr/bin:.:/bin:/bin");
        assert_eq!(
            found,
            expected.iter().map(PathBuf::from).collect::<Vec<_>>(),
            "{command}"
        );
    }

    #[test]
    fn commands_are_looked_for_in_the_task_first_and_along_path_last() {
        check("sh", &["/t/local/sh", "/t/sh", "/usr/bin/sh", "/bin/sh"]);
        check("bin/run.sh", &["/t/local/bin/run.sh", "/t/bin/run.sh"]);
        check("/bin/sh", &["/t/local/bin/sh", "/t/bin/sh", "/bin/sh"]);
        check("", &[]);
    }

    #[test]
    fn in_an_isolated_task_no_place_is_tried_twice() {
        let found = candidates("/bin/sh", Path::new("/"), "/bin");
        assert_eq!(found, [PathBuf::from("/local/bin/sh"), PathBuf::from("/bin/sh")]);
    }

    #[test]
    fn a_command_that_is_in_none_of_many_places_is_told_in_few_words() {
        let path: Vec<String> = (0..100_000).map(|n| format!("/{n}")).collect();
        let found = candidates("x", Path::new("/"), &path.join(":"));
        assert_eq!(found.len(), MAX_PLACES + 2);
        let detail = not_found("x", &found).detail.unwrap_or_default();
        assert!(
            detail.len() < 200 && detail.ends_with("and 4088 more places"),
            "{detail}"
        );
    }

    #[test]
    fn a_failure_with_texts_of_any_length_is_told() {
        let kind = SockType::SeqPacket;
        let (near, far) = socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC).expect("a channel");
        let long = Failure {
            step: Step::Lookup,
            subject: "\u{1}".repeat(1 << 20),
            errno: libc::ENOENT,
            detail: Some("é".repeat(1 << 20)),
        };
        tell_failure(far.as_fd(), long);
        drop(far);
        let (word, _) = hear(near.as_fd()).expect("a message").expect("a word");
        assert!(matches!(word, Word::Failed(failure) if failure.errno == libc::ENOENT));
    }

    #[test]
    fn nothing_but_a_file_of_a_cgroup_is_written_to() {
        let dir = tempfile::tempdir().expect("a directory");
        let (file, link) = (dir.path().join("cgroup.procs"), dir.path().join("link"));
        fs::write(&file, "precious").expect("write");
        std::os::unix::fs::symlink(&file, &link).expect("link");
        join_cgroup(&file).expect_err("a file");
        join_cgroup(&link).expect_err("a link");
        join_cgroup(&dir.path().join("none")).expect_err("a file that is not there");
        assert_eq!(fs::read_to_string(&file).expect("read"), "precious");
        assert!(!dir.path().join("none").exists());
    }
}
