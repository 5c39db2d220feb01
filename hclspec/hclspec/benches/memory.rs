//! How much memory parsing and decoding takes at most, and how many allocations: in parts of the text's length.
//!
//! Not in the bench of the time, since counting takes time too.

mod inputs;

use std::sync::Arc;

use allocation_counter::{AllocationInfo, measure};
use encamp_hclspec::spec::text::SpecFile;
use encamp_hclspec::{Body, Source, decode};

use self::inputs::{SHAPES, Shape};

const KIB: usize = 1024;
const SIZES: [usize; 3] = [100 * KIB, 1024 * KIB, 10 * 1024 * KIB];

#[expect(clippy::print_stdout, reason = "the figures are what a bench is for")]
fn main() {
    println!(
        "{:<44}{:>14}{:>14}{:>14}",
        "text", "peak/byte", "of hcl-edit", "allocs/KiB"
    );
    for shape in SHAPES {
        for size in SIZES {
            let text = shape.text(size);
            let ours = ours(shape, &text);
            let peer = measure(|| drop(hcl_edit::parser::parse_body(&text)));
            let name = format!("{}, {} KiB", shape.name, size / KIB);
            let (peak, of_peer) = (per_byte(&ours, &text), per_byte(&peer, &text));
            let count = ours.count_total / (text.len() / KIB).max(1) as u64;
            println!("{name:<44}{peak:>14.1}{of_peer:>14.1}{count:>14}");
        }
    }
}

/// Parsing and decoding, the text itself counted in.
#[expect(clippy::panic, reason = "a bench of a wrong text is wrong itself")]
fn ours(shape: Shape, text: &str) -> AllocationInfo {
    let spec = Source::new("bench.hcldec", (shape.spec)());
    let spec = SpecFile::parse(&spec).unwrap_or_else(|errors| panic!("{:?}", errors.iter().next()));
    let context = spec.context();
    measure(|| {
        let source = Source::new("bench.hcl", text.to_owned());
        let value = Body::parse(Arc::clone(&source)).and_then(|body| decode(&spec.spec, &body, &context));
        if let Err(errors) = value {
            panic!("{:?}", errors.iter().next());
        }
    })
}

#[expect(clippy::cast_precision_loss, reason = "both are far below 2^52")]
fn per_byte(info: &AllocationInfo, text: &str) -> f64 {
    info.bytes_max as f64 / text.len() as f64
}
