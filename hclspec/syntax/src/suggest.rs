//! "Did you mean".

/// The candidate that is most like a misspelt name, if one is like it enough.
///
/// Like enough is an edit distance (with swaps of neighbours) of at most a third of the longer name's length, so that
/// short names are only suggested for near misses; or the same name but for case, `-` and `_`.
pub fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = fold(name);
    let length = plain.chars().count();
    // Names of arguments are short; a monster is not worth its distance.
    if length > 64 {
        return None;
    }
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= 64)
        .filter_map(|candidate| {
            let other = fold(candidate);
            let distance = strsim::osa_distance(&plain, &other);
            let allowed = length.max(other.chars().count()) / 3;
            (distance <= allowed).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// ` Did you mean "x"?` with a leading space, or nothing.
pub fn hint<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    did_you_mean(name, candidates).map_or_else(String::new, |candidate| format!(" Did you mean \"{candidate}\"?"))
}

fn fold(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    fn check(name: &str, candidates: &[&str], expected: Option<&str>) {
        assert_eq!(did_you_mean(name, candidates.iter().copied()), expected, "{name}");
    }

    #[test]
    fn near_misses_are_suggested_and_unrelated_short_names_are_not() {
        let names = ["image", "args", "command", "n", "memory_max", "cpu"];
        check("imgae", &names, Some("image"));
        check("arg", &names, Some("args"));
        check("memory-max", &names, Some("memory_max"));
        check("memmory_max", &names, Some("memory_max"));
        check("Command", &names, Some("command"));
        check("cup", &names, Some("cpu"));
        check("sx", &names, None);
        check("entrypoint", &names, None);
        check("", &names, None);
    }
}
