//! The calling thread's bounding set, by the numbers of its capabilities: also of those that have no name here.

use std::io;

use rustix::thread::{CapabilitySet, capability_is_in_bounding_set, remove_capability_from_bounding_set};

/// Whether it holds a capability; `None` where the kernel has none of that number.
pub(crate) fn holds(number: u32) -> Option<bool> {
    capability_is_in_bounding_set(one(number)?).ok()
}

/// Drops all but those of a mask.
pub(crate) fn keep(mask: u64) -> io::Result<()> {
    for number in 0..u64::BITS {
        let Some(is_held) = holds(number) else { break };
        if let Some(capability) = one(number).filter(|capability| is_held && capability.bits() & mask == 0) {
            remove_capability_from_bounding_set(capability)?;
        }
    }
    Ok(())
}

fn one(number: u32) -> Option<CapabilitySet> {
    1_u64.checked_shl(number).map(CapabilitySet::from_bits_retain)
}
