//! Hashes, in hexadecimal digits.

use std::fmt::Write as _;

use encamp_hclspec::cty::{Function, FunctionError};
use encamp_hclspec::{Type, Value};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::{Outcome, integer, number, of_texts, string, text};

/// What `bcrypt` costs where nothing is said, and what it may cost at most: about a second.
const COSTS: (i64, i64) = (10, 14);

pub(super) fn functions() -> [(&'static str, Function); 5] {
    [
        ("md5", of_texts(["str"], |[text]| Ok(hex(&Md5::digest(text))))),
        ("sha1", of_texts(["str"], |[text]| Ok(hex(&Sha1::digest(text))))),
        ("sha256", of_texts(["str"], |[text]| Ok(hex(&Sha256::digest(text))))),
        ("sha512", of_texts(["str"], |[text]| Ok(hex(&Sha512::digest(text))))),
        (
            "bcrypt",
            Function::new([string("str")], Type::String, |arguments, _| bcrypt(&arguments)).variadic(number("cost")),
        ),
    ]
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn bcrypt(arguments: &[Value]) -> Outcome {
    let (usual, most) = COSTS;
    let cost = match arguments.len() {
        1 => usual,
        2 => integer(arguments, 1)?,
        _ => return Err(FunctionError::new("bcrypt takes a text and a cost, no more")),
    };
    let cost = u32::try_from(cost)
        .ok()
        .filter(|cost| (4..=most).contains(&i64::from(*cost)));
    let cost = cost.ok_or_else(|| FunctionError::at(1, format!("the cost is a whole number from 4 to {most}")))?;
    let hashed = bcrypt::hash(text(arguments, 0)?, cost);
    hashed
        .map(Value::from)
        .map_err(|_| FunctionError::at(0, "the text cannot be hashed"))
}
