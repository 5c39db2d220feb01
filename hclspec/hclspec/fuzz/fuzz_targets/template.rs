#![no_main]

#[path = "common.rs"]
#[expect(dead_code, reason = "shared with targets that decode")]
mod common;

use encamp_hclspec::{Expression, Source};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| common::bounded(data, || run(data)));

fn run(data: &[u8]) {
    let Ok(source) = Source::from_bytes("fuzz.hcl", data.to_vec()) else { return };
    for parse in [Expression::parse, Expression::parse_template] {
        let expression = match parse(source.clone()) {
            Ok(expression) => expression,
            Err(diagnostics) => {
                common::check(&diagnostics);
                continue;
            }
        };
        let _ = expression.variables();
        if let Err(diagnostics) = expression.to_type() {
            common::check(&diagnostics);
        }
        for context in common::contexts() {
            let value = expression.evaluate(&context);
            if let Err(diagnostics) = &value {
                common::check(diagnostics);
            }
            assert_eq!(value, expression.evaluate(&context));
        }
    }
}
