//! Create, limit, measure, kill and remove a task's cgroups, v1 and v2.
