//! Exec sessions that are passed on frame by frame.

use async_trait::async_trait;
use bytes::Bytes;
use encamp_driver::BoxStream;
use tonic::Status;

/// A driver that takes the frames of an exec session as they come, and answers in frames: encoded messages, which
/// nobody between the two ends decodes or encodes again.
///
/// For drivers that hand sessions on to another driver. All others implement
/// [`Driver::exec_task_streaming`](encamp_driver::Driver::exec_task_streaming), which has readers and writers.
#[async_trait]
pub trait RawExec: Send + Sync {
    /// Runs a session. Each frame of `requests` is an `ExecTaskStreamingRequest`, the first one with its setup; each
    /// frame of the answer is an `ExecTaskStreamingResponse`, the last one with the exit. Frames are taken one at a
    /// time: a reader that is slow slows the command.
    ///
    /// # Errors
    /// A session that cannot be started.
    ///
    /// # Cancel safety
    /// Dropping the future, or the stream that it gives, ends the session.
    async fn exec_frames(
        &self,
        requests: BoxStream<Result<Bytes, Status>>,
    ) -> Result<BoxStream<Result<Bytes, Status>>, Status>;
}
