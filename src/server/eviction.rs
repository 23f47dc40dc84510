//! Eviction: clients that together use more memory than `maxmemory-clients` are closed, those that
//! use most first, until the rest fits.
//!
//! ```text
//!   who uses less than 4 KiB   [ 7 ] <-> [ 2 ] <-> [ 31 ]
//!                  4 to 8 KiB   [ 5 ]                      a list for each power of two
//!                     . . .
//!                  1 to 2 MiB   [ 9 ] <-> [ 4 ]            9 goes first, then 4, then 5
//! ```
//!
//! With a limit, a client is measured when it may have come to use more or less: when it connects,
//! when a part of a request has been read, after its run, when others have put something into its
//! output, when that was written. That costs the same however many clients there are and however
//! much lies in their outputs, and so does finding the next one to go. Without a limit nobody is
//! measured, and this holds no memory.
//!
//! Whether all use too much is looked at before requests run, so that none adds to it, and at the
//! end of a tick, when what could be written has been.

use super::Server;
use crate::client::ClientId;
use crate::command::{Host, client_list};
use crate::event_loop::intrusive_list::{Link, Linked, List};
use crate::logging::Level;
use crate::reply_buffer::ReplyBuffer;
use squint_sys::Sys;
use std::mem::take;

/// Amounts of so many bits are in one list: a reply more or less moves nobody.
const SMALL_BITS: usize = 12;

/// A list for each number of bits that an amount of bytes may have beyond these.
const SIZES: usize = usize::BITS as usize - SMALL_BITS + 1;

/// What all clients use together, and who uses most.
#[derive(Debug)]
pub(super) struct Eviction {
    /// What they may use. The highest number there is: any amount, and nobody is measured.
    limit_bytes: usize,
    /// What they use, those included that are never closed for it.
    sum_bytes: usize,
    /// Each client, by slot.
    holders: Vec<Holder>,
    /// Those that may be closed, by size.
    sizes: [List; SIZES],
    /// Those that are written to in this tick.
    writers: Vec<ClientId>,
}

/// What one client uses.
#[derive(Clone, Copy, Debug, Default)]
struct Holder {
    bytes: usize,
    /// In the list of its size, unless it is excused.
    link: Link,
}

/// The `link` of each holder.
struct Links<'a>(&'a mut [Holder]);

impl Linked for Links<'_> {
    fn link(&mut self, index: u32) -> &mut Link {
        &mut self.0[index as usize].link
    }
}

impl Eviction {
    /// No limit.
    pub(super) const fn off() -> Self {
        Self {
            limit_bytes: usize::MAX,
            sum_bytes: 0,
            holders: Vec::new(),
            sizes: [const { List::new() }; SIZES],
            writers: Vec::new(),
        }
    }

    /// Nobody measured yet; 0 bytes: no limit.
    fn with_limit(bytes: u64) -> Self {
        let bytes = usize::try_from(bytes).ok().filter(|bytes| *bytes > 0);
        Self { limit_bytes: bytes.unwrap_or(usize::MAX), ..Self::off() }
    }

    /// There is a limit.
    #[inline]
    pub(super) const fn is_on(&self) -> bool {
        self.limit_bytes < usize::MAX
    }

    /// They use more than they may.
    #[inline]
    const fn is_over(&self) -> bool {
        self.sum_bytes > self.limit_bytes
    }

    /// The client at `index` uses so much now. Who is excused counts, but is not closed for it.
    fn note(&mut self, index: u32, bytes: usize, is_excused: bool) {
        let place = index as usize;
        if self.holders.len() <= place {
            self.holders.resize(place + 1, Holder::default());
        }
        let former = self.holders[place];
        let is_listed = former.link.is_linked();
        let is_same_size = size_of_holder(former.bytes) == size_of_holder(bytes);
        self.sum_bytes = self.sum_bytes - former.bytes + bytes;
        if is_listed && (is_excused || !is_same_size) {
            self.unlist(index);
        }
        self.holders[place].bytes = bytes;
        if !is_excused && !self.holders[place].link.is_linked() {
            self.sizes[size_of_holder(bytes)].push_back(&mut Links(&mut self.holders), index);
        }
    }

    fn unlist(&mut self, index: u32) {
        let bytes = self.holders[index as usize].bytes;
        self.sizes[size_of_holder(bytes)].remove(&mut Links(&mut self.holders), index);
    }

    /// The client at `index` uses nothing any more.
    #[inline]
    pub(super) fn forget(&mut self, index: u32) {
        if (index as usize) < self.holders.len() {
            self.note(index, 0, true);
        }
    }

    /// Who has been in the list of the largest longest.
    fn largest(&self) -> Option<u32> {
        self.sizes.iter().rev().find_map(List::front)
    }
}

/// The number of the list for those that use so much.
const fn size_of_holder(bytes: usize) -> usize {
    ((usize::BITS - bytes.leading_zeros()) as usize).saturating_sub(SMALL_BITS)
}

impl<S: Sys> Server<S> {
    /// The settings say how much all clients may use; whoever is there is measured.
    pub(super) fn limit_clients(&mut self) {
        self.eviction = Eviction::with_limit(self.engine.config.settings().clients_bytes_max);
        if self.eviction.is_on() {
            self.for_each_client(Self::measure_now);
        }
    }

    /// A client may use another amount of memory than before.
    #[inline(always)] // with no limit a test, and nothing else
    pub(super) fn measure(&mut self, client: ClientId) {
        if self.eviction.is_on() {
            self.measure_now(client);
        }
    }

    #[inline(never)]
    fn measure_now(&mut self, client: ClientId) {
        let Some(connection) = self.event_loop.connections.get(client) else { return };
        if connection.closing.is_linked() {
            return;
        }
        let state = self.engine.clients.get(client);
        let bytes = client_list::memory_bytes(state, &self.event_loop.figures(client));
        self.eviction.note(client.index, bytes, state.no_evict);
    }

    /// Notes who will be written to, and so use less.
    #[inline(never)]
    pub(super) fn note_writers(&mut self) {
        self.event_loop.copy_writing(&mut self.eviction.writers);
    }

    /// Measures who has been.
    #[inline(never)]
    pub(super) fn measure_writers(&mut self) {
        let mut writers = take(&mut self.eviction.writers);
        for client in writers.drain(..) {
            self.measure_now(client);
        }
        self.eviction.writers = writers; // its memory is used again
    }

    /// Closes clients until the others use no more than they may.
    #[inline(always)] // with no limit a comparison, and nothing else
    pub(super) fn evict(&mut self) {
        if self.eviction.is_over() {
            self.evict_largest();
        }
    }

    #[cold]
    fn evict_largest(&mut self) {
        while self.eviction.is_over() {
            let Some(index) = self.eviction.largest() else {
                let text = "Over client maxmemory after evicting all evictable clients";
                return self.log_at_most_every_second(Level::Warning, text);
            };
            self.eviction.forget(index);
            // Who is about to be closed already frees as much.
            if !self.event_loop.connections.at(index).closing.is_linked() {
                self.evict_one(self.event_loop.connections.token(index));
            }
        }
    }

    /// Closes a client. Its output goes at once, and not at the end of the tick: what is published
    /// next takes its place.
    fn evict_one(&mut self, client: ClientId) {
        let (state, pubsub) = (self.engine.clients.get(client), &self.engine.pubsub);
        let now_ms = self.now.monotonic_ms;
        let line = client_list::line(state, pubsub, &mut self.event_loop, now_ms);
        self.log(Level::Notice, &format!("Evicting client: {line}"));
        self.engine.stats.evicted_clients += 1;
        self.event_loop.connections.at_mut(client.index).output = ReplyBuffer::new();
        self.condemn(client);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(bytes: u64) -> Eviction {
        Eviction::with_limit(bytes)
    }

    #[test]
    fn without_a_limit_nothing_is_too_much() {
        let mut eviction = limited(0);
        assert!(!eviction.is_on());
        eviction.forget(7);
        assert!(!eviction.is_over() && eviction.holders.is_empty());
    }

    #[test]
    fn the_largest_goes_first_and_of_one_size_who_was_there_first() {
        let mut eviction = limited(100_000);
        for (index, bytes) in [(5, 30_000), (0, 4_000), (2, 80_000), (9, 29_000)] {
            eviction.note(index, bytes, false);
        }
        assert_eq!((eviction.sum_bytes, eviction.largest()), (143_000, Some(2)));
        eviction.note(5, 31_000, false); // still of its size, and in its place
        eviction.forget(2);
        assert_eq!((eviction.is_over(), eviction.largest()), (false, Some(5)));
        eviction.note(5, 10, false);
        assert_eq!(eviction.largest(), Some(9));
        for index in [9, 0, 5] {
            eviction.forget(index);
        }
        assert_eq!((eviction.sum_bytes, eviction.largest()), (0, None));
    }

    #[test]
    fn who_is_excused_counts_and_is_not_closed() {
        let mut eviction = limited(100);
        eviction.note(1, 90, true);
        eviction.note(2, 20, false);
        assert_eq!((eviction.is_over(), eviction.largest()), (true, Some(2)));
        eviction.note(2, 20, true);
        assert_eq!((eviction.is_over(), eviction.largest()), (true, None));
        eviction.note(1, 90, false);
        assert_eq!(eviction.largest(), Some(1));
    }

    #[test]
    fn random_amounts_agree_with_a_plain_table() {
        arbtest::arbtest(|random| {
            let mut eviction = limited(1 << 20);
            let mut twin = [(0_usize, true); 10];
            for _ in 0..random.int_in_range(0..=100)? {
                let index = random.int_in_range(0..=9)?;
                let bytes = random.int_in_range(0..=100_000)?;
                twin[index] = (bytes, bytes == 0 || random.ratio(1, 4)?);
                match twin[index] {
                    (0, _) => eviction.forget(index as u32),
                    (bytes, is_excused) => eviction.note(index as u32, bytes, is_excused),
                }
                let sum: usize = twin.iter().map(|(bytes, _)| bytes).sum();
                let listed = twin.iter().filter(|(_, is_excused)| !is_excused);
                let size_max = listed.map(|(bytes, _)| size_of_holder(*bytes)).max();
                let largest = eviction.largest().map(|index| twin[index as usize]);
                assert_eq!(eviction.sum_bytes, sum);
                assert_eq!(largest.map(|(bytes, _)| size_of_holder(bytes)), size_max);
                assert!(largest.is_none_or(|(_, is_excused)| !is_excused));
            }
            Ok(())
        });
    }
}
