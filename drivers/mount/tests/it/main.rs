//! What a task sees of the mounts of its plan, and what the host sees of them.

#[cfg(test)]
mod plan;
#[cfg(test)]
mod root;
