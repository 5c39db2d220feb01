//! The functions that job files can call.

use std::collections::BTreeMap;
use std::path::Path;

use encamp_hclspec::cty::{Function, functions};

/// All functions by name: those of the schema language, and those of job files.
pub fn all(_directory: Option<&Path>) -> BTreeMap<&'static str, Function> {
    functions::standard().clone()
}
