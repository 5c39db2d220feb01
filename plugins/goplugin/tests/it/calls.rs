//! Calls beside each other, on the runtimes that a plugin may have.

use std::sync::Arc;

use encamp_goplugin::{Client, Environment, Host, Output, Server};
use tokio::sync::{Barrier, Semaphore};
use tonic::{Code, Request, Response, Status};

use crate::bed::kv::Change;
use crate::bed::kv::watcher_client::WatcherClient;
use crate::bed::kv::watcher_server::{Watcher, WatcherServer};
use crate::bed::{cookie, poll, soon};

/// How many calls may run at once, in the tests.
const MOST: usize = 10;

/// Answers pairs of calls, and breaks where it is asked to.
struct Pairs {
    pair: Barrier,
    /// One for each call that does not run.
    places: Arc<Semaphore>,
}

#[tonic::async_trait]
impl Watcher for Pairs {
    async fn changed(&self, change: Request<Change>) -> Result<Response<()>, Status> {
        let _place = self.places.acquire().await;
        assert_ne!(change.into_inner().key, "break", "as it was asked to");
        self.pair.wait().await;
        Ok(Response::new(()))
    }
}

/// Runs `test` with such a plugin, in this runtime; all calls are over then.
async fn check(test: impl AsyncFnOnce(&Client, &Semaphore)) {
    let places = Arc::new(Semaphore::new(MOST));
    let service = Pairs {
        pair: Barrier::new(2),
        places: Arc::clone(&places),
    };
    let server = Server::new(cookie()).version(1, |routes, _| {
        routes.add_service(WatcherServer::new(service));
    });
    let listening = server.listen(&Environment::new()).await.unwrap();
    let record = listening.reattach_config();
    let serving = tokio::spawn(listening.serve());
    let plugin = Host::new(cookie(), [1])
        .reattach(&record, Output::default())
        .await
        .unwrap();
    test(&plugin, &places).await;
    let free = || places.available_permits();
    poll("the end of all calls", || free() == MOST, || free().to_string()).await;
    assert!(plugin.kill().await.graceful);
    soon("the end", serving).await.unwrap();
}

async fn call(plugin: &Client, key: &str) -> Result<(), Status> {
    let change = Change { key: key.to_owned() };
    let answer = WatcherClient::new(plugin.channel()).changed(change).await;
    answer.map(Response::into_inner)
}

async fn calls_that_wait_hold_up_no_others(plugin: &Client, _: &Semaphore) {
    for _ in 0..100 {
        let (one, other) = soon("both", async { tokio::join!(call(plugin, "a"), call(plugin, "b")) }).await;
        one.and(other).unwrap();
    }
}

async fn a_call_that_panics_ends_alone(plugin: &Client, _: &Semaphore) {
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

async fn a_call_that_is_given_up_is_dropped(plugin: &Client, places: &Semaphore) {
    let given_up = async {
        poll("the call", || places.available_permits() == MOST - 1, String::new).await;
    };
    tokio::select! {
        answer = call(plugin, "a") => panic!("{answer:?}"),
        () = given_up => {}
    }
}

#[tokio::test]
async fn calls_go_on_beside_each_other_on_one_thread() {
    check(calls_that_wait_hold_up_no_others).await;
    check(a_call_that_panics_ends_alone).await;
    check(a_call_that_is_given_up_is_dropped).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_go_on_beside_each_other_on_several_threads() {
    check(calls_that_wait_hold_up_no_others).await;
    check(a_call_that_panics_ends_alone).await;
    check(a_call_that_is_given_up_is_dropped).await;
}
