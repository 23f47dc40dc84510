//! The seam between the event loop and epoll or kqueue, and its contract.
//!
//! Each clause is a test of its name in `sys/tests/poller_contract.rs`, run on every backend:
//!
//! - **P1** the token comes back unchanged
//! - **P2** level-triggered: what is still ready is told again
//! - **P3** at most one event per token per wait
//! - **P4** an error or a hang-up shows as readable and writable
//! - **P5** timeouts round up: a wait never returns early for want of precision
//! - **P6** an interrupted wait is zero events
//! - **P7** setting interest states the wanted end state
//! - **P8** after removal no later wait names the token (what is left in the batch at hand fails
//!   the generation check)
//! - **P9** removing what is absent is fine
//! - **P10** descriptors are non-blocking and close-on-exec from birth

use crate::{Errno, Fd};
use std::time::Duration;

/// Names a slot of the slab and the life it was in: `index` says where, `generation` says which
/// tenant. A late event for a slot that has a new tenant carries the old generation and is dropped.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Token {
    /// Position in the slab.
    pub index: u32,
    /// How often the slot had been freed when this token was made.
    pub generation: u32,
}

impl Token {
    /// Tokens at this index never belong to a slab: `generation` counts listeners and signals.
    pub const RESERVED_INDEX: u32 = u32::MAX;

    /// A token of no slab, told apart by `number`.
    #[must_use]
    pub const fn reserved(number: u32) -> Self {
        Self { index: Self::RESERVED_INDEX, generation: number }
    }

    /// The 64 bits that travel through the kernel.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        (self.generation as u64) << 32 | self.index as u64
    }

    /// The inverse of [`Token::to_bits`].
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self { index: bits as u32, generation: (bits >> 32) as u32 }
    }
}

/// What the poller shall watch for. A hang-up of both directions and an error are always told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Interest {
    /// Bytes, a connection to accept, or the end of the stream.
    pub readable: bool,
    /// Room in the send buffer.
    pub writable: bool,
    /// The other side has stopped sending, though nobody reads now (EPOLLRDHUP). Level-triggered
    /// like the rest: whoever leaves it armed after the half-close is told at every wait.
    pub hangup: bool,
}

impl Interest {
    /// Reads only: what a connection has from birth.
    pub const READ: Self = Self { readable: true, writable: false, hangup: false };
    /// Reads and writes: after a short write.
    pub const READ_WRITE: Self = Self { readable: true, writable: true, hangup: false };
    /// Nothing but the end: a client whose input is full while it is blocked.
    pub const HANGUP: Self = Self { readable: false, writable: false, hangup: true };
}

/// One token's readiness. P3: a wait yields at most one per token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// As it was registered.
    pub token: Token,
    /// A read would not block. Set as well on error and hang-up (P4).
    pub readable: bool,
    /// A write would not block. Set as well on error and hang-up (P4).
    pub writable: bool,
    /// The connection broke or was closed in both directions; or, where [`Interest::hangup`] asked
    /// for it, the peer closed its sending half (then `readable` is set and `writable` is not
    /// implied).
    pub hangup: bool,
}

/// How many events one wait can bring. More ready descriptors than this come with the next wait.
pub const EVENTS_PER_WAIT_MAX: usize = 1024;

/// The events of one wait, translated, in the kernel's order.
pub type Events = Vec<Event>;

/// Readiness of descriptors: epoll, kqueue or simulated.
pub trait Poller {
    /// Starts to watch `fd`.
    fn add(&mut self, fd: Fd, token: Token, interest: Interest) -> Result<(), Errno>;

    /// States what `fd`, already added, shall be watched for from now on (P7).
    fn set(&mut self, fd: Fd, token: Token, interest: Interest) -> Result<(), Errno>;

    /// Stops to watch `fd`. Only needed where the description outlives the descriptor (a forked
    /// child holds it): closing the last descriptor removes it by itself.
    fn remove(&mut self, fd: Fd) -> Result<(), Errno>;

    /// Clears `events`, sleeps until something is ready or `timeout` has passed (`None`: for ever),
    /// and fills `events`. An interrupted wait leaves them empty (P6).
    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> Result<(), Errno>;
}
