//! Transactions: MULTI, EXEC, DISCARD, WATCH key [key ...], UNWATCH.
//!
//! ```text
//!   MULTI ─► commands are queued ─► EXEC ─► all run, one after the other, nothing in between
//!              │ one was refused            └► EXECABORT
//!   WATCH k ───┴ k was changed by anybody   └► nil
//! ```

use super::context::{Call, CommandResult, Context};
use super::error_reply::ErrorReply;
use super::{Request, dispatcher};
use crate::client::{Transaction, Watched};

const WITHOUT_MULTI_EXEC: ErrorReply = ErrorReply::fixed("ERR EXEC without MULTI");
const WITHOUT_MULTI_DISCARD: ErrorReply = ErrorReply::fixed("ERR DISCARD without MULTI");
const NESTED: ErrorReply = ErrorReply::fixed("ERR MULTI calls can not be nested");
const WATCH_INSIDE: ErrorReply = ErrorReply::fixed("ERR WATCH inside MULTI is not allowed");
const REFUSED: ErrorReply =
    ErrorReply::fixed("EXECABORT Transaction discarded because of previous errors.");

/// MULTI
pub fn multi(ctx: &mut Context<'_>, _: Request<'_>) -> CommandResult {
    if ctx.client().transaction.is_some() {
        return Err(NESTED);
    }
    ctx.client_mut().transaction = Some(Box::new(Transaction::default()));
    ctx.reply.ok();
    Ok(())
}

/// EXEC
pub fn exec(ctx: &mut Context<'_>, _: Request<'_>) -> CommandResult {
    let is_broken = ctx.client().watch_broken || a_watched_key_has_expired(ctx);
    let transaction = discard_transaction(ctx).ok_or(WITHOUT_MULTI_EXEC)?;
    if transaction.refused {
        return Err(REFUSED);
    }
    if is_broken {
        ctx.reply.null_array();
        return Ok(());
    }
    run(ctx, *transaction);
    Ok(())
}

/// Runs the queue. The time stands still, and nothing blocks. Whoever has more unsent bytes than it
/// may have will be closed: until then everything runs, and no more is said.
fn run(ctx: &mut Context<'_>, transaction: Transaction) {
    let (outer_command, outer_call) = (ctx.command, ctx.call);
    ctx.call = Call::Transaction;
    ctx.hashes = &[];
    if !ctx.client().is_silent() {
        ctx.reply.array(transaction.queue.len());
    }
    for owned in transaction.queue {
        let request = owned.as_request();
        ctx.command = dispatcher::resolve(request).expect("what is unknown is not queued");
        let (mark, is_too_much) = (ctx.reply.out.mark(), is_output_over_limit(ctx));
        dispatcher::call(ctx, request);
        if is_too_much {
            ctx.reply.out.rollback(mark);
        }
    }
    (ctx.command, ctx.call) = (outer_command, outer_call);
}

fn is_output_over_limit(ctx: &mut Context<'_>) -> bool {
    let is_subscriber = ctx.client().subscriptions > 0;
    let bytes_max = ctx.config.settings().output_limits.of(is_subscriber).hard_bytes;
    bytes_max > 0 && ctx.reply.out.len() as u64 > bytes_max
}

/// DISCARD
pub fn discard(ctx: &mut Context<'_>, _: Request<'_>) -> CommandResult {
    discard_transaction(ctx).ok_or(WITHOUT_MULTI_DISCARD)?;
    ctx.reply.ok();
    Ok(())
}

/// WATCH key [key ...]
pub fn watch(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    if ctx.client().transaction.is_some() {
        return Err(WATCH_INSIDE);
    }
    for key in request.iter().skip(1) {
        guard(ctx, key);
    }
    ctx.reply.ok();
    Ok(())
}

fn guard(ctx: &mut Context<'_>, key: &[u8]) {
    if ctx.client().watch_broken {
        return; // the transaction is lost already
    }
    let database = ctx.store.index;
    if ctx.watches.guard(database, key, ctx.id) {
        let was_expired = is_expired(ctx, database, key);
        let client = ctx.client_mut();
        client.watched_bytes += key.len();
        client.watched.push(Watched { database, key: key.into(), was_expired });
    }
}

/// UNWATCH
pub fn unwatch(ctx: &mut Context<'_>, _: Request<'_>) -> CommandResult {
    forget_watches(ctx);
    ctx.reply.ok();
    Ok(())
}

/// Ends MULTI, and with it every WATCH; hands out what was queued.
pub fn discard_transaction(ctx: &mut Context<'_>) -> Option<Box<Transaction>> {
    let transaction = ctx.client_mut().transaction.take()?;
    forget_watches(ctx);
    Some(transaction)
}

/// Ends every WATCH of the client.
pub fn forget_watches(ctx: &mut Context<'_>) {
    ctx.watches.leave(ctx.id);
    let client = ctx.client_mut();
    (client.watched, client.watched_bytes) = (Vec::new(), 0);
    client.watch_broken = false;
}

/// A key that was alive at WATCH and whose time is over at EXEC counts as changed, whether or not
/// anybody has removed it yet.
fn a_watched_key_has_expired(ctx: &mut Context<'_>) -> bool {
    let watched = std::mem::take(&mut ctx.client_mut().watched);
    let expired = watched
        .iter()
        .any(|watched| !watched.was_expired && is_expired(ctx, watched.database, &watched.key));
    ctx.client_mut().watched = watched;
    expired
}

/// Is there a key whose time is over, not yet removed?
fn is_expired(ctx: &mut Context<'_>, database: usize, key: &[u8]) -> bool {
    let key = ctx.hash(key);
    ctx.store.all.database(database).is_expired(key, ctx.now.wall_ms())
}
