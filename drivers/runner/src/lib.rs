//! Run one allocation: hooks in order, tasks, restarts, state on disk.
