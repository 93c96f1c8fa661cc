//! The machine that the page runs on, as far as the browser tells.

/// Below so much memory each worker counts: a phone ends tabs that take too much.
const LITTLE_MEMORY_GB: f64 = 2.0;

/// Workers where memory is little, or data is to be saved.
const FEW_WORKERS: usize = 2;

/// What a browser tells of its machine.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Machine {
    /// Cores; 0 or not a number if the browser does not say.
    pub cores: f64,
    /// Memory in GB, roughly; `None` where the browser does not say.
    pub memory_gb: Option<f64>,
    /// Whether the user asked for little to be transferred, as one does on a phone.
    pub saves_data: bool,
}

impl Machine {
    /// How many workers it should have, at least one and `most` at most.
    pub fn workers(self, most: usize) -> usize {
        let has_little = self
            .memory_gb
            .is_some_and(|memory| memory <= LITTLE_MEMORY_GB);
        let most = match has_little || self.saves_data {
            true => most.min(FEW_WORKERS),
            false => most,
        };
        (1..=most)
            .rev()
            .find(|count| *count as f64 <= self.cores)
            .unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_machine_has_few_workers() {
        let check = |cores: f64, memory_gb: Option<f64>, saves_data: bool, expect: usize| {
            let machine = Machine {
                cores,
                memory_gb,
                saves_data,
            };
            assert_eq!(machine.workers(8), expect, "{machine:?}");
        };
        check(16.0, None, false, 8);
        check(4.0, Some(8.0), false, 4);
        check(8.0, Some(2.0), false, 2);
        check(8.0, Some(4.0), true, 2);
        check(1.0, Some(0.5), false, 1);
        check(0.0, None, false, 1);
        check(f64::NAN, None, false, 1);
    }
}
