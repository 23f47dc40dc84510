//! A group: requests that are parsed together and executed together, across connections.
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

use crate::client::{Client, ClientId};
use crate::command::dispatcher;
use crate::command::table::{Command, Flags};
use crate::command::{Engine, Request};
use crate::event_loop::connection::Connection;
use crate::limits::{GROUP_REQUESTS_MAX, KEYS_PREFETCHED_MAX, REQUESTS_PER_TICK_MAX};
use crate::resp::{Parsed, ParserLimits, ProtocolError, Span};
use std::ops::Range;

/// What stands next in a client's input.
#[derive(Debug)]
pub enum Step {
    /// A request.
    Request {
        /// Its row; `None`: there is no such command.
        command: Option<&'static Command>,
        /// Where its arguments are noted, in [`Group::spans`].
        spans: Range<usize>,
        /// Where the hashes of its keys are noted, in [`Group::hashes`].
        hashes: Range<usize>,
    },
    /// Bytes that are none: the client is told, and closed.
    Error(ProtocolError),
}

/// A step that has been parsed and not yet executed.
#[derive(Debug)]
pub struct Planned {
    /// Whose.
    pub client: ClientId,
    /// What.
    pub step: Step,
    /// Bytes of the client's input to drop afterwards.
    pub length: usize,
}

/// What was parsed together and is executed together. Its memory is used again and again.
#[derive(Debug, Default)]
pub struct Group {
    /// Connections that were read for this group, in turn.
    pub clients: Vec<u32>,
    /// What they sent, in order.
    pub steps: Vec<Planned>,
    /// Arguments of all requests.
    pub spans: Vec<Span>,
    /// Keys of all requests, by database: what is prefetched together.
    pub hashes: Vec<(usize, u64)>,
    /// Connections that have had their share of this tick and have more to do.
    pub postponed: Vec<u32>,
}

/// Why parsing a client has stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stop {
    /// No whole request is left: more bytes are needed.
    Incomplete,
    /// The group is full, or the request just parsed must run before the next can be parsed.
    Again,
    /// The client has had its share of this tick.
    Budget,
}

impl Group {
    /// Forgets the former group's requests; keeps the memory.
    pub fn clear_steps(&mut self) {
        self.steps.clear();
        self.spans.clear();
        self.hashes.clear();
    }

    /// Has the client, the last one parsed, anything to execute?
    pub fn has_steps_of(&self, client: ClientId) -> bool {
        self.steps.last().is_some_and(|planned| planned.client == client)
    }

    /// Parses requests of one client until the input, the group or the client's share is exhausted.
    pub fn plan(
        &mut self,
        connection: &mut Connection,
        engine: &mut Engine,
        client: ClientId,
    ) -> Stop {
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
                    connection.budget_used += 1;
                    parsed_bytes += consumed;
                    if self.push_request(engine, client, &input[..consumed], spans_start) {
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

    /// Notes a request. `true`: what stands behind it can be parsed only after it has run.
    fn push_request(
        &mut self,
        engine: &mut Engine,
        client: ClientId,
        bytes: &[u8],
        spans_start: usize,
    ) -> bool {
        let (spans, hashes_start) = (spans_start..self.spans.len(), self.hashes.len());
        let request = Request::new(bytes, &self.spans[spans.clone()]);
        let command = dispatcher::resolve(request);
        if let Some(command) = command {
            let (hasher, database) = (engine.store.hasher(), engine.clients.get(client).database);
            let keys = command.leading_keys(request.len()).take(KEYS_PREFETCHED_MAX);
            self.hashes.extend(keys.map(|index| (database, hasher.hash(request.at(index)))));
        }
        let step = Step::Request { command, spans, hashes: hashes_start..self.hashes.len() };
        self.steps.push(Planned { client, step, length: bytes.len() });
        command.is_some_and(|command| command.flags.contains(Flags::BARRIER))
    }
}

fn parser_limits(client: &Client, bulk_bytes_max: u64) -> ParserLimits {
    ParserLimits { bulk_bytes_max, authenticated: client.authenticated }
}
