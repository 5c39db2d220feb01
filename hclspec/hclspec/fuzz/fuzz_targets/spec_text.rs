#![no_main]

#[path = "common.rs"]
#[expect(dead_code, reason = "shared with targets that decode")]
mod common;

use encamp_hclspec::{Source, spec};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| common::bounded(data, || run(data)));

fn run(data: &[u8]) {
    let Ok(source) = Source::from_bytes("fuzz.hcldec", data.to_vec()) else { return };
    match spec::text::parse(&source) {
        Err(diagnostics) => common::check(&diagnostics),
        Ok(spec) => {
            let text = spec.to_string();
            let again = spec::text::parse(&Source::new("again.hcldec", text.clone()));
            assert_eq!(again.expect("what was written can be read"), spec, "{text}");
        }
    }
}
