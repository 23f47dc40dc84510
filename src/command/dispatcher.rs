//! From a request to its function.
//!
//! ```text
//!   request ──► name known? ──► password? ──► arity? ──► subscriber? ──► MULTI: queue it
//!                                                                   └──► call its function
//!   then: errors counted, expired keys told, CLIENT REPLY obeyed, blocked clients served
//! ```
//!
//! Three loops stand around that, each for what must not be done inside the next:
//!
//! ```text
//!   Server::execute_run         lends the client's buffers, obeys effects
//!     Engine::execute           serves blocked clients, ends waits
//!       execute_undisturbed     borrows the engine once, while nobody else is concerned
//!         answer                one request; answer_in_full, unless all is plain
//! ```
//!
//! Parents branch, leaves compute: every `if` that concerns all commands is here, so that a
//! command's function may assume that all is well.

use super::context::{Call, CommandResult, Context, Now};
use super::error_reply::{self, ErrorReply};
use super::steps::{Steps, Taken};
use super::table::{self, Command, Flags};
use super::{Ask, Engine, Host, Request, pause};
use crate::client::{ClientId, Transaction};
use crate::limits::ERROR_EXCERPT_BYTES_MAX;
use crate::reply_buffer::{Mark, ReplyBuffer};

/// The row of a request's command: that of the sub-command where the word behind it names one.
/// `None`: there is no such command.
#[inline]
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

/// Whose turn it is.
pub struct Turn<'a> {
    /// Who has sent requests.
    pub client: ClientId,
    /// Where replies go.
    pub reply: &'a mut ReplyBuffer,
    /// When.
    pub now: Now,
    /// A pause was on when the requests were parsed, so that each came alone and may wait.
    pub may_wait: bool,
}

impl Engine {
    /// Executes requests of a client, one after another, until there are no more (`true`) or one of
    /// them has left something to do for the server. What changes let other clients go on is done
    /// directly after each. `input` begins with the first of them, and then with the next.
    #[inline]
    pub fn execute(
        &mut self,
        turn: Turn<'_>,
        steps: &mut Steps<'_>,
        input: &mut &[u8],
        host: &mut dyn Host,
    ) -> bool {
        let Turn { client, reply, now, may_wait } = turn;
        loop {
            let turn = Turn { client, reply: &mut *reply, now, may_wait };
            if self.execute_undisturbed(turn, steps, input, &mut *host) {
                return true;
            }
            for (waiting, reason) in std::mem::take(&mut self.effects.unblocks) {
                self.unblock(waiting, reason);
            }
            if self.blocking.has_signals() {
                self.serve_signalled(now, &mut *host);
            }
            let is_told_goodbye = self.clients.get(client).close_after_reply;
            if is_told_goodbye || reply.is_long() || !self.effects.is_empty() {
                return false;
            }
        }
    }

    /// Executes requests until there are no more and none has left work to do (`true`), or one has.
    /// Whoever has been told goodbye has no more.
    #[inline(never)] // else all that it borrows is prepared outside of the loop around it, and kept
    fn execute_undisturbed(
        &mut self,
        turn: Turn<'_>,
        steps: &mut Steps<'_>,
        input: &mut &[u8],
        host: &mut dyn Host,
    ) -> bool {
        let Turn { client, reply, now, may_wait } = turn;
        let held = self.pause.held().filter(|_| may_wait);
        let command = Command::NONE;
        let ask = Ask { client, command, call: Call::Direct, hashes: &[], reply, now, host };
        let mut ctx = self.context(ask);
        ctx.held = held;
        let client = ctx.client_mut();
        if client.close_after_reply {
            return true;
        }
        let is_at_liberty = client.is_at_liberty();
        ctx.take_changed(); // nothing that anybody must look after
        let is_over = match held {
            None => answer_all(&mut ctx, steps, input, is_at_liberty),
            Some(_) => answer_one(&mut ctx, steps, input),
        };
        let last = ctx.command;
        if !std::ptr::eq(last, Command::NONE) {
            ctx.client_mut().last_command = last.name;
        }
        is_over
    }
}

/// Answers requests until there are no more (`true`), or one leaves work to do.
///
/// Nearly all come from a client at liberty, are taken by a function, and change nothing but data:
/// then all else is as it was, and is not looked at.
fn answer_all<'c, 's: 'c, 'i: 'c>(
    ctx: &mut Context<'c>,
    steps: &mut Steps<'s>,
    input: &mut &'i [u8],
    mut is_at_liberty: bool,
) -> bool {
    let (mut left, mut unread) = (*steps, *input); // in registers
    while let Some(Taken { command, request, hashes }) = left.take(&mut unread) {
        ctx.hashes = hashes;
        match command {
            Some(command) if is_at_liberty && command.takes(request.len()) => {
                ctx.command = command;
                run(ctx, request);
            }
            command => answer_in_full(ctx, command, request),
        }
        if ctx.take_changed() || ctx.reply.out.is_long() {
            if end_request(ctx) {
                (*steps, *input) = (left, unread);
                return false;
            }
            is_at_liberty = ctx.client().is_at_liberty();
        }
    }
    (steps.steps, *input) = (&[], unread);
    true
}

/// Answers a request that may have to wait for the end of CLIENT PAUSE. `true`: there is none.
fn answer_one<'c, 's: 'c, 'i: 'c>(
    ctx: &mut Context<'c>,
    steps: &mut Steps<'s>,
    input: &mut &'i [u8],
) -> bool {
    let Some(Taken { command, request, hashes }) = steps.take(input) else { return true };
    ctx.hashes = hashes;
    answer_in_full(ctx, command, request);
    if !ctx.client().is_postponed() {
        end_request(ctx);
    }
    false
}

/// What is to be done behind a request that may have changed more than data. `true`: anything but
/// the client's next one follows.
fn end_request(ctx: &mut Context<'_>) -> bool {
    let has_work = !ctx.effects.is_empty() || ctx.blocking.has_signals() || ctx.reply.out.is_long();
    let client = ctx.clients.get_mut(ctx.id);
    client.reply_mode = client.reply_mode.of_next_command();
    let is_told_goodbye = client.close_after_reply;
    ctx.take_changed();
    has_work || is_told_goodbye
}

/// Answers one request of anybody, and of any kind: what is unknown, refused, held back, queued or
/// silent.
fn answer_in_full(ctx: &mut Context<'_>, command: Option<&'static Command>, request: Request<'_>) {
    ctx.is_push = false;
    let silent_from = ctx.client().is_silent().then(|| ctx.reply.out.mark());
    match command {
        Some(command) => {
            ctx.command = command;
            ctx.client_mut().last_command = command.name;
            if let Err(error) = check(ctx, request) {
                reject(ctx, &error);
            }
            if ctx.client().is_postponed() {
                return; // what CLIENT REPLY said is for the command, when it runs
            }
        }
        None => refuse_unknown(ctx, request),
    }
    obey_reply_mode(ctx, silent_from);
}

/// Takes back what a command has written since `silent_from`, if CLIENT REPLY still says so after
/// it; the reply of one that has blocked will be taken back when it comes.
fn obey_reply_mode(ctx: &mut Context<'_>, silent_from: Option<Mark>) {
    let is_push = ctx.is_push;
    let client = ctx.client_mut();
    let silent_from = silent_from.filter(|_| client.is_silent() && !is_push);
    if let Some(blocked) = &mut client.blocked {
        blocked.is_silent = silent_from.is_some();
    } else if let Some(mark) = silent_from {
        ctx.reply.out.rollback(mark);
    }
}

/// No such command. Whoever has not said the password is told only that.
fn refuse_unknown(ctx: &mut Context<'_>, request: Request<'_>) {
    let (id, client) = (ctx.id, ctx.clients.get_mut(ctx.id));
    let name = request.at(0);
    if name.eq_ignore_ascii_case(b"POST") || name.eq_ignore_ascii_case(b"Host:") {
        // A browser was talked into sending us a form: hang up, and say nothing it could use.
        client.closing = true;
        ctx.effects.kills.push(id);
        return;
    }
    if let Some(transaction) = &mut client.transaction {
        transaction.refused = true;
    }
    let error = match client.authenticated {
        true => unknown_command(request),
        false => error_reply::NOT_AUTHENTICATED,
    };
    ctx.stats.count_error(error.as_bytes());
    ctx.reply.error(error.as_bytes());
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
    if is_confined && !command.flags.contains(Flags::TO_SUBSCRIBERS) {
        return Err(confined(command.name));
    }
    if is_in_multi && command.flags.contains(Flags::NO_MULTI) {
        return Err(ErrorReply::fixed("ERR Command not allowed inside a transaction"));
    }
    if pause::must_wait(ctx) {
        pause::wait(ctx, request);
    } else if is_in_multi && !command.flags.contains(Flags::NOT_QUEUED) {
        enqueue(ctx, request);
    } else {
        run(ctx, request);
    }
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
///
/// Inline always: a call would copy the request once more.
#[inline(always)]
fn run(ctx: &mut Context<'_>, request: Request<'_>) {
    let command = ctx.command;
    let result = (command.handler)(ctx, request);
    if !ctx.is_blocked {
        ctx.stats.count_call(command.index);
    }
    if let Err(error) = result {
        fail(ctx, command, &error);
    }
    if ctx.store.has_findings() {
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
    if ctx.command.flags.contains(Flags::RUNS_QUEUE) {
        return reject_exec(ctx, error);
    }
    if let Some(transaction) = &mut ctx.client_mut().transaction {
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
        ctx.client_mut().transaction.as_mut().expect("the caller has looked");
    if !transaction.refused {
        let owned = request.to_owned();
        transaction.queue_bytes += owned.heap_bytes();
        transaction.queue.push(owned);
    }
    ctx.reply.simple("QUEUED");
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
