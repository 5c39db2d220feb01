use encamp_hclspec::{Body, Context, Source, Spellings, decode_with};

use super::*;

fn value(spec: &Spec, text: &str) -> Value {
    let body = Body::parse(Source::new("test", text.to_owned())).expect("HCL");
    decode_with(spec, &body, &Context::default(), Spellings::Every).expect("fits the schema")
}

fn task(text: &str) -> Result<TaskOptions, Error> {
    TaskOptions::from_value(value(&TaskOptions::spec(), text))
}

fn plugin(text: &str) -> Result<PluginOptions, ConfigError> {
    PluginOptions::from_value(value(&PluginOptions::spec(), text))
}

#[track_caller]
fn refuse_task(text: &str, expected: &str) {
    let error = task(&format!("command = \"x\"\n{text}")).expect_err(text).to_string();
    assert!(error.contains(expected), "{text}: {error}");
}

#[track_caller]
fn refuse_plugin(text: &str, option: &str, expected: &str) {
    let error = plugin(text).expect_err(text);
    let ConfigError::Option { option: at, reason } = &error else {
        panic!("{text}: {error}")
    };
    assert_eq!(at, option);
    assert!(reason.contains(expected), "{text}: {error}");
}

#[test]
fn a_command_is_all_that_a_task_needs() {
    let options = task("command = \"sleep\"").expect("valid");
    assert_eq!((options.command.as_str(), options.args.len()), ("sleep", 0));
    assert_eq!(options.work_dir, Path::new("/"));
    assert_eq!(options.modes(&PluginOptions::default()), (Mode::Private, Mode::Private));
}

#[test]
fn the_tasks_modes_go_over_the_operators() {
    let operator = plugin("default_pid_mode = \"host\"\ndefault_ipc_mode = \"host\"").expect("valid");
    assert_eq!(
        task("command = \"x\"").expect("valid").modes(&operator),
        (Mode::Host, Mode::Host)
    );
    let options = task("command = \"x\"\npid_mode = \"private\"").expect("valid");
    assert_eq!(options.modes(&operator), (Mode::Private, Mode::Host));
}

#[test]
fn what_a_job_cannot_ask_for_is_refused_with_what_it_could() {
    refuse_task("work_dir = \"a/b\"", "work_dir a/b must be an absolute path");
    refuse_task(
        "pid_mode = \"shared\"",
        "pid_mode is \"shared\"; it must be \"private\" or \"host\"",
    );
    refuse_task("ipc_mode = \"PRIVATE\"", "ipc_mode is \"PRIVATE\"");
    refuse_task(
        "cap_add = [\"net_raw\", \"nope\"]",
        "cap_add: unknown or unavailable capabilities: nope",
    );
    refuse_task("cap_drop = [\"nope\"]", "cap_drop: unknown");
    let error = task("command = \"\"").expect_err("empty").to_string();
    assert!(error.contains("command is empty"), "{error}");
}

#[test]
fn what_an_operator_cannot_say_is_refused_by_option() {
    refuse_plugin("default_pid_mode = \"\"", "default_pid_mode", "empty");
    refuse_plugin(
        "default_ipc_mode = \"x\"",
        "default_ipc_mode",
        "\"private\" or \"host\"",
    );
    refuse_plugin("allow_caps = [\"nope\"]", "allow_caps", "nope");
    refuse_plugin("denied_host_uids = \"9-1\"", "denied_host_uids", "lower bound");
    refuse_plugin("denied_host_gids = \"1-2-3\"", "denied_host_gids", "two bounds");
}

#[test]
fn an_operator_may_say_nothing_at_all() {
    let options = plugin("").expect("valid");
    assert_eq!(options.switch, Switch::PivotRoot);
    assert_eq!(options.allow_caps, CapabilitySet::nomad_defaults());
    assert_eq!(plugin("no_pivot_root = true").expect("valid").switch, Switch::MoveMount);
    assert!(plugin("allow_caps = []").expect("valid").allow_caps.is_empty());
}

/// What the operator allows and the job asks for, and the capabilities that a user and root get.
#[track_caller]
fn check_capabilities(operator: &str, job: &str, user: &str, expected: Result<u64, &str>) {
    let (operator, options) = (
        plugin(operator).expect("valid"),
        task(&format!("command = \"x\"\n{job}")).expect("valid"),
    );
    let user = Identity::lookup(user).expect("user");
    let got = options
        .capabilities(&operator, &user)
        .map(CapabilitySet::mask)
        .map_err(|error| error.to_string());
    match (got, expected) {
        (Err(error), Err(expected)) => assert!(error.contains(expected), "{error}"),
        (got, expected) => assert_eq!(got.as_ref().ok(), expected.as_ref().ok(), "{job}: {got:?}"),
    }
}

#[test]
fn capabilities_are_what_operator_and_job_agree_on() {
    check_capabilities("", "", "nobody", Ok(0xa804_05fb));
    check_capabilities(
        "",
        "cap_drop = [\"all\"]\ncap_add = [\"net_bind_service\"]",
        "nobody",
        Ok(0x400),
    );
    check_capabilities(
        "",
        "cap_add = [\"net_raw\"]",
        "nobody",
        Err("does not allow the following capabilities: net_raw"),
    );
    check_capabilities(
        "allow_caps = [\"all\"]",
        "cap_drop = [\"all\"]\ncap_add = [\"net_raw\"]",
        "nobody",
        Ok(0x2000),
    );
    check_capabilities("allow_caps = []", "", "nobody", Ok(0));
}

#[test]
fn root_is_held_to_what_is_allowed_by_id_and_not_by_name() {
    for user in ["root", "0", "0:0"] {
        check_capabilities("", "", user, Ok(0xa804_05fb));
        check_capabilities("", "cap_drop = [\"all\"]", user, Ok(0));
        let all = CapabilitySet::root_defaults()
            .intersection(CapabilitySet::supported())
            .mask();
        check_capabilities("allow_caps = [\"all\"]", "", user, Ok(all));
    }
}
