//! The dialect of cty: a value by its own type.
//!
//! Objects and maps are maps with sorted keys; lists, sets and tuples are arrays. An integer from -2^63 up to 2^63 - 1
//! is an integer in its shortest form, any other number that a 64-bit float holds exactly is such a float, and what is
//! left is decimal text.

mod decode;
mod encode;

pub use decode::{from_slice, from_slice_implied};
pub use encode::to_vec;
