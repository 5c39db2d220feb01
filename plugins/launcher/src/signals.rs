//! The signals that a runner obeys, in the foreground and in the background alike, and those that end a command.

use std::future::poll_fn;
use std::task::Poll;

use anyhow::{Context as _, Result};
use encamp_runner::{Control, Desired};
use nix::sys::signal::Signal;
use tokio::signal::unix::{SignalKind, signal};

/// Ctrl-C and SIGTERM stop the tasks in order, a second Ctrl-C kills them, SIGQUIT kills at once. A terminal that goes
/// away takes nothing with it. What there is to tell about it, `say` must not wait to show.
pub(crate) async fn obey(control: Control, say: impl Fn(&str)) {
    let streams = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
        signal(SignalKind::quit()),
        signal(SignalKind::hangup()),
    );
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut quit), Ok(mut hangup)) = streams else {
        return;
    };
    let mut asked = Desired::Run;
    loop {
        let strength = tokio::select! {
            _ = interrupt.recv() => next(asked),
            _ = terminate.recv() => asked.max(Desired::Stop),
            _ = quit.recv() => Desired::Kill,
            _ = hangup.recv() => continue,
        };
        let first = asked == Desired::Run;
        asked = strength;
        control.request(asked);
        if first && asked == Desired::Stop {
            say("stopping the tasks; Ctrl-C once more kills them");
        }
    }
}

fn next(asked: Desired) -> Desired {
    if asked == Desired::Run {
        Desired::Stop
    } else {
        Desired::Kill
    }
}

/// Waits for a signal that asks this program to end. From the call on, none of them does so by itself.
pub(crate) fn deadly() -> Result<impl Future<Output = Signal>> {
    let mut streams = Vec::new();
    for asked in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT] {
        let kind = SignalKind::from_raw(asked as i32);
        let stream = signal(kind).with_context(|| format!("cannot wait for {asked}"))?;
        streams.push((asked, stream));
    }
    Ok(poll_fn(move |context| {
        for (asked, stream) in &mut streams {
            if stream.poll_recv(context).is_ready() {
                return Poll::Ready(*asked);
            }
        }
        Poll::Pending
    }))
}
