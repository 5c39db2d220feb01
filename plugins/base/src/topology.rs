//! The processors of the node.

use serde::{Deserialize, Serialize};

/// The processors of the node, as its agent found them.
///
/// Whatever an agent may say about a node is data here: ids need not be in order, and nothing is promised about lengths.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topology {
    /// The NUMA nodes.
    pub node_ids: Vec<u32>,
    /// How far the NUMA nodes are from one another, where it is known.
    pub distances: Option<Distances>,
    /// The logical processors, those that tasks may not use included.
    pub cores: Vec<Core>,
    /// What the operator says that the node has, in MHz, whatever was found; 0 where the operator says nothing.
    pub override_total_compute: u64,
    /// What is kept from tasks, in MHz.
    pub override_withheld_compute: u64,
}

impl Topology {
    /// One NUMA node of so many equal cores of so many MHz.
    pub fn uniform(cores: u32, mhz: u64) -> Self {
        let core = |core_id| Core {
            core_id,
            base_speed: mhz,
            ..Core::default()
        };
        Self {
            node_ids: vec![0],
            cores: (0..cores).map(core).collect(),
            ..Self::default()
        }
    }

    /// The compute of all cores together, in MHz, unless the operator overrode it.
    pub fn total_compute_mhz(&self) -> u64 {
        match self.override_total_compute {
            0 => sum(self.cores.iter()),
            total => total,
        }
    }

    /// What of it tasks may use, in MHz: without the cores and the compute that are kept from them.
    pub fn usable_compute_mhz(&self) -> u64 {
        match self.override_total_compute {
            0 => sum(self.usable_cores()).saturating_sub(self.override_withheld_compute),
            total => total,
        }
    }

    /// The cores that tasks may use.
    pub fn usable_cores(&self) -> impl Iterator<Item = &Core> {
        self.cores.iter().filter(|core| !core.disable)
    }

    /// What one core does on average, in MHz; `None` where no core is known.
    pub fn mhz_per_core(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "no node has 2^53 MHz, or cores")]
        let mean = self.total_compute_mhz() as f64 / self.cores.len() as f64;
        (!self.cores.is_empty()).then_some(mean)
    }
}

fn sum<'c>(cores: impl Iterator<Item = &'c Core>) -> u64 {
    cores.fold(0, |sum, core| sum.saturating_add(core.mhz()))
}

/// The cost of memory from node to node, as the firmware's table (SLIT) has it: 10 is a node's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distances {
    /// How many nodes there are.
    pub dimension: u32,
    /// The table, row by row.
    pub values: Vec<u32>,
}

impl Distances {
    /// The cost for processors of node `from` of memory of node `to`.
    pub fn between(&self, from: u32, to: u32) -> Option<u32> {
        let is_inside = from < self.dimension && to < self.dimension;
        let index = u64::from(from) * u64::from(self.dimension) + u64::from(to);
        let index = usize::try_from(index).ok().filter(|_| is_inside)?;
        self.values.get(index).copied()
    }
}

/// A logical processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Core {
    /// The socket that it sits in.
    pub socket_id: u32,
    /// The NUMA node that it belongs to.
    pub node_id: u32,
    /// Its number.
    pub core_id: u32,
    /// Its kind.
    pub grade: CoreGrade,
    /// Whether tasks may not use it.
    pub disable: bool,
    /// Its base frequency in MHz; 0 where it is not known.
    pub base_speed: u64,
    /// Its highest frequency in MHz; 0 where it is not known.
    pub max_speed: u64,
    /// A guess at its frequency in MHz, for want of better.
    pub guess_speed: u64,
}

impl Core {
    /// What it counts for, in MHz: its base frequency, else its highest, else the guess.
    pub fn mhz(&self) -> u64 {
        let known = [self.base_speed, self.max_speed].into_iter().find(|speed| *speed > 0);
        known.unwrap_or(self.guess_speed)
    }
}

/// What a core is made for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CoreGrade {
    /// Speed.
    #[default]
    Performance,
    /// Saving power.
    Efficiency,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(topology: &Topology, total: u64, usable: u64) {
        let found = (topology.total_compute_mhz(), topology.usable_compute_mhz());
        assert_eq!(found, (total, usable), "{topology:?}");
    }

    #[test]
    fn a_core_counts_with_the_best_that_is_known_of_it() {
        let core = |base_speed, max_speed, guess_speed| Core {
            base_speed,
            max_speed,
            guess_speed,
            ..Core::default()
        };
        assert_eq!(core(1, 2, 3).mhz(), 1);
        assert_eq!(core(0, 2, 3).mhz(), 2);
        assert_eq!(core(0, 0, 3).mhz(), 3);
    }

    #[test]
    fn what_is_kept_from_tasks_is_not_usable() {
        let mut topology = Topology::uniform(4, 1000);
        check(&topology, 4000, 4000);
        topology.cores[3].disable = true;
        check(&topology, 4000, 3000);
        topology.override_withheld_compute = 500;
        check(&topology, 4000, 2500);
        topology.override_withheld_compute = 5000;
        check(&topology, 4000, 0);
    }

    #[test]
    fn an_operators_word_is_the_total_and_all_usable() {
        let mut topology = Topology::uniform(2, u64::MAX);
        check(&topology, u64::MAX, u64::MAX);
        topology.override_total_compute = 7000;
        topology.override_withheld_compute = 500;
        check(&topology, 7000, 7000);
        assert_eq!(topology.mhz_per_core(), Some(3500.0));
        assert_eq!(Topology::default().mhz_per_core(), None);
    }

    #[test]
    fn distances_outside_the_table_are_none() {
        let distances = Distances {
            dimension: 2,
            values: vec![10, 20, 21],
        };
        assert_eq!(distances.between(0, 1), Some(20));
        assert_eq!(distances.between(1, 0), Some(21));
        assert_eq!(distances.between(1, 1), None);
        assert_eq!(distances.between(0, 2), None);
        let lie = Distances {
            dimension: u32::MAX,
            ..Distances::default()
        };
        assert_eq!(lie.between(u32::MAX - 1, u32::MAX - 1), None);
    }
}
