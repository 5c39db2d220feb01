//! One tiny supervising process per host task, and the client that starts or re-adopts it.
//!
//! [`Executor::launch`] starts one `encamp-executor` process for a task. That process starts the task's command,
//! writes its output into rotated files, and records how it ended; it outlives the program that launched it. A later
//! life of that program finds the task again with [`Executor::adopt`].
//!
//! ```no_run
//! use encamp_executor::{Executor, Output, Plan, Program};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let executor = Executor::new(Program::locate()?, "/var/lib/encamp/executor".into());
//! let plan = Plan {
//!     args: vec!["-c".into(), "echo hello".into()],
//!     output: Output::Files { dir: "/tmp".into(), name: "greet".into(), max_files: 10, max_file_size: 10 << 20 },
//!     ..Plan::new("/bin/sh")
//! };
//! let process = executor.launch("alloc/greet/0a1b2c3d", &plan).await?;
//! let exit = process.wait().await;
//! assert_eq!(exit.exit_code, 0);
//! process.destroy(false).await?;
//! # Ok(())
//! # }
//! ```
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod client;
mod exit;
mod failure;
mod passing;
mod plan;
mod proc;
mod program;
mod protocol;
mod signal;
mod state;
#[doc(hidden)]
pub mod supervisor;
mod sys;
#[cfg(feature = "tasks")]
pub mod tasks;
#[cfg(feature = "testing")]
pub mod testing;

pub use client::{
    AdoptError, ControlError, DestroyError, EXEC_OUTPUT_LIMIT, Event, Events, Executor, LaunchError, Process,
    SessionError, SessionExit, SessionIo, SessionOutput,
};
pub use encamp_logs::Stream;
pub use exit::Exit;
pub use failure::{Failure, Step};
pub use plan::{Isolation, Output, Plan, TerminalSize};
pub use program::{Program, ProgramNotFound};
pub use signal::{UnknownSignal, signal_number};
