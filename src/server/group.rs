//! A group: requests that are parsed together and executed together, across connections.
//!
//! ```text
//!   ready connections:  A        B   C          a group: at most 64 requests
//!   read                one read each           ┌─────────────────────────────┐
//!   parse               A1 A2 A3 B1  C1  ─────► │ A1 A2 A3 B1 C1              │
//!                       hash keys, prefetch     └─────────────────────────────┘
//!   execute             A: A1 A2 A3   B: B1   C: C1, a run of each client that is still there
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
use crate::limits::{GROUP_SPANS_KEPT_MAX, KEYS_PREFETCHED_MAX, REQUESTS_PER_TICK_MAX};
use crate::resp::request::OwnedRequest;
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
    /// A request that has waited for the end of a pause: then it stands alone.
    pub postponed: Option<OwnedRequest>,
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
    /// Most requests: [`crate::limits::GROUP_REQUESTS_MAX`], or one, so that a group's time is that
    /// request's.
    pub requests_max: usize,
    /// A pause is on: what is parsed now may wait, so that nothing behind it can be parsed.
    pub may_wait: bool,
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
    /// Forgets the former group's requests; keeps the memory that an ordinary group needs.
    pub fn clear_runs(&mut self) {
        self.runs.clear();
        self.steps.clear();
        self.spans.clear();
        self.spans.shrink_to(GROUP_SPANS_KEPT_MAX);
        self.hashes.clear();
    }

    /// Whether another request fits in.
    pub fn has_room(&self) -> bool {
        self.steps.len() < self.requests_max
    }

    /// Has it requests, and are all of them for commands that take constant time or little more?
    pub fn is_fast(&self) -> bool {
        let is_fast = |step: &Step| step.command.is_some_and(|row| row.flags.contains(Flags::FAST));
        !self.steps.is_empty() && self.steps.iter().all(is_fast)
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
        debug_assert!(self.runs.iter().all(|run| run.client != client), "one run for each client");
        let mut ahead = Ahead::new(engine, client);
        let first = self.steps.len();
        let share = (REQUESTS_PER_TICK_MAX - connection.budget_used) as usize;
        let end = self.requests_max.min(first + share);
        let input = connection.input.contiguous();
        // Bytes parsed so far, how many of them stand before the first request, and how many at the
        // end have moved to a bulk that lies apart.
        let (mut parsed, mut blank, mut apart) = (0, 0, 0);
        let stop = loop {
            if self.steps.len() == end {
                break if end == first + share { Ok(Stop::Budget) } else { Ok(Stop::Again) };
            }
            let start = self.spans.len();
            let (parser, unread) = (&mut ahead.client.parser, &mut input[parsed..]);
            match parser.next(unread, &mut self.spans, &mut self.bulks, &ahead.limits) {
                Ok(Parsed::Request { consumed }) => {
                    let is_barrier =
                        self.push_step(&mut ahead, input, parsed..parsed + consumed, start);
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
            let steps = first..self.steps.len();
            self.runs.push(Run { client, steps, error, postponed: None });
        }
        stop.unwrap_or(Stop::Again)
    }

    /// Notes the request whose bytes are `bytes` of `input` and whose spans are those from
    /// `spans_start` on. `true`: what stands behind it can be parsed only after it has run.
    #[inline]
    fn push_step(
        &mut self,
        ahead: &mut Ahead<'_>,
        input: &[u8],
        bytes: Range<usize>,
        spans_start: usize,
    ) -> bool {
        let (spans, hashes_start) = (spans_start..self.spans.len(), self.hashes.len());
        let request = Request::new(&input[bytes.start..], &self.spans[spans.clone()], &self.bulks);
        let name = self.spans[spans_start].range_from(bytes.start);
        let command = ahead.resolve(request, name, input);
        if let Some(command) = command {
            let keys = command.leading_keys.positions(request.len());
            for index in keys.take(KEYS_PREFETCHED_MAX) {
                let place = self.spans[spans_start + index].range_from(bytes.start);
                let hash = ahead.hash(request.at(index), place, input);
                self.hashes.push((ahead.client.database, hash));
            }
        }
        let hashes = hashes_start..self.hashes.len();
        self.steps.push(Step { command, spans, hashes, length: bytes.len() });
        self.may_wait || command.is_some_and(|command| command.flags.contains(Flags::BARRIER))
    }
}

/// What is known of a client's requests before they run.
struct Ahead<'a> {
    client: &'a mut Client,
    limits: ParserLimits,
    hasher: Hasher,
    /// Where in the input the key hashed last lies, and its hash.
    last: (Range<usize>, u64),
    /// The same of the name looked up last, where the name alone says which command it is.
    named: (Range<usize>, Option<&'static Command>),
}

/// A place that no input has.
const NOWHERE: Range<usize> = usize::MAX..usize::MAX;

impl<'a> Ahead<'a> {
    fn new(engine: &'a mut Engine, client: ClientId) -> Self {
        let bulk_bytes_max = engine.config.settings().bulk_bytes_max;
        let (hasher, client) = (engine.store.hasher(), engine.clients.get(client));
        let limits = ParserLimits { bulk_bytes_max, authenticated: client.authenticated };
        Self { client, limits, hasher, last: (NOWHERE, 0), named: (NOWHERE, None) }
    }

    /// The command of a request, whose name lies at `place` in `input`. Most pipelines say the
    /// same again and again: that is looked up once.
    #[inline]
    fn resolve(
        &mut self,
        request: Request<'_>,
        place: Range<usize>,
        input: &[u8],
    ) -> Option<&'static Command> {
        if input.get(self.named.0.clone()) == Some(request.at(0)) {
            return self.named.1;
        }
        let command = dispatcher::resolve(request);
        let is_named_in_full = command.is_some_and(|command| {
            let is_part = command.parent().is_some();
            !is_part && !command.is_container()
        });
        self.named = (if is_named_in_full { place } else { NOWHERE }, command);
        command
    }

    /// The hash of a key, which lies at `place` in `input`. Whoever fills a queue or counts
    /// something names one key again and again: it is hashed once.
    #[inline]
    fn hash(&mut self, key: &[u8], place: Range<usize>, input: &[u8]) -> u64 {
        if input.get(self.last.0.clone()) != Some(key) {
            self.last = (place, self.hasher.hash(key));
        }
        self.last.1
    }
}
