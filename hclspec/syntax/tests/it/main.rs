//! What the crate promises, as its users see it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![expect(
    clippy::format_push_string,
    clippy::format_collect,
    reason = "tests are to be simple, not fast"
)]

mod corpus;
mod dump;
mod hostile;
mod json_text;
mod properties;
