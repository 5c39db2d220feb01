//! Who a task runs as: user and group lookup, and the ids it may not have.
