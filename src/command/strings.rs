//! Strings: GET key; SET key value [options]; INCR, DECR key; INCRBY, DECRBY key number;
//! APPEND key value; STRLEN key; MGET key [key ...]; MSET key value [key value ...]; GETDEL key;
//! GETEX key [options]; SETEX, PSETEX key time value; SETNX key value.
//!
//! ```text
//!   SET k v ──► errors of the options ──► GET: reply the old value ──► NX, XX: may it be stored?
//!                                                                         └──► value, deadline
//! ```
//!
//! The order matters: a value of another type is an error only if GET asks for it, and an old
//! value is the reply even where nothing is stored.

use super::Request;
use super::args::Arguments;
use super::context::{Change, CommandResult, Context};
use super::error_reply::{self, ErrorReply};
use super::events::Event;
use super::expiry_options::{self, Lifetime, Presence, Scale, SetOptions};
use super::keys;
use crate::data_store::string::DecimalBuffer;
use crate::data_store::{Expiry, IncrementError, Key, StringRef};
use crate::resp::Writer;
use crate::shared_bytes::BytesRef;

const SUM_OVERFLOWS: ErrorReply = ErrorReply::fixed("ERR increment or decrement would overflow");
const DECREMENT_OVERFLOWS: ErrorReply = ErrorReply::fixed("ERR decrement would overflow");
const TOO_LONG: ErrorReply =
    ErrorReply::fixed("ERR string exceeds maximum allowed size (proto-max-bulk-len)");

/// GET key
pub fn get(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    match ctx.store.read_string(ctx.key(request, 1))? {
        Some(string) => write_string(&mut ctx.reply, string),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// SET key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT time | PXAT time | KEEPTTL]
pub fn set(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let key = ctx.key(request, 1);
    if request.len() == 3 {
        store(ctx, key, request.argument(2), Expiry::Never);
        ctx.reply.ok();
        return Ok(());
    }
    let options = SetOptions::parse(request)?;
    let is_stored = set_with_options(ctx, request, options)?;
    match (options.wants_old, is_stored) {
        (true, _) => {} // has been replied before it was replaced
        (false, true) => ctx.reply.ok(),
        (false, false) => ctx.reply.null(),
    }
    Ok(())
}

/// INCR key
pub fn incr(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    add(ctx, request, 1)
}

/// DECR key
pub fn decr(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    add(ctx, request, -1)
}

/// INCRBY key number
pub fn incrby(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    add(ctx, request, request.integer(2)?)
}

/// DECRBY key number
pub fn decrby(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let negated = request.integer(2)?.checked_neg().ok_or(DECREMENT_OVERFLOWS)?;
    add(ctx, request, negated)
}

/// APPEND key value
pub fn append(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let (key, tail) = (ctx.key(request, 1), request.at(2));
    let bytes_max = ctx.config.settings().bulk_bytes_max;
    let old_len = ctx.store.string(key)?.map(|string| string.len());
    if old_len.is_some_and(|len| len as u64 + tail.len() as u64 > bytes_max) {
        return Err(TOO_LONG);
    }
    let now_ms = ctx.store.now_ms;
    let len = match old_len {
        Some(_) => ctx.store.keyspace().append(key, tail, now_ms)?,
        None => {
            ctx.store.set_string(key, request.argument(2), Expiry::Never);
            tail.len()
        }
    };
    ctx.changed(key.bytes, Change::Altered, Event::Append);
    reply_len(ctx, len);
    Ok(())
}

/// STRLEN key
pub fn strlen(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let len = ctx.store.read_string(ctx.key(request, 1))?.map_or(0, |string| string.len());
    reply_len(ctx, len);
    Ok(())
}

/// MGET key [key ...]: a value of another type is as good as none.
pub fn mget(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    ctx.reply.array(request.len() - 1);
    for index in 1..request.len() {
        match ctx.store.read_string(ctx.key(request, index)) {
            Ok(Some(string)) => write_string(&mut ctx.reply, string),
            Ok(None) | Err(_) => ctx.reply.null(),
        }
    }
    Ok(())
}

/// MSET key value [key value ...]
pub fn mset(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    if request.len().is_multiple_of(2) {
        return Err(error_reply::wrong_arity(ctx.command.name));
    }
    for index in (1..request.len()).step_by(2) {
        store(ctx, ctx.key(request, index), request.argument(index + 1), Expiry::Never);
    }
    ctx.reply.ok();
    Ok(())
}

/// GETDEL key
pub fn getdel(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    get(ctx, request)?;
    let key = ctx.key(request, 1);
    if ctx.store.remove(key) {
        ctx.changed(key.bytes, Change::Removed, Event::Del);
    }
    Ok(())
}

/// GETEX key [EX seconds | PX milliseconds | EXAT time | PXAT time | PERSIST]
pub fn getex(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let lifetime = expiry_options::parse_getex(request)?;
    let key = ctx.key(request, 1);
    let deadline = lifetime.deadline(request, ctx.store.now_ms, ctx.command.name);
    let Some(string) = ctx.store.read_string(key)? else {
        ctx.reply.null();
        return Ok(()); // and a wrong time is no error where there is nothing to expire
    };
    let deadline = deadline?;
    write_string(&mut ctx.reply, string);
    if let Some(deadline) = deadline {
        keys::expire_at(ctx, key, deadline);
    } else if lifetime == Lifetime::Persist && ctx.store.keyspace().clear_expiry(key) {
        ctx.changed(key.bytes, Change::Altered, Event::Persist);
    }
    Ok(())
}

/// SETEX key seconds value
pub fn setex(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    set_expiring(ctx, request, Scale::Seconds)
}

/// PSETEX key milliseconds value
pub fn psetex(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    set_expiring(ctx, request, Scale::Milliseconds)
}

/// SETNX key value
pub fn setnx(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let key = ctx.key(request, 1);
    let is_free = ctx.store.lookup(key).is_none();
    if is_free {
        store(ctx, key, request.argument(2), Expiry::Never);
    }
    ctx.reply.integer(i64::from(is_free));
    Ok(())
}

/// Replies a string: a long one by reference.
#[inline(always)]
fn write_string(reply: &mut Writer<'_>, string: StringRef<'_>) {
    match string.shared() {
        Some(bytes) => reply.bulk_ref(BytesRef::Apart(bytes)),
        None => reply.bulk(string.as_bytes(&mut DecimalBuffer::default())),
    }
}

fn reply_len(ctx: &mut Context<'_>, len: usize) {
    ctx.reply.integer(i64::try_from(len).expect("no string is longer than memory"));
}

/// Puts a string at a key, in place of whatever was there. A deadline in the past is no reason not
/// to: the value is expired at once, and whoever is told about keys hears first that it came and
/// then that it went.
fn store(ctx: &mut Context<'_>, key: Key<'_>, string: BytesRef<'_>, expiry: Expiry) {
    ctx.store.set_string(key, string, expiry);
    ctx.changed(key.bytes, Change::Altered, Event::Set);
    if matches!(expiry, Expiry::At(_)) {
        ctx.also(key.bytes, Event::Expire);
    }
}

/// SET with options; `false` if NX or XX did not let it. GET's reply is written here.
fn set_with_options(
    ctx: &mut Context<'_>,
    request: Request<'_>,
    options: SetOptions,
) -> Result<bool, ErrorReply> {
    let key = ctx.key(request, 1);
    let deadline = options.lifetime.deadline(request, ctx.store.now_ms, ctx.command.name)?;
    if options.wants_old {
        get(ctx, request)?;
    }
    if let Some(presence) = options.presence {
        let is_present = ctx.store.lookup(key).is_some();
        if is_present != (presence == Presence::Present) {
            return Ok(false);
        }
    }
    let expiry = match deadline {
        Some(deadline) => Expiry::At(deadline),
        None if options.lifetime == Lifetime::Keep => {
            ctx.store.lookup(key); // removes one that has expired: its deadline is not to be kept
            Expiry::Keep
        }
        None => Expiry::Never,
    };
    store(ctx, key, request.argument(2), expiry);
    Ok(true)
}

/// SETEX and PSETEX.
fn set_expiring(ctx: &mut Context<'_>, request: Request<'_>, scale: Scale) -> CommandResult {
    let lifetime = Lifetime::Until { scale, index: 2 };
    let deadline = lifetime
        .deadline(request, ctx.store.now_ms, ctx.command.name)?
        .expect("a lifetime until some time names that time");
    store(ctx, ctx.key(request, 1), request.argument(3), Expiry::At(deadline));
    ctx.reply.ok();
    Ok(())
}

/// INCR and its kin: the time to live stays as it is.
fn add(ctx: &mut Context<'_>, request: Request<'_>, delta: i64) -> CommandResult {
    let key = ctx.key(request, 1);
    let now_ms = ctx.store.now_ms;
    let sum = ctx.store.keyspace().increment(key, delta, now_ms).map_err(|error| match error {
        IncrementError::OtherKind(_) => error_reply::WRONG_TYPE,
        IncrementError::NotAnInteger => error_reply::NOT_AN_INTEGER,
        IncrementError::Overflow => SUM_OVERFLOWS,
    })?;
    ctx.changed(key.bytes, Change::Altered, Event::IncrBy);
    ctx.reply.integer(sum);
    Ok(())
}
