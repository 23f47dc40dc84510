//! The phases read, parse and execute.
//!
//! Requests run in groups, across connections; what a group is, and how it is filled, is in
//! `group.rs`. A client's input and output leave the slab while one of its requests runs, so that
//! its arguments may be slices of the former, and the command may look at any other connection.

use super::Server;
use super::group::{Group, Run, Stop};
use crate::client::{Client, ClientId};
use crate::command::dispatcher::{self, Turn};
use crate::command::steps::{Step, Steps};
use crate::config::Config;
use crate::event_loop::connection::Connection;
use crate::event_loop::ring_buffer::RingBuffer;
use crate::event_loop::{ReadOutcome, Target};
use crate::limits::{GROUP_REQUESTS_MAX, INPUT_PAUSED_BYTES_MAX, QUERY_UNAUTHENTICATED_BYTES_MAX};
use crate::reply_buffer::ReplyBuffer;
use crate::resp::request::OwnedRequest;
use crate::resp::{ParserLimits, ProtocolError, Writer};
use crate::stats::tick_times::Phase;
use squint_sys::Sys;

/// What leaves the slab while requests of a client run.
struct Buffers {
    input: RingBuffer,
    output: ReplyBuffer,
}

impl<S: Sys> Server<S> {
    /// **read**: takes connections off the ready list and reads each once, unless it has requests
    /// left from before. `false`: nobody has anything to do (any more) in this tick.
    pub(super) fn read(&mut self, group: &mut Group) -> bool {
        while group.clients.len() < GROUP_REQUESTS_MAX {
            let Some(index) = self.event_loop.take_ready() else { break };
            if self.read_one(index) {
                group.clients.push_back(index);
            } else {
                self.event_loop.connections.at_mut(index).is_in_hand = false;
            }
        }
        if group.clients.is_empty() {
            for index in group.postponed.drain(..) {
                self.event_loop.queue_ready(index, false);
            }
            return false;
        }
        self.lap(Phase::Read);
        true
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
            _ if is_paused => self.event_loop.update_interest(index),
            _ => return true,
        }
        false
    }

    /// **parse**: finds whole requests, hashes their keys, and asks for their memory ahead.
    pub(super) fn parse(&mut self, group: &mut Group) {
        group.clear_runs();
        group.may_wait = self.engine.pause.held().is_some();
        group.requests_max = if self.engine.stats.spikes.is_on() { 1 } else { GROUP_REQUESTS_MAX };
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
        let (state, config) = (self.engine.clients.get_mut(client), &self.engine.config);
        if let Some(postponed) = state.take_postponed() {
            connection.is_in_hand = true;
            group.runs.push(Run::of_postponed(client, postponed));
            return group.again.push(index);
        }
        connection.renew_budget(self.event_loop.tick);
        let bulk_bytes_max = config.settings().bulk_bytes_max;
        let limits = ParserLimits { bulk_bytes_max, authenticated: state.authenticated };
        let hasher = self.engine.store.hasher();
        let stop = group.plan(connection, state, &limits, hasher);
        connection.has_unparsed = stop != Stop::Incomplete;
        if connection.input.is_empty() {
            connection.input.release(&mut self.event_loop.pool);
        }
        connection.is_in_hand = stop == Stop::Again;
        match stop {
            Stop::Again => group.again.push(index),
            Stop::Budget => group.postponed.push(index),
            Stop::Incomplete if is_query_over_limit(connection, state, config) => {
                self.engine.stats.query_limit_disconnections += 1;
                self.condemn(client);
            }
            Stop::Incomplete if connection.is_at_end => self.end_input(client, group),
            Stop::Incomplete if group.has_run_of(client) => {}
            Stop::Incomplete => connection.input.park(&mut self.event_loop.pool),
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
            return;
        }
        let mut runs = std::mem::take(&mut group.runs);
        for run in runs.drain(..) {
            self.execute_run(run, group);
        }
        group.runs = runs;
        group.bulks.clear(); // whoever wants them longer holds them now
        // Whoever wants to know of spikes has one request a group.
        self.lap_as(Phase::Execute, || if group.is_fast() { "fast-command" } else { "command" });
    }

    /// Runs what one client does in this group. Its buffers leave the slab once for all of it, and
    /// go back in between only when a command has left something to do.
    fn execute_run(&mut self, run: Run, group: &Group) {
        let client = run.client;
        if let Some(request) = run.postponed {
            return self.execute_postponed(client, &request, group.may_wait);
        }
        let mut left = group.steps_of(&run);
        let mut is_over = false;
        while !is_over {
            // None: the client is gone, or has been told goodbye.
            let Some(mut buffers) = self.lend_buffers(client) else { return };
            let input = buffers.input.as_slice();
            let mut steps = Steps { input, ..left };
            let may_wait = group.may_wait;
            let turn = Turn { client, reply: &mut buffers.output, now: self.now, may_wait };
            is_over = self.engine.execute(turn, &mut steps, &mut self.event_loop);
            let consumed = input.len() - steps.input.len();
            left = Steps { input: &[], ..steps };
            buffers.input.consume(consumed);
            if let Some(error) = run.error.filter(|_| is_over) {
                self.refuse(client, &error, &mut buffers.output);
            }
            self.take_back(client, buffers);
        }
    }

    /// Runs what has waited for the end of a pause.
    fn execute_postponed(&mut self, client: ClientId, request: &OwnedRequest, may_wait: bool) {
        let Some(mut buffers) = self.lend_buffers(client) else { return };
        let (input, spans, bulks) = request.parts();
        let command = dispatcher::resolve(request.as_request());
        let step = Step { command, length: input.len(), arguments: spans.len() as u32, keys: 0 };
        let mut steps = Steps { steps: &[step], spans, layout: &[], bulks, hashes: &[], input };
        let turn = Turn { client, reply: &mut buffers.output, now: self.now, may_wait };
        self.engine.execute(turn, &mut steps, &mut self.event_loop);
        self.take_back(client, buffers);
    }

    /// Takes a client's buffers out of the slab, if it is to be served.
    fn lend_buffers(&mut self, client: ClientId) -> Option<Buffers> {
        let connection = self.event_loop.connections.get_mut(client)?;
        let is_told_goodbye = self.engine.clients.get(client).close_after_reply;
        if connection.closing.is_linked() || is_told_goodbye {
            return None;
        }
        let input = std::mem::take(&mut connection.input);
        let mut output = std::mem::take(&mut connection.output);
        if output.is_empty()
            && let Some(memory) = self.event_loop.output_pool.take()
        {
            output.adopt(memory);
        }
        Some(Buffers { input, output })
    }

    /// Puts them back; those without bytes give their memory up. Then replies are queued, and what
    /// the commands have left to do is done.
    fn take_back(&mut self, client: ClientId, mut buffers: Buffers) {
        if buffers.output.is_empty()
            && let Some(memory) = buffers.output.take_spare()
        {
            self.event_loop.output_pool.put(memory);
        }
        if buffers.input.is_empty() {
            buffers.input.release(&mut self.event_loop.pool);
        }
        let connection = self.event_loop.connections.at_mut(client.index);
        (connection.input, connection.output) = (buffers.input, buffers.output);
        self.after_command(client);
    }

    /// Tells a client that it does not speak the protocol.
    fn refuse(&mut self, client: ClientId, error: &ProtocolError, output: &mut ReplyBuffer) {
        let mut message = b"ERR ".to_vec();
        error.message(&mut message);
        self.engine.stats.count_error(&message);
        let state = self.engine.clients.get_mut(client);
        let is_silent =
            std::mem::replace(&mut state.close_after_reply, true) || state.is_silenced();
        if !is_silent {
            Writer { out: output, protocol: state.protocol }.error(&message);
        }
    }
}

/// Whether a client has sent more that has not been executed than it may.
fn is_query_over_limit(connection: &Connection, state: &Client, config: &Config) -> bool {
    let queued = state.transaction.as_ref().map_or(0, |transaction| transaction.queue_bytes);
    let limit = match state.authenticated {
        true => config.settings().query_buffer_bytes_max,
        false => QUERY_UNAUTHENTICATED_BYTES_MAX as u64,
    };
    let received = connection.input.len().saturating_add(state.parser.heap_bytes());
    received.saturating_add(queued) as u64 > limit
}
