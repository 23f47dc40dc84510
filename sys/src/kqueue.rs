//! kqueue: translation only. A [`Change`] becomes a kevent, a kevent becomes a [`Raw`]; what they
//! mean is decided in `kqueue_plan.rs`, which is tested on every system. This file is type-checked
//! for FreeBSD and macOS and has not run there yet.
//!
//! Changes go to the kernel one by one and at once, not with the next wait: so each answers its own
//! errno, and removing a filter that the kernel has dropped by itself is harmless (P9).

use crate::calls::{Syscall, count};
use crate::kqueue_plan::{Action, Change, Filter, Plan, Raw};
use crate::poller::EVENTS_PER_WAIT_MAX;
use crate::{Errno, Events, Fd, Interest, Poller, Token};
use nix::errno::Errno as NixErrno;
use nix::sys::event::{EvFlags, EventFilter, FilterFlag, KEvent};
use std::time::Duration;

/// Longer waits are refused by some systems; the loop asks again.
const TIMEOUT_MAX: Duration = Duration::from_secs(24 * 24 * 3600);

/// A kqueue, what it was told, and the room for what one wait brings.
pub struct Kqueue {
    kernel: nix::sys::event::Kqueue,
    plan: Plan,
    /// Allocated once: a wait allocates nothing.
    raw: Vec<KEvent>,
}

impl Kqueue {
    /// The name in INFO and the start-up line.
    pub const NAME: &'static str = "kqueue";

    /// Makes a queue that watches nothing yet.
    pub fn new() -> Result<Self, Errno> {
        use nix::fcntl::{FcntlArg, FdFlag, fcntl};
        count(Syscall::Kqueue);
        let kernel = nix::sys::event::Kqueue::new()?;
        count(Syscall::Fcntl);
        fcntl(&kernel, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
        let raw = vec![kevent_of(Fd(0), (Filter::Read, Action::Disarm)); EVENTS_PER_WAIT_MAX];
        Ok(Self { kernel, plan: Plan::default(), raw })
    }

    fn apply(&self, fd: Fd, changes: &[Change]) -> Result<(), Errno> {
        for change in changes {
            count(Syscall::Kevent);
            match self.kernel.kevent(&[kevent_of(fd, *change)], &mut [], None) {
                Err(NixErrno::ENOENT | NixErrno::EBADF) if change.1 == Action::Disarm => {}
                other => drop(other?),
            }
        }
        Ok(())
    }
}

impl Poller for Kqueue {
    fn add(&mut self, fd: Fd, token: Token, interest: Interest) -> Result<(), Errno> {
        let changes = self.plan.add(fd, token, interest);
        self.apply(fd, &changes)
    }

    fn set(&mut self, fd: Fd, token: Token, interest: Interest) -> Result<(), Errno> {
        let changes = self.plan.set(fd, token, interest).ok_or(Errno(libc::ENOENT))?;
        self.apply(fd, &changes)
    }

    fn remove(&mut self, fd: Fd) -> Result<(), Errno> {
        let changes = self.plan.remove(fd);
        self.apply(fd, &changes)
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> Result<(), Errno> {
        events.clear();
        count(Syscall::Kevent);
        let told = match self.kernel.kevent(&[], &mut self.raw, timeout.map(timespec_of)) {
            Err(NixErrno::EINTR) => 0,
            other => other?,
        };
        self.plan.batch_begin();
        for index in 0..told {
            let Some(raw) = raw_of(&self.raw[index]) else { continue };
            if let Some(change) = self.plan.tell(raw, events) {
                self.apply(raw.fd, &[change])?;
            }
        }
        Ok(())
    }
}

fn kevent_of(fd: Fd, (filter, action): Change) -> KEvent {
    let ident = usize::try_from(fd.0).expect("a descriptor that was never handed out");
    let filter = match filter {
        Filter::Read => EventFilter::EVFILT_READ,
        Filter::Write => EventFilter::EVFILT_WRITE,
    };
    let (flags, fflags, data) = match action {
        Action::Arm => (EvFlags::EV_ADD, FilterFlag::empty(), 0),
        // The mark is an int in some kernels: a larger one would turn negative there.
        Action::ArmForEndOnly => (EvFlags::EV_ADD, FilterFlag::NOTE_LOWAT, i32::MAX as isize),
        Action::Disarm => (EvFlags::EV_DELETE, FilterFlag::empty(), 0),
    };
    KEvent::new(ident, filter, flags, fflags, data, 0)
}

fn raw_of(event: &KEvent) -> Option<Raw> {
    let filter = match event.filter() {
        Ok(EventFilter::EVFILT_READ) => Filter::Read,
        Ok(EventFilter::EVFILT_WRITE) => Filter::Write,
        _ => return None, // No other filter is ever armed.
    };
    let fd = Fd(i32::try_from(event.ident()).ok()?);
    let end = event.flags().contains(EvFlags::EV_EOF);
    Some(Raw { fd, filter, end, error: !event.fflags().is_empty() })
}

/// P5: to the nanosecond, so there is nothing to round.
fn timespec_of(timeout: Duration) -> libc::timespec {
    let timeout = timeout.min(TIMEOUT_MAX);
    libc::timespec {
        tv_sec: i64::try_from(timeout.as_secs()).expect("is below the maximum"),
        tv_nsec: i64::from(timeout.subsec_nanos()),
    }
}
