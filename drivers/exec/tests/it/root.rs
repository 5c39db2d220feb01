//! What holds for a task, seen from inside and from the host.

mod agent;
mod isolation;
mod life;
mod user;
