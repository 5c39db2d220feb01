//! The driver against a real engine, and against one that fails on demand.

mod docker;
mod faults;
mod scripted;
mod support;
