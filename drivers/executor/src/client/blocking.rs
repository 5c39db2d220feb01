//! What blocks, beside the runtime.

use std::panic::resume_unwind;

/// Runs what would hold up everybody else. `None` only when the runtime is shut down; a panic goes on here.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let error = match tokio::task::spawn_blocking(work).await {
        Ok(done) => return Some(done),
        Err(error) => error,
    };
    match error.try_into_panic() {
        Ok(panic) => resume_unwind(panic),
        Err(_shut_down) => None,
    }
}
