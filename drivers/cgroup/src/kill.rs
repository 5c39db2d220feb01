//! Killing all that is in a cgroup.
