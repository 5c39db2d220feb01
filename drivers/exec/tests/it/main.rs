//! The driver with real processes.

#[cfg(test)]
mod support;

#[cfg(test)]
mod plugin;
#[cfg(test)]
mod root;
