//! One connection: descriptor, buffers, links. Bytes in, bytes out; what they mean is not known
//! here.

use super::intrusive_list;
use super::ring_buffer::RingBuffer;
use super::timer_wheel;
use crate::limits::INPUT_PAUSED_BYTES_MAX;
use crate::reply_buffer::ReplyBuffer;
use squint_sys::{Fd, Interest};
use static_assertions::const_assert;

/// A slot of the slab. Links live inside it: queueing it or arming its timer allocates nothing.
#[derive(Debug)]
pub struct Connection {
    /// Its descriptor; closed once, in the phase `close`.
    pub fd: Fd,
    /// Bytes read and not yet consumed. Holds no memory while it is empty.
    pub input: RingBuffer,
    /// Bytes to write. Holds no memory while it is empty.
    pub output: ReplyBuffer,
    /// What the poller watches for.
    pub interest: Interest,
    /// Its one timer: the end of a wait, or of the owner's patience.
    pub timer: timer_wheel::Link,
    /// In the list of connections that have work for this tick.
    pub ready: intrusive_list::Link,
    /// In the list of connections to close.
    pub closing: intrusive_list::Link,
    /// The poller says that a read would bring something.
    pub is_readable: bool,
    /// The poller has told of a hang-up: what a client whose input is full is still watched for.
    pub is_hung_up: bool,
    /// A write would block: wait for the poller.
    pub is_clogged: bool,
    /// The peer sends no more.
    pub is_at_end: bool,
    /// Close as soon as the output is written.
    pub closes_when_written: bool,
    /// Its owner is blocked: read what fits, parse nothing.
    pub is_paused: bool,
    /// It has input that may hold whole requests: to be parsed before more is read.
    pub has_unparsed: bool,
    /// Its owner has taken it off the list of those that are ready and has it in hand: it is not
    /// queued once more, or its requests would be parsed twice.
    pub is_in_hand: bool,
    /// It waits for the phase `write`.
    pub is_to_be_written: bool,
    /// Requests executed in the tick of [`Connection::renew_budget`].
    pub budget_used: u32,
    /// The low half of that tick: who comes back 2^32 ticks later has a smaller share once.
    budget_tick: u32,
    /// When bytes last came or went, or its owner has last waited, monotonic milliseconds.
    pub active_ms: u64,
    /// Since when the output is above the soft limit, monotonic milliseconds.
    pub soft_limit_since_ms: Option<u64>,
    /// The peer sends no more, and has until then to fetch its replies, monotonic milliseconds.
    pub linger_until_ms: Option<u64>,
}

const_assert!(size_of::<Connection>() <= 176); // one for every client, idle or not

impl Connection {
    /// A connection just accepted, watched for reading.
    #[must_use]
    pub fn new(fd: Fd, now_ms: u64) -> Self {
        Self {
            fd,
            input: RingBuffer::default(),
            output: ReplyBuffer::default(),
            interest: Interest::READ,
            timer: timer_wheel::Link::default(),
            ready: intrusive_list::Link::default(),
            closing: intrusive_list::Link::default(),
            is_readable: false,
            is_hung_up: false,
            is_clogged: false,
            is_at_end: false,
            closes_when_written: false,
            is_paused: false,
            has_unparsed: false,
            is_in_hand: false,
            is_to_be_written: false,
            budget_used: 0,
            budget_tick: 0,
            active_ms: now_ms,
            soft_limit_since_ms: None,
            linger_until_ms: None,
        }
    }

    /// It will have its turn in this tick, or is having it.
    #[must_use]
    #[inline]
    pub const fn is_queued(&self) -> bool {
        self.ready.is_linked() || self.is_in_hand
    }

    /// It has had a turn in this tick.
    #[must_use]
    pub const fn has_had_turn(&self, tick: u64) -> bool {
        self.budget_tick == tick as u32
    }

    /// A new tick brings a new share.
    pub fn renew_budget(&mut self, tick: u64) {
        if !self.has_had_turn(tick) {
            (self.budget_tick, self.budget_used) = (tick as u32, 0);
        }
    }

    /// What the poller shall watch for, from what the connection can use.
    #[must_use]
    pub fn interest_wanted(&self) -> Interest {
        let is_full = self.is_paused && self.input.len() >= INPUT_PAUSED_BYTES_MAX;
        let readable = !self.is_at_end && !self.closes_when_written && !is_full;
        Interest { readable, writable: self.is_clogged, hangup: is_full && !self.is_at_end }
    }

    /// The poller watches for something else than what the connection can use.
    #[must_use]
    #[inline]
    pub fn is_watch_stale(&self) -> bool {
        self.interest_wanted() != self.interest
    }
}
