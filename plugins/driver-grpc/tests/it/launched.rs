//! A driver in a process of its own, and what becomes of the process.

use std::future::poll_fn;
use std::path::PathBuf;
use std::task::Poll;

use encamp_driver::Plugin as _;
use encamp_driver_grpc::LaunchedDriver;
use encamp_goplugin::{Program, ReattachConfig};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::*;

/// The program, which cargo builds with the tests.
fn program() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let path = own.parent().unwrap().parent().unwrap().join("examples/scripted");
    assert!(
        path.exists(),
        "build it: cargo build -p encamp-driver-grpc --example scripted"
    );
    path
}

/// What finds a driver again that was launched and left.
async fn launched() -> ReattachConfig {
    let launch = Box::pin(LaunchedDriver::launch(Program::new(program())));
    let driver = within("the launch", launch).await.unwrap();
    driver.detach().unwrap()
}

fn find(config: &ReattachConfig) -> BoxFuture<'_, LaunchedDriver> {
    LaunchedDriver::reattach(config).map(Result::unwrap).boxed()
}

#[tokio::test]
async fn a_driver_is_found_again_by_its_record() {
    let config = launched().await;
    let found = within("the driver", find(&config)).await;
    assert_eq!(found.info(), ScriptedDriver::new().info());
    within("the end", found.kill()).await;
}

/// What comes of `future`, unless it has not come after so many polls.
async fn polled<T>(mut polls: usize, mut future: BoxFuture<'_, T>) -> Option<T> {
    poll_fn(move |cx| {
        let Some(left) = polls.checked_sub(1) else {
            return Poll::Ready(None);
        };
        polls = left;
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

#[tokio::test]
async fn a_driver_lives_on_whenever_its_finder_gives_up() {
    let config = launched().await;
    let mut polls = 0;
    let found = loop {
        match within("the driver", polled(polls, find(&config))).await {
            Some(found) => break found,
            None => polls += 1,
        }
    };
    found.capabilities().await.unwrap();
    within("the end", found.kill()).await;
}
