//! Run a command on the host, under the executor and nothing else.
