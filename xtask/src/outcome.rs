//! What `cargo test` says, counted; pure.

use crate::style;

/// A test: the binary it is in, and its path there.
pub(crate) type Name = (String, String);

/// What one run of `cargo test` came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    /// What failed, for the recapitulation.
    pub(crate) failures: Vec<String>,
    /// Tests that are not run unless asked for, with their reasons.
    pub(crate) ignored: Vec<(Name, String)>,
    binary: String,
    /// How many failures there were before the present binary.
    before: usize,
    /// Whether the present binary has yet to say its result.
    open: bool,
}

impl Outcome {
    /// Takes the next line of output.
    pub(crate) fn line(&mut self, line: &str) {
        let line = style::plain(line);
        let line = line.trim();
        if let Some(binary) = line
            .strip_prefix("Running ")
            .and_then(binary)
            .or_else(|| line.strip_prefix("Doc-tests "))
        {
            self.next_binary(binary);
        } else if let Some(target) = line.strip_prefix("error: test failed, to rerun pass ") {
            self.target(target.trim_matches('`'));
        } else if let Some(counts) = line.strip_prefix("test result: ") {
            self.result(counts);
        } else if let Some((test, state)) = line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... ")) {
            self.test(test, state);
        }
    }

    /// Takes the end: cargo itself fails when a binary dies before it gives its result, and when a build fails.
    pub(crate) fn end(&mut self, succeeded: bool) {
        self.close();
        if succeeded {
            // Binaries with a harness of their own give no result line.
            self.failures.retain(|failure| !failure.ends_with(DIED));
        }
        self.failed += self.failures.iter().filter(|failure| failure.ends_with(DIED)).count();
        if !succeeded && self.failed == 0 {
            self.failed = 1;
            self.failures.push("cargo test itself failed: see above".to_owned());
        }
    }

    fn next_binary(&mut self, binary: &str) {
        self.close();
        binary.clone_into(&mut self.binary);
        self.before = self.failures.len();
        self.open = true;
    }

    /// Takes what cargo says after a binary that failed: many crates have a binary of the same name.
    fn target(&mut self, target: &str) {
        self.close();
        let target = target.strip_prefix("-p ").unwrap_or(target);
        for failure in self.failures.iter_mut().skip(self.before) {
            *failure = failure.replacen(&self.binary, target, 1);
        }
    }

    fn close(&mut self) {
        if self.open {
            self.failures.push(format!("{}: {DIED}", self.binary));
        }
        self.open = false;
    }

    fn result(&mut self, counts: &str) {
        self.open = false;
        let count = |name: &str| -> usize {
            let part = counts
                .split([';', '.'])
                .map(str::trim)
                .find_map(|part| part.strip_suffix(name));
            part.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
        };
        self.passed += count(" passed");
        self.failed += count(" failed");
    }

    fn test(&mut self, test: &str, state: &str) {
        if state == "FAILED" {
            self.failures.push(format!("{}: {test}", self.binary));
        } else if let Some(reason) = state.strip_prefix("ignored") {
            let reason = reason.trim_start_matches(", ");
            let reason = if reason.is_empty() {
                "no reason is given"
            } else {
                reason
            };
            self.ignored
                .push(((self.binary.clone(), test.to_owned()), reason.to_owned()));
        }
    }
}

/// How a binary that gave no result is described.
const DIED: &str = "died before it gave its result";

/// The name of a binary in `unittests src/lib.rs (target/debug/deps/encamp_logs-0123456789abcdef)`, without its hash.
fn binary(line: &str) -> Option<&str> {
    let path = line.rsplit_once('(')?.1.strip_suffix(')')?;
    let name = path.rsplit('/').next()?;
    Some(name.rsplit_once('-').map_or(name, |(name, _)| name))
}

#[cfg(test)]
mod tests {
    use super::Outcome;

    fn outcome(output: &str, succeeded: bool) -> Outcome {
        let mut outcome = Outcome::default();
        output.lines().for_each(|line| outcome.line(line));
        outcome.end(succeeded);
        outcome
    }

    const OUTPUT: &str = "\
   Compiling encamp-logs v0.1.0
\u{1b}[1m\u{1b}[32m     Running\u{1b}[0m unittests src/lib.rs (target/debug/deps/encamp_logs-0123456789abcdef)

running 3 tests
test reader::a_line ... \u{1b}[32mok\u{1b}(B\u{1b}[m
test root::a_full_disk ... ignored, needs root
test plain ... ignored
test writer::broken ... FAILED

test result: FAILED. 1 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.01s

   Doc-tests encamp_logs
running 2 tests
test src/lib.rs - Writer (line 3) ... ok
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s
";

    #[test]
    fn counts_are_summed_over_all_binaries() {
        let outcome = outcome(OUTPUT, false);
        assert_eq!((outcome.passed, outcome.failed), (3, 1));
        assert_eq!(outcome.failures, ["encamp_logs: writer::broken"]);
    }

    #[test]
    fn ignored_tests_keep_their_reasons() {
        let ignored = outcome(OUTPUT, false).ignored;
        let name = |test: &str| ("encamp_logs".to_owned(), test.to_owned());
        let wanted = [
            (name("root::a_full_disk"), "needs root"),
            (name("plain"), "no reason is given"),
        ];
        assert_eq!(ignored, wanted.map(|(name, reason)| (name, reason.to_owned())));
    }

    #[test]
    fn a_binary_that_dies_is_a_failure() {
        let died = "Running tests/it/main.rs (target/debug/deps/it-01)\nrunning 1 test\nerror: test failed\n";
        let outcome = outcome(&format!("{died}{}", OUTPUT.replace("1 failed", "0 failed")), false);
        assert_eq!(outcome.failed, 1);
        assert_eq!(outcome.failures.first().unwrap(), "it: died before it gave its result");
    }

    #[test]
    fn a_failure_names_its_crate() {
        let failed = "Running tests/it/main.rs (target/debug/deps/it-01)\ntest a::b ... FAILED\n\
                      test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n\
                      error: test failed, to rerun pass `-p encamp-x --test it`\n";
        let died = "Running tests/it/main.rs (target/debug/deps/it-02)\n\
                    error: test failed, to rerun pass `-p encamp-y --test it`\n";
        let outcome = outcome(&format!("{failed}{died}"), false);
        let wanted = [
            "encamp-x --test it: a::b",
            "encamp-y --test it: died before it gave its result",
        ];
        assert_eq!(
            (outcome.failed, outcome.failures),
            (2, wanted.map(str::to_owned).to_vec())
        );
    }

    #[test]
    fn a_harness_of_its_own_needs_no_result_line() {
        let outcome = outcome("Running tests/own.rs (target/debug/deps/own-01)\nall good\n", true);
        assert_eq!((outcome.failed, outcome.failures.len()), (0, 0));
    }

    #[test]
    fn a_build_that_fails_is_a_failure() {
        assert_eq!(outcome("error[E0425]: cannot find value `x`\n", false).failed, 1);
    }
}
