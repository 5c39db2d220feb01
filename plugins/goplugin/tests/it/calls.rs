//! Calls beside each other, on the runtimes that a plugin may have.

use encamp_goplugin::{Client, Environment, Host, Output, Server};
use tokio::sync::Barrier;
use tonic::{Code, Request, Response, Status};

use crate::bed::kv::Change;
use crate::bed::kv::watcher_client::WatcherClient;
use crate::bed::kv::watcher_server::{Watcher, WatcherServer};
use crate::bed::{cookie, soon};

/// Answers pairs of calls, and breaks where it is asked to.
struct Pairs(Barrier);

#[tonic::async_trait]
impl Watcher for Pairs {
    async fn changed(&self, change: Request<Change>) -> Result<Response<()>, Status> {
        assert_ne!(change.into_inner().key, "break", "as it was asked to");
        self.0.wait().await;
        Ok(Response::new(()))
    }
}

/// Runs `test` with such a plugin, in this runtime.
async fn check(test: impl AsyncFnOnce(&Client)) {
    let server = Server::new(cookie()).version(1, |routes, _| {
        routes.add_service(WatcherServer::new(Pairs(Barrier::new(2))));
    });
    let listening = server.listen(&Environment::new()).await.unwrap();
    let record = listening.reattach_config();
    let serving = tokio::spawn(listening.serve());
    let plugin = Host::new(cookie(), [1])
        .reattach(&record, Output::default())
        .await
        .unwrap();
    test(&plugin).await;
    assert!(plugin.kill().await.graceful);
    soon("the end", serving).await.unwrap();
}

async fn call(plugin: &Client, key: &str) -> Result<(), Status> {
    let change = Change { key: key.to_owned() };
    let answer = WatcherClient::new(plugin.channel()).changed(change).await;
    answer.map(Response::into_inner)
}

async fn calls_that_wait_hold_up_no_others(plugin: &Client) {
    for _ in 0..100 {
        let (one, other) = soon("both", async { tokio::join!(call(plugin, "a"), call(plugin, "b")) }).await;
        one.and(other).unwrap();
    }
}

async fn a_call_that_panics_ends_alone(plugin: &Client) {
    let waiting = call(plugin, "a");
    let broken = async {
        let broken = call(plugin, "break").await.unwrap_err();
        call(plugin, "b").await.unwrap();
        broken
    };
    let (waited, broken) = soon("both", async { tokio::join!(waiting, broken) }).await;
    waited.unwrap();
    assert_ne!(broken.code(), Code::Unavailable, "{broken}");
}

#[tokio::test]
async fn calls_go_on_beside_each_other_on_one_thread() {
    check(calls_that_wait_hold_up_no_others).await;
    check(a_call_that_panics_ends_alone).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_go_on_beside_each_other_on_several_threads() {
    check(calls_that_wait_hold_up_no_others).await;
    check(a_call_that_panics_ends_alone).await;
}
