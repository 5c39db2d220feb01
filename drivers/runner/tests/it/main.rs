//! The runner against a scripted driver: the faults that a real one does not produce on demand. Runs on real drivers
//! are tested with the program that wires them.

#[cfg(test)]
mod crash;
#[cfg(test)]
mod order;
#[cfg(test)]
mod restarts;
#[cfg(test)]
mod scripted;
#[cfg(test)]
mod stopping;
