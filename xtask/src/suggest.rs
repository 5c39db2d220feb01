//! "Did you mean": the nearest of the known names.

/// What to say of a name that is not known.
pub(crate) fn unknown<'a>(kind: &str, name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let nearest = known
        .clone()
        .map(|candidate| {
            (
                if candidate.starts_with(name) {
                    0
                } else {
                    distance(name, candidate)
                },
                candidate,
            )
        })
        .min()
        .filter(|(distance, candidate)| *distance <= candidate.len() / 2);
    let all: Vec<_> = known.collect();
    match nearest {
        Some((_, candidate)) => format!(
            "unknown {kind} `{name}`: did you mean `{candidate}`? ({})",
            all.join(", ")
        ),
        None => format!("unknown {kind} `{name}`: give one of {}", all.join(", ")),
    }
}

/// How many letters to insert, drop or replace to make one word the other.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for ((y, replaced), dropped) in b.chars().zip(&row).zip(row.iter().skip(1)) {
            let inserted = next.last().map_or(usize::MAX, |left| left + 1);
            next.push((replaced + usize::from(x != y)).min(dropped + 1).min(inserted));
        }
        row = next;
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::{distance, unknown};

    #[test]
    fn the_nearest_name_is_suggested() {
        let verbs = ["setup", "test", "check"].into_iter();
        assert!(unknown("verb", "chekc", verbs.clone()).contains("did you mean `check`"));
        assert!(unknown("verb", "se", verbs.clone()).contains("did you mean `setup`"));
        assert!(unknown("verb", "frobnicate", verbs).contains("give one of setup, test, check"));
    }

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("test", "test"), 0);
        assert_eq!(distance("tset", "test"), 2);
        assert_eq!(distance("", "abc"), 3);
    }
}
