//! The functions that job files can call.
//!
//! Those of the schema language ([`functions::standard`]), and:
//!
//! | functions | feature |
//! |---|---|
//! | `regex`, `regexall`, `regex_replace` | `regex` |
//! | `md5`, `sha1`, `sha256`, `sha512`, `bcrypt` | `crypto` |
//! | `yamldecode`, `yamlencode` | `yaml` |
//! | `cidrhost`, `cidrnetmask`, `cidrsubnet`, `cidrsubnets` | |
//! | `uuidv4`, `uuidv5` | |
//! | `abspath`, `basename`, `dirname`, `pathexpand`, `file`, `filebase64`, `fileexists`, `fileset` | |
//!
//! `try` and `can` are the evaluator's own.

mod cidr;
#[cfg(feature = "crypto")]
mod crypto;
mod files;
#[cfg(feature = "regex")]
mod regex;
mod uuids;
#[cfg(feature = "yaml")]
mod yaml;

use std::collections::BTreeMap;
use std::path::Path;

use encamp_hclspec::Type;
use encamp_hclspec::Value;
use encamp_hclspec::cty::{Function, FunctionError, Parameter, functions};

/// The most bytes of text in a result.
const MAX_TEXT: usize = 16 << 20;

/// All functions by name. Those on files start at the directory; without one they are errors.
pub fn all(directory: Option<&Path>) -> BTreeMap<&'static str, Function> {
    let mut all = functions::standard().clone();
    all.extend(cidr::functions());
    all.extend(uuids::functions());
    all.extend(files::functions(directory));
    #[cfg(feature = "regex")]
    all.extend(regex::functions());
    #[cfg(feature = "crypto")]
    all.extend(crypto::functions());
    #[cfg(feature = "yaml")]
    all.extend(yaml::functions());
    all
}

/// What a function gives.
type Outcome = Result<Value, FunctionError>;

/// A parameter that takes a string.
fn string(name: &str) -> Parameter {
    Parameter::new(name, Type::String)
}

/// A parameter that takes a number.
fn number(name: &str) -> Parameter {
    Parameter::new(name, Type::Number)
}

/// A function from strings to a string.
fn of_texts<const N: usize>(
    parameters: [&str; N],
    run: impl Fn([&str; N]) -> Result<String, FunctionError> + Send + Sync + 'static,
) -> Function {
    Function::new(parameters.map(string), Type::String, move |arguments, _| {
        let mut texts = [""; N];
        for (index, place) in texts.iter_mut().enumerate() {
            *place = text(&arguments, index)?;
        }
        run(texts).map(Value::from)
    })
}

/// The text of an argument.
fn text(arguments: &[Value], index: usize) -> Result<&str, FunctionError> {
    let text = arguments.get(index).and_then(Value::as_str);
    text.ok_or_else(|| FunctionError::at(index, "a string is required"))
}

/// The whole number of an argument.
fn integer(arguments: &[Value], index: usize) -> Result<i64, FunctionError> {
    let number = arguments.get(index).and_then(Value::as_i64);
    number.ok_or_else(|| FunctionError::at(index, "a whole number is required"))
}
