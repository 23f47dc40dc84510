//! Taking over what is pending with others: XCLAIM key group consumer min-idle-ms id ... [options],
//! XAUTOCLAIM key group consumer min-idle-ms start [COUNT n] [JUSTID].
//!
//! Whoever has had an entry for less than the idle time keeps it. An entry that was given back
//! belongs to nobody and may be taken at once; one that was deleted is not pending any more as soon
//! as somebody wants it.

use super::Request;
use super::args::Arguments;
use super::context::{CommandResult, Context};
use super::error_reply::{self, ErrorReply};
use super::events::Event;
use super::stream_hand_outs::is_sooner;
use super::stream_pending::no_such_key_or_group;
use super::streams;
use crate::data_store::consumer_group::{Delivery, Group, Owner};
use crate::data_store::stream::Stream;
use crate::data_store::stream_id::StreamId;
use crate::data_store::{Key, UnixMs};
use crate::resp::writer::Writer;
use arrayvec::ArrayVec;

const COUNT_NOT_POSITIVE: ErrorReply = ErrorReply::fixed("ERR COUNT must be > 0");

/// How many entries XAUTOCLAIM claims if nobody says.
const AUTOCLAIM_COUNT: usize = 100;
/// XAUTOCLAIM looks at so many pending entries for each one that it may claim.
const AUTOCLAIM_ATTEMPTS: usize = 10;
/// Redis refuses counts of which it could not make an array of ids.
const AUTOCLAIM_COUNT_MAX: i64 = i64::MAX / size_of::<StreamId>() as i64;

/// How entries are claimed.
#[derive(Clone, Copy, Debug)]
struct Claiming {
    /// Who has had them for less keeps them.
    min_idle_ms: i64,
    /// When they count as handed out.
    time_ms: UnixMs,
    /// How many times they count as handed out; once more, if nobody says.
    count: Option<i64>,
    /// The reply names ids only, and such a claim does not count as handing out (JUSTID).
    is_for_ids: bool,
}

/// A consumer that claims.
struct Claimant<'a> {
    stream: &'a Stream,
    group: &'a mut Group,
    owner: Owner,
    claiming: Claiming,
    now_ms: UnixMs,
}

impl<'a> Claimant<'a> {
    fn new(
        stream: &'a Stream,
        group: &'a mut Group,
        consumer: &[u8],
        claiming: Claiming,
        now_ms: UnixMs,
    ) -> Self {
        let owner = group.hear_from(consumer, now_ms);
        Self { stream, group, owner, claiming, now_ms }
    }

    /// Claims a pending entry; `false` if its owner keeps it.
    fn take(&mut self, id: StreamId, known: Delivery) -> bool {
        let Claiming { min_idle_ms, time_ms, count, is_for_ids } = self.claiming;
        if known.owner.is_some() && min_idle_ms > 0 && known.idle_ms(self.now_ms) < min_idle_ms {
            return false;
        }
        let more = i64::from(!is_for_ids);
        let count = count.unwrap_or(known.count.saturating_add(more));
        self.group.assign(id, Delivery { owner: Some(self.owner), time_ms, count });
        self.group.consumer_mut(self.owner).active_ms = Some(self.now_ms);
        true
    }

    /// Is the entry still there? If not, it is not pending any more.
    fn is_there(&mut self, id: StreamId) -> bool {
        let is_there = self.stream.get(id).is_some();
        if !is_there {
            self.group.release(id);
        }
        is_there
    }
}

/// XCLAIM key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time-milliseconds]
/// [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID id]
pub fn xclaim(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let key = ctx.key(request, 1);
    let now_ms = ctx.store.now_ms;
    let reply = &mut ctx.reply;
    let stream = stream_with_group(ctx.store.read_stream(key)?, request)?;
    let (ids, options) = ClaimOptions::parse(request, now_ms)?;
    let claiming = options.claiming;
    let is_new = is_new_consumer(stream, request);
    let is_sooner = stream.with_group(request.at(2), |stream, group| {
        let first_ms = group.first_delivery_ms();
        group.last_id = group.last_id.max(options.last_id);
        let mut claimant = Claimant::new(stream, group, request.at(3), claiming, now_ms);
        let made_pending = Delivery { count: 1, ..Delivery::default() };
        let made_pending = options.makes_pending.then_some(made_pending);
        let claimed = ids.into_iter().filter(|&id| {
            let is_there = claimant.is_there(id);
            let known = claimant.group.delivery(id).or(made_pending).filter(|_| is_there);
            known.is_some_and(|known| claimant.take(id, known))
        });
        let claimed: Vec<StreamId> = claimed.collect();
        write_claimed(reply, stream, &claimed, claiming);
        is_sooner(group.first_delivery_ms(), first_ms)
    });
    if is_sooner == Some(true) {
        ctx.signal_claims(key.bytes, request.at(2));
    }
    tell_of_consumer(ctx, key, is_new);
    Ok(())
}

fn is_new_consumer(stream: &mut Stream, request: Request<'_>) -> bool {
    let group = stream.group(request.at(2));
    group.is_some_and(|group| group.find_consumer(request.at(3)).is_none())
}

fn tell_of_consumer(ctx: &mut Context<'_>, key: Key<'_>, is_new: bool) {
    if is_new {
        ctx.also(key.bytes, Event::XGroupCreateConsumer);
    }
}

/// The stream, if it is there and has the group.
fn stream_with_group<'c>(
    stream: Option<&'c mut Stream>,
    request: Request<'_>,
) -> Result<&'c mut Stream, ErrorReply> {
    let stream = stream.filter(|stream| stream.groups().contains_key(request.at(2)));
    stream.ok_or_else(|| no_such_key_or_group(request))
}

fn write_claimed(reply: &mut Writer<'_>, stream: &Stream, ids: &[StreamId], claiming: Claiming) {
    if claiming.is_for_ids {
        return write_ids(reply, ids);
    }
    let entries = ids.iter().map(|&id| stream.get(id).expect("only what is there is claimed"));
    streams::write_entries(reply, entries);
}

fn write_ids(reply: &mut Writer<'_>, ids: &[StreamId]) {
    reply.array(ids.len());
    ids.iter().for_each(|&id| streams::write_id(reply, id));
}

/// XCLAIM's ids and options.
struct ClaimOptions {
    claiming: Claiming,
    /// FORCE: what is not pending becomes so.
    makes_pending: bool,
    last_id: StreamId,
}

impl ClaimOptions {
    fn parse(request: Request<'_>, now_ms: UnixMs) -> Result<(Vec<StreamId>, Self), ErrorReply> {
        let min_idle_ms = number(request, 4, "min-idle-time", "XCLAIM")?;
        let ids = request.iter().skip(5).map_while(|text| StreamId::parse(text, 0));
        let ids: Vec<StreamId> = ids.collect();
        let claiming = Claiming { min_idle_ms, time_ms: now_ms, count: None, is_for_ids: false };
        let mut options = Self { claiming, makes_pending: false, last_id: StreamId::MIN };
        let mut index = 5 + ids.len();
        while index < request.len() {
            index = options.read(request, index, now_ms)?;
        }
        // No time is before 1970 or ahead of us.
        if !(0..=now_ms).contains(&options.claiming.time_ms) {
            options.claiming.time_ms = now_ms;
        }
        Ok((ids, options))
    }

    /// Reads the option at `index`; says where the next one stands.
    fn read(
        &mut self,
        request: Request<'_>,
        index: usize,
        now_ms: UnixMs,
    ) -> Result<usize, ErrorReply> {
        let has_value = index + 1 < request.len();
        let value = |option| number(request, index + 1, option, "XCLAIM");
        match () {
            () if request.is(index, "FORCE") => {
                self.makes_pending = true;
                return Ok(index + 1);
            }
            () if request.is(index, "JUSTID") => {
                self.claiming.is_for_ids = true;
                return Ok(index + 1);
            }
            () if request.is(index, "IDLE") && has_value => {
                self.claiming.time_ms = now_ms.saturating_sub(value("IDLE option")?);
            }
            () if request.is(index, "TIME") && has_value => {
                self.claiming.time_ms = value("TIME option")?;
            }
            () if request.is(index, "RETRYCOUNT") && has_value => {
                self.claiming.count = Some(value("RETRYCOUNT option")?).filter(|count| *count >= 0);
            }
            () if request.is(index, "LASTID") && has_value => {
                let id = StreamId::parse(request.at(index + 1), 0);
                self.last_id = id.ok_or(error_reply::INVALID_STREAM_ID)?;
            }
            () => {
                let word = request.at(index);
                return Err(ErrorReply::quoting(&[
                    b"ERR Unrecognized XCLAIM option '",
                    word,
                    b"'",
                ]));
            }
        }
        Ok(index + 2)
    }
}

/// `-ERR Invalid min-idle-time argument for XCLAIM` and its kin.
fn number(
    request: Request<'_>,
    index: usize,
    what: &str,
    command: &str,
) -> Result<i64, ErrorReply> {
    let error = || ErrorReply::made(format!("ERR Invalid {what} argument for {command}"));
    request.integer(index).map_err(|_| error())
}

/// XAUTOCLAIM key group consumer min-idle-time start [COUNT count] [JUSTID]
pub fn xautoclaim(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let now_ms = ctx.store.now_ms;
    let key = ctx.key(request, 1);
    let reply = &mut ctx.reply;
    // Whether the key is there counts as a hit or a miss, whatever is said of the options.
    let stream = ctx.store.read_stream(key);
    let (start, count, claiming) = parse_autoclaim(request, now_ms)?;
    let stream = stream_with_group(stream?, request)?;
    let is_new = is_new_consumer(stream, request);
    stream.with_group(request.at(2), |stream, group| {
        let mut claimant = Claimant::new(stream, group, request.at(3), claiming, now_ms);
        let found = claimant.search(start, count);
        reply.array(3);
        streams::write_id(reply, found.next);
        write_claimed(reply, stream, &found.claimed, claiming);
        write_ids(reply, &found.deleted);
    });
    tell_of_consumer(ctx, key, is_new);
    Ok(())
}

/// What XAUTOCLAIM has come across.
#[derive(Default)]
struct Found {
    claimed: Vec<StreamId>,
    deleted: Vec<StreamId>,
    /// Where to go on; `0-0` at the end.
    next: StreamId,
}

impl Claimant<'_> {
    /// Claims up to `count` entries from `start` on, deleted ones included in the count.
    fn search(&mut self, start: StreamId, count: usize) -> Found {
        let mut found = Found { next: start, ..Found::default() };
        let mut attempts = count.saturating_mul(AUTOCLAIM_ATTEMPTS);
        loop {
            let some: ArrayVec<_, 32> =
                self.group.deliveries(found.next, StreamId::MAX).take(32).collect();
            for &(id, known) in &some {
                found.next = id;
                if attempts == 0 || found.claimed.len() + found.deleted.len() == count {
                    return found;
                }
                attempts -= 1;
                if !self.is_there(id) {
                    found.deleted.push(id);
                } else if self.take(id, known) {
                    found.claimed.push(id);
                }
            }
            match some.last().and_then(|(id, _)| id.next()) {
                Some(next) => found.next = next,
                None => {
                    found.next = StreamId::MIN;
                    return found;
                }
            }
        }
    }
}

/// The first id, the count, and how to claim.
fn parse_autoclaim(
    request: Request<'_>,
    now_ms: UnixMs,
) -> Result<(StreamId, usize, Claiming), ErrorReply> {
    let min_idle_ms = number(request, 4, "min-idle-time", "XAUTOCLAIM")?;
    let mut claiming = Claiming { min_idle_ms, time_ms: now_ms, count: None, is_for_ids: false };
    let start = streams::range_start(request.at(5))?;
    let (mut count, mut index) = (AUTOCLAIM_COUNT, 6);
    while index < request.len() {
        if request.is(index, "COUNT") && index + 1 < request.len() {
            let number = request.integer_or(index + 1, COUNT_NOT_POSITIVE)?;
            let in_range = Some(number).filter(|n| (1..=AUTOCLAIM_COUNT_MAX).contains(n));
            let number = in_range.and_then(|number| usize::try_from(number).ok());
            count = number.ok_or(COUNT_NOT_POSITIVE)?;
            index += 2;
        } else if request.is(index, "JUSTID") {
            claiming.is_for_ids = true;
            index += 1;
        } else {
            return Err(error_reply::SYNTAX);
        }
    }
    Ok((start, count, claiming))
}
