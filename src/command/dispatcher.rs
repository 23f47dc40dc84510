//! From a request to its function.
//!
//! ```text
//!   request ──► name known? ──► password? ──► arity? ──► subscriber? ──► MULTI: queue it
//!                                                                   └──► call its function
//!   then: errors counted, expired keys told, CLIENT REPLY obeyed, blocked clients served
//! ```
//!
//! Parents branch, leaves compute: every `if` that concerns all commands is here, so that a
//! command's function may assume that all is well.

use super::context::{Call, CommandResult, Context, Now};
use super::error_reply::{self, ErrorReply};
use super::table::{self, Command, Flags, Group};
use super::{Ask, Engine, Host, Request};
use crate::client::{Client, ClientId, ReplyMode, Transaction};
use crate::limits::ERROR_EXCERPT_BYTES_MAX;
use crate::reply_buffer::{Mark, ReplyBuffer};
use crate::resp::Writer;

/// The row that stands for a name that has none: it runs nothing.
pub fn resolve(request: Request<'_>) -> Option<&'static Command> {
    let command = table::find(request.get(0)?)?;
    match request.get(1) {
        Some(word) if command.is_container() => {
            table::find_subcommand(command, word).or(Some(command))
        }
        _ => Some(command),
    }
}

/// The handler of a container (CLIENT, CONFIG, ...): reached only when the word behind it names
/// none of its sub-commands.
pub fn container(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    match request.get(1) {
        Some(word) => Err(error_reply::unknown_subcommand(word, ctx.command.name)),
        None => Err(error_reply::wrong_arity(ctx.command.name)),
    }
}

/// One request of a client, with all that belongs to it.
pub struct Turn<'a> {
    /// Who sent it.
    pub client: ClientId,
    /// What was sent.
    pub request: Request<'a>,
    /// Its row; `None`: there is no such command.
    pub command: Option<&'static Command>,
    /// Databases and hashes of its leading keys, computed with the group's.
    pub hashes: &'a [(usize, u64)],
    /// Where the reply goes.
    pub reply: &'a mut ReplyBuffer,
    /// When.
    pub now: Now,
}

impl Engine {
    /// Executes a request; then serves the clients that its changes let go on. `false`: the client
    /// has been told goodbye, and nothing more of it is to be executed.
    pub fn execute(&mut self, turn: Turn<'_>, host: &mut dyn Host) -> bool {
        let Turn { client, command, request, hashes, reply, now } = turn;
        let state = self.clients.get(client);
        state.active_ms = now.monotonic_ms;
        let Some(command) = command else {
            self.refuse_unknown(client, request, reply);
            return !self.clients.get(client).close_after_reply;
        };
        state.last_command = command.name;
        let silent_from = state.is_silent().then(|| reply.mark());
        let call = Call::Direct;
        let ask = Ask { client, command, call, hashes, reply: &mut *reply, now, host: &mut *host };
        let mut ctx = self.context(ask);
        if let Err(error) = dispatch(&mut ctx, request) {
            reject(&mut ctx, &error);
        }
        let is_push = ctx.is_push;
        let state = self.clients.get(client);
        let goes_on = !state.close_after_reply;
        if silent_from.is_some() || state.reply_mode != ReplyMode::On {
            obey_reply_mode(state, silent_from.filter(|_| !is_push), reply);
        }
        if !self.effects.unblocks.is_empty() {
            self.unblock_as_asked();
        }
        if self.blocking.has_signals() {
            self.serve_signalled(now, host);
        }
        goes_on
    }

    /// Ends the waiting of those whom CLIENT UNBLOCK named.
    fn unblock_as_asked(&mut self) {
        for (client, reason) in std::mem::take(&mut self.effects.unblocks) {
            self.unblock(client, reason);
        }
    }

    /// No such command. Whoever has not said the password is told only that.
    fn refuse_unknown(&mut self, client: ClientId, request: Request<'_>, reply: &mut ReplyBuffer) {
        let state = self.clients.get(client);
        let name = request.at(0);
        if name.eq_ignore_ascii_case(b"POST") || name.eq_ignore_ascii_case(b"Host:") {
            // A browser was talked into sending us a form: hang up, and say nothing it could use.
            state.closing = true;
            self.effects.kills.push(client);
            return;
        }
        let error = if state.authenticated {
            unknown_command(request)
        } else {
            error_reply::NOT_AUTHENTICATED
        };
        if let Some(transaction) = &mut state.transaction {
            transaction.refused = true;
        }
        let mark = reply.mark();
        let protocol = state.protocol;
        let is_silent = state.is_silent();
        state.reply_mode = state.reply_mode.of_next_command();
        Writer { out: &mut *reply, protocol }.error(error.as_bytes());
        self.stats.count_error(error.as_bytes());
        if is_silent {
            reply.rollback(mark);
        }
    }
}

/// Takes back what a command has written since `silent_from`, if CLIENT REPLY still says so after
/// it; the reply of one that has blocked will be taken back when it comes.
fn obey_reply_mode(state: &mut Client, silent_from: Option<Mark>, reply: &mut ReplyBuffer) {
    let silent_from = silent_from.filter(|_| state.is_silent());
    state.reply_mode = state.reply_mode.of_next_command();
    if let Some(blocked) = &mut state.blocked {
        blocked.is_silent = silent_from.is_some();
    } else if let Some(mark) = silent_from {
        reply.rollback(mark);
    }
}

/// All the checks, then the function or the queue. An error here means: refused, not run.
#[inline]
fn dispatch(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let command = ctx.command;
    if !ctx.client().is_at_liberty() || !command.takes(request.len()) {
        return check(ctx, request);
    }
    run(ctx, request);
    Ok(())
}

/// The checks one by one, in the order in which Redis makes them: for whoever is not at liberty,
/// and for requests that no function takes.
fn check(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let command = ctx.command;
    let client = ctx.client();
    let is_confined = client.is_confined_to_pubsub();
    let is_in_multi = client.transaction.is_some();
    if !client.authenticated && !command.flags.contains(Flags::NO_AUTH) {
        return Err(error_reply::NOT_AUTHENTICATED);
    }
    if command.is_container() && request.len() > 1 {
        return Err(error_reply::unknown_subcommand(request.at(1), command.name));
    }
    if !command.arity_ok(request.len()) {
        return Err(error_reply::wrong_arity(command.name));
    }
    if is_confined && !is_allowed_when_subscribed(command) {
        return Err(confined(command.name));
    }
    if is_in_multi {
        if command.flags.contains(Flags::NO_MULTI) {
            return Err(ErrorReply::fixed("ERR Command not allowed inside a transaction"));
        }
        if !runs_inside_multi(command.name) {
            enqueue(ctx, request);
            return Ok(());
        }
    }
    run(ctx, request);
    Ok(())
}

/// Runs a command that nobody has just sent: out of MULTI's queue, or for a client that has waited.
pub fn call(ctx: &mut Context<'_>, request: Request<'_>) {
    let is_silent = ctx.client().is_silent();
    let silenced = is_silent.then(|| (ctx.reply.out.mark(), std::mem::take(&mut ctx.is_push)));
    run(ctx, request);
    if let Some((mark, had_push)) = silenced {
        if ctx.client().is_silent() && !ctx.is_push {
            ctx.reply.out.rollback(mark);
        }
        ctx.is_push |= had_push; // of an earlier command of the transaction
    }
}

/// Runs the function of `ctx.command`, writes its error if it has one, and counts. A command that
/// blocks is counted when it ends.
#[inline]
fn run(ctx: &mut Context<'_>, request: Request<'_>) {
    let command = ctx.command;
    let result = (command.handler)(ctx, request);
    if !ctx.is_blocked {
        ctx.stats.count_call(command.index);
    }
    if let Err(error) = result {
        fail(ctx, command, &error);
    }
    if ctx.store.keyspace().has_findings() {
        ctx.tell_findings();
    }
}

/// A command ran and answers with an error.
#[cold]
fn fail(ctx: &mut Context<'_>, command: &Command, error: &ErrorReply) {
    ctx.stats.count_failure(command.index, error.as_bytes());
    ctx.reply.error(error.as_bytes());
}

/// A refusal before the command ran: inside MULTI it dooms the transaction.
#[cold]
fn reject(ctx: &mut Context<'_>, error: &ErrorReply) {
    let index = ctx.command.index;
    ctx.stats.commands[usize::from(index)].rejected_calls += 1;
    if ctx.command.name == "exec" {
        return reject_exec(ctx, error);
    }
    if let Some(transaction) = &mut ctx.client().transaction {
        transaction.refused = true;
    }
    ctx.stats.count_error(error.as_bytes());
    ctx.reply.error(error.as_bytes());
}

/// EXEC itself was refused: the transaction is over, and the error says why. Watches end even when
/// there was no MULTI.
fn reject_exec(ctx: &mut Context<'_>, error: &ErrorReply) {
    super::transactions::discard_transaction(ctx);
    super::transactions::forget_watches(ctx);
    let reason = error.as_bytes().strip_prefix(b"ERR ").unwrap_or(error.as_bytes());
    let error = ErrorReply::quoting(&[b"EXECABORT Transaction discarded because of: ", reason]);
    ctx.stats.count_error(error.as_bytes());
    ctx.reply.error(error.as_bytes());
}

/// Puts a copy of the request at the end of MULTI's queue.
fn enqueue(ctx: &mut Context<'_>, request: Request<'_>) {
    let transaction: &mut Transaction =
        ctx.client().transaction.as_mut().expect("the caller has looked");
    if !transaction.refused {
        let owned = request.to_owned();
        transaction.queue_bytes += owned.heap_bytes();
        transaction.queue.push(owned);
    }
    ctx.reply.simple("QUEUED");
}

/// Inside MULTI these run at once; everything else is queued.
fn runs_inside_multi(name: &str) -> bool {
    matches!(name, "exec" | "discard" | "multi" | "watch" | "quit" | "reset")
}

fn is_allowed_when_subscribed(command: &Command) -> bool {
    matches!(command.name, "ping" | "quit" | "reset")
        || (command.group == Group::PubSub && command.name.ends_with("subscribe"))
}

fn confined(name: &str) -> ErrorReply {
    ErrorReply::made(format!(
        "ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET \
         are allowed in this context"
    ))
}

/// `ERR unknown command 'NAME', with args beginning with: 'A' 'B' `, each cut to 128 bytes in all.
fn unknown_command(request: Request<'_>) -> ErrorReply {
    let name = request.at(0);
    let mut args: Vec<u8> = Vec::new();
    for arg in request.iter().skip(1) {
        if args.len() >= ERROR_EXCERPT_BYTES_MAX {
            break;
        }
        let room = ERROR_EXCERPT_BYTES_MAX - args.len();
        args.push(b'\'');
        args.extend_from_slice(&arg[..arg.len().min(room)]);
        args.extend_from_slice(b"' ");
    }
    let name = &name[..name.len().min(ERROR_EXCERPT_BYTES_MAX)];
    ErrorReply::quoting(&[b"ERR unknown command '", name, b"', with args beginning with: ", &args])
}
