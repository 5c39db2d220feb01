//! The signals that a runner obeys, in the foreground and in the background alike.

use encamp_runner::{Control, Desired};
use tokio::signal::unix::{SignalKind, signal};

use crate::output;

/// Ctrl-C and SIGTERM stop the tasks in order, a second Ctrl-C kills them, SIGQUIT kills at once. A terminal that goes
/// away takes nothing with it.
pub(crate) async fn obey(control: Control) {
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
            output::notice("stopping the tasks; Ctrl-C once more kills them");
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
