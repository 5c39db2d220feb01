//! Run a command isolated from the host: namespaces, a rootfs, capabilities.
