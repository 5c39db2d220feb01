//! A schema for people and editors: JSON Schema, and a table of options in Markdown.

mod json_schema;
mod markdown;
mod options;

pub use json_schema::json_schema;
pub use markdown::markdown;
