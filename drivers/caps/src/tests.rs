use super::*;

fn set(names: &[&str]) -> CapabilitySet {
    CapabilitySet::parse(names, CapabilitySet::known()).expect("names of capabilities")
}
