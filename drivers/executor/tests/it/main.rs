//! The executor with real processes.

mod crash;
mod disk;
mod hostile;
mod launch;
mod root;
mod session;
mod stop;
mod support;
