//! The dialect of Go's plugin structs: msgpack before `str8` and `bin`.
//!
//! Text and bytes are one kind, `raw`; a struct is a map with its fields sorted by name; signed integers take signed
//! forms. Durations are integers, in nanoseconds; times are [`GoTime`]s.

mod decode;
mod encode;
mod time;

pub use decode::from_slice;
pub use encode::to_vec;
pub use time::GoTime;
