//! From a fork to a running command.
//!
//! The child makes everything ready, says so, and waits for leave to execute: by then it is on record, so that whoever
//! cleans up knows of it. Whatever fails is told over the same channel, which closes when the command is executed.

use std::convert::Infallible;
use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::libc;
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::prctl::{set_dumpable, set_pdeathsig};
use nix::sys::signal::Signal;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, socketpair};
use nix::unistd::{ForkResult, Gid, Uid, chdir, dup2_stderr, dup2_stdin, dup2_stdout, fchown, setsid};
use serde::{Deserialize, Serialize};

use crate::{Failure, Isolation, Plan, Step, TerminalSize, passing, proc, sys};

const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const MESSAGE_SIZE: usize = 64 * 1024;

/// A command to be started: the task's own, or one inside the task.
#[derive(Debug)]
pub(super) struct Job<'a> {
    pub(super) plan: &'a Plan,
    pub(super) command: &'a str,
    pub(super) args: &'a [String],
    /// Over the plan's environment.
    pub(super) env: &'a [String],
    pub(super) stdio: Stdio,
    /// The process whose namespaces are joined; none for the task's own command, which makes them.
    pub(super) inside: Option<i32>,
}

#[derive(Debug)]
pub(super) enum Stdio {
    Descriptors([OwnedFd; 3]),
    Terminal(TerminalSize),
}

/// A child on its way to its command.
#[derive(Debug)]
pub(super) struct Spawned {
    pub(super) pid: i32,
    pub(super) channel: OwnedFd,
}

/// What a child says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Word {
    /// All is ready but the last step. A terminal's near side comes with it, if there is one.
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
    match sys::fork().map_err(failed)? {
        ForkResult::Parent { child } => Ok(Spawned {
            pid: child.as_raw(),
            channel,
        }),
        ForkResult::Child => {
            drop(channel);
            let Err(failure) = become_command(job, far.as_fd());
            tell(far.as_fd(), &Word::Failed(failure), &[]);
            sys::exit_now(127)
        }
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
pub(super) fn hear(channel: BorrowedFd<'_>) -> io::Result<Option<(Word, Option<OwnedFd>)>> {
    let mut buffer = vec![0; MESSAGE_SIZE];
    let (length, mut fds) = match passing::receive(channel, &mut buffer) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
        other => other?,
    };
    if length == 0 {
        return Ok(None);
    }
    let word = serde_json::from_slice(buffer.get(..length).unwrap_or_default())?;
    Ok(Some((word, fds.pop())))
}

fn tell(channel: BorrowedFd<'_>, word: &Word, fds: &[BorrowedFd<'_>]) {
    // Nobody there to hear: the supervising process is gone, and this one soon after it.
    if let Ok(bytes) = serde_json::to_vec(word) {
        drop(passing::send(channel, &bytes, fds));
    }
}

fn become_command(job: &Job<'_>, channel: BorrowedFd<'_>) -> Result<Infallible, Failure> {
    let plan = job.plan;
    let _: nix::Result<_> = setsid();
    // Before another /proc, or none, takes the place of this one.
    let start = proc::Stat::of_this_process()
        .map_err(|error| Failure::new(Step::Fork, "the task", &error))?
        .start;
    join_cgroups(plan)?;
    set_oom_score(plan)?;
    enter_namespaces(job)?;
    let terminal = connect_stdio(job)?;
    enter_work_dir(plan)?;
    become_user(plan)?;
    // Not before: a change of user forgets it.
    set_pdeathsig(Signal::SIGKILL).map_err(|errno| failure(Step::Fork, "the task", errno))?;

    let near: Vec<BorrowedFd<'_>> = terminal.iter().map(AsFd::as_fd).collect();
    tell(channel, &Word::Ready { start }, &near);
    await_leave(channel)?;
    sys::reset_signals();
    sys::close_others_on_exec().map_err(|error| Failure::new(Step::Exec, job.command, &error))?;
    execute(job)
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

fn join_cgroups(plan: &Plan) -> Result<(), Failure> {
    let own = plan.cgroup.as_ref().map(encamp_cgroup::Cgroup::procs_files);
    for file in own.iter().flatten().chain(&plan.join_procs) {
        fs::write(file, "0").map_err(|error| Failure::path(Step::Cgroup, file, &error))?;
    }
    Ok(())
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

fn enter_namespaces(job: &Job<'_>) -> Result<(), Failure> {
    let isolation = job.plan.isolation.as_ref();
    match job.inside {
        Some(pid) => join_namespaces(job.plan, isolation, pid),
        None => make_namespaces(job.plan, isolation),
    }
}

fn make_namespaces(plan: &Plan, isolation: Option<&Isolation>) -> Result<(), Failure> {
    if let Some(path) = &plan.network_namespace {
        let failed = |error: io::Error| Failure::path(Step::Network, path, &error);
        let namespace = open_namespace(path).map_err(failed)?;
        setns(namespace, CloneFlags::CLONE_NEWNET).map_err(|errno| failed(errno.into()))?;
    }
    let Some(isolation) = isolation else { return Ok(()) };
    let mut flags = CloneFlags::CLONE_NEWNS;
    flags.set(CloneFlags::CLONE_NEWIPC, isolation.private_ipc);
    unshare(flags).map_err(|errno| failure(Step::Namespace, "the task", errno))?;
    isolation.rootfs.enter().map_err(|error| Failure {
        detail: Some(error.to_string()),
        ..Failure::path(Step::Rootfs, &isolation.rootfs.root, &error.source)
    })
}

/// A named pipe or a terminal in the place of a namespace must not hold this process up.
fn open_namespace(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
}

fn join_namespaces(plan: &Plan, isolation: Option<&Isolation>, pid: i32) -> Result<(), Failure> {
    let mut wanted = Vec::new();
    if plan.network_namespace.is_some() {
        wanted.push(("net", CloneFlags::CLONE_NEWNET));
    }
    if isolation.is_some_and(|isolation| isolation.private_ipc) {
        wanted.push(("ipc", CloneFlags::CLONE_NEWIPC));
    }
    if isolation.is_some() {
        wanted.push(("mnt", CloneFlags::CLONE_NEWNS));
    }
    // All are opened first: the last one takes this /proc away.
    let mut opened = Vec::new();
    for (name, flag) in wanted {
        let path = format!("/proc/{pid}/ns/{name}");
        opened.push((
            open_namespace(Path::new(&path)).map_err(|error| Failure::path(Step::Namespace, &path, &error))?,
            flag,
        ));
    }
    for (namespace, flag) in opened {
        setns(namespace, flag).map_err(|errno| failure(Step::Namespace, format!("process {pid}"), errno))?;
    }
    Ok(())
}

/// Puts the job's descriptors into place; gives back a terminal's near side, if there is one.
fn connect_stdio(job: &Job<'_>) -> Result<Option<OwnedFd>, Failure> {
    let user = job
        .plan
        .user
        .as_ref()
        .map(|user| (Uid::from_raw(user.uid), Gid::from_raw(user.gid)));
    match &job.stdio {
        Stdio::Descriptors(fds) => {
            for fd in fds {
                give(fd.as_fd(), user);
            }
            let [stdin, stdout, stderr] = fds;
            place(stdin.as_fd(), stdout.as_fd(), stderr.as_fd())?;
            Ok(None)
        }
        Stdio::Terminal(size) => {
            let failed = |error: io::Error| Failure::new(Step::Terminal, "/dev/ptmx", &error);
            let (near, far) = open_terminal(*size).map_err(failed)?;
            if let Some((uid, gid)) = user {
                // As grantpt does; without the right to, it is still usable through its descriptors.
                let _: nix::Result<()> = fchown(&far, Some(uid), Some(gid));
            }
            place(far.as_fd(), far.as_fd(), far.as_fd())?;
            sys::make_controlling(far.as_fd()).map_err(failed)?;
            Ok(Some(near))
        }
    }
}

/// A pipe belongs to who made it, and `/dev/stdout` opens it anew: with the owner's rights only.
fn give(fd: BorrowedFd<'_>, user: Option<(Uid, Gid)>) {
    let is_pipe = fd.try_clone_to_owned().and_then(|fd| File::from(fd).metadata());
    let is_pipe = is_pipe.is_ok_and(|meta| meta.file_type().is_fifo());
    if let Some((uid, gid)) = user.filter(|_| is_pipe) {
        // Without the right to, the pipe is still usable through its descriptor.
        let _: nix::Result<()> = fchown(fd, Some(uid), Some(gid));
    }
}

fn place(stdin: BorrowedFd<'_>, stdout: BorrowedFd<'_>, stderr: BorrowedFd<'_>) -> Result<(), Failure> {
    dup2_stdin(stdin)
        .and_then(|()| dup2_stdout(stdout))
        .and_then(|()| dup2_stderr(stderr))
        .map_err(|errno| failure(Step::Output, "standard streams", errno))
}

/// A new terminal of the file system that this process sees: the task's own devpts, where it has one.
fn open_terminal(size: TerminalSize) -> io::Result<(OwnedFd, OwnedFd)> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOCTTY | libc::O_NONBLOCK | libc::O_CLOEXEC);
    let near = options.open("/dev/pts/ptmx").or_else(|_| options.open("/dev/ptmx"))?;
    // The task may have put something else there.
    if near.metadata()?.rdev() != libc::makedev(5, 2) {
        return Err(io::Error::from_raw_os_error(libc::ENOTTY));
    }
    let far = sys::open_peer(near.as_fd())?;
    sys::set_window_size(near.as_fd(), size.height, size.width)?;
    Ok((near.into(), far))
}

/// As root, so that directories above it may be closed to the task's user.
fn enter_work_dir(plan: &Plan) -> Result<(), Failure> {
    chdir(&plan.work_dir).map_err(|errno| Failure::path(Step::WorkDir, &plan.work_dir, &errno.into()))
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
    let env = merged_env(&job.plan.env, job.env);
    let path = env
        .iter()
        .rev()
        .find_map(|pair| pair.strip_prefix("PATH="))
        .unwrap_or(DEFAULT_PATH);
    let candidates = candidates(job.command, &job.plan.task_dir, path);
    let c_env = c_strings(env.iter().copied(), "the environment")?;
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
    let places: Vec<String> = candidates.iter().map(|path| path.display().to_string()).collect();
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
                .map(|dir| Path::new(dir).join(command)),
        );
    }
    let mut seen = Vec::new();
    found.retain(|candidate| {
        let is_new = !seen.contains(candidate);
        seen.push(candidate.clone());
        is_new
    });
    found
}

/// `over` wins, name by name.
fn merged_env<'a>(env: &'a [String], over: &'a [String]) -> Vec<&'a str> {
    let name = |pair: &'a str| pair.split_once('=').map_or(pair, |(name, _)| name);
    let replaced = |pair: &str| {
        over.iter()
            .any(|other| name(other) == pair.split_once('=').map_or(pair, |(n, _)| n))
    };
    let kept = env.iter().map(String::as_str).filter(|pair| !replaced(pair));
    kept.chain(over.iter().map(String::as_str)).collect()
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
    fn an_extra_variable_replaces_the_one_of_the_same_name() {
        let (env, over) = (["A=1".to_owned(), "B=2".to_owned()], ["A=3".to_owned()]);
        assert_eq!(merged_env(&env, &over), ["B=2", "A=3"]);
    }
}
