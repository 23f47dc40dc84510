//! Whether the store grows, and huge pages for it when it does no more.
//!
//! To make a huge page of a region, the system copies 2 MiB, and until it has, whoever asks it for
//! memory waits: up to 3 ms on a virtual machine. A store that grows asks all the time, one that is
//! as large as it will be hardly ever. So regions that are full wait until none has been
//! added for a while ([`HUGE_PAGES_DELAY_MS`]).

use super::Server;
use crate::limits::{HUGE_PAGES_ASKED_PER_TICK_MAX, HUGE_PAGES_DELAY_MS};
use squint_sys::Sys;

/// What is known of it.
#[derive(Debug, Default)]
pub(super) struct Growth {
    /// How many regions waited when somebody last looked.
    waiting: usize,
    /// When it will be over, unless one more comes.
    ends_ms: u64,
}

impl Growth {
    /// When it will be over, monotonic milliseconds, if any regions wait for that.
    pub(super) fn ends_ms(&self) -> Option<u64> {
        (self.waiting > 0).then_some(self.ends_ms)
    }

    /// So many regions wait now: `true` if it is over, and they need not wait any more.
    #[inline]
    fn is_over(&mut self, waiting: usize, now_ms: u64) -> bool {
        if waiting > self.waiting {
            self.ends_ms = now_ms.saturating_add(HUGE_PAGES_DELAY_MS);
        }
        self.waiting = waiting;
        waiting > 0 && self.ends_ms <= now_ms
    }
}

impl<S: Sys> Server<S> {
    /// Once the store has not grown for a while, its regions ask, some in each tick; `true` if any
    /// has asked.
    pub(super) fn ask_for_huge_pages(&mut self) -> bool {
        let waiting = self.engine.store.waiting_regions();
        let is_over = self.growth.is_over(waiting, self.now.monotonic_ms);
        if is_over {
            self.engine.store.ask_for_huge_pages(HUGE_PAGES_ASKED_PER_TICK_MAX);
            self.growth.waiting = self.engine.store.waiting_regions();
        }
        is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_over_when_none_has_been_added_for_a_while() {
        let mut growth = Growth::default();
        assert_eq!((growth.is_over(0, 5), growth.ends_ms()), (false, None));
        for (waiting, now_ms) in [(4, 10), (5, 900), (5, 1_500)] {
            assert!(!growth.is_over(waiting, now_ms));
        }
        let end_ms = 900 + HUGE_PAGES_DELAY_MS;
        assert_eq!(growth.ends_ms(), Some(end_ms));
        assert!(!growth.is_over(5, end_ms - 1) && growth.is_over(5, end_ms));
    }

    #[test]
    fn fewer_that_wait_are_no_growth() {
        let mut growth = Growth::default();
        assert!(!growth.is_over(100, 0));
        assert!(growth.is_over(100, HUGE_PAGES_DELAY_MS));
        assert!(growth.is_over(36, HUGE_PAGES_DELAY_MS), "the next of them in the next tick");
        assert!(!growth.is_over(0, HUGE_PAGES_DELAY_MS) && growth.ends_ms().is_none());
    }
}
