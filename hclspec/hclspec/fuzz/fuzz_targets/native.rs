#![no_main]

#[path = "common.rs"]
mod common;

use encamp_hclspec::{Body, Source};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| common::bounded(data, || run(data)));

fn run(data: &[u8]) {
    let source = match Source::from_bytes("fuzz.hcl", data.to_vec()) {
        Ok(source) => source,
        Err(diagnostics) => return common::check(&diagnostics),
    };
    let (body, diagnostics) = Body::parse_lossy(&source);
    common::check(&diagnostics);
    common::decode_all(&body);
}
