//! The directory layout of an allocation, and paths that cannot leave it.
