#![doc = include_str!("README.md")]

mod arithmetic;
mod conversion;
mod csv;
mod duration;
mod encoding;
mod format;
mod index;
mod json;
mod letters;
mod mapping;
mod sequence;
mod set;
mod support;
#[cfg(test)]
mod tests;
mod text;
mod time;
mod timestamp;

pub use self::encoding::encode as base64;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::{Function, Type};

/// Functions by name.
pub type Functions = BTreeMap<&'static str, Function>;

/// The functions of the `hcldec` command.
pub fn hcldec() -> &'static Functions {
    static FUNCTIONS: LazyLock<Functions> = LazyLock::new(|| {
        named([
            ("abs", arithmetic::abs()),
            ("coalesce", sequence::coalesce()),
            ("concat", sequence::concat()),
            ("hasindex", index::hasindex()),
            ("int", arithmetic::int()),
            ("jsondecode", json::jsondecode()),
            ("jsonencode", json::jsonencode()),
            ("length", index::length()),
            ("lower", letters::lower()),
            ("max", arithmetic::max()),
            ("min", arithmetic::min()),
            ("reverse", text::reverse()),
            ("strlen", text::strlen()),
            ("substr", text::substr()),
            ("upper", letters::upper()),
        ])
    });
    &FUNCTIONS
}

/// All functions of this crate: those of [`hcldec`], and what job files can call.
pub fn standard() -> &'static Functions {
    static FUNCTIONS: LazyLock<Functions> = LazyLock::new(|| {
        let mut functions = hcldec().clone();
        functions.extend(named(numbers_and_types()));
        functions.extend(named(texts()));
        functions.extend(named(collections()));
        functions
    });
    &FUNCTIONS
}

/// Each result is held to the limits.
fn named<const N: usize>(functions: [(&'static str, Function); N]) -> Functions {
    functions
        .map(|(name, function)| (name, function.checked(support::check_size)))
        .into()
}

fn numbers_and_types() -> [(&'static str, Function); 12] {
    [
        ("ceil", arithmetic::ceil()),
        ("floor", arithmetic::floor()),
        ("log", arithmetic::log()),
        ("parseint", arithmetic::parseint()),
        ("pow", arithmetic::pow()),
        ("signum", arithmetic::signum()),
        ("tobool", conversion::to(Type::Bool)),
        ("tolist", conversion::to(Type::list(Type::Any))),
        ("tomap", conversion::to(Type::map(Type::Any))),
        ("tonumber", conversion::to(Type::Number)),
        ("toset", conversion::to(Type::set(Type::Any))),
        ("tostring", conversion::to(Type::String)),
    ]
}

fn texts() -> [(&'static str, Function); 24] {
    [
        ("base64decode", encoding::base64decode()),
        ("base64encode", encoding::base64encode()),
        ("chomp", text::chomp()),
        ("csvdecode", csv::csvdecode()),
        ("endswith", text::endswith()),
        ("format", format::format()),
        ("formatdate", time::formatdate()),
        ("formatlist", format::formatlist()),
        ("indent", text::indent()),
        ("join", text::join()),
        ("replace", text::replace()),
        ("sort", text::sort()),
        ("split", text::split()),
        ("startswith", text::startswith()),
        ("strcontains", text::strcontains()),
        ("strrev", text::reverse()),
        ("timeadd", time::timeadd()),
        ("title", letters::title()),
        ("trim", text::trim()),
        ("trimprefix", text::trimprefix()),
        ("trimspace", text::trimspace()),
        ("trimsuffix", text::trimsuffix()),
        ("urlencode", encoding::urlencode()),
        ("reverse", sequence::reverse_any()),
    ]
}

fn collections() -> [(&'static str, Function); 19] {
    [
        ("chunklist", sequence::chunklist()),
        ("coalescelist", sequence::coalescelist()),
        ("compact", sequence::compact()),
        ("contains", index::contains()),
        ("distinct", sequence::distinct()),
        ("element", sequence::element()),
        ("flatten", sequence::flatten()),
        ("index", index::index()),
        ("keys", mapping::keys()),
        ("lookup", mapping::lookup()),
        ("merge", mapping::merge()),
        ("range", sequence::range()),
        ("setintersection", set::setintersection()),
        ("setproduct", set::setproduct()),
        ("setsubtract", set::setsubtract()),
        ("setunion", set::setunion()),
        ("slice", sequence::slice()),
        ("values", mapping::values()),
        ("zipmap", mapping::zipmap()),
    ]
}
