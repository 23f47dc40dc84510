//! epoll: an [`Interest`] becomes bits, bits become an [`Event`]. It decides nothing.
//!
//! | interest | bits | | bits | event |
//! |---|---|---|---|---|
//! | readable | IN | | IN | readable |
//! | writable | OUT | | OUT | writable |
//! | hangup | RDHUP | | RDHUP | readable, hangup |
//! | (always) | | | HUP, ERR | readable, writable, hangup |
//!
//! Level-triggered throughout: one wait, one read, and what is left is told again (P2). The kernel
//! keeps one entry per descriptor, so a token comes at most once per wait (P3).

use crate::calls::{Syscall, count};
use crate::poller::EVENTS_PER_WAIT_MAX;
use crate::{Errno, Event, Events, Fd, Interest, Poller, Token};
use nix::sys::epoll::{EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use static_assertions::{const_assert, const_assert_eq};
use std::time::Duration;

// The kernel packs the structure on x86-64 and nowhere else; the token needs its 64 bits.
const_assert_eq!(
    size_of::<EpollEvent>(),
    if cfg!(target_arch = "x86_64") { 12 } else { size_of::<(u32, u64)>() }
);
const_assert!(EVENTS_PER_WAIT_MAX <= i32::MAX as usize);

/// An epoll instance and the room for what one wait brings.
pub struct Epoll {
    kernel: nix::sys::epoll::Epoll,
    /// Allocated once: a wait allocates nothing.
    raw: Vec<EpollEvent>,
}

impl Epoll {
    /// The name in INFO and the start-up line.
    pub const NAME: &'static str = "epoll";

    /// Makes an instance that watches nothing yet.
    pub fn new() -> Result<Self, Errno> {
        count(Syscall::EpollCreate1);
        let kernel = nix::sys::epoll::Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        Ok(Self { kernel, raw: vec![EpollEvent::empty(); EVENTS_PER_WAIT_MAX] })
    }
}

impl Poller for Epoll {
    fn add(&mut self, fd: Fd, token: Token, interest: Interest) -> Result<(), Errno> {
        let event = EpollEvent::new(bits_of(interest), token.to_bits());
        count(Syscall::EpollCtl);
        Ok(self.kernel.add(fd.borrow(), event)?)
    }

    fn set(&mut self, fd: Fd, token: Token, interest: Interest) -> Result<(), Errno> {
        let mut event = EpollEvent::new(bits_of(interest), token.to_bits());
        count(Syscall::EpollCtl);
        Ok(self.kernel.modify(fd.borrow(), &mut event)?)
    }

    fn remove(&mut self, fd: Fd) -> Result<(), Errno> {
        count(Syscall::EpollCtl);
        match self.kernel.delete(fd.borrow()) {
            // P9: it was not watched, or closing it has removed it already.
            Err(nix::errno::Errno::ENOENT | nix::errno::Errno::EBADF) => Ok(()),
            other => Ok(other?),
        }
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> Result<(), Errno> {
        events.clear();
        count(Syscall::EpollWait);
        let told = match self.kernel.wait(&mut self.raw, timeout_of(timeout)) {
            Err(nix::errno::Errno::EINTR) => 0,
            other => other?,
        };
        events.extend(self.raw[..told].iter().map(event_of));
        Ok(())
    }
}

fn bits_of(interest: Interest) -> EpollFlags {
    let mut bits = EpollFlags::empty();
    bits.set(EpollFlags::EPOLLIN, interest.readable);
    bits.set(EpollFlags::EPOLLOUT, interest.writable);
    bits.set(EpollFlags::EPOLLRDHUP, interest.hangup);
    bits
}

fn event_of(raw: &EpollEvent) -> Event {
    let bits = raw.events();
    let broken = bits.intersects(EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR);
    let ended = bits.contains(EpollFlags::EPOLLRDHUP);
    Event {
        token: Token::from_bits(raw.data()),
        readable: broken || ended || bits.contains(EpollFlags::EPOLLIN),
        writable: broken || bits.contains(EpollFlags::EPOLLOUT),
        hangup: broken || ended,
    }
}

/// P5: up to the next whole millisecond. What is longer than 24 days becomes 24 days: the loop asks
/// again.
fn timeout_of(timeout: Option<Duration>) -> EpollTimeout {
    let Some(timeout) = timeout else { return EpollTimeout::NONE };
    let rounded_up_ms = timeout.as_nanos().div_ceil(1_000_000);
    let timeout_ms = i32::try_from(rounded_up_ms).unwrap_or(i32::MAX);
    EpollTimeout::try_from(timeout_ms).expect("is not negative")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interest_becomes_bits() {
        assert_eq!(bits_of(Interest::READ), EpollFlags::EPOLLIN);
        assert_eq!(bits_of(Interest::READ_WRITE), EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT);
        assert_eq!(bits_of(Interest::HANGUP), EpollFlags::EPOLLRDHUP);
        assert_eq!(bits_of(Interest::default()), EpollFlags::empty());
    }

    #[test]
    fn p4_bits_become_an_event() {
        let token = Token { index: 7, generation: 9 };
        let told = |bits| {
            let event = event_of(&EpollEvent::new(bits, token.to_bits()));
            assert_eq!(event.token, token);
            (event.readable, event.writable, event.hangup)
        };
        assert_eq!(told(EpollFlags::EPOLLIN), (true, false, false));
        assert_eq!(told(EpollFlags::EPOLLOUT), (false, true, false));
        assert_eq!(told(EpollFlags::EPOLLRDHUP), (true, false, true));
        assert_eq!(told(EpollFlags::EPOLLHUP), (true, true, true));
        assert_eq!(told(EpollFlags::EPOLLERR), (true, true, true));
    }

    #[test]
    fn p5_timeouts_round_up() {
        let milliseconds = |timeout| i32::from(timeout_of(timeout));
        assert_eq!(milliseconds(None), -1);
        assert_eq!(milliseconds(Some(Duration::ZERO)), 0);
        assert_eq!(milliseconds(Some(Duration::from_nanos(1))), 1);
        assert_eq!(milliseconds(Some(Duration::from_micros(1_000))), 1);
        assert_eq!(milliseconds(Some(Duration::from_micros(1_001))), 2);
        assert_eq!(milliseconds(Some(Duration::MAX)), i32::MAX);
    }
}
