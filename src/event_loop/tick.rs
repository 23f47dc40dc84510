//! The phases of a tick that touch descriptors.
//!
//! ```text
//!   wait ─► accept ─► read ─► (parse ─► execute ─► wake ─► expire) ─► write ─► close
//!   poller   accept4   read        the server, without a syscall       write     close
//! ```
//!
//! Nothing is acted upon inside an event: `wait` only notes what is ready, and each phase acts at
//! its fixed point. A connection that breaks is put on the closing list and freed at the end, so
//! that its slot has no new tenant while events of this tick are still looked at.

use super::connection::Connection;
use super::intrusive_list::{self, Linked, List};
use super::listener::Listener;
use super::output_pool::OutputPool;
use super::ring_buffer::BufferPool;
use super::slab::Slab;
use super::timer_wheel::{self, SlotFigures, TimerWheel, Timers};
use crate::limits::{ACCEPT_RETRY_MS, INPUT_READ_BYTES_MIN, REPLY_SLICES_MAX, TRANSFER_BYTES_MAX};
use crate::stats::Stats;
use arrayvec::ArrayVec;
use squint_sys::{Accepted, Errno, Event, Events, Fd, Interest, Poller, Sys, Token, Verdict};
use std::time::Duration;

/// The token of the signal descriptor.
const SIGNAL_TOKEN: Token = Token::reserved(u32::MAX);

/// What a read brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReadOutcome {
    /// Bytes, or nothing for now.
    Open,
    /// The peer sends no more; what it has sent is in the input.
    AtEnd,
    /// The connection broke: what is left of it is of no use.
    Gone,
}

/// Where a read puts what it brings.
#[derive(Debug)]
pub enum Target<'a> {
    /// Into the connection's input.
    Ring {
        /// How much more its owner knows to need.
        wanted: usize,
    },
    /// Behind the bytes that its owner holds already.
    Apart {
        /// Those bytes, with capacity for more.
        bytes: &'a mut Vec<u8>,
        /// How many more belong there.
        count_max: usize,
    },
}

/// Connections, and the system they live in.
#[derive(Debug)]
pub struct EventLoop<S: Sys> {
    /// The system: the kernel, or a simulated one.
    pub sys: S,
    /// Every connection.
    pub connections: Slab<Connection>,
    /// Every listening socket.
    pub listeners: Vec<Listener>,
    /// Deadlines of connections, monotonic milliseconds.
    pub wheel: TimerWheel,
    /// Memory for input.
    pub pool: BufferPool,
    /// Memory for output.
    pub output_pool: OutputPool,
    /// Turns of the loop so far.
    pub tick: u64,
    /// The time of this turn, monotonic milliseconds: its owner reads the clock.
    pub now_ms: u64,
    /// A signal has come.
    pub is_signalled: bool,
    signals: Fd,
    /// What the last wait has told; the queue behind `ready`.
    events: Events,
    /// How many of them have had their turn.
    events_taken: usize,
    ready: List,
    /// Connections with output to write, each once. Whoever has left meanwhile is passed by.
    writing: Vec<Token>,
    closing: List,
    accept_retry_ms: Option<u64>,
}

/// The `ready` links of a slab.
struct Ready<'a>(&'a mut Slab<Connection>);
/// The `closing` links of a slab.
struct Closing<'a>(&'a mut Slab<Connection>);
/// The timers of a slab.
struct Deadlines<'a>(&'a mut Slab<Connection>);

impl Linked for Ready<'_> {
    #[inline]
    fn link(&mut self, index: u32) -> &mut intrusive_list::Link {
        &mut self.0.at_mut(index).ready
    }
}

impl Linked for Closing<'_> {
    #[inline]
    fn link(&mut self, index: u32) -> &mut intrusive_list::Link {
        &mut self.0.at_mut(index).closing
    }
}

impl Timers for Deadlines<'_> {
    fn link(&mut self, index: u32) -> &mut timer_wheel::Link {
        &mut self.0.at_mut(index).timer
    }
}

impl<S: Sys> EventLoop<S> {
    /// An event loop without connections; signals are watched from now on.
    pub fn new(mut sys: S) -> Result<Self, Errno> {
        let signals = sys.install_signals()?;
        sys.poller().add(signals, SIGNAL_TOKEN, Interest::READ)?;
        let now_ms = sys.monotonic_ns() / 1_000_000;
        Ok(Self {
            sys,
            connections: Slab::new(),
            listeners: Vec::new(),
            wheel: TimerWheel::new(now_ms),
            pool: BufferPool::new(),
            output_pool: OutputPool::default(),
            tick: 0,
            now_ms,
            is_signalled: false,
            signals,
            events: Events::new(),
            events_taken: 0,
            ready: List::new(),
            writing: Vec::new(),
            closing: List::new(),
            accept_retry_ms: None,
        })
    }

    /// Watches one more listening socket.
    pub fn listen(&mut self, listener: Listener) -> Result<(), Errno> {
        self.sys.poller().add(listener.fd, listener.token(), Interest::READ)?;
        self.listeners.push(listener);
        Ok(())
    }

    /// Goes on as a daemon. The poller is a new one (kqueue does not outlive a fork): what was
    /// watched is watched again.
    pub fn daemonize(&mut self) -> Result<(), Errno> {
        assert!(self.connections.is_empty(), "a server leaves the terminal before it serves");
        self.sys.daemonize()?;
        self.sys.poller().add(self.signals, SIGNAL_TOKEN, Interest::READ)?;
        for listener in &self.listeners {
            self.sys.poller().add(listener.fd, listener.token(), Interest::READ)?;
        }
        Ok(())
    }

    /// Closes every listening socket: nobody new comes in.
    pub fn stop_listening(&mut self) {
        for listener in self.listeners.drain(..) {
            self.sys.close(listener.fd);
        }
        self.accept_retry_ms = None;
    }

    /// **wait**: sleeps until something is ready or the nearest deadline has come, and no shorter.
    /// `deadline_ns` is the caller's own nearest deadline, monotonic.
    pub fn wait(&mut self, deadline_ns: Option<u64>, stats: &mut Stats) -> Result<(), Errno> {
        let timeout = self.timeout(deadline_ns);
        self.sys.poller().wait(&mut self.events, timeout)?;
        self.tick += 1;
        stats.ticks += 1;
        stats.events = self.events.len() as u64;
        self.events_taken = 0;
        let events = std::mem::take(&mut self.events);
        for event in &events {
            self.note(*event, stats);
        }
        self.events = events;
        Ok(())
    }

    /// How long to sleep: not at all while there is work, for ever while there is no deadline.
    fn timeout(&mut self, deadline_ns: Option<u64>) -> Option<Duration> {
        if !self.ready.is_empty() || !self.writing.is_empty() || !self.closing.is_empty() {
            return Some(Duration::ZERO);
        }
        let timers_ms = [self.wheel.next_deadline_ms(), self.accept_retry_ms];
        let timers_ns = timers_ms.into_iter().flatten().map(|ms| ms.saturating_mul(1_000_000));
        let nearest_ns = timers_ns.chain(deadline_ns).min()?;
        let now_ns = self.sys.monotonic_ns();
        Some(Duration::from_nanos(nearest_ns.saturating_sub(now_ns)))
    }

    /// Notes what is ready; acts on nothing.
    fn note(&mut self, event: Event, stats: &mut Stats) {
        if event.token.index == Token::RESERVED_INDEX {
            return self.note_reserved(event.token);
        }
        let Some(connection) = self.connections.get_mut(event.token) else {
            stats.stale_events += 1;
            return;
        };
        let index = event.token.index;
        connection.is_hung_up |= event.hangup;
        let (is_paused, was_clogged) = (connection.is_paused, connection.is_clogged);
        if event.readable | event.hangup {
            connection.is_readable = true;
            // A blocked client may have left: look before anybody's command hands it an element.
            // All others have their turn in the order of the events.
            if is_paused {
                self.queue_ready(index, true);
            }
        }
        if event.writable && was_clogged {
            self.connections.at_mut(index).is_clogged = false;
            self.queue_write(index);
        }
    }

    /// The same of what is no connection.
    fn note_reserved(&mut self, token: Token) {
        self.is_signalled |= token == SIGNAL_TOKEN;
        let mut listeners = self.listeners.iter_mut();
        if let Some(listener) = listeners.find(|listener| listener.token() == token) {
            listener.is_ready = true;
        }
    }

    /// **accept**: takes connections off the queues, as many as is fair.
    pub fn accept(&mut self, accepted: &mut Vec<Accepted>, stats: &mut Stats) {
        self.resume_accepting();
        for number in 0..self.listeners.len() {
            let listener = &mut self.listeners[number];
            let fd = listener.fd;
            for _ in 0..listener.accepts_allowed() {
                match self.sys.accept(fd) {
                    Ok(connection) => accepted.push(connection),
                    Err(Verdict::PeerGone | Verdict::Interrupted) => {}
                    Err(Verdict::WouldBlock) => break,
                    Err(Verdict::OutOfResources) => return self.back_off(stats),
                    Err(Verdict::Bug(errno)) => panic!("accept: {errno:?}"),
                }
            }
        }
    }

    /// No descriptors, no memory: stop listening for a moment instead of spinning.
    fn back_off(&mut self, stats: &mut Stats) {
        stats.accept_backoffs += 1;
        self.watch_listeners(Interest::default());
        self.accept_retry_ms = Some(self.now_ms.saturating_add(ACCEPT_RETRY_MS));
    }

    fn resume_accepting(&mut self) {
        if self.accept_retry_ms.is_some_and(|retry_ms| retry_ms <= self.now_ms) {
            self.accept_retry_ms = None;
            self.watch_listeners(Interest::READ);
        }
    }

    fn watch_listeners(&mut self, interest: Interest) {
        for listener in &self.listeners {
            // A listener that cannot be watched any more is tried again by the next back-off.
            let _ = self.sys.poller().set(listener.fd, listener.token(), interest);
        }
    }

    /// Gives a connection a slot and watches it. `None`: the poller has no room; it is closed.
    pub fn register(&mut self, fd: Fd) -> Option<Token> {
        let token = self.connections.insert(Connection::new(fd, self.now_ms));
        if self.sys.poller().add(fd, token, Interest::READ).is_ok() {
            return Some(token);
        }
        self.connections.remove(token);
        self.sys.close(fd);
        None
    }

    /// Takes the next connection with work in hand: those that were queued, then those that the
    /// poller has told of.
    #[inline]
    pub fn take_ready(&mut self) -> Option<u32> {
        let Some(index) = self.ready.pop_front(&mut Ready(&mut self.connections)) else {
            return self.take_told();
        };
        self.connections.at_mut(index).is_in_hand = true;
        Some(index)
    }

    /// The next connection that the poller has told of, and that has not been read since.
    #[inline]
    fn take_told(&mut self) -> Option<u32> {
        while let Some(&Event { token, .. }) = self.events.get(self.events_taken) {
            self.events_taken += 1;
            let connection = self.connections.get_mut(token);
            if let Some(told) = connection.filter(|told| told.is_readable && !told.is_queued()) {
                told.is_in_hand = true;
                return Some(token.index);
            }
        }
        None
    }

    /// Queues all that the poller has told of and that have not had their turn, in its order: it
    /// would tell of them again, but then of others first.
    pub fn queue_told(&mut self) {
        while let Some(index) = self.take_told() {
            self.put_back(index, false);
        }
    }

    /// Queues a connection that is in hand once more, before all others or behind them.
    pub fn put_back(&mut self, index: u32, is_urgent: bool) {
        self.connections.at_mut(index).is_in_hand = false;
        self.queue_ready(index, is_urgent);
    }

    /// Queues a connection for work, before all others or behind them, unless it has its place
    /// already.
    #[inline]
    pub fn queue_ready(&mut self, index: u32, is_urgent: bool) {
        let connection = self.connections.at(index);
        if connection.is_queued() {
            return;
        }
        let mut links = Ready(&mut self.connections);
        if is_urgent {
            self.ready.push_front(&mut links, index);
        } else {
            self.ready.push_back(&mut links, index);
        }
    }

    /// Queues a connection for the phase `write`, which looks at its interest too. That of a
    /// clogged one is looked at here: its write may never come, and what it no longer reads would
    /// wake us again and again.
    #[inline]
    pub fn queue_write(&mut self, index: u32) {
        let (token, connection) = self.connections.named_mut(index);
        if connection.is_clogged {
            self.update_interest(index);
        } else if !std::mem::replace(&mut connection.is_to_be_written, true) {
            self.writing.push(token);
        }
    }

    /// Queues a connection for the phase `close`.
    pub fn queue_close(&mut self, index: u32) {
        if !self.connections.at(index).closing.is_linked() {
            self.closing.push_back(&mut Closing(&mut self.connections), index);
        }
    }

    /// **read**: one read.
    pub fn read(&mut self, index: u32, target: Target<'_>, stats: &mut Stats) -> ReadOutcome {
        stats.reads += 1;
        let connection = self.connections.at_mut(index);
        connection.is_readable = false;
        let answer = match target {
            Target::Ring { wanted } => {
                connection.input.acquire(&mut self.pool);
                read_into_ring(&mut self.sys, connection, wanted)
            }
            Target::Apart { bytes, count_max } => {
                self.sys.read_append(connection.fd, bytes, count_max.min(TRANSFER_BYTES_MAX))
            }
        };
        let outcome = match answer {
            Ok(0) => ReadOutcome::AtEnd,
            Ok(count) => {
                connection.active_ms = self.now_ms;
                stats.read_bytes.record(count as u64);
                ReadOutcome::Open
            }
            Err(Verdict::WouldBlock | Verdict::Interrupted | Verdict::OutOfResources) => {
                ReadOutcome::Open
            }
            Err(Verdict::PeerGone) => ReadOutcome::Gone,
            Err(Verdict::Bug(errno)) => panic!("read: {errno:?}"),
        };
        connection.is_at_end |= outcome == ReadOutcome::AtEnd;
        outcome
    }

    /// Appends those that the phase `write` will turn to.
    pub fn copy_writing(&self, tokens: &mut Vec<Token>) {
        tokens.extend_from_slice(&self.writing);
    }

    /// **write**: one write for each connection with output.
    pub fn write(&mut self, stats: &mut Stats) {
        let count = self.writing.len();
        for number in 0..count {
            self.write_one(self.writing[number], stats);
        }
        self.writing.drain(..count); // who is queued anew has its turn in the next tick
    }

    fn write_one(&mut self, token: Token, stats: &mut Stats) {
        let Some(connection) = self.connections.get_mut(token) else { return };
        let index = token.index;
        connection.is_to_be_written = false;
        if connection.closing.is_linked() {
            return;
        }
        if !connection.output.is_empty() {
            stats.writes += 1;
            match send(&mut self.sys, connection) {
                Ok(sent) => {
                    connection.output.advance(sent.bytes);
                    connection.active_ms = self.now_ms;
                    stats.write_bytes.record(sent.bytes as u64);
                    connection.is_clogged = sent.is_short;
                }
                Err(Verdict::WouldBlock | Verdict::OutOfResources) => connection.is_clogged = true,
                Err(Verdict::Interrupted) => return self.queue_write(index),
                Err(Verdict::PeerGone) => return self.queue_close(index),
                Err(Verdict::Bug(errno)) => panic!("write: {errno:?}"),
            }
        }
        // All written: give memory back, and close if that was the end. Otherwise wait for room.
        let (is_ended, is_stale) = (connection.closes_when_written, connection.is_watch_stale());
        if !connection.output.is_empty() {
            self.queue_write(index); // more pieces than one call takes: the next tick's write
        } else {
            if let Some(memory) = connection.output.take_spare() {
                self.output_pool.put(memory);
            }
            if is_ended {
                return self.queue_close(index);
            }
        }
        if is_stale {
            self.update_interest(index);
        }
    }

    /// Tells the poller what the connection can use, if that has changed.
    pub fn update_interest(&mut self, index: u32) {
        let (token, connection) = self.connections.named_mut(index);
        let wanted = connection.interest_wanted();
        if wanted != connection.interest {
            connection.interest = wanted;
            if self.sys.poller().set(connection.fd, token, wanted).is_err() {
                self.queue_close(index);
            }
        }
    }

    /// Arms, moves or cancels the timer of a connection.
    pub fn set_deadline(&mut self, index: u32, deadline_ms: Option<u64>) {
        let mut timers = Deadlines(&mut self.connections);
        match deadline_ms {
            Some(deadline_ms) => self.wheel.arm(&mut timers, index, deadline_ms),
            None => {
                self.wheel.cancel(&mut timers, index);
            }
        }
    }

    /// The slots of the wheel that have timers.
    pub fn timers(&mut self) -> Vec<SlotFigures> {
        self.wheel.figures(&mut Deadlines(&mut self.connections))
    }

    /// **expire**: the next connection whose deadline has come.
    pub fn take_due(&mut self, now_ns: u64, stats: &mut Stats) -> Option<u32> {
        let mut timers = Deadlines(&mut self.connections);
        self.wheel.advance(&mut timers, now_ns / 1_000_000);
        let (index, deadline_ms) = self.wheel.pop_due(&mut timers)?;
        stats
            .timer_lateness_ns
            .record(now_ns.saturating_sub(deadline_ms.saturating_mul(1_000_000)));
        Some(index)
    }

    /// **close**: the next connection to close; it is still whole.
    pub fn take_closing(&mut self) -> Option<u32> {
        self.closing.pop_front(&mut Closing(&mut self.connections))
    }

    /// Frees a connection: timer, queues, memory, descriptor, slot.
    pub fn remove(&mut self, index: u32) {
        self.set_deadline(index, None);
        if self.connections.at(index).ready.is_linked() {
            self.ready.remove(&mut Ready(&mut self.connections), index);
        }
        let token = self.connections.token(index);
        let mut connection = self.connections.remove(token).expect("a queued connection is live");
        connection.input.clear();
        connection.input.release(&mut self.pool);
        self.sys.close(connection.fd);
        if let Some(retry_ms) = &mut self.accept_retry_ms {
            *retry_ms = 0; // a descriptor is free again
        }
    }

    /// Some output has not been written yet.
    #[must_use]
    pub fn has_output(&self) -> bool {
        self.connections.iter().any(|(_, connection)| !connection.output.is_empty())
    }
}

/// One read behind the bytes that a connection has; its owner knows to need `wanted` more.
fn read_into_ring<S: Sys>(
    sys: &mut S,
    connection: &mut Connection,
    wanted: usize,
) -> Result<usize, Verdict> {
    // Memory follows what has arrived, never what a header promises.
    let wanted = wanted.min(connection.input.len());
    connection.input.reserve(wanted.max(INPUT_READ_BYTES_MIN));
    let (first, second) = connection.input.spare();
    let count = sys.read(connection.fd, first, second)?;
    connection.input.commit(count);
    Ok(count)
}

/// What one write took.
struct Sent {
    bytes: usize,
    /// Less than was offered: the socket is full.
    is_short: bool,
}

/// One write of what a connection has: from one place if it is in one, gathered otherwise.
fn send<S: Sys>(sys: &mut S, connection: &Connection) -> Result<Sent, Verdict> {
    if let Some(bytes) = connection.output.single_slice() {
        let piece = &bytes[..bytes.len().min(TRANSFER_BYTES_MAX)];
        let bytes = sys.write(connection.fd, piece)?;
        return Ok(Sent { bytes, is_short: bytes < piece.len() });
    }
    let mut pieces: ArrayVec<_, REPLY_SLICES_MAX> = ArrayVec::new();
    connection.output.slices(&mut pieces);
    let offered: usize = pieces.iter().map(|piece| piece.len()).sum();
    let bytes = match pieces.as_slice() {
        [piece] => sys.write(connection.fd, piece),
        pieces => sys.write_vectored(connection.fd, pieces),
    }?;
    Ok(Sent { bytes, is_short: bytes < offered })
}
