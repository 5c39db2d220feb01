use super::*;

const MAIN: Role = Role::Main { leader: false };
const LEADER: Role = Role::Main { leader: true };
const INIT: Role = Role::Prestart { sidecar: false };
const PROXY: Role = Role::Prestart { sidecar: true };
const AFTER: Role = Role::Poststart { sidecar: false };
const LAST: Role = Role::Poststop;

const PENDING: Progress = Progress::Pending;
const STARTED: Progress = Progress::Started;
const DONE: Progress = Progress::Dead {
    ran: true,
    failed: false,
};
const FAILED: Progress = Progress::Dead {
    ran: true,
    failed: true,
};
const SKIPPED: Progress = Progress::Dead {
    ran: false,
    failed: false,
};

#[track_caller]
fn check(desired: Desired, tasks: &[(Role, Progress, Order)]) {
    let given: Vec<_> = tasks.iter().map(|(role, progress, _)| (*role, *progress)).collect();
    let wanted: Vec<_> = tasks.iter().map(|(_, _, order)| *order).collect();
    assert_eq!(orders(&given, desired), wanted, "{given:?}");
}

#[test]
fn main_tasks_wait_for_prestart_tasks_to_succeed_and_for_sidecars_to_run() {
    use Order::{Run, Wait};
    check(
        Desired::Run,
        &[(INIT, PENDING, Run), (PROXY, PENDING, Run), (MAIN, PENDING, Wait)],
    );
    check(
        Desired::Run,
        &[(INIT, STARTED, Run), (PROXY, STARTED, Run), (MAIN, PENDING, Wait)],
    );
    check(
        Desired::Run,
        &[(INIT, DONE, Run), (PROXY, PENDING, Run), (MAIN, PENDING, Wait)],
    );
    check(
        Desired::Run,
        &[(INIT, DONE, Run), (PROXY, STARTED, Run), (MAIN, PENDING, Run)],
    );
}

#[test]
fn poststart_tasks_wait_for_every_main_task() {
    use Order::{Run, Wait};
    check(
        Desired::Run,
        &[(MAIN, STARTED, Run), (MAIN, PENDING, Run), (AFTER, PENDING, Wait)],
    );
    check(
        Desired::Run,
        &[(MAIN, STARTED, Run), (MAIN, DONE, Run), (AFTER, PENDING, Run)],
    );
}

#[test]
fn a_failure_ends_the_group_and_nothing_pending_is_started() {
    use Order::{Run, Stop, Wait};
    check(
        Desired::Run,
        &[(INIT, FAILED, Stop), (MAIN, PENDING, Stop), (LAST, PENDING, Wait)],
    );
    check(
        Desired::Run,
        &[(INIT, FAILED, Stop), (MAIN, SKIPPED, Stop), (LAST, PENDING, Run)],
    );
    check(Desired::Run, &[(MAIN, FAILED, Stop), (MAIN, STARTED, Stop)]);
}

#[test]
fn sidecars_outlive_the_tasks_that_they_serve() {
    use Order::{Run, Stop};
    check(Desired::Run, &[(PROXY, STARTED, Run), (MAIN, STARTED, Run)]);
    check(Desired::Run, &[(PROXY, STARTED, Stop), (MAIN, DONE, Run)]);
    check(Desired::Stop, &[(PROXY, STARTED, Run), (MAIN, STARTED, Stop)]);
    check(Desired::Stop, &[(PROXY, STARTED, Stop), (MAIN, DONE, Stop)]);
}

#[test]
fn the_leader_is_stopped_first_and_its_end_ends_the_group() {
    use Order::{Run, Stop};
    check(Desired::Stop, &[(LEADER, STARTED, Stop), (MAIN, STARTED, Run)]);
    check(Desired::Stop, &[(LEADER, DONE, Stop), (MAIN, STARTED, Stop)]);
    check(Desired::Run, &[(LEADER, DONE, Stop), (MAIN, STARTED, Stop)]);
}

#[test]
fn poststop_tasks_run_last_and_only_if_anything_ran() {
    use Order::{Run, Stop, Wait};
    check(Desired::Run, &[(MAIN, STARTED, Run), (LAST, PENDING, Wait)]);
    check(Desired::Run, &[(MAIN, DONE, Run), (LAST, PENDING, Run)]);
    check(Desired::Stop, &[(MAIN, DONE, Stop), (LAST, STARTED, Run)]);
    check(Desired::Stop, &[(MAIN, SKIPPED, Stop), (LAST, PENDING, Stop)]);
}

#[test]
fn a_kill_spares_nothing() {
    use Order::Kill;
    check(
        Desired::Kill,
        &[(PROXY, STARTED, Kill), (MAIN, PENDING, Kill), (LAST, STARTED, Kill)],
    );
}
