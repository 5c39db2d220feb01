//! The host's environment, and what of it an allocation keeps: its next runner may be started from another shell.

use std::collections::BTreeMap;
use std::env;

use encamp_runner::AllocRecord;
use encamp_taskenv::{HOST_ENV_DENYLIST, filter_host_env};

/// Where the Docker Engine is.
const DOCKER_HOST: &str = "DOCKER_HOST";

/// What drivers and host tasks see of the host's environment: all but what is known to be secret, and our own settings.
pub(crate) struct Environment(BTreeMap<String, String>);

impl Environment {
    /// That of this process.
    pub(crate) fn here() -> Self {
        let vars =
            env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let vars = vars.filter(|(name, _)| !name.starts_with("ENCAMP_"));
        Self(filter_host_env(vars, &HOST_ENV_DENYLIST))
    }

    /// The same, where what the allocation has kept is as it was when the allocation was asked for.
    pub(crate) fn of(record: &AllocRecord) -> Self {
        let mut environment = Self::here();
        environment.take_back(&record.host_env);
        environment
    }

    fn take_back(&mut self, kept: &BTreeMap<String, String>) {
        let kept = kept.iter().map(|(name, value)| (name.clone(), value.clone()));
        self.0.extend(kept);
        self.0.retain(|name, value| name != DOCKER_HOST || !value.is_empty());
    }

    /// What a later runner of the job must find as it is now: the variables that the job file names, and where the engine
    /// is (empty for the usual place).
    pub(crate) fn to_keep(&self, job_text: &str) -> BTreeMap<String, String> {
        let named = self.0.iter().filter(|(name, _)| names(job_text, name));
        let mut kept: BTreeMap<_, _> = named.map(|(name, value)| (name.clone(), value.clone())).collect();
        let engine = self.docker_host().unwrap_or_default();
        kept.insert(DOCKER_HOST.to_owned(), engine.to_owned());
        kept
    }

    /// Where the Docker Engine is, if that is not the usual place.
    pub(crate) fn docker_host(&self) -> Option<&str> {
        let host = self.0.get(DOCKER_HOST).map(String::as_str);
        host.filter(|host| !host.is_empty())
    }

    pub(crate) fn into_variables(self) -> BTreeMap<String, String> {
        self.0
    }
}

/// Whether `name` stands in the text as a word of its own.
fn names(text: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let after = text.get(at + name.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(vars: &[(&str, &str)]) -> Environment {
        Environment(
            vars.iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }

    /// What is kept of an environment for a job, and what a runner in another one makes of it.
    #[track_caller]
    fn check(job: &str, first: &[(&str, &str)], later: &[(&str, &str)], seen: &[(&str, &str)]) {
        let mut later = environment(later);
        later.take_back(&environment(first).to_keep(job));
        assert_eq!(later.into_variables(), environment(seen).into_variables());
    }

    #[test]
    fn what_the_job_names_stays_as_it_was_and_the_rest_is_the_shells() {
        check(
            "args = [\"${HOME}/x\", env[\"REGION\"]] # XHOMEY SHELLS",
            &[("HOME", "/a"), ("REGION", "eu"), ("SHELL", "sh")],
            &[("HOME", "/b"), ("SHELL", "bash")],
            &[("HOME", "/a"), ("REGION", "eu"), ("SHELL", "bash")],
        );
    }

    #[test]
    fn the_engine_stays_where_it_was() {
        let (here, there) = (("DOCKER_HOST", "unix:///a"), ("DOCKER_HOST", "unix:///b"));
        check("", &[here], &[there], &[here]);
        check("", &[here], &[], &[here]);
        check("", &[], &[there], &[]);
    }
}
