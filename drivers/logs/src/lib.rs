//! Rotated task logs, named and read as a Nomad agent reads them.
