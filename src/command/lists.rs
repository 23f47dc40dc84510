//! Lists: LPUSH RPUSH LPUSHX RPUSHX key element [element ...], LPOP RPOP key [count], LLEN key,
//! LRANGE key start stop, LINDEX key index, LSET key index element, LINSERT key BEFORE|AFTER pivot
//! element, LREM key count element, LTRIM key start stop, LPOS key element [RANK rank]
//! [COUNT count] [MAXLEN length].
//!
//! What takes from several lists, moves between two, or waits is in `list_pops.rs` and
//! `list_moves.rs`. A list that runs empty is removed: no empty list is ever stored.

use super::Request;
use super::args::Arguments;
use super::context::{Change, CommandResult, Context};
use super::error_reply::{self, ErrorReply};
use super::events::Event;
use super::list_options::{self, End, PositionOptions};
use crate::data_store::list::{Stretch, clamp_index, clamp_range};
use crate::data_store::value::Value;
use crate::data_store::{Key, List};
use crate::resp::Writer;
use crate::shared_bytes::BytesRef;

const NOT_POSITIVE: ErrorReply = ErrorReply::fixed("ERR value is out of range, must be positive");
const NO_SUCH_KEY: ErrorReply = ErrorReply::fixed("ERR no such key");
const INDEX_OUT_OF_RANGE: ErrorReply = ErrorReply::fixed("ERR index out of range");

/// What a push does when there is no list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Absent {
    Create,
    Refuse,
}

/// LPUSH key element [element ...]
pub fn lpush(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    push(ctx, request, End::Head, Absent::Create)
}

/// RPUSH key element [element ...]
pub fn rpush(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    push(ctx, request, End::Tail, Absent::Create)
}

/// LPUSHX key element [element ...]
pub fn lpushx(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    push(ctx, request, End::Head, Absent::Refuse)
}

/// RPUSHX key element [element ...]
pub fn rpushx(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    push(ctx, request, End::Tail, Absent::Refuse)
}

fn push(ctx: &mut Context<'_>, request: Request<'_>, end: End, absent: Absent) -> CommandResult {
    let key = ctx.key(request, 1);
    if absent == Absent::Refuse && ctx.store.peek_list(key)?.is_none() {
        ctx.reply.integer(0);
        return Ok(());
    }
    let length = ctx.store.change_list_or_new(key, |list| push_elements(list, request, end))?;
    ctx.reply.integer(count(length));
    ctx.changed(key.bytes, Change::Grown, end.pushed());
    Ok(())
}

/// Pushes all elements of the request; gives the new length.
fn push_elements(list: &mut List, request: Request<'_>, end: End) -> usize {
    for element in request.rest(2).arguments() {
        list.push(end, element);
    }
    list.len()
}

/// LPOP key [count]
pub fn lpop(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    pop(ctx, request, End::Head)
}

/// RPOP key [count]
pub fn rpop(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    pop(ctx, request, End::Tail)
}

fn pop(ctx: &mut Context<'_>, request: Request<'_>, end: End) -> CommandResult {
    if request.len() > 3 {
        return Err(error_reply::wrong_arity(ctx.command.name));
    }
    let wanted = match request.get(2) {
        Some(_) => Some(request.integer_or(2, NOT_POSITIVE)?),
        None => None,
    };
    let wanted = wanted.map(usize::try_from).transpose().map_err(|_| NOT_POSITIVE)?;
    let key = ctx.key(request, 1);
    let reply = &mut ctx.reply;
    let popped = ctx.store.change_list(key, |list| {
        let number = wanted.unwrap_or(1).min(list.len());
        if wanted.is_some() {
            reply.array(number);
        }
        pop_elements(reply, list, end, number);
        (number > 0, list.is_empty())
    })?;
    match (popped, wanted) {
        (Some((true, is_empty)), _) => shrunk(ctx, key, is_empty, end.popped()),
        (Some((false, _)), _) => {}
        (None, Some(_)) => ctx.reply.null_array(),
        (None, None) => ctx.reply.null(),
    }
    Ok(())
}

/// Writes and removes `number` elements, which are there.
#[inline(always)]
pub(super) fn pop_elements(reply: &mut Writer<'_>, list: &mut List, end: End, number: usize) {
    for _ in 0..number {
        list.pop(end, |element| reply.bulk_ref(element));
    }
}

/// Tells that a list has lost elements, and removes it if it has run empty.
#[inline]
pub(super) fn shrunk(ctx: &mut Context<'_>, key: Key<'_>, is_empty: bool, event: Event) {
    ctx.changed(key.bytes, Change::Altered, event);
    if is_empty {
        ctx.store.remove(key);
        ctx.changed(key.bytes, Change::Removed, Event::Del);
    }
}

/// LLEN key
pub fn llen(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let length = ctx.store.read_list(ctx.key(request, 1))?.map_or(0, |list| list.len());
    ctx.reply.integer(count(length));
    Ok(())
}

/// LRANGE key start stop
pub fn lrange(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let (start, stop) = (request.integer(2)?, request.integer(3)?);
    let key = ctx.key(request, 1);
    let range = ctx.store.read_list(key)?.and_then(|list| {
        let (first, last) = clamp_range(start, stop, list.len())?;
        Some((list, first, last - first + 1))
    });
    let Some((list, first, number)) = range else {
        ctx.reply.array(0);
        return Ok(());
    };
    ctx.reply.array(number);
    for stretch in list.iter_range(first, number).stretches() {
        write_stretch(&mut ctx.reply, stretch);
    }
    Ok(())
}

/// Writes elements that follow each other: small ones side by side, a large one by reference.
fn write_stretch(reply: &mut Writer<'_>, stretch: Stretch<'_>) {
    match stretch {
        Stretch::Near(elements) => match elements.alike() {
            Some(elements) => reply.bulks_alike(elements),
            None => reply.bulks(elements),
        },
        Stretch::Apart(element) => reply.bulk_ref(BytesRef::Apart(element)),
    }
}

/// LINDEX key index
pub fn lindex(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let key = ctx.key(request, 1);
    let element = match ctx.store.read_list(key)? {
        Some(list) => {
            let index = request.integer(2)?;
            clamp_index(index, list.len()).and_then(|index| list.get(index))
        }
        None => None,
    };
    match element {
        Some(element) => ctx.reply.bulk_ref(element),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// LSET key index element
pub fn lset(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let key = ctx.key(request, 1);
    let set = ctx.store.change_list(key, |list| -> CommandResult {
        let index = clamp_index(request.integer(2)?, list.len()).ok_or(INDEX_OUT_OF_RANGE)?;
        list.set(index, request.argument(3));
        Ok(())
    });
    set?.ok_or(NO_SUCH_KEY)??;
    ctx.reply.ok();
    ctx.changed(key.bytes, Change::Altered, Event::LSet);
    Ok(())
}

/// LINSERT key BEFORE|AFTER pivot element
pub fn linsert(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let is_behind = list_options::either(request, 2, "BEFORE", "AFTER")?;
    let key = ctx.key(request, 1);
    let length = ctx.store.change_list(key, |list| {
        let pivot = list.position(request.at(3), 0)?;
        list.insert(pivot + usize::from(is_behind), request.argument(4));
        Some(list.len())
    })?;
    match length {
        Some(Some(length)) => {
            ctx.reply.integer(count(length));
            ctx.changed(key.bytes, Change::Grown, Event::LInsert);
        }
        Some(None) => ctx.reply.integer(-1),
        None => ctx.reply.integer(0),
    }
    Ok(())
}

/// LREM key count element: a negative count begins at the tail, 0 is no limit.
pub fn lrem(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let wanted = request.integer(2)?;
    let limit = match usize::try_from(wanted.unsigned_abs()) {
        Ok(limit) if limit > 0 => limit,
        _ => usize::MAX,
    };
    let key = ctx.key(request, 1);
    let removed = ctx.store.change_list(key, |list| {
        let removed = list.remove_equal(request.at(3), limit, wanted < 0);
        (removed, list.is_empty())
    })?;
    let (removed, is_empty) = removed.unwrap_or_default();
    ctx.reply.integer(count(removed));
    if removed > 0 {
        shrunk(ctx, key, is_empty, Event::LRem);
    }
    Ok(())
}

/// LTRIM key start stop: what is cut off is freed in slices.
pub fn ltrim(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let (start, stop) = (request.integer(2)?, request.integer(3)?);
    let key = ctx.key(request, 1);
    let cut_off = ctx.store.change_list(key, |list| {
        let (first, last) = clamp_range(start, stop, list.len())?;
        Some(list.trim_off(first, last))
    })?;
    ctx.reply.ok();
    let Some(cut_off) = cut_off else { return Ok(()) };
    let is_empty = cut_off.is_none(); // nothing of it lies in the range
    for piece in cut_off.into_iter().flatten() {
        ctx.store.keyspace().free_later(Value::List(piece));
    }
    shrunk(ctx, key, is_empty, Event::LTrim);
    Ok(())
}

/// LPOS key element [RANK rank] [COUNT count] [MAXLEN length]
pub fn lpos(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let options = PositionOptions::parse(request)?;
    let key = ctx.key(request, 1);
    let list = ctx.store.read_list(key)?;
    let header = options.has_count.then(|| ctx.reply.deferred());
    let mut number = 0;
    if let Some(list) = list {
        options.find(list, request.at(2), |position| {
            ctx.reply.integer(count(position));
            number += 1;
        });
    }
    match header {
        Some(header) => ctx.reply.finish_array(header, number),
        None if number == 0 => ctx.reply.null(),
        None => {}
    }
    Ok(())
}

/// A number of elements as a reply.
#[inline(always)]
fn count(length: usize) -> i64 {
    i64::try_from(length).expect("no more elements than bytes of memory")
}
