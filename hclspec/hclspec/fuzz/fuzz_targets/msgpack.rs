#![no_main]

#[path = "common.rs"]
#[expect(dead_code, reason = "shared with targets that decode")]
mod common;

use encamp_hclspec::Value;
use encamp_hclspec_msgpack::{cty, legacy};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| common::bounded(data, || run(data)));

fn run(data: &[u8]) {
    if let Ok(value) = cty::from_slice_implied(data) {
        let bytes = cty::to_vec(&value).expect("what was read can be written");
        assert_eq!(cty::from_slice(&bytes, &value.ty()).expect("what was written can be read"), value);
    }
    if let Ok(value) = legacy::from_slice::<serde_json::Value>(data) {
        let bytes = legacy::to_vec(&value).expect("what was read can be written");
        assert_eq!(legacy::from_slice::<serde_json::Value>(&bytes).expect("what was written can be read"), value);
    }
    let _ = legacy::from_slice::<Value>(data);
}
