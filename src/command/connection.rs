//! Connections: PING \[message\], ECHO message, QUIT, RESET, and CLIENT about the connection
//! itself.
//!
//! ```text
//!   CLIENT GETNAME                     CLIENT SETINFO LIB-NAME name | LIB-VER version
//!   CLIENT ID                          CLIENT NO-EVICT ON | OFF
//!   CLIENT REPLY ON | OFF | SKIP       CLIENT NO-TOUCH ON | OFF
//!   CLIENT SETNAME name                CLIENT UNBLOCK id [TIMEOUT | ERROR]
//! ```
//!
//! Who may speak, and in which protocol, is in `authentication.rs`; the commands that look at other
//! connections are in `client_list.rs` and `client_kill.rs`, those that let all of them wait in
//! `pause.rs`.

use super::Request;
use super::args::Arguments;
use super::context::{CommandResult, Context};
use super::effects::Unblock;
use super::error_reply::{self, ErrorReply};
use super::{pubsub, transactions};
use crate::client::{ClientId, ReplyMode};
use crate::resp::writer::Protocol;

const INVALID_REASON: ErrorReply =
    ErrorReply::fixed("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
const INVALID_NAME: ErrorReply =
    ErrorReply::fixed("ERR Client names cannot contain spaces, newlines or special characters.");

/// PING \[message\]
pub fn ping(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    if request.len() > 2 {
        return Err(error_reply::wrong_arity("ping"));
    }
    if ctx.client().is_confined_to_pubsub() {
        // Where only messages arrive, the answer looks like one.
        ctx.reply.array(2);
        ctx.reply.bulk(b"pong");
        ctx.reply.bulk(request.get(1).unwrap_or_default());
    } else if request.len() == 2 {
        repeat(ctx, request);
    } else {
        ctx.reply.simple("PONG");
    }
    Ok(())
}

/// ECHO message
pub fn echo(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    repeat(ctx, request);
    Ok(())
}

/// Replies the argument behind the name: a large one by reference.
fn repeat(ctx: &mut Context<'_>, request: Request<'_>) {
    ctx.reply.bulk_ref(request.argument(1));
}

/// QUIT
pub fn quit(ctx: &mut Context<'_>, _: Request<'_>) -> CommandResult {
    ctx.client_mut().close_after_reply = true;
    ctx.reply.ok();
    Ok(())
}

/// RESET: the library's name stays, for it still is the same library. So do the wrong passwords
/// counted so far: else RESET would buy as many tries again.
pub fn reset(ctx: &mut Context<'_>, _: Request<'_>) -> CommandResult {
    transactions::discard_transaction(ctx);
    transactions::forget_watches(ctx);
    pubsub::forget_subscriptions(ctx, ctx.id);
    let is_open = ctx.config.settings().requirepass.is_none();
    let client = ctx.client_mut();
    client.authenticated = is_open;
    client.database = 0;
    client.labels_mut().name = Vec::new();
    client.protocol = Protocol::Resp2;
    // A reply that is to be skipped is, even this one.
    if client.reply_mode != ReplyMode::Skip {
        client.reply_mode = ReplyMode::On;
    }
    (client.no_evict, client.no_touch) = (false, false);
    ctx.store.index = 0;
    ctx.reply.protocol = Protocol::Resp2;
    ctx.reply.simple("RESET");
    Ok(())
}

/// CLIENT GETNAME
pub fn client_getname(ctx: &mut Context<'_>, _: Request<'_>) -> CommandResult {
    let name = &ctx.clients.get(ctx.id).labels().name;
    if name.is_empty() {
        ctx.reply.null();
    } else {
        ctx.reply.bulk(name);
    }
    Ok(())
}

/// CLIENT ID
pub fn client_id(ctx: &mut Context<'_>, _: Request<'_>) -> CommandResult {
    let number = ctx.client().number;
    ctx.reply.integer(number.cast_signed());
    Ok(())
}

/// CLIENT NO-EVICT ON | OFF
pub fn client_no_evict(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    ctx.client_mut().no_evict = on_or_off(request, 2)?;
    ctx.reply.ok();
    Ok(())
}

/// CLIENT NO-TOUCH ON | OFF
pub fn client_no_touch(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    ctx.client_mut().no_touch = on_or_off(request, 2)?;
    ctx.reply.ok();
    Ok(())
}

/// CLIENT REPLY ON | OFF | SKIP: the dispatcher obeys the mode, this command's own reply included.
pub fn client_reply(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let mode = &mut ctx.clients.get_mut(ctx.id).reply_mode;
    if request.is(2, "ON") {
        *mode = ReplyMode::On;
        ctx.reply.ok();
    } else if request.is(2, "OFF") {
        *mode = ReplyMode::Off;
    } else if !request.is(2, "SKIP") {
        return Err(error_reply::SYNTAX);
    } else if *mode != ReplyMode::Off {
        *mode = ReplyMode::SkipNext;
    }
    Ok(())
}

/// CLIENT SETINFO LIB-NAME name | LIB-VER version
pub fn client_setinfo(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let client = ctx.clients.get_mut(ctx.id);
    let fact = if request.is(2, "LIB-NAME") {
        &mut client.labels_mut().library_name
    } else if request.is(2, "LIB-VER") {
        &mut client.labels_mut().library_version
    } else {
        return Err(ErrorReply::quoting(&[b"ERR Unrecognized option '", request.at(2), b"'"]));
    };
    if !is_printable(request.at(3)) {
        let rest = b" cannot contain spaces, newlines or special characters.";
        return Err(ErrorReply::quoting(&[b"ERR ", request.at(2), rest]));
    }
    *fact = request.at(3).into();
    ctx.reply.ok();
    Ok(())
}

/// CLIENT SETNAME name
pub fn client_setname(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    ctx.client_mut().labels_mut().name = checked_name(request.at(2))?.into();
    ctx.reply.ok();
    Ok(())
}

/// CLIENT UNBLOCK id \[TIMEOUT | ERROR\]
pub fn client_unblock(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let reason = match request.len() {
        3 => Unblock::Timeout,
        4 if request.is(3, "TIMEOUT") => Unblock::Timeout,
        4 if request.is(3, "ERROR") => Unblock::Error,
        4 => return Err(INVALID_REASON),
        _ => return Err(error_reply::wrong_subcommand_syntax(request.at(1), "CLIENT")),
    };
    let number = request.integer(2)?;
    let waiter = waiter(ctx, number);
    if let Some(waiter) = waiter {
        ctx.effects.unblocks.push((waiter, reason));
    }
    ctx.reply.integer(waiter.is_some().into());
    Ok(())
}

/// The client with this number, if it waits and nobody has ended that yet.
fn waiter(ctx: &Context<'_>, number: i64) -> Option<ClientId> {
    let client = ctx.clients.with_number(u64::try_from(number).ok()?)?;
    let is_freed = ctx.effects.unblocks.iter().any(|&(freed, _)| freed == client.token);
    let is_waiting = client.blocked.is_some() && !client.is_postponed();
    (is_waiting && !client.closing && !is_freed).then_some(client.token)
}

/// The name that a client chooses: none of its bytes may confuse who reads CLIENT LIST.
pub(super) fn checked_name(name: &[u8]) -> Result<&[u8], ErrorReply> {
    if is_printable(name) { Ok(name) } else { Err(INVALID_NAME) }
}

/// No blanks, no control characters, nothing beyond ASCII.
fn is_printable(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_graphic)
}

fn on_or_off(request: Request<'_>, index: usize) -> Result<bool, ErrorReply> {
    match () {
        () if request.is(index, "ON") => Ok(true),
        () if request.is(index, "OFF") => Ok(false),
        () => Err(error_reply::SYNTAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c20_c21_names_have_no_blanks_and_nothing_special() {
        for good in [&b""[..], b"a", b"worker-1", b"!~"] {
            assert_eq!(checked_name(good), Ok(good));
        }
        for bad in [&b"a b"[..], b"a\nb", b"\x7f", b"\xff", b"\0"] {
            assert_eq!(checked_name(bad), Err(INVALID_NAME));
        }
    }
}
