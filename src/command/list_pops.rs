//! Pops from the first of several lists that has elements: LMPOP numkeys key [key ...] LEFT|RIGHT
//! [COUNT count]; at once or when one comes: BLPOP BRPOP key [key ...] timeout, BLMPOP timeout
//! numkeys key [key ...] LEFT|RIGHT [COUNT count].

use super::context::{Absence, CommandResult, Context, Wait};
use super::error_reply::ErrorReply;
use super::list_options::{End, PopOptions};
use super::{Request, lists, timeout};
use crate::client::WaitKind;
use std::ops::Range;

/// LMPOP numkeys key [key ...] LEFT|RIGHT [COUNT count]
pub fn lmpop(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let options = PopOptions::parse(request, 1)?;
    if !pop_first(ctx, request, &options)? {
        ctx.reply.null_array();
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
    let options = PopOptions { keys: keys.clone(), end, count: None };
    if !pop_first(ctx, request, &options)? {
        wait_for_any(ctx, request, keys, timeout_ms);
    }
    Ok(())
}

/// BLMPOP timeout numkeys key [key ...] LEFT|RIGHT [COUNT count]
pub fn blmpop(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let options = PopOptions::parse(request, 2)?;
    let timeout_ms = timeout::seconds(request.at(1), ctx.now)?;
    if !pop_first(ctx, request, &options)? {
        wait_for_any(ctx, request, options.keys, timeout_ms);
    }
    Ok(())
}

/// Pops from the first list there is among the keys. `false`: there is none.
fn pop_first(
    ctx: &mut Context<'_>,
    request: Request<'_>,
    options: &PopOptions,
) -> Result<bool, ErrorReply> {
    for bytes in ctx.keys_to_try(request, options.keys.clone()) {
        let key = ctx.hash(bytes);
        let reply = &mut ctx.reply;
        let is_empty = ctx.store.change_list(key, |list| {
            let number = options.count.unwrap_or(1).min(list.len());
            reply.array(2);
            reply.bulk(bytes);
            if options.count.is_some() {
                reply.array(number);
            }
            lists::pop_elements(reply, list, options.end, number);
            list.is_empty()
        })?;
        if let Some(is_empty) = is_empty {
            lists::shrunk(ctx, key, is_empty, options.end.popped());
            return Ok(true);
        }
    }
    Ok(false)
}

fn wait_for_any(
    ctx: &mut Context<'_>,
    request: Request<'_>,
    keys: Range<usize>,
    timeout_ms: Option<u64>,
) {
    let in_transaction = Absence::NullArray;
    let wait = Wait { request, kind: WaitKind::List, group: None, timeout_ms, in_transaction };
    ctx.block(keys.map(|index| request.at(index)), wait);
}
