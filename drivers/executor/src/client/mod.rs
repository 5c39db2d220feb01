//! The client: starts supervising processes, finds them again, and talks to them.

pub(crate) mod blocking;
mod connection;
mod dir;
mod error;
mod events;
mod executor;
mod process;
mod session;

pub use error::{AdoptError, ControlError, DestroyError, LaunchError, SessionError};
pub use events::{Event, Events};
pub use executor::Executor;
pub use process::Process;
pub use session::{EXEC_OUTPUT_LIMIT, SessionExit, SessionIo, SessionOutput};
