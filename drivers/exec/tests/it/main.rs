//! The driver with real processes.

#[cfg(test)]
mod support;

#[cfg(test)]
mod root;
