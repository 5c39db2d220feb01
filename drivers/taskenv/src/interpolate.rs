//! `${...}` in texts.

/// Replaces every `${name}` in `text` by what `lookup` has for the name; what it does not know stays as it stands.
///
/// A name is made of letters, digits, `_`, `-` and `.`; anything else between the braces is not a reference. What is
/// inserted is not looked at again.
///
/// ```
/// let lookup = |name: &str| (name == "a").then_some("${b}");
/// assert_eq!(encamp_taskenv::interpolate("${a} ${b} ${ a }", lookup), "${b} ${b} ${ a }");
/// ```
pub fn interpolate<'v>(text: &str, lookup: impl Fn(&str) -> Option<&'v str>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        if let Some((name, tail)) = reference(after) {
            match lookup(name) {
                Some(value) => out.push_str(value),
                None => out.extend(["${", name, "}"]),
            }
            rest = tail;
        } else {
            out.push_str("${");
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// The name that a reference begins with, and what follows the reference.
fn reference(after: &str) -> Option<(&str, &str)> {
    let (name, tail) = after.split_once('}')?;
    let named = !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    named.then_some((name, tail))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let lookup = |name: &str| match name {
            "a" => Some("1"),
            "meta.with-dash_1" => Some("2"),
            "empty" => Some(""),
            "ref" => Some("${a}"),
            _ => None,
        };
        assert_eq!(interpolate(text, lookup), expected);
    }

    #[test]
    fn known_names_are_replaced_and_unknown_ones_stay() {
        check("", "");
        check("${a}", "1");
        check("x${a}${meta.with-dash_1}y${empty}", "x12y");
        check("${nope} ${a}", "${nope} 1");
    }

    #[test]
    fn what_is_inserted_is_not_looked_at_again() {
        check("${ref}", "${a}");
    }

    #[test]
    fn what_is_not_quite_a_reference_stays() {
        for text in [
            "${", "${}", "${ a }", "$a", "$ {a}", "{a}", "${a b}", "${ä}", "${a", "$$", "${a[0]}",
        ] {
            check(text, text);
        }
        check("${${a}", "${1");
        check("$${a}", "$1");
    }

    proptest! {
        #[test]
        fn a_text_without_known_names_is_left_alone(text in ".*") {
            prop_assert_eq!(interpolate(&text, |_| None), text);
        }
    }
}
