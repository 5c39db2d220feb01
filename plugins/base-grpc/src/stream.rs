//! Streams of messages, at both ends.

use std::future;
use std::pin::Pin;

use futures_util::{Stream, StreamExt as _, stream};
use tonic::{Status, Streaming};

use crate::{CallError, Ended, Life};

/// A stream of messages that lives on its own.
pub type BoxStream<T> = Pin<Box<dyn Stream<Item = T> + Send + 'static>>;

/// The same messages, and then silence: hosts take the end of such a stream for the end of more than the stream.
pub fn held_open<T: Send + 'static>(
    messages: impl Stream<Item = Result<T, Status>> + Send + 'static,
) -> BoxStream<Result<T, Status>> {
    messages.chain(stream::once(future::pending())).boxed()
}

impl Life {
    /// What a stream of the plugin's says, until it ends, and that the plugin has ended where that is why.
    pub fn stream<M: Send + 'static>(&self, messages: Streaming<M>) -> BoxStream<Result<M, CallError>> {
        let next = async |state: Option<(Streaming<M>, Self)>| {
            let (mut messages, life) = state?;
            match life.answer(messages.message()).await {
                Ok(Some(message)) => Some((Ok(message), Some((messages, life)))),
                Ok(None) if life.has_ended() => Some((Err(CallError::Ended(Ended)), None)),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        };
        stream::unfold(Some((messages, self.clone())), next).boxed()
    }
}
