//! A job file as typed data with spans.
