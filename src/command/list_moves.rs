//! Moves from one list to another, or within one: LMOVE source destination LEFT|RIGHT LEFT|RIGHT,
//! RPOPLPUSH source destination, LMOVEM source destination LEFT|RIGHT LEFT|RIGHT
//! [COUNT|EXACTLY count OBO|BULK]; and BLMOVE, BRPOPLPUSH, BLMOVEM, which wait for the source and
//! have a timeout behind what is said of the ends.
//!
//! Both types are looked at before anything moves, so that no error costs an element. A list that
//! is source and destination at once is never removed in between: it keeps its time to live.

use super::context::{Absence, Change, CommandResult, Context, Wait};
use super::error_reply::ErrorReply;
use super::list_options::{End, MoveOptions};
use super::{Request, lists, timeout};
use crate::client::WaitKind;
use crate::data_store::{Key, List};
use crate::limits::LIST_NODE_BYTES_MAX;
use crate::shared_bytes::{BytesRef, SharedBytes};
use arrayvec::ArrayVec;

/// From which end to which.
#[derive(Clone, Copy, Debug)]
struct Ends {
    from: End,
    to: End,
}

/// RPOPLPUSH's.
const TAIL_TO_HEAD: Ends = Ends { from: End::Tail, to: End::Head };

impl Ends {
    /// Reads arguments 3 and 4.
    fn parse(request: Request<'_>) -> Result<Self, ErrorReply> {
        Ok(Self { from: End::parse(request, 3)?, to: End::parse(request, 4)? })
    }
}

/// LMOVE source destination LEFT|RIGHT LEFT|RIGHT
pub fn lmove(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let ends = Ends::parse(request)?;
    move_or_null(ctx, request, ends)
}

/// RPOPLPUSH source destination
pub fn rpoplpush(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    move_or_null(ctx, request, TAIL_TO_HEAD)
}

fn move_or_null(ctx: &mut Context<'_>, request: Request<'_>, ends: Ends) -> CommandResult {
    if !move_one(ctx, request, ends)? {
        ctx.reply.null();
    }
    Ok(())
}

/// BLMOVE source destination LEFT|RIGHT LEFT|RIGHT timeout
pub fn blmove(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let ends = Ends::parse(request)?;
    move_or_wait(ctx, request, ends, 5)
}

/// BRPOPLPUSH source destination timeout
pub fn brpoplpush(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    move_or_wait(ctx, request, TAIL_TO_HEAD, 3)
}

fn move_or_wait(
    ctx: &mut Context<'_>,
    request: Request<'_>,
    ends: Ends,
    timeout_at: usize,
) -> CommandResult {
    let timeout_ms = timeout::seconds(request.at(timeout_at), ctx.now)?;
    if !move_one(ctx, request, ends)? {
        wait_for_source(ctx, request, timeout_ms, Absence::Null);
    }
    Ok(())
}

/// LMOVEM source destination LEFT|RIGHT LEFT|RIGHT [COUNT|EXACTLY count OBO|BULK]
pub fn lmovem(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let (ends, options) = (Ends::parse(request)?, MoveOptions::parse(request, 5)?);
    if !move_many(ctx, request, ends, &options)? {
        ctx.reply.null_array();
    }
    Ok(())
}

/// BLMOVEM source destination LEFT|RIGHT LEFT|RIGHT timeout [COUNT|EXACTLY count OBO|BULK]
pub fn blmovem(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let (ends, options) = (Ends::parse(request)?, MoveOptions::parse(request, 6)?);
    let timeout_ms = timeout::seconds(request.at(5), ctx.now)?;
    if !move_many(ctx, request, ends, &options)? {
        wait_for_source(ctx, request, timeout_ms, Absence::NullArray);
    }
    Ok(())
}

fn wait_for_source(
    ctx: &mut Context<'_>,
    request: Request<'_>,
    timeout_ms: Option<u64>,
    in_transaction: Absence,
) {
    let wait = Wait { request, kind: WaitKind::List, group: None, timeout_ms, in_transaction };
    ctx.block(std::iter::once(request.at(1)), wait);
}

/// Moves one element and replies with it. `false`: there is none.
fn move_one(ctx: &mut Context<'_>, request: Request<'_>, ends: Ends) -> Result<bool, ErrorReply> {
    let (source, destination) = (ctx.key(request, 1), ctx.key(request, 2));
    let list = ctx.store.peek_list(source)?;
    let Some(element) = list.and_then(|list| list.end(ends.from)) else { return Ok(false) };
    let mut carried = Carried::default();
    carried.take(element);
    if source.bytes == destination.bytes {
        rotate(ctx, source, ends, carried.element())?;
    } else {
        arrive(ctx, destination, ends.to, carried.element())?;
        depart(ctx, source, ends.from)?;
    }
    ctx.reply.bulk_ref(carried.element());
    Ok(true)
}

/// An element on its way from one list to another: a copy, or a share of a large one.
#[derive(Default)]
struct Carried {
    near: ArrayVec<u8, LIST_NODE_BYTES_MAX>,
    apart: Option<SharedBytes>,
}

impl Carried {
    fn take(&mut self, element: BytesRef<'_>) {
        let is_copied = match element {
            BytesRef::Near(bytes) => self.near.try_extend_from_slice(bytes).is_ok(),
            BytesRef::Apart(_) => false,
        };
        if !is_copied {
            self.apart = Some(element.to_shared());
        }
    }

    fn element(&self) -> BytesRef<'_> {
        self.apart.as_ref().map_or(BytesRef::Near(&self.near), BytesRef::Apart)
    }
}

/// Takes the element off one end of a list and puts it to another.
fn rotate(ctx: &mut Context<'_>, key: Key<'_>, ends: Ends, element: BytesRef<'_>) -> CommandResult {
    ctx.store.change_list(key, |list| {
        list.drop_end(ends.from);
        list.push(ends.to, element);
    })?;
    ctx.changed(key.bytes, Change::Grown, ends.to.pushed());
    ctx.also(key.bytes, ends.from.popped());
    Ok(())
}

/// Puts the element to its destination, if that can take it.
fn arrive(ctx: &mut Context<'_>, key: Key<'_>, to: End, element: BytesRef<'_>) -> CommandResult {
    ctx.store.change_list_or_new(key, |list| list.push(to, element))?;
    ctx.changed(key.bytes, Change::Grown, to.pushed());
    Ok(())
}

/// Takes the element off its source.
fn depart(ctx: &mut Context<'_>, key: Key<'_>, from: End) -> CommandResult {
    let is_empty = ctx.store.change_list(key, |list| {
        list.drop_end(from);
        list.is_empty()
    })?;
    if let Some(is_empty) = is_empty {
        lists::shrunk(ctx, key, is_empty, from.popped());
    }
    Ok(())
}

/// Moves several elements and replies with them as they now stand. `false`: there are not enough.
fn move_many(
    ctx: &mut Context<'_>,
    request: Request<'_>,
    ends: Ends,
    options: &MoveOptions,
) -> Result<bool, ErrorReply> {
    let (source, destination) = (ctx.key(request, 1), ctx.key(request, 2));
    if ctx.store.peek_list(source)?.map_or(0, List::len) < options.count_min {
        return Ok(false);
    }
    ctx.store.peek_list(destination)?; // of the right type, if it is there
    let moved = ctx.store.change_list(source, |list| {
        let moved = take_block(list, ends, options);
        (moved, list.is_empty())
    })?;
    let Some((moved, is_empty)) = moved else { return Ok(false) };
    ctx.reply.array(moved.len());
    moved.iter().for_each(|element| ctx.reply.bulk_ref(element));
    arrive_as_block(ctx, destination, &moved, ends.to)?;
    if source.bytes == destination.bytes {
        ctx.also(source.bytes, ends.from.popped());
    } else {
        lists::shrunk(ctx, source, is_empty, ends.from.popped());
    }
    Ok(true)
}

/// Takes elements off a list, in the order in which they shall stand in the other one.
///
/// ```text
///   source 1 2 3 4, two from the head: taken 1 2        BULK: 1 2, whatever the ends
///     pushed one by one to a head  2 1                  OBO:  2 1
///                       to a tail  1 2                  OBO:  1 2
///   source 1 2 3 4, two from the tail: taken 4 3        BULK: 3 4, whatever the ends
/// ```
///
/// So one by one between like ends turns the block around, and nothing else does.
fn take_block(list: &mut List, ends: Ends, options: &MoveOptions) -> List {
    let (length, number) = (list.len(), options.count_max.min(list.len()));
    let first = if ends.from == End::Head { 0 } else { length - number };
    let mut block = List::new();
    if options.is_one_by_one && ends.from == ends.to {
        list.iter_range(first, number).rev().for_each(|element| block.push_back(element));
    } else {
        list.iter_range(first, number).for_each(|element| block.push_back(element));
    }
    match ends.from {
        End::Head => list.trim(number, usize::MAX),
        End::Tail if number == length => list.trim(1, 0),
        End::Tail => list.trim(0, length - number - 1),
    }
    block
}

/// Puts a block of elements to its destination, which can take it.
fn arrive_as_block(ctx: &mut Context<'_>, key: Key<'_>, block: &List, to: End) -> CommandResult {
    ctx.store.change_list_or_new(key, |list| match to {
        End::Head => block.iter().rev().for_each(|element| list.push_front(element)),
        End::Tail => block.iter().for_each(|element| list.push_back(element)),
    })?;
    ctx.changed(key.bytes, Change::Grown, to.pushed());
    Ok(())
}
