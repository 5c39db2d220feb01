//! `raw_exec`, without cgroups.

use encamp_cgroup::Hierarchy;
use encamp_raw_exec::RawExec;

use super::*;

/// The driver, with this choice of who takes care of output.
pub(crate) struct Subjected {
    state: State,
    collection: &'static str,
}

pub(crate) fn subject(collection: &'static str) -> Subjected {
    Subjected {
        state: State::new(),
        collection,
    }
}

#[async_trait]
impl Subject for Subjected {
    async fn driver(&self) -> Arc<dyn Driver> {
        Arc::new(RawExec::new(self.state.executor(), Hierarchy::Off))
    }

    fn config(&self, words: &[&str]) -> Value {
        Value::object(command(words))
    }

    fn plugin_config(&self) -> Value {
        Value::object([
            ("enabled", Value::from(true)),
            ("log_collection", Value::from(self.collection)),
        ])
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn raw_exec_conforms() {
    check(suite(subject("driver"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn raw_exec_conforms_over_grpc() {
    check(suite(subject("driver")).over_grpc()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn raw_exec_conforms_over_grpc_where_the_host_collects_logs() {
    check(suite(subject("agent")).over_grpc()).await;
}
