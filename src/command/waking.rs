//! Serving blocked clients: after each command or whole EXEC, never inside it.
//!
//! A blocked client keeps a copy of its command. When one of its keys is signalled, the command's
//! function simply runs again, told which key it was; either it can reply now, or the client goes
//! on waiting in its old place with its old deadline. So a blocking command needs no second
//! function for being woken.

use super::context::{Call, Now};
use super::effects::Unblock;
use super::table::Command;
use super::{Ask, Engine, Host, dispatcher};
use crate::blocking::{Front, Signal};
use crate::client::{Blocked, ClientId, WaitKind};
use crate::data_store::value::ValueMut;
use crate::reply_buffer::ReplyBuffer;
use crate::resp::writer::Writer;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

const UNBLOCKED: &[u8] = b"UNBLOCKED client unblocked via CLIENT UNBLOCK";

/// The next to be asked in each line at a key; who began to wait first comes first.
type Fronts = BinaryHeap<Reverse<(u64, Front)>>;

impl Engine {
    /// Serves the waiters of every signalled key, in signal order, clients in the order in which
    /// they blocked. What is served may signal more keys: they come after. This ends, since nobody
    /// is served twice.
    pub fn serve_signalled(&mut self, now: Now, host: &mut dyn Host) {
        let mut fronts = Fronts::new();
        while let Some(signal) = self.blocking.take_signal() {
            fronts.extend(self.blocking.fronts(&signal).map(|front| self.by_arrival(front)));
            while let Some(Reverse((_, front))) = fronts.pop() {
                let kind = self.kind_of_value(&signal, now);
                if kind.is_none() && !front.is_in_group {
                    continue; // nothing (any more) at the key: nobody else in line can be served
                }
                let (client, next) = self.blocking.at(front);
                self.stats.waiters_asked += 1;
                let is_left_waiting = self.serve(client, kind, &signal, now, host);
                // A group that has nothing for one of its line has nothing for the next.
                let next = next.filter(|_| !(front.is_in_group && is_left_waiting));
                fronts.extend(next.map(|next| self.by_arrival(next)));
            }
        }
    }

    /// A place in a line, to be sorted by when its client began to wait.
    fn by_arrival(&self, front: Front) -> Reverse<(u64, Front)> {
        let (client, _) = self.blocking.at(front);
        let blocked = self.clients.find(client).and_then(|state| state.blocked.as_ref());
        Reverse((blocked.map_or(0, |blocked| blocked.arrival), front))
    }

    /// What waits for the type of value at a signalled key.
    fn kind_of_value(&mut self, signal: &Signal, now: Now) -> Option<WaitKind> {
        let key = self.store.hasher().key(signal.key());
        match self.store.database(signal.database()).lookup(key, now.wall_ms())? {
            ValueMut::List(_) => Some(WaitKind::List),
            ValueMut::Stream(_) => Some(WaitKind::Stream),
            ValueMut::String(_) => None,
        }
    }

    /// Runs the command of a blocked client again, if `kind`, which is there, is what it waits for.
    /// Does it go on waiting?
    fn serve(
        &mut self,
        client: ClientId,
        kind: Option<WaitKind>,
        signal: &Signal,
        now: Now,
        host: &mut dyn Host,
    ) -> bool {
        let state = self.clients.get_mut(client);
        if state.closing {
            let keeps_time = state.keeps_time();
            self.blocking.leave(client, keeps_time); // the next to be served need not pass it again
            return false;
        }
        // Who waits on a group is asked whatever there is: the group may be gone.
        let is_meant = |wanted| wanted == WaitKind::Group || Some(wanted) == kind;
        let Some(blocked) = state.blocked.take_if(|blocked| is_meant(blocked.kind)) else {
            return true;
        };
        self.ask_again(client, blocked, Call::Served(signal.key()), now, host);
        self.clients.get_mut(client).blocked.is_some()
    }

    /// Runs the command of a blocked client, taken out of its state, again.
    fn ask_again(
        &mut self,
        client: ClientId,
        mut blocked: Box<Blocked>,
        call: Call<'_>,
        now: Now,
        host: &mut dyn Host,
    ) {
        let mut reply = self.effects.outbox.lend_buffer();
        let mut ctx = self.context(Ask {
            client,
            command: command_of(&blocked),
            call,
            hashes: &[],
            reply: &mut reply,
            now,
            host,
        });
        dispatcher::call(&mut ctx, blocked.request.as_request());
        if ctx.is_blocked {
            let kept_time = std::mem::replace(&mut blocked.retry_ms, ctx.retry_ms).is_some();
            if kept_time || blocked.retry_ms.is_some() {
                ctx.effects.blocked.push(client); // its timer is armed anew
            }
            self.clients.get_mut(client).blocked = Some(blocked);
        } else {
            self.resume(client, &blocked, &reply);
        }
        self.effects.outbox.take_buffer_back(reply);
    }

    /// The time of a blocked client has come: it is over, or something can be claimed.
    pub fn end_wait(&mut self, client: ClientId, now: Now) {
        let Some(state) = self.clients.find_mut(client) else { return };
        let Some(blocked) = &mut state.blocked else { return };
        if blocked.deadline_ms.is_some_and(|ms| ms <= now.monotonic_ms) {
            self.unblock(client, Unblock::Timeout);
        } else {
            (blocked.retry_ms, blocked.retry_at_ms) = (None, None);
            self.blocking.signal_claims_beside(client);
        }
    }

    /// Ends the waiting of a client that is not served. `false` if it does not wait.
    pub fn unblock(&mut self, client: ClientId, reason: Unblock) -> bool {
        let Some(state) = self.clients.find_mut(client) else { return false };
        let protocol = state.protocol;
        let Some(blocked) = state.blocked.take() else { return false };
        let mut buffer = ReplyBuffer::default();
        let mut reply = Writer { out: &mut buffer, protocol };
        let index = command_of(&blocked).index;
        self.stats.count_call(index);
        match reason {
            Unblock::Timeout => reply.null_array(),
            Unblock::Error => {
                self.stats.count_failure(index, UNBLOCKED);
                reply.error(UNBLOCKED);
            }
        }
        self.resume(client, &blocked, &buffer);
        true
    }

    /// A client has its reply and waits no more.
    fn resume(&mut self, client: ClientId, blocked: &Blocked, reply: &ReplyBuffer) {
        self.blocking.leave(client, blocked.retry_ms.is_some());
        if !blocked.is_silent {
            self.effects.outbox.send_all(client, reply);
        }
        self.effects.unblocked.push(client);
    }
}

/// The command that a client is blocked in.
fn command_of(blocked: &Blocked) -> &'static Command {
    dispatcher::resolve(blocked.request.as_request()).expect("a command that blocked is a command")
}
