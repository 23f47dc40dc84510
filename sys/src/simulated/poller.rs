//! Level-triggered readiness, computed afresh at every wait; waiting moves the clock.

use super::world::{Descriptor, Registration, State, World, nanoseconds};
use crate::poller::EVENTS_PER_WAIT_MAX;
use crate::{Errno, Event, Events, Fd, Interest, Poller, Syscall, Token};
use std::time::Duration;

/// The poller of a simulated machine.
pub struct SimulatedPoller {
    world: World,
}

impl SimulatedPoller {
    pub(super) fn new(world: World) -> Self {
        Self { world }
    }
}

impl Poller for SimulatedPoller {
    fn add(&mut self, fd: Fd, token: Token, interest: Interest) -> Result<(), Errno> {
        let mut state = self.world.state();
        state.calls.add(Syscall::EpollCtl);
        if state.descriptor(fd).is_none() {
            return Err(Errno(libc::EBADF));
        }
        match state.registrations.insert(fd.0, Registration { token, interest }) {
            None => Ok(()),
            Some(former) => {
                state.registrations.insert(fd.0, former);
                Err(Errno(libc::EEXIST))
            }
        }
    }

    fn set(&mut self, fd: Fd, token: Token, interest: Interest) -> Result<(), Errno> {
        let mut state = self.world.state();
        state.calls.add(Syscall::EpollCtl);
        let registration = state.registrations.get_mut(&fd.0).ok_or(Errno(libc::ENOENT))?;
        *registration = Registration { token, interest };
        Ok(())
    }

    fn remove(&mut self, fd: Fd) -> Result<(), Errno> {
        let mut state = self.world.state();
        state.calls.add(Syscall::EpollCtl);
        state.registrations.remove(&fd.0);
        Ok(())
    }

    /// Jumps from one thing on the agenda to the next until something is ready or the timeout has
    /// come. With neither a timeout nor an agenda it returns without events and marks the world as
    /// stuck: spinning would hang the test, and sleeping cannot end.
    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> Result<(), Errno> {
        events.clear();
        self.world.state().calls.add(Syscall::EpollWait);
        self.world.state().stuck = false;
        if std::mem::take(&mut self.world.state().interrupted) {
            return Ok(());
        }
        let now_ns = self.world.now_ns();
        let deadline_ns = timeout.map(|timeout| now_ns.saturating_add(nanoseconds(timeout)));
        loop {
            self.world.due_run();
            let mut state = self.world.state();
            ready_collect(&mut state, events);
            if !events.is_empty() || deadline_ns.is_some_and(|deadline| deadline <= state.now_ns) {
                return Ok(());
            }
            match [state.agenda_next_ns(), deadline_ns].into_iter().flatten().min() {
                Some(next_ns) => state.now_ns = next_ns,
                None => {
                    state.stuck = true;
                    return Ok(());
                }
            }
        }
    }
}

fn ready_collect(state: &mut State, events: &mut Events) {
    let from = state.fd_next;
    let (before, after) = (state.registrations.range(..from), state.registrations.range(from..));
    for (number, registration) in after.chain(before) {
        if events.len() == EVENTS_PER_WAIT_MAX {
            break;
        }
        if let Some(event) = event_of(state, Fd(*number), *registration) {
            events.push(event);
            state.fd_next = number + 1;
        }
    }
}

fn event_of(state: &State, fd: Fd, registration: Registration) -> Option<Event> {
    let Registration { token, interest } = registration;
    let readable = match state.descriptor(fd)? {
        Descriptor::Stream(connection) => return connection.borrow().event(token, interest),
        Descriptor::Listener(listener) => !listener.queue.is_empty(),
        Descriptor::Signals => state.signal.is_some(),
    };
    let readable = readable && interest.readable;
    readable.then_some(Event { token, readable, writable: false, hangup: false })
}
