//! The server itself: CONFIG GET parameter ... | SET parameter value ... | RESETSTAT,
//! SHUTDOWN \[NOSAVE | SAVE\] \[NOW\] \[FORCE\] \[ABORT\], TIME.
//!
//! INFO is in `info.rs` and DEBUG in `debug.rs`; both are named here as in the table.

use super::Request;
use super::context::{CommandResult, Context};
use super::effects::Shutdown;
use super::error_reply::{self, ErrorReply};
use crate::client::ClientId;
use crate::config::{ClientPlace, SetError};
use crate::data_store::LookUps;

const NO_SHUTDOWN: ErrorReply = ErrorReply::fixed("ERR No shutdown in progress.");
const NOT_SAVED: ErrorReply = ErrorReply::fixed("ERR Errors trying to SHUTDOWN. Check logs.");

/// CONFIG GET parameter \[parameter ...\]
pub fn config_get(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let pairs = ctx.config.get(request.iter().skip(2));
    ctx.reply.map(pairs.len());
    for (name, value) in pairs {
        ctx.reply.bulk(&name);
        ctx.reply.bulk(&value);
    }
    Ok(())
}

/// CONFIG RESETSTAT
pub fn config_resetstat(ctx: &mut Context<'_>, _: Request<'_>) -> CommandResult {
    ctx.stats.reset();
    ctx.store.all.look_ups = LookUps::default();
    ctx.stats.clients_peak = ctx.clients.len();
    ctx.stats.syscalls_before = ctx.host.syscalls();
    ctx.reply.ok();
    Ok(())
}

/// CONFIG SET parameter value \[parameter value ...\]
pub fn config_set(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    if request.len() % 2 == 1 {
        return Err(error_reply::SYNTAX);
    }
    let (names, values) = (request.iter().skip(2).step_by(2), request.iter().skip(3).step_by(2));
    let pairs: Vec<(&[u8], &[u8])> = names.zip(values).collect();
    let (place, former) = (place(ctx), ctx.config.clone());
    let changed = ctx.config.set(&pairs, place).and_then(|changed| take_effect(ctx, changed));
    let changed = changed.map_err(|error| {
        *ctx.config = former;
        ErrorReply::quoting(&[b"ERR ", error.text()])
    })?;
    if changed.contains(&"requirepass") && ctx.config.settings().requirepass.is_none() {
        let_everybody_in(ctx);
    }
    super::follow_settings(ctx.config.settings(), ctx.store.all, ctx.stats);
    ctx.effects.settings.extend(changed);
    ctx.reply.ok();
    Ok(())
}

/// Does what can fail and what the reply must tell: new sockets, another directory.
fn take_effect(
    ctx: &mut Context<'_>,
    changed: Vec<&'static str>,
) -> Result<Vec<&'static str>, SetError> {
    for &name in &changed {
        let settings = ctx.config.settings();
        match name {
            "port" | "bind" => ctx.host.move_listeners(settings),
            "dir" => ctx.host.change_directory(settings),
            _ => Ok(()),
        }
        .map_err(|reason| SetError::failed(name.as_bytes(), &reason))?;
    }
    Ok(changed)
}

/// Where the client sits that asks.
pub(super) fn place(ctx: &mut Context<'_>) -> ClientPlace {
    if ctx.client().peer.is_local() { ClientPlace::Local } else { ClientPlace::Remote }
}

/// There is no password any more: nobody needs to know it. (A new one concerns only those who
/// connect from then on.)
fn let_everybody_in(ctx: &mut Context<'_>) {
    let all: Vec<ClientId> = ctx.clients.iter().map(|client| client.token).collect();
    for client in all {
        ctx.clients.get_mut(client).authenticated = true;
    }
}

/// SHUTDOWN \[NOSAVE | SAVE\] \[NOW\] \[FORCE\] \[ABORT\]: there is no reply, the connection ends.
///
/// There is nothing to save to: SAVE is refused, unless FORCE says that a failure to save is no
/// matter. A shutdown cannot be aborted, for it waits a second at most.
pub fn shutdown(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let wish = Ending::parse(request)?;
    if wish.abort {
        return Err(NO_SHUTDOWN);
    }
    if wish.save && !wish.force {
        return Err(NOT_SAVED);
    }
    ctx.effects.shutdown = Some(Shutdown { now: wish.now });
    ctx.client_mut().close_after_reply = true;
    Ok(())
}

/// What SHUTDOWN asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Ending {
    nosave: bool,
    save: bool,
    now: bool,
    force: bool,
    abort: bool,
}

impl Ending {
    fn parse(request: Request<'_>) -> Result<Self, ErrorReply> {
        let mut ending = Self::default();
        for word in request.iter().skip(1) {
            match word.to_ascii_lowercase().as_slice() {
                b"nosave" => ending.nosave = true,
                b"save" => ending.save = true,
                b"now" => ending.now = true,
                b"force" => ending.force = true,
                b"abort" => ending.abort = true,
                _ => return Err(error_reply::SYNTAX),
            }
        }
        let has_others = ending != Self { abort: ending.abort, ..Self::default() };
        let is_contradiction = (ending.nosave && ending.save) || (ending.abort && has_others);
        if is_contradiction { Err(error_reply::SYNTAX) } else { Ok(ending) }
    }
}

/// TIME
pub fn time(ctx: &mut Context<'_>, _: Request<'_>) -> CommandResult {
    let now_us = ctx.now.wall_us;
    ctx.reply.array(2);
    ctx.reply.bulk_integer(now_us.div_euclid(1_000_000));
    ctx.reply.bulk_integer(now_us.rem_euclid(1_000_000));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::args::tests::request;

    fn parsed(words: &[&str]) -> Option<Ending> {
        let all: Vec<&str> = ["SHUTDOWN"].iter().chain(words).copied().collect();
        Ending::parse(request(&all).as_request()).ok()
    }

    #[test]
    fn words_of_shutdown_come_in_any_order() {
        assert_eq!(parsed(&[]), Some(Ending::default()));
        let all = Ending { save: true, now: true, force: true, ..Ending::default() };
        assert_eq!(parsed(&["FORCE", "now", "Save"]), Some(all));
        assert_eq!(parsed(&["ABORT"]), Some(Ending { abort: true, ..Ending::default() }));
    }

    #[test]
    fn words_of_shutdown_that_contradict_each_other() {
        for words in [&["NOSAVE", "SAVE"][..], &["ABORT", "NOW"], &["FOO"], &["NOSAVE", "FOO"]] {
            assert_eq!(parsed(words), None, "{words:?}");
        }
    }
}
