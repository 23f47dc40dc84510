//! What is pending in a group: XACK key group id ..., XPENDING key group [[IDLE ms] start end count
//! [consumer]].

use super::Request;
use super::args::Arguments;
use super::context::{CommandResult, Context};
use super::error_reply::{self, ErrorReply};
use super::streams;
use crate::data_store::UnixMs;
use crate::data_store::consumer_group::{Delivery, Group};
use crate::data_store::stream_id::StreamId;
use crate::resp::writer::Writer;
use arrayvec::ArrayVec;

/// Ids of one XACK that are kept while the rest are read: most acknowledge one, or a small batch.
const FIRST_IDS: usize = 16;

/// XACK key group id [id ...]
pub fn xack(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let key = ctx.key(request, 1);
    let group = ctx.store.read_stream(key)?.and_then(|stream| stream.group(request.at(2)));
    let Some(group) = group else {
        ctx.reply.integer(0);
        return Ok(());
    };
    // All ids are read before any is acknowledged; only those behind the first ones once more.
    let id = |index| StreamId::parse(request.at(index), 0).ok_or(error_reply::INVALID_STREAM_ID);
    let mut first = ArrayVec::<StreamId, FIRST_IDS>::new();
    for index in 3..request.len() {
        let id = id(index)?;
        if !first.is_full() {
            first.push(id);
        }
    }
    let mut acknowledged = first.iter().filter(|&&id| group.release(id).is_some()).count();
    for index in 3 + first.len()..request.len() {
        acknowledged += usize::from(group.release(id(index)?).is_some());
    }
    ctx.reply.integer(acknowledged as i64);
    Ok(())
}

/// XPENDING key group [[IDLE min-idle-time] start end count [consumer]]
pub fn xpending(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let filter = match request.len() {
        3 => None,
        6..=9 => Some(Filter::parse(request)?),
        _ => return Err(error_reply::SYNTAX),
    };
    let key = ctx.key(request, 1);
    let now_ms = ctx.store.now_ms;
    let reply = &mut ctx.reply;
    let stream = ctx.store.read_stream(key)?;
    let group = stream.and_then(|stream| stream.group(request.at(2)));
    let group = group.ok_or_else(|| no_such_key_or_group(request))?;
    match filter {
        None => write_summary(reply, group),
        Some(filter) => write_pending(reply, group, &filter, now_ms),
    }
    Ok(())
}

/// `-NOGROUP No such key 'KEY' or consumer group 'GROUP'`
pub fn no_such_key_or_group(request: Request<'_>) -> ErrorReply {
    ErrorReply::quoting(&[
        b"NOGROUP No such key '",
        request.at(1),
        b"' or consumer group '",
        request.at(2),
        b"'",
    ])
}

/// `[count, first id, last id, [[consumer, count], ...]]`
fn write_summary(reply: &mut Writer<'_>, group: &Group) {
    reply.array(4);
    reply.integer(streams::count(group.pending_count()));
    let Some((first, last)) = group.pending_bounds() else {
        reply.null();
        reply.null();
        reply.null_array();
        return;
    };
    streams::write_id(reply, first);
    streams::write_id(reply, last);
    let owners = || group.consumers().filter(|(_, consumer)| consumer.pending_count() > 0);
    reply.array(owners().count());
    for (_, consumer) in owners() {
        reply.array(2);
        reply.bulk(consumer.name());
        reply.bulk_integer(streams::count(consumer.pending_count()));
    }
}

/// Which pending entries XPENDING shall tell of.
struct Filter<'a> {
    min_idle_ms: i64,
    from: StreamId,
    to: StreamId,
    count: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> Filter<'a> {
    fn parse(request: Request<'a>) -> Result<Self, ErrorReply> {
        let (mut start, mut min_idle_ms) = (3, 0);
        if request.is(3, "IDLE") {
            min_idle_ms = request.integer(4)?;
            start = 5;
        }
        if request.len() < start + 3 {
            return Err(error_reply::SYNTAX);
        }
        let count = request.integer(start + 2)?;
        Ok(Self {
            min_idle_ms,
            from: streams::range_start(request.at(start))?,
            to: streams::range_end(request.at(start + 1))?,
            count: usize::try_from(count).unwrap_or(0),
            consumer: request.get(start + 3),
        })
    }
}

fn write_pending(reply: &mut Writer<'_>, group: &Group, filter: &Filter<'_>, now_ms: UnixMs) {
    let is_idle = |(_, delivery): &(StreamId, Delivery)| -> bool {
        delivery.idle_ms(now_ms) >= filter.min_idle_ms
    };
    let header = reply.deferred();
    let mut number = 0;
    let mut write = |(id, delivery)| {
        number += 1;
        write_delivery(reply, group, id, delivery, now_ms);
    };
    let (from, to) = (filter.from, filter.to);
    match filter.consumer {
        None => {
            let all = group.deliveries(from, to).filter(is_idle);
            all.take(filter.count).for_each(&mut write);
        }
        Some(name) => {
            if let Some(owner) = group.find_consumer(name) {
                let own = group.deliveries_to(owner, from, to).filter(is_idle);
                own.take(filter.count).for_each(&mut write);
            }
        }
    }
    reply.finish_array(header, number);
}

fn write_delivery(
    reply: &mut Writer<'_>,
    group: &Group,
    id: StreamId,
    delivery: Delivery,
    now_ms: UnixMs,
) {
    reply.array(4);
    streams::write_id(reply, id);
    match delivery.owner {
        Some(owner) => {
            reply.bulk(group.consumer(owner).name());
            reply.integer(delivery.idle_ms(now_ms));
        }
        None => {
            reply.bulk(b"");
            reply.integer(-1);
        }
    }
    reply.integer(delivery.count);
}
