//! Commands that wait for a while, all or those that change something.
//!
//! ```text
//!   CLIENT PAUSE timeout [WRITE | ALL]                 CLIENT UNPAUSE
//! ```
//!
//! A command that comes during a pause is checked as ever; then its client blocks, with a copy of
//! the command. When the pause is over, its clients go on in the order in which they came: each has
//! its command answered first, as if it had been sent now. Nobody is excepted, so that UNPAUSE ends
//! a pause of writes only; one of everything lasts its time.

use super::args::Arguments;
use super::context::{CommandResult, Context};
use super::dispatcher;
use super::error_reply::{self, ErrorReply};
use super::table::{Command, Flags};
use super::{Request, timeout};
use crate::client::{Client, ClientId, Clients, WaitKind};

const UNKNOWN_MODE: ErrorReply = ErrorReply::fixed("ERR CLIENT PAUSE mode must be WRITE or ALL");

/// Which commands wait.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Held {
    /// Those that replicas would have to be told of.
    Writes,
    /// All.
    Everything,
}

/// The pause, if there is one, and who waits for its end.
#[derive(Debug, Default)]
pub struct Pause {
    current: Option<(Held, u64)>,
    waiting: Vec<ClientId>,
}

impl Pause {
    /// Begins a pause. One that is on is made neither shorter nor milder.
    fn begin(&mut self, held: Held, end_ms: u64) {
        let (former, former_end_ms) = self.current.unwrap_or((held, end_ms));
        self.current = Some((former.max(held), former_end_ms.max(end_ms)));
    }

    /// Ends it; gives those who have waited, in the order in which they came. Some may have left.
    pub fn end(&mut self) -> std::vec::Drain<'_, ClientId> {
        self.current = None;
        self.waiting.drain(..)
    }

    /// Which commands wait now.
    #[must_use]
    pub fn held(&self) -> Option<Held> {
        self.current.map(|(held, _)| held)
    }

    /// When it ends by itself, monotonic milliseconds.
    #[must_use]
    pub fn end_ms(&self) -> Option<u64> {
        self.current.map(|(_, end_ms)| end_ms)
    }

    /// How many clients wait.
    #[must_use]
    pub fn client_count(&self, clients: &Clients) -> usize {
        self.waiting.iter().filter(|&&client| clients.find(client).is_some()).count()
    }
}

/// CLIENT PAUSE timeout \[WRITE | ALL\]
pub fn client_pause(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let held = match request.len() {
        3 => Held::Everything,
        4 if request.is(3, "WRITE") => Held::Writes,
        4 if request.is(3, "ALL") => Held::Everything,
        4 => return Err(UNKNOWN_MODE),
        _ => return Err(error_reply::wrong_subcommand_syntax(request.at(1), "CLIENT")),
    };
    let timeout_ms = timeout::milliseconds(request.at(2), ctx.now)?.unwrap_or(0);
    ctx.pause.begin(held, ctx.now.monotonic_ms.saturating_add(timeout_ms));
    ctx.reply.ok();
    Ok(())
}

/// CLIENT UNPAUSE
pub fn client_unpause(ctx: &mut Context<'_>, _: Request<'_>) -> CommandResult {
    ctx.effects.unblocked.extend(ctx.pause.end());
    ctx.reply.ok();
    Ok(())
}

/// Has the command that the client has sent to wait?
pub fn must_wait(ctx: &mut Context<'_>) -> bool {
    match ctx.held {
        None => false,
        Some(Held::Everything) => true,
        Some(Held::Writes) => {
            let runs_queue = ctx.command.flags.contains(Flags::RUNS_QUEUE);
            writes(ctx.command) || (runs_queue && queues_writes(ctx.client()))
        }
    }
}

fn writes(command: &Command) -> bool {
    command.flags.contains(Flags::WRITE.with(Flags::MAY_REPLICATE))
}

fn queues_writes(client: &Client) -> bool {
    let mut queue = client.transaction.iter().flat_map(|transaction| &transaction.queue);
    queue.any(|request| dispatcher::resolve(request.as_request()).is_some_and(writes))
}

/// The client waits with its command for the end of the pause.
pub fn wait(ctx: &mut Context<'_>, request: Request<'_>) {
    ctx.suspend(request, WaitKind::Pause, None);
    ctx.pause.waiting.push(ctx.id);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_made_neither_shorter_nor_milder() {
        let mut pause = Pause::default();
        pause.begin(Held::Everything, 100);
        pause.begin(Held::Writes, 50);
        assert_eq!((pause.held(), pause.end_ms()), (Some(Held::Everything), Some(100)));
        pause.begin(Held::Writes, 200);
        assert_eq!((pause.held(), pause.end_ms()), (Some(Held::Everything), Some(200)));
        assert_eq!(pause.end().count(), 0);
        assert_eq!((pause.held(), pause.end_ms()), (None, None));
    }
}
