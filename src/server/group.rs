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
use crate::data_store::Hasher;
use crate::event_loop::connection::Connection;
use crate::limits::{GROUP_REQUESTS_MAX, KEYS_PREFETCHED_MAX, REQUESTS_PER_TICK_MAX};
use crate::resp::{Parsed, ParserLimits, ProtocolError, Span};
use crate::shared_bytes::SharedBytes;
use std::collections::VecDeque;
use std::ops::Range;

/// A request that has been parsed and not yet executed.
#[derive(Debug)]
pub struct Step {
    /// Its row; `None`: there is no such command.
    pub command: Option<&'static Command>,
    /// Where its arguments are noted, in [`Group::spans`].
    pub spans: Range<usize>,
    /// Where the hashes of its keys are noted, in [`Group::hashes`].
    pub hashes: Range<usize>,
    /// Bytes of the client's input to drop afterwards.
    pub length: usize,
}

/// What one client does in a group: requests, and perhaps an end.
#[derive(Debug)]
pub struct Run {
    /// Whose.
    pub client: ClientId,
    /// Its requests, in [`Group::steps`].
    pub steps: Range<usize>,
    /// Behind them stand bytes that are no request: the client is told, and closed.
    pub error: Option<ProtocolError>,
}

/// What was parsed together and is executed together. Its memory is used again and again.
#[derive(Debug, Default)]
pub struct Group {
    /// Connections that have been read and may have more to parse, in turn.
    pub clients: VecDeque<u32>,
    /// What they sent, in order.
    pub runs: Vec<Run>,
    /// Requests of all runs.
    pub steps: Vec<Step>,
    /// Arguments of all requests.
    pub spans: Vec<Span>,
    /// Those of them that lie apart from the input.
    pub bulks: Vec<SharedBytes>,
    /// Keys of all requests, by database: what is prefetched together.
    pub hashes: Vec<(usize, u64)>,
    /// Connections that go on when this group has run.
    pub again: Vec<u32>,
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
    pub fn clear_runs(&mut self) {
        self.runs.clear();
        self.steps.clear();
        self.spans.clear();
        self.hashes.clear();
    }

    /// Whether another request fits in.
    pub fn has_room(&self) -> bool {
        self.steps.len() < GROUP_REQUESTS_MAX
    }

    /// Has the client, the last one parsed, anything to execute?
    pub fn has_run_of(&self, client: ClientId) -> bool {
        self.runs.last().is_some_and(|run| run.client == client)
    }

    /// Parses requests of one client until the input, the group or the client's share is exhausted.
    pub fn plan(
        &mut self,
        connection: &mut Connection,
        engine: &mut Engine,
        client: ClientId,
    ) -> Stop {
        let ahead = Ahead::new(engine, client);
        let first = self.steps.len();
        let share = (REQUESTS_PER_TICK_MAX - connection.budget_used) as usize;
        let end = GROUP_REQUESTS_MAX.min(first + share);
        let input = connection.input.contiguous();
        // Bytes parsed so far, how many of them stand before the first request, and how many at the
        // end have moved to a bulk that lies apart.
        let (mut parsed, mut blank, mut apart) = (0, 0, 0);
        let stop = loop {
            if self.steps.len() == end {
                break if end == first + share { Ok(Stop::Budget) } else { Ok(Stop::Again) };
            }
            let start = self.spans.len();
            let parser = &mut ahead.client.parser;
            let unread = &mut input[parsed..];
            match parser.next(unread, &mut self.spans, &mut self.bulks, &ahead.limits) {
                Ok(Parsed::Request { consumed }) => {
                    let request = Request::new(unread, &self.spans[start..], &self.bulks);
                    let step = ahead.look(request, consumed, start, &mut self.hashes);
                    let is_barrier = step.is_barrier();
                    self.steps.push(step);
                    parsed += consumed;
                    if is_barrier {
                        break Ok(Stop::Again);
                    }
                }
                // Blank bytes go with the request before them, or at once.
                Ok(Parsed::Empty { consumed }) => {
                    parsed += consumed;
                    match self.steps.get_mut(first..).and_then(<[Step]>::last_mut) {
                        Some(step) => step.length += consumed,
                        None => blank += consumed,
                    }
                }
                Ok(Parsed::Incomplete { taken }) => {
                    apart = taken;
                    break Ok(Stop::Incomplete);
                }
                Err(error) => break Err(error),
            }
        };
        connection.input.retract(apart);
        connection.input.consume(blank);
        connection.budget_used += (self.steps.len() - first) as u32;
        let error = stop.err();
        if error.is_some() || self.steps.len() > first {
            self.runs.push(Run { client, steps: first..self.steps.len(), error });
        }
        stop.unwrap_or(Stop::Again)
    }
}

impl Step {
    /// Whether what stands behind it can be parsed only after it has run.
    fn is_barrier(&self) -> bool {
        self.command.is_some_and(|command| command.flags.contains(Flags::BARRIER))
    }
}

/// What is known of a client's requests before they run.
struct Ahead<'a> {
    client: &'a mut Client,
    limits: ParserLimits,
    hasher: Hasher,
}

impl<'a> Ahead<'a> {
    fn new(engine: &'a mut Engine, client: ClientId) -> Self {
        let bulk_bytes_max = engine.config.settings().bulk_bytes_max;
        let (hasher, client) = (engine.store.hasher(), engine.clients.get(client));
        let limits = ParserLimits { bulk_bytes_max, authenticated: client.authenticated };
        Self { client, limits, hasher }
    }

    /// Finds a request's row, and hashes its keys.
    fn look(
        &self,
        request: Request<'_>,
        length: usize,
        spans_start: usize,
        hashes: &mut Vec<(usize, u64)>,
    ) -> Step {
        let (command, hashes_start) = (dispatcher::resolve(request), hashes.len());
        if let Some(command) = command {
            for index in command.leading_keys.positions(request.len()).take(KEYS_PREFETCHED_MAX) {
                hashes.push((self.client.database, self.hasher.hash(request.at(index))));
            }
        }
        let spans = spans_start..spans_start + request.len();
        Step { command, spans, hashes: hashes_start..hashes.len(), length }
    }
}
