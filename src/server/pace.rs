//! How much is done at once: groups and ticks are bounded by what they take, too.
//!
//! The bounds that are counted (`limits.rs`) are right for requests of a microsecond. A search
//! through a long list takes a thousand times as long, and a pipeline of them would hold up
//! everybody else for a second:
//!
//! ```text
//!   requests in a group    64          32         16         16     64
//!                       ├──────────┼──────────┼──────────┼─ ─ ─ ─┼───
//!   took                   40 ms       20         10          5      0.1
//!                               │          │          │
//!                               tick over: replies are written, and whoever
//!                               has not had a turn has it next
//! ```
//!
//! The time is that which the tick measures anyway; if another process has had the processor, it
//! counts as well, which does no harm. One group alone ends no tick: it may have been a single
//! request (DEBUG SLEEP), and what its client has sent behind it belongs to it.

use crate::limits::{EXECUTION_PER_GROUP_NS_MAX, EXECUTION_PER_TICK_NS_MAX, GROUP_REQUESTS_MAX};

/// See the module's page.
#[derive(Debug)]
pub(super) struct Pace {
    /// Most requests of a group.
    requests_max: usize,
    /// Groups of this tick.
    groups: usize,
    /// What they have taken, nanoseconds.
    spent_ns: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { requests_max: GROUP_REQUESTS_MAX, groups: 0, spent_ns: 0 }
    }
}

impl Pace {
    /// Most requests of the next group.
    pub(super) const fn requests_max(&self) -> usize {
        self.requests_max
    }

    /// A group of this tick has run, and taken so long.
    #[inline]
    pub(super) fn note(&mut self, ns: u64) {
        self.groups += 1;
        self.spent_ns = self.spent_ns.saturating_add(ns);
        if ns > EXECUTION_PER_GROUP_NS_MAX {
            self.requests_max = (self.requests_max / 2).max(1);
        } else if ns < EXECUTION_PER_GROUP_NS_MAX / 4 {
            self.requests_max = (self.requests_max * 2).min(GROUP_REQUESTS_MAX);
        }
    }

    /// Whether the tick shall take no further group.
    pub(super) const fn is_tick_over(&self) -> bool {
        self.groups > 1 && self.spent_ns >= EXECUTION_PER_TICK_NS_MAX
    }

    /// The next group is that of another tick.
    pub(super) const fn end_tick(&mut self) {
        (self.groups, self.spent_ns) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_that_take_long_become_small_and_grow_again() {
        let mut pace = Pace::default();
        let mut sizes = |ns| {
            let sizes = (0..8).map(|_| {
                pace.note(ns);
                pace.requests_max()
            });
            sizes.collect::<Vec<_>>()
        };
        assert_eq!(sizes(EXECUTION_PER_GROUP_NS_MAX + 1), [32, 16, 8, 4, 2, 1, 1, 1]);
        assert_eq!(sizes(EXECUTION_PER_GROUP_NS_MAX / 2), [1; 8]);
        assert_eq!(sizes(1_000), [2, 4, 8, 16, 32, 64, 64, 64]);
    }

    #[test]
    fn a_tick_is_over_when_its_groups_have_taken_their_time() {
        let mut pace = Pace::default();
        let mut is_over_after = |ns| {
            pace.note(ns);
            pace.is_tick_over()
        };
        assert!(!is_over_after(1) && !is_over_after(EXECUTION_PER_TICK_NS_MAX - 2));
        assert!(is_over_after(1));
        pace.end_tick();
        assert!(!pace.is_tick_over());
    }

    #[test]
    fn a_single_group_ends_no_tick() {
        let mut pace = Pace::default();
        pace.note(u64::MAX);
        assert!(!pace.is_tick_over());
        pace.note(u64::MAX);
        assert!(pace.is_tick_over());
    }
}
