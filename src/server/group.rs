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
use crate::client::ClientId;
use crate::command::dispatcher::{self, Turn};
use crate::command::{Call, Request};
use crate::event_loop::ReadOutcome;
use crate::limits::{
    GROUP_REQUESTS_MAX, INPUT_PAUSED_BYTES_MAX, QUERY_UNAUTHENTICATED_BYTES_MAX,
    REQUESTS_PER_TICK_MAX,
};
use crate::resp::parser::{Parsed, ParserLimits, ProtocolError, Span};
use crate::resp::writer::Writer;
use squint_sys::Sys;
use std::ops::Range;

/// A request that has been parsed and not yet executed.
#[derive(Debug)]
struct Planned {
    client: ClientId,
    /// Where its arguments are noted, in [`Group::spans`].
    spans: Range<usize>,
    /// Where its bytes begin, counted from the first unread byte of the client's input.
    start: usize,
    /// Its bytes.
    length: usize,
    /// Hash of its first key.
    first_key_hash: Option<u64>,
}

/// What was parsed together and is executed together. Its memory is used again and again.
#[derive(Debug, Default)]
pub struct Group {
    /// Connections that were read for this group, in turn.
    clients: Vec<u32>,
    requests: Vec<Planned>,
    spans: Vec<Span>,
    hashes: Vec<u64>,
    /// Connections with more to do than their share of this tick.
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
    /// The first group of a tick begins.
    pub(super) fn begin_groups(&mut self) {
        debug_assert!(self.group.postponed.is_empty());
        self.group.clients.clear();
    }

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
        let has_work = !self.group.clients.is_empty();
        if !has_work {
            for index in std::mem::take(&mut self.group.postponed) {
                self.event_loop.queue_ready(index, false);
            }
        }
        has_work
    }

    /// `true`: there may be requests to parse.
    fn read_one(&mut self, index: u32) -> bool {
        let connection = self.event_loop.connections.at(index);
        if connection.closing.is_linked() || connection.closes_when_written {
            return false;
        }
        let is_full = connection.is_paused && connection.input.len() >= INPUT_PAUSED_BYTES_MAX;
        if connection.is_readable && !connection.has_unparsed && !is_full {
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
        self.group.requests.clear();
        self.group.spans.clear();
        let clients = std::mem::take(&mut self.group.clients);
        for (position, &index) in clients.iter().enumerate() {
            if self.group.requests.len() == GROUP_REQUESTS_MAX {
                // The rest keeps its place at the head of the queue, in order.
                for &index in clients[position..].iter().rev() {
                    self.event_loop.queue_ready(index, true);
                }
                break;
            }
            let stop = self.parse_client(index);
            self.requeue(index, stop);
        }
        self.group.clients = clients;
        self.prefetch();
    }

    /// Parses what one client has sent, as far as this group and its share of the tick go.
    fn parse_client(&mut self, index: u32) -> Stop {
        let client = self.event_loop.connections.token(index);
        let limits = self.parser_limits(client);
        let tick = self.event_loop.tick;
        let connection = self.event_loop.connections.at_mut(index);
        if connection.budget_tick != tick {
            (connection.budget_tick, connection.budget_used) = (tick, 0);
        }
        let parser = &mut self.engine.clients.get(client).parser;
        let input = connection.input.contiguous();
        let mut start = 0;
        loop {
            if self.group.requests.len() == GROUP_REQUESTS_MAX {
                return Stop::Again;
            }
            if connection.budget_used == REQUESTS_PER_TICK_MAX {
                return Stop::Budget;
            }
            let spans_start = self.group.spans.len();
            match parser.next(&mut input[start..], &mut self.group.spans, &limits) {
                Ok(Parsed::Request { consumed }) => {
                    let spans = spans_start..self.group.spans.len();
                    let request = Request::new(&input[start..], &self.group.spans[spans.clone()]);
                    let is_barrier = dispatcher::is_barrier(request);
                    let first_key_hash = request.get(1).map(|key| self.engine.store.hasher().hash(key));
                    let planned = Planned { client, spans, start, length: consumed, first_key_hash };
                    self.group.requests.push(planned);
                    connection.budget_used += 1;
                    start += consumed;
                    if is_barrier {
                        return Stop::Again;
                    }
                }
                Ok(Parsed::Empty { consumed }) => {
                    self.group.requests.push(Planned {
                        client,
                        spans: spans_start..spans_start,
                        start,
                        length: consumed,
                        first_key_hash: None,
                    });
                    start += consumed;
                }
                Ok(Parsed::Incomplete) => return Stop::Incomplete,
                Err(error) => {
                    self.plan_protocol_error(client, start, error);
                    return Stop::Incomplete;
                }
            }
        }
    }
}
