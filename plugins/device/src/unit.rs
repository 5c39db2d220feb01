//! Units of numbers.

use std::fmt;

/// A unit that schedulers know, and how much of its kind's base unit one of it is.
///
/// ```
/// use encamp_device::{Unit, UnitKind};
///
/// let unit = Unit::of("GiB").unwrap();
/// assert_eq!(unit.kind(), UnitKind::Bytes);
/// assert_eq!(unit.in_base(1.5), 1.5 * 1024.0 * 1024.0 * 1024.0);
/// assert_eq!(Unit::of("gib"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Unit {
    name: &'static str,
    kind: UnitKind,
    multiplier: u64,
    divisor: u64,
}

/// What a unit measures. Numbers in units of one kind can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnitKind {
    /// Bytes.
    Bytes,
    /// Bytes per second.
    ByteRate,
    /// Hertz.
    Hertz,
    /// Watts.
    Watts,
}

impl Unit {
    /// All units, those of one kind in order of their size.
    pub const ALL: &[Self] = &[
        Self::new("kB", UnitKind::Bytes, 1_000),
        Self::new("KB", UnitKind::Bytes, 1_000),
        Self::new("KiB", UnitKind::Bytes, 1 << 10),
        Self::new("MB", UnitKind::Bytes, 1_000_000),
        Self::new("MiB", UnitKind::Bytes, 1 << 20),
        Self::new("GB", UnitKind::Bytes, 1_000_000_000),
        Self::new("GiB", UnitKind::Bytes, 1 << 30),
        Self::new("TB", UnitKind::Bytes, 1_000_000_000_000),
        Self::new("TiB", UnitKind::Bytes, 1 << 40),
        Self::new("PB", UnitKind::Bytes, 1_000_000_000_000_000),
        Self::new("PiB", UnitKind::Bytes, 1 << 50),
        Self::new("EB", UnitKind::Bytes, 1_000_000_000_000_000_000),
        Self::new("EiB", UnitKind::Bytes, 1 << 60),
        Self::new("kB/s", UnitKind::ByteRate, 1_000),
        Self::new("KB/s", UnitKind::ByteRate, 1_000),
        Self::new("KiB/s", UnitKind::ByteRate, 1 << 10),
        Self::new("MB/s", UnitKind::ByteRate, 1_000_000),
        Self::new("MiB/s", UnitKind::ByteRate, 1 << 20),
        Self::new("GB/s", UnitKind::ByteRate, 1_000_000_000),
        Self::new("GiB/s", UnitKind::ByteRate, 1 << 30),
        Self::new("TB/s", UnitKind::ByteRate, 1_000_000_000_000),
        Self::new("TiB/s", UnitKind::ByteRate, 1 << 40),
        Self::new("PB/s", UnitKind::ByteRate, 1_000_000_000_000_000),
        Self::new("PiB/s", UnitKind::ByteRate, 1 << 50),
        Self::new("EB/s", UnitKind::ByteRate, 1_000_000_000_000_000_000),
        Self::new("EiB/s", UnitKind::ByteRate, 1 << 60),
        Self::new("MHz", UnitKind::Hertz, 1_000_000),
        Self::new("GHz", UnitKind::Hertz, 1_000_000_000),
        Self {
            divisor: 1_000,
            ..Self::new("mW", UnitKind::Watts, 1)
        },
        Self::new("W", UnitKind::Watts, 1),
        Self::new("kW", UnitKind::Watts, 1_000),
        Self::new("MW", UnitKind::Watts, 1_000_000),
        Self::new("GW", UnitKind::Watts, 1_000_000_000),
    ];

    const fn new(name: &'static str, kind: UnitKind, multiplier: u64) -> Self {
        Self {
            name,
            kind,
            multiplier,
            divisor: 1,
        }
    }

    /// The unit of this name. Case matters: `mW` is not `MW`.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|unit| unit.name == name)
    }

    /// The unit that a text ends with, the one of the longest name: `5MiB/s` is no `s`, and `5kW` no `W`.
    pub fn at_end_of(text: &str) -> Option<Self> {
        let fitting = Self::ALL.iter().filter(|unit| text.ends_with(unit.name));
        fitting.max_by_key(|unit| unit.name.len()).copied()
    }

    /// What it is written as.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// What it measures.
    pub const fn kind(self) -> UnitKind {
        self.kind
    }

    /// So many of this unit, in the base unit of its kind.
    #[expect(
        clippy::cast_precision_loss,
        reason = "multipliers are short decimals or powers of two: none is lost"
    )]
    pub fn in_base(self, value: f64) -> f64 {
        value * self.multiplier as f64 / self.divisor as f64
    }

    /// So many of this unit, exactly, on a scale that it shares with `other`, which is of the same kind.
    pub(crate) fn scaled(self, value: i64, other: Self) -> i128 {
        // The divisors of bytes are 1, and the multipliers of watts small: 2^123 at most.
        i128::from(value) * i128::from(self.multiplier) * i128::from(other.divisor)
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, kind: UnitKind, base: f64) {
        let unit = Unit::of(text).unwrap();
        assert_eq!((unit.kind(), unit.in_base(1.0)), (kind, base), "{text}");
        assert_eq!(unit.to_string(), text);
        assert_eq!(Unit::at_end_of(&format!("17{text}")), Some(unit));
    }

    #[test]
    fn a_unit_is_so_many_of_its_base() {
        check("KiB", UnitKind::Bytes, 1024.0);
        check("kB", UnitKind::Bytes, 1000.0);
        check("KB", UnitKind::Bytes, 1000.0);
        check("EiB", UnitKind::Bytes, 1_152_921_504_606_846_976.0);
        check("EB", UnitKind::Bytes, 1e18);
        check("MiB/s", UnitKind::ByteRate, 1_048_576.0);
        check("GHz", UnitKind::Hertz, 1e9);
        check("mW", UnitKind::Watts, 0.001);
        check("W", UnitKind::Watts, 1.0);
        check("kW", UnitKind::Watts, 1000.0);
        check("GW", UnitKind::Watts, 1e9);
    }

    #[test]
    fn every_unit_is_found_at_the_end_of_a_text() {
        for unit in Unit::ALL {
            check(unit.name, unit.kind, unit.in_base(1.0));
        }
        assert_eq!(Unit::at_end_of("5B"), None);
        assert_eq!(Unit::at_end_of("5 mib"), None);
        assert_eq!(Unit::at_end_of(""), None);
    }

    #[test]
    fn no_two_units_have_one_name() {
        for (number, unit) in Unit::ALL.iter().enumerate() {
            assert_eq!(Unit::ALL.iter().position(|other| other.name == unit.name), Some(number));
        }
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        for unit in Unit::ALL {
            for other in Unit::ALL.iter().filter(|other| other.kind == unit.kind) {
                assert!(unit.scaled(i64::MIN, *other) < 0, "{unit} {other}");
            }
        }
    }
}
