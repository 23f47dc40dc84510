//! The phases read, parse and execute: requests run in groups, across connections.
//!
//! ```text
//!   ready connections:  A        B   C          a group: at most 64 requests
//!   read                one read each           ┌─────────────────────────────┐
//!   parse               A1 A2 A3 B1  C1  ─────► │ A1 A2 A3 B1 C1              │
//!                       hash keys, prefetch     └─────────────────────────────┘
//!   execute             A1 A2 A3 B1 C1, in order; each checks that its client is still there
//! ```
//!
//! Taken one by one, every request would wait for its own cache misses; prefetched together they
//! overlap. Prefetching is only a hint: execute looks up again.

use super::Server;
use crate::client::{Client, ClientId};
use crate::command::dispatcher::{self, Turn};
use crate::command::{Engine, Request};
use crate::event_loop::ReadOutcome;
use crate::event_loop::connection::Connection;
use crate::limits::{
    GROUP_REQUESTS_MAX, INPUT_PAUSED_BYTES_MAX, QUERY_UNAUTHENTICATED_BYTES_MAX,
    REQUESTS_PER_TICK_MAX,
};
use crate::resp::{Parsed, ParserLimits, ProtocolError, Span, Writer};
use squint_sys::Sys;
use std::ops::Range;

/// What stands next in a client's input.
#[derive(Debug)]
enum Step {
    /// A request: where its arguments are noted in [`Group::spans`].
    Request { spans: Range<usize>, first_key_hash: Option<u64> },
    /// Bytes that are none: the client is told, and closed.
    Error(ProtocolError),
}

/// A step that has been parsed and not yet executed.
#[derive(Debug)]
struct Planned {
    client: ClientId,
    step: Step,
    /// Bytes of the client's input to drop afterwards.
    length: usize,
}

/// What was parsed together and is executed together. Its memory is used again and again.
#[derive(Debug, Default)]
pub struct Group {
    /// Connections that were read for this group, in turn.
    clients: Vec<u32>,
    steps: Vec<Planned>,
    spans: Vec<Span>,
    /// First keys of the requests, by database: what is prefetched together.
    hashes: Vec<(usize, u64)>,
    /// Connections that have had their share of this tick and have more to do.
    postponed: Vec<u32>,
}

/// Why parsing a client has stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stop {
    /// No whole request is left: more bytes are needed.
    Incomplete,
    /// The group is full, or the request just parsed must run before the next can be parsed.
    Again,
    /// The client has had its share of this tick.
    Budget,
}

impl<S: Sys> Server<S> {
    /// **read**: takes connections off the ready list and reads each once, unless it has requests
    /// left from before. `false`: nobody has anything to do (any more) in this tick.
    pub(super) fn read(&mut self) -> bool {
        self.group.clients.clear();
        while self.group.clients.len() < GROUP_REQUESTS_MAX {
            let Some(index) = self.event_loop.take_ready() else { break };
            if self.read_one(index) {
                self.group.clients.push(index);
            }
        }
        if self.group.clients.is_empty() {
            for index in self.group.postponed.drain(..) {
                self.event_loop.queue_ready(index, false);
            }
            return false;
        }
        true
    }

    /// `true`: there may be requests to parse.
    fn read_one(&mut self, index: u32) -> bool {
        let connection = self.event_loop.connections.at(index);
        if connection.closing.is_linked() || connection.closes_when_written {
            return false;
        }
        // What a paused client has sent cannot be parsed yet, so it is read all the same: else
        // nobody would notice that it hangs up.
        let is_full = connection.is_paused && connection.input.len() >= INPUT_PAUSED_BYTES_MAX;
        if is_full && connection.is_hung_up {
            let client = self.event_loop.connections.token(index);
            self.condemn(client);
            return false;
        }
        let can_parse = connection.has_unparsed && !connection.is_paused;
        if connection.is_readable && !can_parse && !is_full {
            return self.read_bytes(index);
        }
        !connection.is_paused
    }

    fn read_bytes(&mut self, index: u32) -> bool {
        let client = self.event_loop.connections.token(index);
        let wanted = self.engine.clients.get(client).parser.bytes_wanted();
        let outcome = self.event_loop.read(index, wanted, &mut self.engine.stats);
        let is_paused = self.event_loop.connections.at(index).is_paused;
        match outcome {
            ReadOutcome::Gone => self.condemn(client),
            ReadOutcome::AtEnd if is_paused => self.condemn(client),
            _ if is_paused => self.event_loop.update_interest(index),
            _ => return true,
        }
        false
    }

    /// **parse**: finds whole requests, hashes their keys, and asks for their memory ahead.
    pub(super) fn parse(&mut self) {
        self.group.steps.clear();
        self.group.spans.clear();
        self.group.hashes.clear();
        let clients = std::mem::take(&mut self.group.clients);
        for (position, &index) in clients.iter().enumerate() {
            if self.group.steps.len() == GROUP_REQUESTS_MAX {
                self.keep_places(&clients[position..]);
                break;
            }
            self.parse_client(index);
        }
        self.group.clients = clients;
        self.engine.store.prefetch(&self.group.hashes);
    }

    /// The group is full: the rest keeps its place at the head of the queue, in order.
    fn keep_places(&mut self, rest: &[u32]) {
        for &index in rest.iter().rev() {
            let connection = self.event_loop.connections.at_mut(index);
            connection.has_unparsed = !connection.input.is_empty();
            self.event_loop.queue_ready(index, true);
        }
    }

    /// Parses what one client has sent, and says what becomes of the client then.
    fn parse_client(&mut self, index: u32) {
        let client = self.event_loop.connections.token(index);
        let connection = self.event_loop.connections.at_mut(index);
        let stop = self.group.plan(connection, &mut self.engine, client, self.event_loop.tick);
        connection.has_unparsed = stop != Stop::Incomplete;
        match stop {
            Stop::Again => self.event_loop.queue_ready(index, true),
            Stop::Budget => self.group.postponed.push(index),
            Stop::Incomplete => self.after_incomplete(index, client),
        }
    }

    /// Nothing whole is left in the input: wait for more, unless there will be none or it is too
    /// much.
    fn after_incomplete(&mut self, index: u32, client: ClientId) {
        let state = self.engine.clients.get(client);
        let queued = state.transaction.as_ref().map_or(0, |transaction| transaction.queue_bytes);
        let limit = if state.authenticated {
            self.engine.config.settings().query_buffer_bytes_max
        } else {
            QUERY_UNAUTHENTICATED_BYTES_MAX as u64
        };
        let connection = self.event_loop.connections.at_mut(index);
        if connection.input.len().saturating_add(queued) as u64 > limit {
            self.engine.stats.query_limit_disconnections += 1;
            self.condemn(client);
        } else if connection.is_at_end {
            // What is not a whole request is dropped.
            let is_silent = connection.output.is_empty() && !self.group.has_steps_of(client);
            if is_silent { self.condemn(client) } else { self.linger(index) }
        }
    }

    /// **execute**: runs the group's requests in order.
    pub(super) fn execute(&mut self) {
        let mut group = std::mem::take(&mut self.group);
        let start_ns = self.event_loop.sys.monotonic_ns();
        for planned in group.steps.drain(..) {
            self.execute_one(planned, &group.spans);
        }
        let end_ns = self.event_loop.sys.monotonic_ns();
        self.engine.stats.share_time(end_ns.saturating_sub(start_ns));
        for &index in &group.clients {
            self.release_input(index);
        }
        self.group = group;
    }

    fn execute_one(&mut self, planned: Planned, spans: &[Span]) {
        let client = planned.client;
        let Some(connection) = self.event_loop.connections.get_mut(client) else { return };
        let is_told_goodbye = self.engine.clients.get(client).close_after_reply;
        if connection.closing.is_linked() || is_told_goodbye {
            return;
        }
        // Input and output leave the slab while the request runs: its arguments borrow the former,
        // and the command may look at any connection.
        let mut input = std::mem::take(&mut connection.input);
        let mut output = std::mem::take(&mut connection.output);
        if output.is_empty()
            && let Some(memory) = self.event_loop.output_pool.take()
        {
            output.adopt(memory);
        }
        match planned.step {
            Step::Request { spans: range, first_key_hash } => {
                let request = Request::new(input.as_slice(), &spans[range]);
                let reply = &mut output;
                let turn = Turn { client, request, first_key_hash, reply, now: self.now };
                self.engine.execute(turn, &mut self.event_loop);
            }
            Step::Error(error) => self.refuse(client, &error, &mut output),
        }
        input.consume(planned.length);
        let connection = self.event_loop.connections.at_mut(client.index);
        connection.input = input;
        connection.output = output;
        self.after_command(client);
    }

    /// Tells a client that it does not speak the protocol.
    fn refuse(
        &mut self,
        client: ClientId,
        error: &ProtocolError,
        output: &mut crate::reply_buffer::ReplyBuffer,
    ) {
        let mut message = b"ERR ".to_vec();
        error.message(&mut message);
        self.engine.stats.count_error(&message);
        let state = self.engine.clients.get(client);
        state.close_after_reply = true;
        Writer { out: output, protocol: state.protocol }.error(&message);
    }

    /// An input without bytes gives its memory back.
    fn release_input(&mut self, index: u32) {
        let connection = self.event_loop.connections.at_mut(index);
        if connection.input.is_empty() {
            connection.input.release(&mut self.event_loop.pool);
        }
    }
}

impl Group {
    /// Has the client, the last one parsed, anything to execute?
    fn has_steps_of(&self, client: ClientId) -> bool {
        self.steps.last().is_some_and(|planned| planned.client == client)
    }

    /// Parses requests of one client until the input, the group or the client's share is exhausted.
    fn plan(
        &mut self,
        connection: &mut Connection,
        engine: &mut Engine,
        client: ClientId,
        tick: u64,
    ) -> Stop {
        if connection.budget_tick != tick {
            (connection.budget_tick, connection.budget_used) = (tick, 0);
        }
        let own_start = self.steps.len();
        let mut parsed_bytes = 0;
        while self.steps.len() < GROUP_REQUESTS_MAX {
            if connection.budget_used == REQUESTS_PER_TICK_MAX {
                return Stop::Budget;
            }
            let state = engine.clients.get(client);
            let limits = parser_limits(state, engine.config.settings().bulk_bytes_max);
            let spans_start = self.spans.len();
            let input = &mut connection.input.contiguous()[parsed_bytes..];
            match state.parser.next(input, &mut self.spans, &limits) {
                Ok(Parsed::Request { consumed }) => {
                    let spans = spans_start..self.spans.len();
                    let request = Request::new(input, &self.spans[spans.clone()]);
                    let is_barrier = dispatcher::is_barrier(request);
                    let hash = |key| engine.store.hasher().hash(key);
                    let first_key_hash = request.get(1).map(hash);
                    self.hashes.extend(first_key_hash.map(|hash| (state.database, hash)));
                    let step = Step::Request { spans, first_key_hash };
                    self.steps.push(Planned { client, step, length: consumed });
                    connection.budget_used += 1;
                    parsed_bytes += consumed;
                    if is_barrier {
                        return Stop::Again;
                    }
                }
                // Blank bytes go with the request before them, or at once.
                Ok(Parsed::Empty { consumed }) if self.steps.len() > own_start => {
                    self.steps.last_mut().expect("its own").length += consumed;
                    parsed_bytes += consumed;
                }
                Ok(Parsed::Empty { consumed }) => connection.input.consume(consumed),
                Ok(Parsed::Incomplete) => return Stop::Incomplete,
                Err(error) => {
                    self.steps.push(Planned { client, step: Step::Error(error), length: 0 });
                    return Stop::Again;
                }
            }
        }
        Stop::Again
    }
}

fn parser_limits(client: &Client, bulk_bytes_max: u64) -> ParserLimits {
    ParserLimits { bulk_bytes_max, authenticated: client.authenticated }
}
