//! The phases read, parse and execute.
//!
//! Requests run in groups, across connections; what a group is, and how it is filled, is in
//! `group.rs`. A client's input and output leave the slab while one of its requests runs, so that
//! its arguments may be slices of the former, and the command may look at any other connection.

use super::Server;
use super::group::{Group, Run, Stop};
use crate::client::{Client, ClientId};
use crate::command::dispatcher::Turn;
use crate::config::Config;
use crate::event_loop::connection::Connection;
use crate::event_loop::ring_buffer::RingBuffer;
use crate::event_loop::{ReadOutcome, Target};
use crate::limits::{INPUT_PAUSED_BYTES_MAX, QUERY_UNAUTHENTICATED_BYTES_MAX};
use crate::reply_buffer::ReplyBuffer;
use crate::resp::request::OwnedRequest;
use crate::resp::{ParserLimits, ProtocolError, Writer};
use crate::stats::tick_times::Phase;
use squint_sys::Sys;
use std::mem::take;

impl<S: Sys> Server<S> {
    /// **read**: takes connections off the ready list and reads each once, unless it has requests
    /// left from before. `false`: nobody has anything to do (any more) in this tick.
    pub(super) fn read(&mut self, group: &mut Group) -> bool {
        if group.pace.is_tick_over() {
            self.put_off(group);
        } else {
            self.fill(group);
        }
        if group.clients.is_empty() {
            for index in group.postponed.drain(..) {
                self.event_loop.put_back(index, false);
            }
            group.pace.end_tick();
            return false;
        }
        self.lap(Phase::Read);
        true
    }

    /// Reads connections until there are as many as the group may have requests.
    fn fill(&mut self, group: &mut Group) {
        while group.clients.len() < group.pace.requests_max() {
            let Some(index) = self.event_loop.take_ready() else { break };
            if self.read_one(index) {
                group.clients.push_back(index);
            } else {
                self.event_loop.connections.at_mut(index).is_in_hand = false;
            }
        }
    }

    /// Leaves everybody to the next tick: those who have had a turn in this one come last, in any
    /// order, all others keep their places.
    #[cold]
    fn put_off(&mut self, group: &mut Group) {
        self.event_loop.queue_told();
        while let Some(index) = group.clients.pop_back() {
            let connection = self.event_loop.connections.at_mut(index);
            // What has been read is parsed before more is: else it would grow while it waits.
            connection.has_unparsed |= !connection.input.is_empty();
            if connection.has_had_turn(self.event_loop.tick) {
                group.postponed.push(index);
            } else {
                self.event_loop.put_back(index, true);
            }
        }
    }

    /// `true`: there may be requests to parse.
    fn read_one(&mut self, index: u32) -> bool {
        let (client, connection) = self.event_loop.connections.named_mut(index);
        if connection.closing.is_linked() || connection.closes_when_written {
            return false;
        }
        // What a paused client has sent cannot be parsed yet, so it is read all the same: else
        // nobody would notice that it hangs up.
        let is_paused = connection.is_paused;
        let is_full = is_paused && connection.input.len() >= INPUT_PAUSED_BYTES_MAX;
        if is_full && connection.is_hung_up {
            self.condemn(client);
            return false;
        }
        let can_parse = connection.has_unparsed && !is_paused;
        if connection.is_readable && !can_parse && !is_full {
            return self.read_bytes(client, is_paused);
        }
        !is_paused
    }

    fn read_bytes(&mut self, client: ClientId, is_paused: bool) -> bool {
        let index = client.index;
        let parser = &mut self.engine.clients.get_mut(client).parser;
        let wanted = parser.bytes_wanted();
        let target = match parser.room() {
            Some((bytes, count_max)) => Target::Apart { bytes, count_max },
            None => Target::Ring { wanted },
        };
        let outcome = self.event_loop.read(index, target, &mut self.engine.stats);
        match outcome {
            ReadOutcome::Gone => self.condemn(client),
            ReadOutcome::AtEnd if is_paused => self.condemn(client),
            _ if is_paused => {
                self.event_loop.update_interest(index);
                self.measure(client);
            }
            _ => return true,
        }
        false
    }

    /// **parse**: finds whole requests, hashes their keys, and asks for their memory ahead.
    pub(super) fn parse(&mut self, group: &mut Group) {
        group.clear_runs();
        group.may_wait = self.engine.pause.held().is_some();
        let wants_each = self.engine.stats.spikes.is_on();
        group.requests_max = if wants_each { 1 } else { group.pace.requests_max() };
        while group.has_room() {
            let Some(index) = group.clients.pop_front() else { break };
            self.parse_client(group, index);
        }
        // Whoever has more to do keeps its place before those who have not had their turn.
        while let Some(index) = group.again.pop() {
            group.clients.push_front(index);
        }
        self.engine.store.prefetch(&group.hashes);
        self.lap(Phase::Parse);
    }

    /// Parses what one client has sent, and says what becomes of the client then.
    fn parse_client(&mut self, group: &mut Group, index: u32) {
        let (client, connection) = self.event_loop.connections.named_mut(index);
        connection.is_in_hand = false;
        let is_over = connection.closing.is_linked() || connection.closes_when_written;
        if is_over || connection.is_paused {
            return;
        }
        connection.renew_budget(self.event_loop.tick);
        let (state, config) = (self.engine.clients.get_mut(client), &self.engine.config);
        if let Some(postponed) = state.take_postponed() {
            connection.is_in_hand = true;
            group.push_postponed(client, postponed);
            return group.again.push(index);
        }
        let bulk_bytes_max = config.settings().bulk_bytes_max;
        let limits = ParserLimits { bulk_bytes_max, authenticated: state.authenticated };
        let hasher = self.engine.store.hasher();
        let stop = group.plan(connection, state, &limits, hasher);
        connection.has_unparsed = stop != Stop::Incomplete;
        if connection.input.is_empty() {
            connection.input.release(&mut self.event_loop.pool);
        }
        connection.is_in_hand = stop != Stop::Incomplete;
        match stop {
            Stop::Again => group.again.push(index),
            Stop::Budget => group.postponed.push(index),
            Stop::Incomplete if is_query_over_limit(connection, state, config) => {
                self.engine.stats.query_limit_disconnections += 1;
                self.condemn(client);
            }
            Stop::Incomplete if connection.is_at_end => self.end_input(client, group),
            Stop::Incomplete if group.has_run_of(client) => {}
            Stop::Incomplete => {
                connection.input.park(&mut self.event_loop.pool);
                self.measure(client);
            }
        }
    }

    /// Nothing whole is left in the input, and nothing more will come: what is not a whole request
    /// is dropped.
    fn end_input(&mut self, client: ClientId, group: &Group) {
        let connection = self.event_loop.connections.at(client.index);
        let is_silent = connection.output.is_empty() && !group.has_run_of(client);
        if is_silent { self.condemn(client) } else { self.linger(client.index) }
    }

    /// **execute**: runs the group's requests in order.
    pub(super) fn execute(&mut self, group: &mut Group) {
        if group.runs.is_empty() {
            return self.evict(); // only parts of requests were read, and more may be
        }
        let mut runs = take(&mut group.runs);
        for run in &runs {
            self.execute_run(run, group);
        }
        runs.clear();
        group.runs = runs;
        group.bulks.clear(); // whoever wants them longer holds them now
        // Whoever wants to know of spikes has one request a group.
        let event = || if group.is_fast() { "fast-command" } else { "command" };
        let ns = self.lap_as(Phase::Execute, event);
        group.pace.note(ns);
    }

    /// Runs what one client does in this group. Its buffers leave the slab once for all of it, and
    /// go back in between only when a command has left something to do.
    fn execute_run(&mut self, run: &Run, group: &Group) {
        let client = run.client;
        let mut steps = group.steps_of(run);
        let mut is_over = false;
        while !is_over {
            self.evict();
            // None: the client is gone, or as good as gone.
            let Some((mut input, mut output)) = self.lend_buffers(client) else { return };
            let postponed = run.postponed.as_deref();
            // Only what has been parsed lies in one piece, and nobody has parsed behind a pause.
            let mut unread = postponed.map_or_else(|| input.as_slice(), OwnedRequest::bytes);
            let length = unread.len();
            let may_wait = group.may_wait;
            let turn = Turn { client, reply: &mut output, now: self.now, may_wait };
            is_over = self.engine.execute(turn, &mut steps, &mut unread, &mut self.event_loop);
            let consumed = length - unread.len();
            if postponed.is_none() {
                input.consume(consumed);
            }
            if let Some(error) = run.error.filter(|_| is_over) {
                self.refuse(client, &error, &mut output);
            }
            self.take_back(client, input, output);
            if !is_over {
                self.apply_effects();
            }
        }
    }

    /// Takes a client's buffers out of the slab, if it is to be served.
    #[inline]
    fn lend_buffers(&mut self, client: ClientId) -> Option<(RingBuffer, ReplyBuffer)> {
        let connection = self.event_loop.connections.get_mut(client)?;
        if connection.closing.is_linked() {
            return None;
        }
        let output = match connection.output.is_empty() {
            true => ReplyBuffer::in_memory(self.event_loop.output_pool.take().unwrap_or_default()),
            false => take(&mut connection.output),
        };
        Some((take(&mut connection.input), output))
    }

    /// Puts them back; those without bytes give their memory up. Replies are queued.
    #[inline]
    fn take_back(&mut self, client: ClientId, mut input: RingBuffer, mut output: ReplyBuffer) {
        let connection = self.event_loop.connections.at_mut(client.index);
        if input.is_empty() {
            input.release(&mut self.event_loop.pool);
        } else {
            connection.input = input;
        }
        if !output.is_empty() {
            connection.output = output;
        } else if let Some(memory) = output.take_spare() {
            self.event_loop.output_pool.put(memory);
        }
        self.output_grew(client);
    }

    /// Tells a client that it does not speak the protocol, unless it has been told goodbye.
    fn refuse(&mut self, client: ClientId, error: &ProtocolError, output: &mut ReplyBuffer) {
        let state = self.engine.clients.get_mut(client);
        if std::mem::replace(&mut state.close_after_reply, true) {
            return;
        }
        let mut message = b"ERR ".to_vec();
        error.message(&mut message);
        self.engine.stats.count_error(&message);
        if !state.is_silenced() {
            Writer { out: output, protocol: state.protocol }.error(&message);
        }
    }
}

/// Whether a client has sent more that has not been executed than it may.
#[inline]
fn is_query_over_limit(connection: &Connection, state: &Client, config: &Config) -> bool {
    let queued = state.transaction.as_ref().map_or(0, |transaction| transaction.queue_bytes);
    let limit = match state.authenticated {
        true => config.settings().query_buffer_bytes_max,
        false => QUERY_UNAUTHENTICATED_BYTES_MAX as u64,
    };
    let received = connection.input.len().saturating_add(state.parser.heap_bytes());
    received.saturating_add(queued) as u64 > limit
}
