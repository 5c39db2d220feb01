//! Arguments that are set more than once.

use std::hash::{BuildHasher, RandomState};

use super::parser::Parser;
use super::problem::{PLACE, Problem};
use crate::Range;
use crate::ast::{Attribute, Body};

/// In bodies of more arguments names are not compared each with each.
const FEW: usize = 16;

impl Parser<'_> {
    /// Reports every argument whose name was there before, and leaves it out.
    pub(super) fn remove_repeated(&mut self, body: &mut Body) {
        let repeated = if body.attributes.len() <= FEW {
            repeated_of_few(&body.attributes)
        } else {
            repeated_of_many(&body.attributes)
        };
        if repeated.is_empty() {
            return;
        }
        for (index, first) in &repeated {
            let Some(attribute) = body.attributes.get(*index) else {
                continue;
            };
            self.report(
                Problem::new(
                    "Attribute redefined",
                    format!("This argument has already been set, at {PLACE}. Each can be set once."),
                    attribute.name_range,
                )
                .about(*first),
            );
        }
        let mut index = 0;
        let mut left_out = repeated.into_iter().map(|(index, _)| index).peekable();
        body.attributes.retain(|_| {
            index += 1;
            left_out.next_if_eq(&(index - 1)).is_none()
        });
    }
}

/// The indexes of attributes whose name was there before, each with where it was first.
fn repeated_of_few(attributes: &[Attribute]) -> Vec<(usize, Range)> {
    let mut repeated = Vec::new();
    for (index, attribute) in attributes.iter().enumerate() {
        let first = attributes.iter().take(index).find(|first| first.name == attribute.name);
        repeated.extend(first.map(|first| (index, first.name_range)));
    }
    repeated
}

/// The same by sorting hashes, which is kinder to the processor's caches than a table of all names.
fn repeated_of_many(attributes: &[Attribute]) -> Vec<(usize, Range)> {
    let state = RandomState::new();
    let mut hashes: Vec<(u64, usize)> = attributes
        .iter()
        .enumerate()
        .map(|(index, attribute)| (state.hash_one(&attribute.name), index))
        .collect();
    hashes.sort_unstable();
    let mut repeated = Vec::new();
    for group in hashes.chunk_by(|(a, _), (b, _)| a == b).filter(|group| group.len() > 1) {
        // Nearly always all of them have the same name.
        let mut distinct: Vec<&Attribute> = Vec::new();
        for (index, attribute) in group
            .iter()
            .filter_map(|(_, index)| Some((*index, attributes.get(*index)?)))
        {
            match distinct.iter().find(|first| first.name == attribute.name) {
                Some(first) => repeated.push((index, first.name_range)),
                None => distinct.push(attribute),
            }
        }
    }
    repeated.sort_unstable_by_key(|(index, _)| *index);
    repeated
}
