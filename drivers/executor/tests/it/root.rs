//! What only root can do.
