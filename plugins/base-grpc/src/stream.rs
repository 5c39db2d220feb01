//! Streams of messages, at both ends.

use std::future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use tokio::time::timeout;
use tonic::{Response, Status, Streaming};

use crate::{CallError, Ended, Life};

/// A stream of messages that lives on its own.
pub type BoxStream<T> = Pin<Box<dyn Stream<Item = T> + Send + 'static>>;

/// The same messages, and then silence: hosts take the end of such a stream for the end of more than the stream.
pub fn held_open<T: Send + 'static>(
    messages: impl Stream<Item = Result<T, Status>> + Send + 'static,
) -> BoxStream<Result<T, Status>> {
    messages.chain(stream::once(future::pending())).boxed()
}

/// How long a stream that is opened may be silent before it counts as open.
const ANSWER: Duration = Duration::from_millis(200);

impl Life {
    /// Opens a stream of what `read` makes of the messages, and `failed` of errors. Peers in Go answer together with their
    /// first message: they are not waited for that long.
    ///
    /// # Errors
    /// A plugin that ends, or refuses at once; a later refusal is the stream's first item.
    pub async fn open<M: Send + 'static, T: Send + 'static, E: Send + 'static>(
        &self,
        call: impl Future<Output = Result<Response<Streaming<M>>, Status>> + Send + 'static,
        failed: fn(CallError) -> E,
        read: fn(M) -> Result<T, E>,
    ) -> Result<BoxStream<Result<T, E>>, E> {
        let life = self.clone();
        let mut opened = Box::pin(async move {
            let messages = life.answer(call).await.map_err(failed)?.into_inner();
            let read = move |message: Result<M, CallError>| message.map_err(failed).and_then(read);
            Ok(life.stream(messages).map(read).boxed())
        });
        match timeout(ANSWER, &mut opened).await {
            Ok(opened) => opened,
            Err(_) => Ok(stream::once(opened).try_flatten().boxed()),
        }
    }

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
