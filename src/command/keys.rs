//! Keys, whatever they hold: DEL, UNLINK, EXISTS key [key ...]; TYPE key; EXPIRE, PEXPIRE,
//! EXPIREAT, PEXPIREAT key time [NX | XX | GT | LT]; TTL, PTTL, EXPIRETIME, PEXPIRETIME, PERSIST
//! key; KEYS pattern; SCAN cursor [options]; DBSIZE; RANDOMKEY; FLUSHDB, FLUSHALL [ASYNC | SYNC];
//! SELECT index.

use super::Request;
use super::args::Arguments;
use super::context::{Change, CommandResult, Context};
use super::error_reply::{self, ErrorReply};
use super::events::Event;
use super::expiry_options::{Replaceable, Scale};
use super::scan_options::{Pattern, Scan};
use crate::data_store::{Key, UnixMs};
use crate::reply_buffer::{Mark, ReplyBuffer};
use crate::resp::writer::Writer;

const NO_SUCH_DATABASE: ErrorReply = ErrorReply::fixed("ERR DB index is out of range");
const NO_32_BIT_INTEGER: ErrorReply =
    ErrorReply::fixed("ERR value is out of range, value must between -2147483648 and 2147483647");

/// How a moment, or the time until then, is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Unit {
    Seconds,
    Milliseconds,
}

/// DEL key [key ...]
pub fn del(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let mut count = 0;
    for index in 1..request.len() {
        let key = ctx.key(request, index);
        count += i64::from(remove(ctx, key));
    }
    ctx.reply.integer(count);
    Ok(())
}

/// UNLINK key [key ...]
pub fn unlink(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    del(ctx, request)
}

/// EXISTS key [key ...]: a key named twice counts twice.
pub fn exists(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let mut count = 0;
    for index in 1..request.len() {
        count += i64::from(ctx.store.read(ctx.key(request, index)).is_some());
    }
    ctx.reply.integer(count);
    Ok(())
}

/// TYPE key
pub fn type_(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let name = ctx.store.read(ctx.key(request, 1)).map_or("none", |value| value.type_name());
    ctx.reply.simple(name);
    Ok(())
}

/// EXPIRE key seconds [NX | XX | GT | LT]
pub fn expire(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    set_deadline(ctx, request, Scale::Seconds)
}

/// PEXPIRE key milliseconds [NX | XX | GT | LT]
pub fn pexpire(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    set_deadline(ctx, request, Scale::Milliseconds)
}

/// EXPIREAT key seconds-since-1970 [NX | XX | GT | LT]
pub fn expireat(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    set_deadline(ctx, request, Scale::UnixSeconds)
}

/// PEXPIREAT key milliseconds-since-1970 [NX | XX | GT | LT]
pub fn pexpireat(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    set_deadline(ctx, request, Scale::UnixMilliseconds)
}

/// TTL key
pub fn ttl(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    reply_time_left(ctx, request, Unit::Seconds)
}

/// PTTL key
pub fn pttl(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    reply_time_left(ctx, request, Unit::Milliseconds)
}

/// EXPIRETIME key
pub fn expiretime(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    reply_deadline(ctx, request, Unit::Seconds)
}

/// PEXPIRETIME key
pub fn pexpiretime(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    reply_deadline(ctx, request, Unit::Milliseconds)
}

/// PERSIST key
pub fn persist(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let key = ctx.key(request, 1);
    let had_deadline = ctx.store.lookup(key).is_some() && ctx.store.keyspace().clear_expiry(key);
    if had_deadline {
        ctx.changed(key.bytes, Change::Altered, Event::Persist);
    }
    ctx.reply.integer(i64::from(had_deadline));
    Ok(())
}

/// KEYS pattern
pub fn keys(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let pattern = Pattern::new(request.at(1));
    let now_ms = ctx.store.now_ms;
    let (reply, mut count) = (&mut ctx.reply, 0);
    let array = reply.deferred();
    ctx.store.keyspace().for_each(|key, _, deadline| {
        if is_alive(deadline, now_ms) && pattern.matches(key) {
            reply.bulk(key);
            count += 1;
        }
    });
    reply.finish_array(array, count);
    Ok(())
}

/// SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]
pub fn scan(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let scan = Scan::parse(request)?;
    let now_ms = ctx.store.now_ms;
    let (reply, keyspace) = (&mut ctx.reply, ctx.store.keyspace());
    let (mut cursor, mut steps, mut seen, mut found) = (scan.cursor, 0_u64, 0_u64, 0);
    let (start, array) = (reply.out.mark(), reply.deferred());
    loop {
        cursor = keyspace.scan(cursor, |key, value, deadline| {
            seen += 1;
            if is_alive(deadline, now_ms) && scan.admits(key, value.type_name()) {
                reply.bulk(key);
                found += 1;
            }
        });
        steps += 1;
        if cursor == 0 || seen >= scan.keys_max || steps >= scan.steps_max() {
            break;
        }
    }
    reply.finish_array(array, found);
    insert_cursor(reply, start, cursor);
    Ok(())
}

/// DBSIZE
pub fn dbsize(ctx: &mut Context<'_>, _: Request<'_>) -> CommandResult {
    let len = ctx.store.keyspace().len();
    ctx.reply.integer(i64::try_from(len).expect("there are fewer keys than bytes"));
    Ok(())
}

/// RANDOMKEY
pub fn randomkey(ctx: &mut Context<'_>, _: Request<'_>) -> CommandResult {
    let (random, now_ms) = (random_number(ctx), ctx.store.now_ms);
    match ctx.store.keyspace().random_key(random, now_ms) {
        Some(key) => ctx.reply.bulk(key),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// FLUSHDB [ASYNC | SYNC]
pub fn flushdb(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let database = ctx.store.index;
    flush(ctx, request, database..database + 1)
}

/// FLUSHALL [ASYNC | SYNC]
pub fn flushall(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let databases = ctx.store.all.databases();
    flush(ctx, request, 0..databases)
}

/// SELECT index
pub fn select(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let index = i32::try_from(request.integer(1)?).map_err(|_| NO_32_BIT_INTEGER)?;
    let index = usize::try_from(index).map_err(|_| NO_SUCH_DATABASE)?;
    if index >= ctx.store.all.databases() {
        return Err(NO_SUCH_DATABASE);
    }
    ctx.client_mut().database = index;
    ctx.store.index = index; // for the rest of a transaction
    ctx.reply.ok();
    Ok(())
}

/// Lets a key that exists live until `deadline`. If that is over, the key is deleted on the spot:
/// deleted, not expired, and counted so.
pub fn expire_at(ctx: &mut Context<'_>, key: Key<'_>, deadline: UnixMs) {
    if deadline <= ctx.store.now_ms {
        remove(ctx, key);
    } else {
        ctx.store.keyspace().set_expiry(key, deadline);
        ctx.changed(key.bytes, Change::Altered, Event::Expire);
    }
}

/// Removes a key; `false` if it was not there.
fn remove(ctx: &mut Context<'_>, key: Key<'_>) -> bool {
    let was_there = ctx.store.remove(key);
    if was_there {
        ctx.changed(key.bytes, Change::Removed, Event::Del);
    }
    was_there
}

/// EXPIRE and its kin: what is wrong with the arguments comes first, whether there is a key or not.
fn set_deadline(ctx: &mut Context<'_>, request: Request<'_>, scale: Scale) -> CommandResult {
    let replaceable = Replaceable::parse(request)?;
    let now_ms = ctx.store.now_ms;
    let deadline = scale
        .deadline(request.integer(2)?, now_ms)
        .ok_or_else(|| error_reply::invalid_expire_time(ctx.command.name))?;
    let key = ctx.key(request, 1);
    let current = ctx.store.keyspace().expiry(key, now_ms);
    let is_set = current.is_some_and(|current| replaceable.allows(current, deadline));
    if is_set {
        expire_at(ctx, key, deadline);
    }
    ctx.reply.integer(i64::from(is_set));
    Ok(())
}

/// TTL and PTTL: -2 if there is no key, -1 if it lives for ever.
fn reply_time_left(ctx: &mut Context<'_>, request: Request<'_>, unit: Unit) -> CommandResult {
    let now_ms = ctx.store.now_ms;
    let left_ms = read_deadline(ctx, request).map(|deadline| deadline.saturating_sub(now_ms));
    ctx.reply.integer(left_ms.map_or_else(|absent| absent, |left_ms| in_unit(left_ms, unit)));
    Ok(())
}

/// EXPIRETIME and PEXPIRETIME: -2 if there is no key, -1 if it lives for ever.
fn reply_deadline(ctx: &mut Context<'_>, request: Request<'_>, unit: Unit) -> CommandResult {
    let deadline = read_deadline(ctx, request);
    ctx.reply.integer(deadline.map_or_else(|absent| absent, |deadline| in_unit(deadline, unit)));
    Ok(())
}

/// The deadline of the key at argument 1, or the number that is told instead.
fn read_deadline(ctx: &mut Context<'_>, request: Request<'_>) -> Result<UnixMs, i64> {
    let (key, now_ms) = (ctx.key(request, 1), ctx.store.now_ms);
    match ctx.store.read(key) {
        None => Err(-2),
        Some(_) => ctx.store.keyspace().expiry(key, now_ms).flatten().ok_or(-1),
    }
}

/// Milliseconds, or seconds rounded to the nearest.
fn in_unit(ms: i64, unit: Unit) -> i64 {
    match unit {
        Unit::Milliseconds => ms,
        Unit::Seconds => ms / 1000 + (ms % 1000 + 500) / 1000, // ms + 500 could overflow
    }
}

/// Puts what stands in front of SCAN's keys at `start`: it is known only when they are all written.
fn insert_cursor(reply: &mut Writer<'_>, start: Mark, cursor: u64) {
    let mut head = ReplyBuffer::new();
    let mut writer = Writer::new(&mut head, reply.protocol);
    writer.array(2);
    writer.bulk(cursor.to_string().as_bytes());
    reply.out.insert_at(start, head.single_slice().expect("a cursor fits into one chunk"));
}

fn is_alive(deadline: Option<UnixMs>, now_ms: UnixMs) -> bool {
    deadline.is_none_or(|deadline| deadline > now_ms)
}

/// A number that is different each time and known to nobody outside, yet the same whenever the
/// server runs again under the same seed: the keyed hash of what grows from command to command.
fn random_number(ctx: &Context<'_>) -> u64 {
    let count = ctx.stats.commands_processed.to_le_bytes();
    let time = ctx.now.wall_us.to_le_bytes();
    ctx.store.all.hasher().hash(&[count, time].concat())
}

/// FLUSHDB and FLUSHALL. ASYNC and SYNC are one here: both have emptied everything when they
/// reply, as each promises.
fn flush(
    ctx: &mut Context<'_>,
    request: Request<'_>,
    databases: std::ops::Range<usize>,
) -> CommandResult {
    let is_mode = request.is(1, "ASYNC") || request.is(1, "SYNC");
    if request.len() > 2 || (request.len() == 2 && !is_mode) {
        return Err(error_reply::SYNTAX);
    }
    for database in databases {
        touch_stored(ctx, database);
        ctx.store.all.database(database).clear();
        ctx.blocking.signal_all_groups(database);
    }
    ctx.reply.ok();
    Ok(())
}

/// Tells transactions that the keys of a database change, but only those watched that are stored:
/// where there was nothing, nothing changes. An expired key that nobody has removed yet is stored.
fn touch_stored(ctx: &mut Context<'_>, database: usize) {
    let guarded: Vec<Box<[u8]>> = ctx.watches.keys(database).map(Into::into).collect();
    for bytes in &guarded {
        let key = ctx.hash(bytes);
        if ctx.store.all.database(database).contains(key, UnixMs::MIN) {
            ctx.watches.touch(database, bytes, true, &mut ctx.clients);
        }
    }
}
