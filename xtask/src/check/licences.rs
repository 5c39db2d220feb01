//! What licences the dependencies have; the list of the allowed ones is in deny.toml.

use std::fs;

use super::Finding;
use crate::workspace::Workspace;

pub(super) fn check(workspace: &Workspace) -> Vec<Finding> {
    let deny = fs::read_to_string(workspace.root.join("deny.toml")).unwrap_or_default();
    let allowed = allowed(&deny);
    if allowed.is_empty() {
        return vec![Finding::new("deny.toml", "has no list `allow` in [licenses]")];
    }
    let refused = workspace
        .packages
        .values()
        .filter_map(|package| match package.licence.as_deref() {
            Some(licence) if is_allowed(licence, &allowed) => None,
            Some(licence) => Some(format!(
                "{} is under {licence}, which the list does not allow",
                package.name
            )),
            None => Some(format!("{} names no licence", package.name)),
        });
    refused.map(|what| Finding::new("deny.toml", what)).collect()
}

/// The list `allow` of the section `[licenses]`.
fn allowed(deny: &str) -> Vec<String> {
    let list = deny
        .split("[licenses]")
        .nth(1)
        .and_then(|section| section.split("allow = [").nth(1));
    let list = list.and_then(|list| list.split(']').next()).unwrap_or_default();
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Whether an SPDX expression can be met with the allowed licences. `AND` binds more than `OR`; some old packages write
/// `/` for `OR`.
fn is_allowed(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser { words: &words, allowed };
    let met = parser.or();
    met && parser.words.is_empty()
}

struct Parser<'a> {
    words: &'a [&'a str],
    allowed: &'a [String],
}

impl Parser<'_> {
    fn or(&mut self) -> bool {
        let mut met = self.and();
        while self.take("OR") {
            // Not `||`: the second part has to be read in any case.
            met |= self.and();
        }
        met
    }

    fn and(&mut self) -> bool {
        let mut met = self.one();
        while self.take("AND") {
            met &= self.one();
        }
        met
    }

    fn one(&mut self) -> bool {
        if self.take("(") {
            let met = self.or();
            return self.take(")") && met;
        }
        let Some((name, rest)) = self.words.split_first() else {
            return false;
        };
        self.words = rest;
        let mut name = (*name).to_owned();
        if self.take("WITH")
            && let Some((exception, rest)) = self.words.split_first()
        {
            name = format!("{name} WITH {exception}");
            self.words = rest;
        }
        self.allowed.contains(&name)
    }

    fn take(&mut self, word: &str) -> bool {
        match self.words.split_first() {
            Some((first, rest)) if *first == word => {
                self.words = rest;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{allowed, is_allowed};

    #[test]
    fn expressions_are_met_by_the_allowed_licences() {
        let allowed = ["MIT", "Apache-2.0", "Unicode-3.0", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned);
        let cases = [
            ("MIT", true),
            ("MIT OR Apache-2.0", true),
            ("MIT/Apache-2.0", true),
            ("GPL-3.0-only OR MIT", true),
            ("GPL-3.0-only", false),
            ("MIT AND GPL-3.0-only", false),
            ("(MIT OR GPL-2.0) AND Unicode-3.0", true),
            ("GPL-2.0 OR MIT AND GPL-3.0-only", false),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("MIT WITH LLVM-exception", false),
            ("MIT MIT", false),
            ("", false),
        ];
        for (expression, wanted) in cases {
            assert_eq!(is_allowed(expression, &allowed), wanted, "{expression}");
        }
    }

    #[test]
    fn the_list_is_read_from_the_settings_of_cargo_deny() {
        let deny = "[bans]\nallow = [\"x\"]\n\n[licenses]\n# why\nallow = [\n    \"MIT\", \"ISC\",\n]\n[sources]\n";
        assert_eq!(allowed(deny), ["MIT", "ISC"]);
    }
}
