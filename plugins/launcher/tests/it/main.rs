//! The program as its users run it: real drivers, real processes, a real engine.

mod bad_input;
mod camp;
mod docker;
mod host;
mod killed;
mod root;
