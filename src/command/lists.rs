//! Lists: LPUSH RPUSH LPUSHX RPUSHX key element [element ...], LPOP RPOP key [count], LLEN key,
//! LRANGE key start stop, LINDEX key index, BLPOP BRPOP key [key ...] timeout.
//!
//! A list that runs empty is removed: no empty list is ever stored.

use super::args::Arguments;
use super::context::{Change, CommandResult, Context, Wait};
use super::error_reply::{self, ErrorReply};
use super::events::Event;
use super::{Request, timeout};
use crate::client::{TimeoutReply, WaitKind};
use crate::data_store::list::{clamp_index, clamp_range};
use crate::data_store::{Key, ListMut};
use crate::resp::Writer;

const NOT_POSITIVE: ErrorReply = ErrorReply::fixed("ERR value is out of range, must be positive");

/// Which end of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Head,
    Tail,
}

impl End {
    const fn pushed(self) -> Event {
        match self {
            Self::Head => Event::LPush,
            Self::Tail => Event::RPush,
        }
    }

    const fn popped(self) -> Event {
        match self {
            Self::Head => Event::LPop,
            Self::Tail => Event::RPop,
        }
    }
}

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
    let list = match absent {
        Absent::Create => Some(ctx.store.list_or_new(key)?),
        Absent::Refuse => ctx.store.list(key)?,
    };
    let Some(length) = list.map(|list| push_elements(list, request, end)) else {
        ctx.reply.integer(0);
        return Ok(());
    };
    ctx.reply.integer(count(length));
    ctx.changed(key.bytes, Change::Grown, end.pushed());
    Ok(())
}

/// Pushes all elements of the request; gives the new length.
fn push_elements(mut list: ListMut<'_>, request: Request<'_>, end: End) -> usize {
    for element in request.rest(2).iter() {
        match end {
            End::Head => list.push_front(element),
            End::Tail => list.push_back(element),
        }
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
    let Some(list) = ctx.store.list(key)? else {
        match wanted {
            Some(_) => ctx.reply.null_array(),
            None => ctx.reply.null(),
        }
        return Ok(());
    };
    let number = wanted.unwrap_or(1).min(list.len());
    if wanted.is_some() {
        ctx.reply.array(number);
    }
    let is_empty = pop_elements(&mut ctx.reply, list, end, number);
    if number > 0 {
        shrunk(ctx, key, is_empty, end.popped());
    }
    Ok(())
}

/// Writes and removes `number` elements, which are there; whether the list has run empty.
fn pop_elements(reply: &mut Writer<'_>, mut list: ListMut<'_>, end: End, number: usize) -> bool {
    for _ in 0..number {
        let element = match end {
            End::Head => list.front(),
            End::Tail => list.back(),
        };
        reply.bulk(element.expect("the caller has counted"));
        match end {
            End::Head => list.drop_front(),
            End::Tail => list.drop_back(),
        };
    }
    list.is_empty()
}

/// Tells that a list has lost elements, and removes it if it has run empty.
fn shrunk(ctx: &mut Context<'_>, key: Key<'_>, is_empty: bool, event: Event) {
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
    for run in list.iter_range(first, number).runs() {
        ctx.reply.bulks(run);
    }
    Ok(())
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
        Some(element) => ctx.reply.bulk(element),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// BLPOP key [key ...] timeout
pub fn blpop(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    blocking_pop(ctx, request, End::Head)
}

/// BRPOP key [key ...] timeout
pub fn brpop(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    blocking_pop(ctx, request, End::Tail)
}

fn blocking_pop(ctx: &mut Context<'_>, request: Request<'_>, end: End) -> CommandResult {
    let keys = 1..request.len() - 1;
    let timeout_ms = timeout::seconds(request.at(keys.end), ctx.now)?;
    let to_try: Vec<&[u8]> = ctx.keys_to_try(request, keys.clone()).collect();
    for bytes in to_try {
        let key = ctx.hash(bytes);
        let Some(list) = ctx.store.list(key)? else { continue };
        ctx.reply.array(2);
        ctx.reply.bulk(bytes);
        let is_empty = pop_elements(&mut ctx.reply, list, end, 1);
        shrunk(ctx, key, is_empty, end.popped());
        return Ok(());
    }
    let timeout_reply = TimeoutReply::NullArray;
    let wait = Wait { request, kind: WaitKind::List, timeout_ms, timeout_reply };
    ctx.block(keys.map(|index| request.at(index)), wait);
    Ok(())
}

/// A number of elements as a reply.
fn count(length: usize) -> i64 {
    i64::try_from(length).expect("no more elements than bytes of memory")
}
