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

use super::pace::Pace;
use crate::client::{Client, ClientId};
use crate::command::Request;
use crate::command::dispatcher;
use crate::command::key_spec::LeadingKeys;
use crate::command::steps::{Step, Steps};
use crate::command::table::{Command, Flags};
use crate::data_store::{Hasher, Key};
use crate::event_loop::connection::Connection;
use crate::limits::{GROUP_SPANS_KEPT_MAX, KEYS_PREFETCHED_MAX, REQUESTS_PER_TICK_MAX};
use crate::resp::request::OwnedRequest;
use crate::resp::{Head, Parsed, Parser, ParserLimits, ProtocolError, Sample, Span};
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
    /// Where their arguments begin, in [`Group::spans`].
    pub spans_start: usize,
    /// Where the hashes of their keys begin, in [`Group::hashes`].
    pub hashes_start: usize,
    /// Behind them stand bytes that are no request: the client is told, and closed.
    pub error: Option<ProtocolError>,
    /// Its request has waited for the end of a pause, and stands alone; it is not in the input.
    pub postponed: Option<Box<OwnedRequest>>,
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
    /// Most requests: what the pace is, or one, so that a group's time is that request's.
    pub requests_max: usize,
    /// How much is done at once.
    pub pace: Pace,
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

    /// The steps of one of its runs.
    pub fn steps_of(&self, run: &Run) -> Steps<'_> {
        Steps {
            steps: &self.steps[run.steps.clone()],
            spans: &self.spans[run.spans_start..],
            layout: &[],
            bulks: &self.bulks,
            hashes: &self.hashes[run.hashes_start..],
        }
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
        let (spans_start, hashes_start) = (self.spans.len(), self.hashes.len());
        debug_assert!(self.runs.iter().all(|run| run.client != client), "one run for each client");
        let share_end = first + (REQUESTS_PER_TICK_MAX - connection.budget_used) as usize;
        let mut progress =
            Progress { end: self.requests_max.min(share_end), ..Progress::default() };
        let input = connection.input.contiguous();
        let keys = KeyHasher { hasher, database: state.database };
        let stop = self.push_steps(&mut progress, input, &mut state.parser, limits, keys);
        if progress.apart + progress.blank > 0 {
            connection.input.retract(progress.apart);
            connection.input.consume(progress.blank);
        }
        connection.budget_used += (self.steps.len() - first) as u32;
        let error = stop.err();
        if error.is_some() || self.steps.len() > first {
            let steps = first..self.steps.len();
            let postponed = None;
            self.runs.push(Run { client, steps, spans_start, hashes_start, error, postponed });
        }
        match stop {
            Ok(Stop::Again) if self.steps.len() == share_end => Stop::Budget,
            stop => stop.unwrap_or(Stop::Again),
        }
    }

    /// Notes a request that has waited for the end of a pause.
    pub fn push_postponed(&mut self, client: ClientId, request: OwnedRequest) {
        let (first, spans_start) = (self.steps.len(), self.spans.len());
        request.append_to(&mut self.spans, &mut self.bulks);
        let command = dispatcher::resolve(request.as_request());
        let (length, arguments) = (request.bytes().len(), request.as_request().len() as u32);
        self.steps.push(Step { command, length, arguments, keys: 0 });
        let (steps, hashes_start) = (first..self.steps.len(), self.hashes.len());
        let postponed = Some(Box::new(request));
        self.runs.push(Run { client, steps, spans_start, hashes_start, error: None, postponed });
    }

    /// Notes one request after the other.
    fn push_steps(
        &mut self,
        progress: &mut Progress,
        input: &mut [u8],
        parser: &mut Parser,
        limits: &ParserLimits,
        keys: KeyHasher,
    ) -> Result<Stop, ProtocolError> {
        while self.steps.len() < progress.end {
            let (unread, spans_start) = (&mut input[progress.parsed..], self.spans.len());
            match parser.next(unread, &mut self.spans, &mut self.bulks, limits)? {
                Parsed::Request { consumed } => {
                    let command = self.push_step(unread, spans_start, consumed, keys);
                    if self.is_barrier(command) {
                        break;
                    }
                    progress.parsed += consumed;
                    let unread_behind = &unread[consumed..];
                    if unread_behind.is_empty() {
                        return Ok(Stop::Incomplete);
                    }
                    if let Some(model) = Model::of(command, unread, &self.spans[spans_start..]) {
                        let alike = self.push_alike(&model, unread_behind, progress.end, keys);
                        progress.parsed += alike;
                    }
                }
                Parsed::Empty { consumed } => self.pass_blank(progress, consumed),
                Parsed::Incomplete { taken } => {
                    progress.apart = taken;
                    return Ok(Stop::Incomplete);
                }
            }
        }
        Ok(Stop::Again)
    }

    /// Blank bytes go with the request before them, or at once.
    fn pass_blank(&mut self, progress: &mut Progress, length: usize) {
        let has_request_before = progress.parsed > progress.blank;
        match self.steps.last_mut().filter(|_| has_request_before) {
            Some(step) => step.length += length,
            None => progress.blank += length,
        }
        progress.parsed += length;
    }

    /// Notes the request of `length` bytes at the start of `unread`, whose spans are those from
    /// `spans_start` on.
    fn push_step(
        &mut self,
        unread: &[u8],
        spans_start: usize,
        length: usize,
        keys: KeyHasher,
    ) -> Option<&'static Command> {
        let request = Request::new(unread, &self.spans[spans_start..], &self.bulks);
        let command = dispatcher::resolve(request);
        let leading = command.map_or(LeadingKeys::NONE, |command| command.leading_keys);
        let count = leading.count(request.len()).min(KEYS_PREFETCHED_MAX);
        for number in 0..count {
            let key = keys.hasher.key(request.at(leading.position(number)));
            self.hashes.push((keys.database, key.hash));
        }
        self.steps.push(Step {
            command,
            length,
            arguments: request.len() as u32,
            keys: count as u32,
        });
        command
    }

    /// Notes the requests at the start of `input` as long as they are like this one: their bytes.
    /// Whoever fills a queue or counts something names one key again and again: it is hashed once.
    fn push_alike(
        &mut self,
        model: &Model,
        input: &[u8],
        steps_end: usize,
        keys: KeyHasher,
    ) -> usize {
        let Model { head, command, keys: count } = *model;
        let leading = command.leading_keys;
        let (mut unread, mut last) = (input, None);
        let (mut sample, mut spans_start) = (None::<Sample<'_>>, 0);
        while self.steps.len() < steps_end {
            let alike = sample.and_then(|it| it.length_of_alike(&head, unread, &self.spans));
            let (length, arguments) = match alike {
                Some(length) => (length, Step::SAME_LAYOUT),
                None => {
                    spans_start = self.spans.len();
                    let Some(length) = head.read_like(unread, &mut self.spans) else { break };
                    sample = Some(Sample::new(&unread[..length], spans_start));
                    (length, head.count() as u32)
                }
            };
            for number in 0..count {
                let span = self.spans[spans_start + leading.position(number)];
                let key = keys.key(&unread[span.range_from(0)], last);
                self.hashes.push((keys.database, key.hash));
                last = Some(key);
            }
            let (command, keys) = (Some(command), count as u32);
            self.steps.push(Step { command, length, arguments, keys });
            unread = &unread[length..];
        }
        input.len() - unread.len()
    }

    /// What stands behind this one can be parsed only after it has run.
    fn is_barrier(&self, command: Option<&Command>) -> bool {
        self.may_wait || command.is_some_and(|command| command.flags.contains(Flags::BARRIER))
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

/// Hashes the keys of a client's requests.
#[derive(Clone, Copy, Debug)]
struct KeyHasher {
    hasher: Hasher,
    database: usize,
}

impl KeyHasher {
    /// The key of this name, which may be that of the last one.
    #[inline]
    fn key<'i>(self, name: &'i [u8], last: Option<Key<'i>>) -> Key<'i> {
        match last {
            Some(last) if last.is_named(name) => last,
            _ => self.hasher.key(name),
        }
    }
}

/// A request that others behind it may be like.
#[derive(Clone, Copy, Debug)]
struct Model {
    head: Head,
    command: &'static Command,
    /// Keys to be hashed.
    keys: usize,
}

impl Model {
    /// The request at the start of `unread`, in which these arguments were found, if its name alone
    /// says which command it is.
    #[inline]
    fn of(command: Option<&'static Command>, unread: &[u8], arguments: &[Span]) -> Option<Self> {
        let command = command.filter(|row| row.parent().is_none() && !row.is_container())?;
        let head = Head::of(unread, arguments)?;
        let keys = command.leading_keys.count(arguments.len()).min(KEYS_PREFETCHED_MAX);
        Some(Self { head, command, keys })
    }
}
