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
use crate::command::Request;
use crate::command::dispatcher;
use crate::command::steps::{Findings, Step};
use crate::command::table::{Command, Flags};
use crate::data_store::{Hasher, Key};
use crate::event_loop::connection::Connection;
use crate::limits::{GROUP_SPANS_KEPT_MAX, KEYS_PREFETCHED_MAX, REQUESTS_PER_TICK_MAX};
use crate::resp::request::OwnedRequest;
use crate::resp::{Head, Parsed, Parser, ParserLimits, ProtocolError, Span};
use crate::shared_bytes::SharedBytes;
use std::collections::VecDeque;
use std::ops::Range;

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

    /// What its steps consist of.
    pub fn findings(&self) -> Findings<'_> {
        Findings { spans: &self.spans, bulks: &self.bulks, hashes: &self.hashes }
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
        state: &mut Client,
        limits: &ParserLimits,
        hasher: Hasher,
    ) -> Stop {
        let (client, first) = (state.token, self.steps.len());
        debug_assert!(self.runs.iter().all(|run| run.client != client), "one run for each client");
        let share_end = first + (REQUESTS_PER_TICK_MAX - connection.budget_used) as usize;
        let input = connection.input.contiguous();
        let mut progress =
            Progress { end: self.requests_max.min(share_end), ..Progress::default() };
        let stop = self.push_steps(&mut progress, input, &mut state.parser, limits);
        self.hash_keys(first, &input[progress.blank..], state.database, hasher);
        connection.input.retract(progress.apart);
        connection.input.consume(progress.blank);
        connection.budget_used += (self.steps.len() - first) as u32;
        let error = stop.err();
        if error.is_some() || self.steps.len() > first {
            let steps = first..self.steps.len();
            self.runs.push(Run { client, steps, error, postponed: None });
        }
        match stop {
            Ok(Stop::Again) if self.steps.len() == share_end => Stop::Budget,
            stop => stop.unwrap_or(Stop::Again),
        }
    }

    /// Notes one request after the other.
    fn push_steps(
        &mut self,
        progress: &mut Progress,
        input: &mut [u8],
        parser: &mut Parser,
        limits: &ParserLimits,
    ) -> Result<Stop, ProtocolError> {
        let mut before = None;
        while self.steps.len() < progress.end {
            let (unread, spans_start) = (&mut input[progress.parsed..], self.spans.len());
            if let Some(length) = self.push_like(&before, unread) {
                progress.parsed += length;
                continue;
            }
            match parser.next(unread, &mut self.spans, &mut self.bulks, limits)? {
                Parsed::Request { consumed } => {
                    let command = self.push_step(unread, spans_start, consumed);
                    if self.is_barrier(command) {
                        break;
                    }
                    before = Before::of(command, unread, &self.spans[spans_start..], consumed);
                    progress.parsed += consumed;
                }
                // Blank bytes go with the request before them, or at once.
                Parsed::Empty { consumed } => {
                    let steps_before = progress.parsed > progress.blank;
                    match self.steps.last_mut().filter(|_| steps_before) {
                        Some(step) => step.length += consumed,
                        None => progress.blank += consumed,
                    }
                    progress.parsed += consumed;
                }
                Parsed::Incomplete { taken } => {
                    progress.apart = taken;
                    return Ok(Stop::Incomplete);
                }
            }
        }
        Ok(Stop::Again)
    }

    /// Notes the request at the start of `unread`, if it is like the one before it: its bytes.
    #[inline]
    fn push_like(&mut self, before: &Option<Before>, unread: &[u8]) -> Option<usize> {
        let before = before.as_ref()?;
        let start = self.spans.len();
        let length = before.head.read_like(unread, &mut self.spans)?;
        let (command, spans) = (Some(before.command), start..self.spans.len());
        self.steps.push(Step { command, spans, hashes: 0..0, length });
        Some(length)
    }

    /// Notes the request of `length` bytes at the start of `unread`, whose spans are those from
    /// `spans_start` on.
    fn push_step(
        &mut self,
        unread: &[u8],
        spans_start: usize,
        length: usize,
    ) -> Option<&'static Command> {
        let spans = spans_start..self.spans.len();
        let request = Request::new(unread, &self.spans[spans.clone()], &self.bulks);
        let command = dispatcher::resolve(request);
        self.steps.push(Step { command, spans, hashes: 0..0, length });
        command
    }

    /// What stands behind this one can be parsed only after it has run.
    fn is_barrier(&self, command: Option<&Command>) -> bool {
        self.may_wait || command.is_some_and(|command| command.flags.contains(Flags::BARRIER))
    }

    /// Hashes the keys of a client's requests, the first of which lies at the start of `input`.
    /// Whoever fills a queue or counts something names one key again and again: it is hashed once.
    fn hash_keys(&mut self, first: usize, mut input: &[u8], database: usize, hasher: Hasher) {
        let mut last: Option<Key> = None;
        for step in &mut self.steps[first..] {
            let request = Request::new(input, &self.spans[step.spans.clone()], &self.bulks);
            let hashes_start = self.hashes.len();
            if let Some(command) = step.command {
                let keys = command.leading_keys.positions(request.len());
                for index in keys.take(KEYS_PREFETCHED_MAX) {
                    let bytes = request.at(index);
                    let key = match last {
                        Some(last) if last.is_named(bytes) => last,
                        _ => hasher.key(bytes),
                    };
                    self.hashes.push((database, key.hash));
                    last = Some(key);
                }
            }
            step.hashes = hashes_start..self.hashes.len();
            input = &input[step.length..];
        }
    }
}

/// How far parsing a client's input has come.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// Steps that the group shall have at most.
    end: usize,
    /// Bytes parsed.
    parsed: usize,
    /// How many of these stand before the first request, and belong to none.
    blank: usize,
    /// Bytes at the end of the input that have moved to a bulk that lies apart.
    apart: usize,
}

/// A request that others behind it may be like.
struct Before {
    head: Head,
    command: &'static Command,
}

impl Before {
    /// The request of `length` bytes at the start of `unread`, if something stands behind it and
    /// its name alone says which command it is.
    #[inline]
    fn of(
        command: Option<&'static Command>,
        unread: &[u8],
        arguments: &[Span],
        length: usize,
    ) -> Option<Self> {
        let command = command.filter(|_| length < unread.len())?;
        let is_named_in_full = command.parent().is_none() && !command.is_container();
        let head = if is_named_in_full { Head::of(unread, arguments) } else { None };
        Some(Self { head: head?, command })
    }
}
