//! The signals that a runner obeys, in the foreground and in the background alike, and those that end a command.

use std::future::poll_fn;
use std::task::Poll;

use anyhow::{Context as _, Result};
use encamp_runner::{Control, Desired, Outcome, RunError, Runner};
use nix::sys::signal::Signal;
use tokio::signal::unix::{self, SignalKind, signal};

/// Ctrl-C and SIGTERM stop the tasks in order, a second Ctrl-C kills them, SIGQUIT kills at once. A terminal that goes
/// away takes nothing with it.
pub(crate) struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    quit: unix::Signal,
    hangup: unix::Signal,
}

impl Signals {
    /// Catches signals from now on. To be called before anybody can know whom to send them to: until they are caught, they
    /// kill.
    pub(crate) fn catch() -> Result<Self> {
        let catch = |kind| signal(kind).context("cannot catch signals");
        Ok(Self {
            interrupt: catch(SignalKind::interrupt())?,
            terminate: catch(SignalKind::terminate())?,
            quit: catch(SignalKind::quit())?,
            hangup: catch(SignalKind::hangup())?,
        })
    }

    /// Runs an allocation to its end, and obeys on the way; also what came in earlier. What
    /// there is to tell about it, `say` must not wait to show.
    pub(crate) async fn run(
        self,
        runner: Runner,
        control: Control,
        say: impl Fn(&str) + Send + 'static,
    ) -> Result<Outcome, RunError> {
        let obeying = tokio::spawn(self.obey(control, say));
        let outcome = runner.run().await;
        obeying.abort();
        outcome
    }

    async fn obey(mut self, control: Control, say: impl Fn(&str)) {
        let mut asked = Desired::Run;
        loop {
            let strength = tokio::select! {
                _ = self.interrupt.recv() => next(asked),
                _ = self.terminate.recv() => asked.max(Desired::Stop),
                _ = self.quit.recv() => Desired::Kill,
                _ = self.hangup.recv() => continue,
            };
            let first = asked == Desired::Run;
            asked = strength;
            control.request(asked);
            if first && asked == Desired::Stop {
                say("stopping the tasks; Ctrl-C once more kills them");
            }
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
