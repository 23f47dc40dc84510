//! What XREADGROUP hands to a consumer: entries that are pending with others for too long (CLAIM),
//! entries that nobody was handed yet, or its own ones again.

use super::Request;
use super::context::Context;
use super::error_reply::ErrorReply;
use super::stream_read_options::{Budget, ReadOptions, Start, Wrote};
use super::streams;
use crate::data_store::consumer_group::{Delivery, Group, Owner};
use crate::data_store::stream::{Entry, Stream};
use crate::data_store::stream_id::StreamId;
use crate::data_store::{Key, UnixMs};
use crate::resp::writer::Writer;

/// Is there anything for the consumer? And is it a new one: it is heard of in any case.
pub fn has_any(
    stream: &mut Stream,
    request: Request<'_>,
    options: &ReadOptions,
    start: Start,
    now_ms: UnixMs,
) -> (bool, bool) {
    let (group, consumer) = options.group.expect("XREADGROUP names its group");
    let answer = stream.with_group(request.at(group), |stream, group| {
        let is_new = group.find_consumer(request.at(consumer)).is_none();
        group.hear_from(request.at(consumer), now_ms);
        let has_any = start != Start::Undelivered
            || stream.has_entries_after(group.last_id)
            || !claimable(stream, group, options, 1, now_ms).is_empty();
        (has_any, is_new)
    });
    answer.unwrap_or((false, false))
}

/// The entries that CLAIM is about, those first that were handed out first. What was deleted is not
/// pending any more.
fn claimable(
    stream: &Stream,
    group: &mut Group,
    options: &ReadOptions,
    count: usize,
    now_ms: UnixMs,
) -> Vec<(StreamId, Delivery)> {
    let Some(idle_ms) = options.claim_idle_ms else { return Vec::new() };
    stream.pending_until(group, now_ms.saturating_sub(idle_ms), count)
}

/// If the client is the first who waits to claim: after how many milliseconds something will have
/// been pending for long enough. `None` if nothing is pending: whoever hands something out says so
/// (see `blocking/mod.rs`).
pub fn retry_ms(ctx: &mut Context<'_>, request: Request<'_>, options: &ReadOptions) -> Option<u64> {
    let idle_ms = options.claim_idle_ms.filter(|_| ctx.is_blocked)?;
    if !ctx.blocking.is_first_to_claim(ctx.id) {
        return None;
    }
    let (group, _) = options.group.expect("XREADGROUP names its group");
    let first_delivery_ms = |index| {
        let key = ctx.hash(request.at(index));
        let stream = ctx.store.stream(key).ok().flatten()?;
        stream.group(request.at(group))?.first_delivery_ms()
    };
    let first_ms = options.keys().filter_map(first_delivery_ms).min()?;
    let left_ms = first_ms.saturating_add(idle_ms).saturating_sub(ctx.store.now_ms);
    Some(left_ms.max(1).unsigned_abs())
}

/// Writes entries for a consumer, and remembers that it has them.
pub fn hand_out(
    ctx: &mut Context<'_>,
    request: Request<'_>,
    key: Key<'_>,
    start: Start,
    options: &ReadOptions,
    budget: &mut Budget,
) -> Result<Wrote, ErrorReply> {
    let (group, consumer) = options.group.expect("XREADGROUP names its group");
    let now_ms = ctx.store.now_ms;
    let reply = &mut ctx.reply;
    let header = reply.deferred();
    let stream = ctx.store.stream(key)?.expect("just seen");
    let handed_out = stream.with_group(request.at(group), |stream, group| {
        let owner = group.hear_from(request.at(consumer), now_ms);
        let first_ms = group.first_delivery_ms();
        let mut hand = Hand { reply, budget, stream, group, owner, now_ms };
        let number = hand.entries(start, options);
        (number, is_sooner(group.first_delivery_ms(), first_ms))
    });
    let (number, is_sooner) = handed_out.expect("just seen");
    if is_sooner {
        ctx.signal_claims(key.bytes, request.at(group));
    }
    ctx.reply.finish_array(header, number);
    let is_own = start != Start::Undelivered;
    Ok(if number > 0 || is_own { Wrote::Entries } else { Wrote::Nothing })
}

/// Has something become pending, or been handed out before anything else that is?
pub fn is_sooner(first_ms: Option<UnixMs>, first_before_ms: Option<UnixMs>) -> bool {
    first_ms.is_some_and(|ms| first_before_ms.is_none_or(|before_ms| ms < before_ms))
}

/// Hands entries of one stream to one consumer.
struct Hand<'a, 'r> {
    reply: &'a mut Writer<'r>,
    budget: &'a mut Budget,
    stream: &'a Stream,
    group: &'a mut Group,
    owner: Owner,
    now_ms: UnixMs,
}

impl Hand<'_, '_> {
    /// Writes what the consumer asks for: entries that are new to it, or its own again.
    fn entries(&mut self, start: Start, options: &ReadOptions) -> usize {
        match start {
            Start::Undelivered => {
                let claimed = self.claimed(options);
                claimed + self.new_entries(options, options.count - claimed)
            }
            Start::After(id) => self.own_entries(id, options.count),
        }
    }

    /// The consumer has an entry from now on.
    fn assign(&mut self, id: StreamId, count: i64) {
        let delivery = Delivery { owner: Some(self.owner), time_ms: self.now_ms, count };
        self.group.assign(id, delivery);
        self.group.consumer_mut(self.owner).active_ms = Some(self.now_ms);
    }

    /// Entries that others have had for too long; returns how many.
    fn claimed(&mut self, options: &ReadOptions) -> usize {
        let count = options.count.min(self.budget.entries);
        let due = claimable(self.stream, self.group, options, count, self.now_ms);
        let mut number = 0;
        for (id, delivery) in due {
            let entry = self.stream.get(id).expect("deleted ones are left out");
            let idle_ms = delivery.owner.map_or(-1, |_| delivery.idle_ms(self.now_ms));
            let write = |reply: &mut Writer<'_>| {
                write_with_past(reply, entry, idle_ms, delivery.count);
            };
            if !self.budget.write(self.reply, write) {
                break;
            }
            self.assign(id, delivery.count.saturating_add(1));
            number += 1;
        }
        number
    }

    /// Up to `count` entries that the group was not handed yet; returns how many.
    fn new_entries(&mut self, options: &ReadOptions, count: usize) -> usize {
        let Some(first) = self.group.last_id.next() else { return 0 };
        let mut number = 0;
        for entry in self.stream.range(first, StreamId::MAX, false).take(count) {
            let write = |reply: &mut Writer<'_>| match options.claim_idle_ms {
                Some(_) => write_with_past(reply, entry, 0, 0),
                None => streams::write_entry(reply, entry),
            };
            if !self.budget.write(self.reply, write) {
                break;
            }
            self.stream.advance(self.group, entry.id);
            if !options.is_acknowledged {
                self.assign(entry.id, 1);
            }
            number += 1;
        }
        number
    }

    /// Up to `count` pending entries that the consumer has, above an id: it is handed them again.
    /// Of those that were deleted it is told the id.
    fn own_entries(&mut self, after: StreamId, count: usize) -> usize {
        let Some(first) = after.next() else { return 0 };
        let count = count.min(self.budget.entries);
        let own = self.group.deliveries_to(self.owner, first, StreamId::MAX);
        let own: Vec<(StreamId, Delivery)> = own.take(count).collect();
        let mut number = 0;
        for (id, delivery) in own {
            let entry = self.stream.get(id);
            let write = |reply: &mut Writer<'_>| match entry {
                Some(entry) => streams::write_entry(reply, entry),
                None => write_deleted(reply, id),
            };
            if !self.budget.write(self.reply, write) {
                break;
            }
            if entry.is_some() {
                let (time_ms, count) = (self.now_ms, delivery.count.saturating_add(1));
                self.group.assign(id, Delivery { time_ms, count, ..delivery });
            }
            number += 1;
        }
        number
    }
}

/// `[id, [field, value, ...], milliseconds since it was handed out, how many times it was]`
fn write_with_past(reply: &mut Writer<'_>, entry: Entry<'_>, idle_ms: i64, count: i64) {
    reply.array(4);
    streams::write_id(reply, entry.id);
    streams::write_fields(reply, entry);
    reply.integer(idle_ms);
    reply.integer(count);
}

/// `[id, nothing]`
fn write_deleted(reply: &mut Writer<'_>, id: StreamId) {
    reply.array(2);
    streams::write_id(reply, id);
    reply.null_array();
}
