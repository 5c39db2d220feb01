//! The checks, in the order in which they run. Their names are what they claim.

mod exec;
mod life;
mod output;
mod plugin;
mod recovery;
mod session;
mod signals;
mod stats;
mod stop;

use futures_util::future::BoxFuture;

use super::ground::Ground;
use super::report::Checked;

/// A check.
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) run: fn(&Ground) -> BoxFuture<'_, Checked>,
}

macro_rules! checks {
    ($($room:ident: $($name:ident)*;)*) => {
        pub(super) const CHECKS: &[Check] = &[$($(Check {
            name: stringify!($name),
            run: |ground| Box::pin($room::$name(ground)),
        },)*)*];
    };
}

checks! {
    plugin:
        info_names_a_driver
        fingerprint_comes_at_once_and_stays_open
        events_stay_open
        configuration_can_be_set_again
        schemas_survive_the_wire
        capabilities_stay_the_same
        capabilities_that_are_missing_are_unsupported;
    life:
        start_gives_a_record_and_the_task_runs
        start_of_a_started_task_is_refused
        wait_gives_exit_codes
        wait_is_answered_often_and_after_the_end
        wait_that_is_given_up_harms_nobody
        inspect_of_an_ended_task_says_how_it_ended
        destroy_of_a_running_task_needs_force
        destroy_of_an_ended_task_forgets_it
        destroy_by_force_ends_waits
        unknown_tasks_are_not_found
        start_of_a_missing_command_fails_or_exits
        many_tasks_run_at_once;
    stop:
        stop_lets_the_task_end_itself
        stop_kills_after_its_timeout
        stop_without_a_signal_ends_the_task
        stop_of_an_ended_task_succeeds;
    signals:
        signals_arrive
        signal_that_kills_is_how_the_task_ended
        unknown_signals_are_refused;
    stats:
        stats_come_at_once_and_every_interval
        stats_end_with_the_task;
    exec:
        exec_gives_output_and_exit_code
        exec_of_a_missing_command_leaves_the_task_alone
        exec_holds_its_deadline
        exec_in_an_ended_task_fails;
    session:
        session_gives_both_outputs_and_the_exit_code
        session_streams_output
        session_without_a_terminal_has_none
        session_passes_input_and_its_end
        session_of_a_missing_command_leaves_the_task_alone
        session_that_is_left_kills_the_command
        session_that_nobody_reads_is_held_up
        terminal_session_gives_output_and_the_exit_code
        terminal_session_streams_output
        terminal_session_has_the_latest_size
        terminal_session_passes_input
        terminal_session_ends_before_its_children;
    recovery:
        recovery_of_a_known_task_changes_nothing
        recovery_of_a_running_task_goes_on_in_the_next_life
        recovery_of_an_ended_task_knows_its_end
        recovery_finds_what_an_interrupted_start_left
        recovery_of_nothing_fails;
    output:
        output_lands_where_it_should
        output_of_a_burst_is_complete
        output_files_are_there_from_the_start
        output_into_files_is_rotated
        output_into_pipes_arrives
        output_that_nobody_wants_holds_up_nobody;
}
