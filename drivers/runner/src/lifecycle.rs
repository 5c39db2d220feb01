//! Which task may run now: the order that `lifecycle` blocks, leaders and failures give to a group. Pure.

use encamp_jobspec::{LifecycleHook, Task};

/// What the group wants of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Its turn has not come.
    Wait,
    /// Run, and restart by policy.
    Run,
    /// End with the kill signal, within the kill timeout.
    Stop,
    /// End at once.
    Kill,
}

/// What has become of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It never ran; a first start may be under way.
    Pending,
    /// It runs, or waits for a restart after having run.
    Started,
    /// It will not run again.
    Dead {
        /// It was started at least once.
        ran: bool,
        /// It ended against the job's wish.
        failed: bool,
    },
}

/// A task's place in the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Prestart { sidecar: bool },
    Main { leader: bool },
    Poststart { sidecar: bool },
    Poststop,
}

/// What somebody outside wants of the group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Desired {
    /// Run to the end.
    #[default]
    Run,
    /// Stop every task in order, within its kill timeout; poststop tasks still run.
    Stop,
    /// Kill every task at once; nothing is started any more.
    Kill,
}

impl Role {
    pub(crate) fn of(task: &Task) -> Self {
        match &task.lifecycle {
            None => Self::Main { leader: task.leader },
            Some(lifecycle) => match lifecycle.hook {
                LifecycleHook::Prestart => Self::Prestart {
                    sidecar: lifecycle.sidecar,
                },
                LifecycleHook::Poststart => Self::Poststart {
                    sidecar: lifecycle.sidecar,
                },
                LifecycleHook::Poststop => Self::Poststop,
            },
        }
    }

    /// Whether an end with success is answered with a restart.
    pub(crate) fn restarts_on_success(self, service: bool) -> bool {
        match self {
            Self::Main { .. } => service,
            Self::Prestart { sidecar } | Self::Poststart { sidecar } => sidecar,
            Self::Poststop => false,
        }
    }
}

/// The order for each task, given what has become of all of them.
pub(crate) fn orders(tasks: &[(Role, Progress)], desired: Desired) -> Vec<Order> {
    let group = Group { tasks, desired };
    tasks
        .iter()
        .map(|(role, progress)| group.order(*role, *progress))
        .collect()
}

struct Group<'a> {
    tasks: &'a [(Role, Progress)],
    desired: Desired,
}

impl Group<'_> {
    fn order(&self, role: Role, progress: Progress) -> Order {
        if self.desired == Desired::Kill {
            return Order::Kill;
        }
        if role == Role::Poststop {
            return self.poststop();
        }
        if self.ending() && progress == Progress::Pending {
            return Order::Stop;
        }
        match role {
            Role::Prestart { sidecar } => self.prestart(sidecar),
            Role::Main { leader } => self.main(leader),
            Role::Poststart { sidecar } => self.poststart(sidecar),
            Role::Poststop => Order::Wait,
        }
    }

    fn prestart(&self, sidecar: bool) -> Order {
        if !sidecar {
            return if self.ending() { Order::Stop } else { Order::Run };
        }
        // Sidecars outlive the tasks that they serve.
        let served = |role| matches!(role, Role::Main { .. } | Role::Poststart { sidecar: false });
        let done = self.all(served, is_over);
        if done { Order::Stop } else { Order::Run }
    }

    fn main(&self, leader: bool) -> Order {
        if self.ending() {
            let leader_is_over = self.all(|role| role == Role::Main { leader: true }, is_over);
            return if leader || leader_is_over {
                Order::Stop
            } else {
                Order::Run
            };
        }
        let prepared = |progress| matches!(progress, Progress::Dead { failed: false, .. });
        let ready = self.all(|role| role == Role::Prestart { sidecar: false }, prepared)
            && self.all(|role| role == Role::Prestart { sidecar: true }, has_begun);
        if ready { Order::Run } else { Order::Wait }
    }

    fn poststart(&self, sidecar: bool) -> Order {
        let is_main = |role| matches!(role, Role::Main { .. });
        if self.ending() || (sidecar && self.all(is_main, is_over)) {
            return Order::Stop;
        }
        if self.all(is_main, has_begun) {
            Order::Run
        } else {
            Order::Wait
        }
    }

    fn poststop(&self) -> Order {
        if !self.all(|role| role != Role::Poststop, is_over) {
            return Order::Wait;
        }
        let ran = |progress| matches!(progress, Progress::Dead { ran: true, .. });
        if self.any(|role| role != Role::Poststop, ran) {
            Order::Run
        } else {
            Order::Stop
        }
    }

    /// Whether the group comes to its end before its main tasks are done.
    fn ending(&self) -> bool {
        let failed = |progress| matches!(progress, Progress::Dead { failed: true, .. });
        self.desired != Desired::Run
            || self.any(|role| role != Role::Poststop, failed)
            || self.any(|role| role == Role::Main { leader: true }, is_over)
    }

    fn all(&self, of: impl Fn(Role) -> bool, holds: impl Fn(Progress) -> bool) -> bool {
        !self.any(of, |progress| !holds(progress))
    }

    fn any(&self, of: impl Fn(Role) -> bool, holds: impl Fn(Progress) -> bool) -> bool {
        self.tasks.iter().any(|(role, progress)| of(*role) && holds(*progress))
    }
}

fn has_begun(progress: Progress) -> bool {
    progress != Progress::Pending
}

fn is_over(progress: Progress) -> bool {
    matches!(progress, Progress::Dead { .. })
}

#[cfg(test)]
mod tests;
