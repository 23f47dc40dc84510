//! What commands asked to be done, and the phases wake, expire and close.

use super::Server;
use crate::client::{Client, ClientId};
use crate::command::effects::Effects;
use crate::config::{Config, OutputLimit};
use crate::event_loop::connection::Connection;
use crate::limits::{
    EXPIRIES_PER_TICK_MAX, FREES_PER_TICK_MAX, LINGER_MS, OUTPUT_UNAUTHENTICATED_BYTES_MAX,
};
use crate::reply_buffer::ReplyBuffer;
use crate::stats::tick_times::Phase;
use squint_sys::Sys;
use std::mem::take;

impl<S: Sys> Server<S> {
    /// Does what the last command left to do, if anything.
    #[inline]
    pub(super) fn apply_effects(&mut self) {
        if !self.engine.effects.is_empty() {
            self.apply_some_effects();
        }
    }

    #[inline(never)] // the question is asked often, and the answer is yes seldom
    fn apply_some_effects(&mut self) {
        let mut effects = take(&mut self.engine.effects);
        self.deliver(&mut effects);
        for client in effects.blocked.drain(..) {
            self.pause(client);
        }
        for client in effects.unblocked.drain(..) {
            self.resume(client);
        }
        for client in effects.kills.drain(..) {
            self.condemn(client);
        }
        if effects.sleep_us > 0 {
            self.event_loop.sys.sleep_us(take(&mut effects.sleep_us));
            self.read_clocks();
        }
        for name in take(&mut effects.settings) {
            self.apply_setting(name);
        }
        if let Some(shutdown) = effects.shutdown.take() {
            self.begin_shutdown(shutdown);
        }
        self.engine.effects = effects; // its memory is used again
    }

    /// Hands bytes to the connections they are for.
    fn deliver(&mut self, effects: &mut Effects) {
        let mut outbox = take(&mut effects.outbox);
        outbox.deliver(|client, append| {
            let Some(connection) = self.event_loop.connections.get_mut(client) else { return };
            if connection.closing.is_linked() || connection.closes_when_written {
                return;
            }
            if connection.output.is_empty()
                && let Some(memory) = self.event_loop.output_pool.take()
            {
                connection.output.adopt(memory);
            }
            append(&mut connection.output);
            self.output_grew(client);
        });
        effects.outbox = outbox;
    }

    /// Output may be there to be written, if it is not too much. What is too much goes at once, and
    /// not at the end of the tick: many may ask for as much in one tick. Passing the soft limit
    /// starts its clock.
    ///
    /// Whatever else the client uses may have changed with it, so this is where it is measured.
    ///
    /// Inline always: it is little, and every client's run ends with it.
    #[inline(always)]
    pub(super) fn output_grew(&mut self, client: ClientId) {
        self.measure(client);
        let (state, config) = (self.engine.clients.get(client), &self.engine.config);
        let connection = self.event_loop.connections.at_mut(client.index);
        connection.closes_when_written |= state.close_after_reply;
        if connection.output.is_empty() && !connection.closes_when_written {
            return;
        }
        if is_output_over_limit(connection, state, config) {
            return self.cut_off(client);
        }
        let is_soft = is_output_over_soft_limit(connection, state, config);
        if is_soft | connection.soft_limit_since_ms.is_some() {
            self.time_soft_limit(client.index, is_soft);
        }
        self.event_loop.queue_write(client.index);
    }

    /// Starts the clock of the soft limit, lets it go on, or stops it. While it goes the timer is
    /// armed each time: a subscriber that leaves its last channel may have less time from then on.
    #[cold]
    fn time_soft_limit(&mut self, index: u32, is_over: bool) {
        let since_ms = &mut self.event_loop.connections.at_mut(index).soft_limit_since_ms;
        *since_ms = is_over.then(|| since_ms.unwrap_or(self.now.monotonic_ms));
        self.arm(index);
    }

    /// A client has let too much output lie.
    #[cold]
    fn cut_off(&mut self, client: ClientId) {
        self.event_loop.connections.at_mut(client.index).output = ReplyBuffer::new();
        self.engine.stats.output_limit_disconnections += 1;
        self.condemn(client);
    }

    /// A client blocks: its input is left alone, its patience is measured. The clock of the tick is
    /// too old for that: the command may have come after it was read, and nobody is told too early.
    /// Its input may be full already, and then watching for more would wake us for nothing.
    fn pause(&mut self, client: ClientId) {
        let now_ms = self.event_loop.sys.monotonic_ns().div_ceil(1_000_000);
        let state = self.engine.clients.find_mut(client);
        if let Some(blocked) = state.and_then(|state| state.blocked.as_mut()) {
            blocked.wait_from(now_ms);
        }
        if let Some(connection) = self.event_loop.connections.get_mut(client) {
            connection.is_paused = true;
            connection.has_unparsed = false; // what stands behind is looked at when it goes on
            self.event_loop.update_interest(client.index);
            self.arm(client.index);
        }
    }

    /// A client waits no more: what it has sent meanwhile is looked at. How long it has waited is
    /// not held against it: it was not idle.
    fn resume(&mut self, client: ClientId) {
        let Some(connection) = self.event_loop.connections.get_mut(client) else { return };
        connection.is_paused = false;
        connection.active_ms = self.now.monotonic_ms;
        let is_postponed = self.engine.clients.get(client).is_postponed();
        connection.has_unparsed = is_postponed || !connection.input.is_empty();
        if connection.has_unparsed {
            self.event_loop.queue_ready(client.index, false);
        }
        self.event_loop.update_interest(client.index);
        self.arm(client.index);
        self.measure(client); // the request that it waited with is gone, and may have been long
    }

    /// CLIENT PAUSE ends by itself.
    pub(super) fn end_pause_in_time(&mut self) {
        let end_ms = self.engine.pause.end_ms();
        if end_ms.is_some_and(|end_ms| end_ms <= self.now.monotonic_ms) {
            self.engine.effects.unblocked.extend(self.engine.pause.end());
            self.apply_effects();
        }
    }

    /// **wake**: serves what was signalled by other causes than a command, which serves its own.
    pub(super) fn wake(&mut self) {
        if self.serve_signalled() {
            self.lap(Phase::Wake);
        }
    }

    /// `true`: somebody was signalled.
    #[inline]
    fn serve_signalled(&mut self) -> bool {
        let has_signals = self.engine.blocking.has_signals();
        if has_signals {
            self.engine.serve_signalled(self.now, &mut self.event_loop);
        }
        self.apply_effects();
        has_signals
    }

    /// **expire**: clients whose time is over, then keys, then what large values left behind; and a
    /// store that grows no more asks for huge pages.
    pub(super) fn expire(&mut self) {
        let expired_before = self.engine.stats.expired_keys;
        let mut timers_fired = 0;
        while let Some(index) = self.event_loop.take_due(self.now_ns, &mut self.engine.stats) {
            timers_fired += 1;
            self.expire_client(index);
        }
        self.engine.expire_keys(self.now, EXPIRIES_PER_TICK_MAX);
        let has_garbage = self.engine.store.has_garbage();
        let freed = if has_garbage { self.engine.store.free_some(FREES_PER_TICK_MAX) } else { 0 };
        let has_asked = self.ask_for_huge_pages();
        self.serve_signalled();
        if has_asked || timers_fired + freed > 0 || self.engine.stats.expired_keys > expired_before
        {
            self.lap(Phase::Expire);
        }
    }

    /// A connection's timer has fired: find out what for, and arm it for what comes next.
    fn expire_client(&mut self, index: u32) {
        let client = self.event_loop.connections.token(index);
        let connection = self.event_loop.connections.at(index);
        let state = self.engine.clients.get_mut(client);
        let now_ms = self.now.monotonic_ms;
        let deadlines = Deadlines::of(connection, state, &self.engine.config, now_ms);
        let is_due = |deadline_ms: Option<u64>| deadline_ms.is_some_and(|ms| ms <= now_ms);
        if is_due(deadlines.idle_ms) || is_due(deadlines.linger_ms) {
            self.condemn(client);
        } else if is_due(deadlines.soft_limit_ms) && self.is_over_soft_limit(client) {
            self.engine.stats.output_limit_disconnections += 1;
            self.condemn(client);
        } else {
            if is_due(deadlines.blocked_ms) {
                self.engine.end_wait(client, self.now);
                self.apply_effects();
            }
            self.arm(index);
        }
    }

    /// Whether a client's output is above the soft limit still. If not, the clock stops here: it is
    /// started when output grows, and to write it does not stop it.
    fn is_over_soft_limit(&mut self, client: ClientId) -> bool {
        let (state, config) = (self.engine.clients.get_mut(client), &self.engine.config);
        let connection = self.event_loop.connections.at_mut(client.index);
        let is_over = is_output_over_soft_limit(connection, state, config);
        if !is_over {
            connection.soft_limit_since_ms = None;
        }
        is_over
    }

    /// Arms the timer of a connection for the nearest of its deadlines.
    pub(super) fn arm(&mut self, index: u32) {
        let client = self.event_loop.connections.token(index);
        let connection = self.event_loop.connections.at(index);
        let Some(state) = self.engine.clients.find(client) else { return };
        let now_ms = self.now.monotonic_ms;
        let deadlines = Deadlines::of(connection, state, &self.engine.config, now_ms);
        self.event_loop.set_deadline(index, deadlines.nearest_ms());
    }

    /// The peer sends no more: it may fetch its replies for a while.
    pub(super) fn linger(&mut self, index: u32) {
        let connection = self.event_loop.connections.at_mut(index);
        connection.closes_when_written = true;
        connection.linger_until_ms = Some(self.now.monotonic_ms.saturating_add(LINGER_MS));
        self.event_loop.queue_write(index);
        self.arm(index);
    }

    /// **close**: frees what was condemned in this tick, and who uses too much memory even now that
    /// everybody has been written to.
    pub(super) fn close(&mut self) {
        self.evict();
        let mut closed = 0;
        while let Some(index) = self.event_loop.take_closing() {
            let client = self.event_loop.connections.token(index);
            self.engine.disconnect(client);
            self.event_loop.remove(index);
            self.eviction.forget(index);
            closed += 1;
        }
        if closed > 0 {
            self.lap(Phase::Close);
        }
    }
}

/// Everything one connection's timer may be armed for, monotonic milliseconds.
struct Deadlines {
    /// The end of BLPOP's patience.
    blocked_ms: Option<u64>,
    /// The end of ours with a silent client. Of one that is excused, this is when to look again
    /// whether it still is: it may have ceased to be in between, but not before now.
    idle_ms: Option<u64>,
    /// The end of fetching replies after the peer's last byte.
    linger_ms: Option<u64>,
    /// The end of the time that its output may be above the soft limit.
    soft_limit_ms: Option<u64>,
}

impl Deadlines {
    fn of(connection: &Connection, client: &Client, config: &Config, now_ms: u64) -> Self {
        let after =
            |since_ms: u64, seconds: u32| since_ms.saturating_add(u64::from(seconds) * 1000);
        let timeout_s = config.settings().timeout_s;
        // Who waits or listens has nothing to say, and who is queued may have said it already.
        let is_excused =
            client.blocked.is_some() || client.subscriptions > 0 || connection.is_queued();
        let silent_since_ms = if is_excused { now_ms } else { connection.active_ms };
        let soft_seconds = output_limit(config, client).soft_seconds;
        Self {
            blocked_ms: client.blocked.as_ref().and_then(|blocked| blocked.next_ms()),
            idle_ms: (timeout_s > 0).then(|| after(silent_since_ms, timeout_s)),
            linger_ms: connection.linger_until_ms,
            soft_limit_ms: connection.soft_limit_since_ms.map(|ms| after(ms, soft_seconds)),
        }
    }

    fn nearest_ms(&self) -> Option<u64> {
        let all = [self.blocked_ms, self.idle_ms, self.linger_ms, self.soft_limit_ms];
        all.into_iter().flatten().min()
    }
}

/// How much unsent output a client of its kind may have.
fn output_limit(config: &Config, client: &Client) -> OutputLimit {
    config.settings().output_limits.of(client.subscriptions > 0)
}

/// Whether a client has more unsent output than it ever may: `client-output-buffer-limit`, or less
/// before it has said the password.
#[inline]
fn is_output_over_limit(connection: &Connection, client: &Client, config: &Config) -> bool {
    let bytes = connection.output.len() as u64;
    if !client.authenticated {
        return bytes > OUTPUT_UNAUTHENTICATED_BYTES_MAX as u64 && connection.is_clogged;
    }
    let hard_bytes = output_limit(config, client).hard_bytes;
    hard_bytes > 0 && bytes > hard_bytes
}

/// Whether it has more than it may have for a while.
#[inline]
fn is_output_over_soft_limit(connection: &Connection, client: &Client, config: &Config) -> bool {
    let soft_bytes = output_limit(config, client).soft_bytes;
    client.authenticated && soft_bytes > 0 && connection.output.len() as u64 > soft_bytes
}
