//! What only root can run: `exec`, and `raw_exec` with cgroups.

use encamp_cgroup::Hierarchy;
use encamp_exec::Exec;
use encamp_raw_exec::RawExec;

use super::*;

/// One of the two drivers, in cgroups of its own.
struct Subjected {
    state: State,
    cgroups: Hierarchy,
    is_raw: bool,
    collection: &'static str,
}

fn subject(is_raw: bool, collection: &'static str) -> Subjected {
    let state = State::new();
    let parent = format!("encamp-conformance-{}", state.path().file_name().unwrap().display());
    let cgroups = Hierarchy::at(Path::new("/sys/fs/cgroup"), &parent);
    assert!(!cgroups.is_off(), "no cgroups");
    Subjected {
        state,
        cgroups,
        is_raw,
        collection,
    }
}

#[async_trait]
impl Subject for Subjected {
    async fn driver(&self) -> Arc<dyn Driver> {
        let (executor, cgroups) = (self.state.executor(), self.cgroups.clone());
        if self.is_raw {
            Arc::new(RawExec::new(executor, cgroups))
        } else {
            Arc::new(Exec::new(executor, cgroups))
        }
    }

    fn config(&self, words: &[&str]) -> Value {
        Value::object(command(words))
    }

    fn plugin_config(&self) -> Value {
        let collection = ("log_collection", Value::from(self.collection));
        let enabled = self.is_raw.then(|| ("enabled", Value::from(true)));
        Value::object([collection].into_iter().chain(enabled))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs root"]
async fn raw_exec_in_cgroups_conforms_over_grpc() {
    check(suite(subject(true, "driver")).over_grpc()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs root"]
async fn exec_conforms() {
    check(suite(subject(false, "driver"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs root"]
async fn exec_conforms_over_grpc() {
    check(suite(subject(false, "driver")).over_grpc()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs root"]
async fn exec_conforms_over_grpc_where_the_host_collects_logs() {
    check(suite(subject(false, "agent")).over_grpc()).await;
}
