//! A task's mounts as data, and the one interpreter that makes them.
