//! Whether the store grows, and huge pages for it when it does no more.
//!
//! To make a huge page of a region, the system copies 2 MiB, and until it has, whoever asks it for
//! memory waits: up to 3 ms on a virtual machine. A store that grows asks all the time, one that is
//! as large as it will be hardly ever. So regions that are full wait, and are counted:
//!
//! ```text
//!   regions that wait   0    4  . . . 19   20   20      what it has gained in a second decides
//!                       |    |----------|---------|     whether it grows; while it does, the
//!                            0 s        1 s       2 s   next second is watched
//!                                       +15       +1: they ask
//! ```

use super::Server;
use crate::limits::{GROWTH_REGIONS_MAX, GROWTH_WATCHED_MS, HUGE_PAGES_ASKED_PER_TICK_MAX};
use squint_sys::Sys;

/// What is known of it.
#[derive(Debug, Default)]
pub(super) struct Growth {
    /// Nothing: no region waits.
    watch: Option<Watch>,
}

/// A time that the store is watched.
#[derive(Clone, Copy, Debug)]
struct Watch {
    /// How many regions waited at its start.
    waiting: usize,
    /// Its end, monotonic milliseconds.
    ends_ms: u64,
}

impl Growth {
    /// When regions that wait may ask, or the store has grown too much for that, monotonic
    /// milliseconds.
    pub(super) fn ends_ms(&self) -> Option<u64> {
        self.watch.map(|watch| watch.ends_ms)
    }

    /// So many regions wait now: `true` if they need not wait any more.
    #[inline]
    fn is_over(&mut self, waiting: usize, now_ms: u64) -> bool {
        match self.watch {
            _ if waiting == 0 => self.watch = None,
            Some(watch) if now_ms < watch.ends_ms => {}
            Some(watch) if waiting <= watch.waiting + GROWTH_REGIONS_MAX => return true,
            _ => {
                let ends_ms = now_ms.saturating_add(GROWTH_WATCHED_MS);
                self.watch = Some(Watch { waiting, ends_ms });
            }
        }
        false
    }
}

impl<S: Sys> Server<S> {
    /// Once the store grows no more, its regions have their turn to ask, some in each tick; `true`
    /// if any had.
    pub(super) fn ask_for_huge_pages(&mut self) -> bool {
        let waiting = self.engine.store.waiting_regions();
        let is_over = self.growth.is_over(waiting, self.now.monotonic_ms);
        if is_over {
            self.engine.store.ask_for_huge_pages(HUGE_PAGES_ASKED_PER_TICK_MAX);
        }
        is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_over_when_little_has_been_gained_for_a_while() {
        let mut growth = Growth::default();
        assert_eq!((growth.is_over(0, 5), growth.ends_ms()), (false, None));
        assert!(!growth.is_over(4, 10) && !growth.is_over(19, 1_009));
        assert_eq!(growth.ends_ms(), Some(1_010));
        assert!(!growth.is_over(19, 1_100), "it has grown");
        assert_eq!(growth.ends_ms(), Some(2_100));
        assert!(!growth.is_over(21, 2_099) && growth.is_over(21, 2_100));
    }

    #[test]
    fn those_that_still_wait_ask_at_once() {
        let mut growth = Growth::default();
        assert!(!growth.is_over(100, 0));
        assert!(growth.is_over(100, GROWTH_WATCHED_MS));
        assert!(growth.is_over(36, GROWTH_WATCHED_MS), "the next of them in the next tick");
        assert!(!growth.is_over(0, GROWTH_WATCHED_MS) && growth.ends_ms().is_none());
    }
}
