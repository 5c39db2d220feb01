//! What holds for a task, seen from inside and from the host.

mod isolation;
mod life;
mod user;
