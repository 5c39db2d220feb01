//! Whether the plugin still lives.

use std::error::Error;
use std::fmt;
use std::future::{self, Future};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use tonic::{Code, Status};

/// How long after a cut connection the end of the process may be seen.
const NOTICED_WITHIN: Duration = Duration::from_secs(3);
/// How long after the end of the process an answer that was on its way may still arrive.
const ON_ITS_WAY: Duration = Duration::from_millis(200);

/// Whether the plugin's process still lives. Every call that fails because it does not says [`Ended`].
#[derive(Clone, Debug)]
pub struct Life(Option<watch::Receiver<()>>);

/// The plugin's process has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("plugin is shut down")]
pub struct Ended;

/// Why a call has no answer.
#[derive(Debug)]
pub enum CallError {
    /// The plugin's process has ended.
    Ended(Ended),
    /// The plugin answered with an error, or the connection was cut.
    Status(Box<Status>),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(ended) => ended.fmt(f),
            Self::Status(status) if status.message().is_empty() => status.code().fmt(f),
            Self::Status(status) => f.write_str(status.message()),
        }
    }
}

impl Error for CallError {
    /// The message of a status has the words of what it was made of. Only what that comes of is not told yet.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Ended(_) => None,
            Self::Status(status) => status.source()?.source(),
        }
    }
}

impl From<Ended> for CallError {
    fn from(ended: Ended) -> Self {
        Self::Ended(ended)
    }
}

impl Life {
    /// The life of a plugin that ends with `end`.
    pub fn until(end: impl Future<Output = ()> + Send + 'static) -> Self {
        let (sender, receiver) = watch::channel(());
        tokio::spawn(async move {
            end.await;
            drop(sender);
        });
        Self(Some(receiver))
    }

    /// The life of a plugin in this process, which nobody will see the end of.
    pub const fn forever() -> Self {
        Self(None)
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.0.as_ref().is_some_and(|life| life.has_changed().is_err())
    }

    /// Waits for its end.
    ///
    /// # Cancel safety
    /// Dropping the future is fine.
    pub async fn ended(&self) {
        match self.0.clone() {
            Some(mut life) => while life.changed().await.is_ok() {},
            None => future::pending().await,
        }
    }

    /// The answer of a call, which is not waited for when the plugin ends before it.
    ///
    /// # Errors
    /// [`CallError::Ended`] for a call that failed because the plugin ended, else the status.
    ///
    /// # Cancel safety
    /// As the call's own.
    pub async fn answer<T>(&self, call: impl Future<Output = Result<T, Status>>) -> Result<T, CallError> {
        match self.outlast(call).await? {
            Ok(answer) => Ok(answer),
            Err(status) => Err(self.why(status).await),
        }
    }

    /// What comes of some work with the plugin, which is not waited for when the plugin ends before it. That the
    /// connection is still there says nothing: a child of the plugin's may hold it.
    ///
    /// # Errors
    /// [`Ended`] when the work is not done soon after the plugin's end.
    ///
    /// # Cancel safety
    /// As the work's own.
    pub async fn outlast<T>(&self, work: impl Future<Output = T>) -> Result<T, Ended> {
        let mut work = std::pin::pin!(work);
        tokio::select! {
            biased;
            done = &mut work => Ok(done),
            () = self.ended() => timeout(ON_ITS_WAY, work).await.map_err(|_| Ended),
        }
    }

    /// Why a call or a stream ended with this status: a cut connection is the plugin's end if that is seen soon.
    pub async fn why(&self, status: Status) -> CallError {
        let may_be_cut = matches!(status.code(), Code::Unavailable | Code::Cancelled) || status.source().is_some();
        if may_be_cut && timeout(NOTICED_WITHIN, self.ended()).await.is_ok() {
            return CallError::Ended(Ended);
        }
        CallError::Status(Box::new(status))
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    /// What a call comes to whose plugin ends `before` or after it fails with `status`.
    async fn check(status: Status, ends: bool) -> CallError {
        let (end, ended) = oneshot::channel::<()>();
        let life = Life::until(async { drop(ended.await) });
        let mut end = Some(end);
        let answer = life.answer::<()>(async {
            if ends {
                end = None;
            }
            Err(status)
        });
        answer.await.unwrap_err()
    }

    #[tokio::test(start_paused = true)]
    async fn a_cut_connection_is_the_end_of_a_plugin_that_ends() {
        for status in [Status::unavailable("gone"), Status::cancelled("cut")] {
            assert!(
                matches!(check(status.clone(), true).await, CallError::Ended(Ended)),
                "{status}"
            );
            assert!(
                matches!(check(status.clone(), false).await, CallError::Status(_)),
                "{status}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_with_an_error_is_no_end() {
        let error = check(Status::unknown("no such task"), true).await;
        assert!(matches!(error, CallError::Status(status) if status.message() == "no such task"));
    }

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read")]
    struct Lost(#[source] std::io::Error);

    #[test]
    fn nothing_is_told_twice() {
        let said = |status: Status| encamp_base::chain(&CallError::Status(Box::new(status)));
        assert_eq!(said(Status::unknown("no such task")), "no such task");
        assert_eq!(said(Status::unimplemented("")), Code::Unimplemented.to_string());
        let lost = Box::new(Lost(std::io::Error::other("connection reset")));
        assert_eq!(said(Status::from_error(lost)), "cannot read: connection reset");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_without_an_answer_ends_with_the_plugin() {
        let life = Life::until(async {});
        let error = life.answer::<()>(future::pending()).await.unwrap_err();
        assert!(matches!(error, CallError::Ended(Ended)));
        assert!(life.has_ended());
    }
}
