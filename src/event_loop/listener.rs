//! A listening socket and how eagerly it is drained.

use squint_sys::{Address, Fd, Token};

/// A socket that brings connections.
#[derive(Debug)]
pub struct Listener {
    /// Its descriptor.
    pub fd: Fd,
    /// What it is bound to, the port as the system chose it.
    pub address: Address,
    /// Ticks in a row in which it was ready.
    ready_ticks: u32,
    /// It was ready in this tick.
    pub is_ready: bool,
}

/// Connections taken in one tick when more than one client is waiting: one noisy port must not
/// starve those who are connected.
const ACCEPT_BURST_MAX: u32 = 64;

impl Listener {
    /// A listener that the poller watches.
    #[must_use]
    pub const fn new(fd: Fd, address: Address) -> Self {
        Self { fd, address, ready_ticks: 0, is_ready: false }
    }

    /// What the poller calls it.
    #[must_use]
    pub const fn token(&self) -> Token {
        Token::reserved(self.fd.0 as u32)
    }

    /// How many connections to take now: one, so that a lone client costs no second `accept`; the
    /// backlog, once it has been ready twice in a row.
    pub fn accepts_allowed(&mut self) -> u32 {
        if !std::mem::take(&mut self.is_ready) {
            self.ready_ticks = 0;
            return 0;
        }
        self.ready_ticks = self.ready_ticks.saturating_add(1);
        if self.ready_ticks < 2 { 1 } else { ACCEPT_BURST_MAX }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_client_costs_one_accept_and_a_crowd_is_drained() {
        let address = Address::Unix("/x".into());
        let mut listener = Listener::new(Fd(3), address);
        assert_eq!(listener.accepts_allowed(), 0);
        listener.is_ready = true;
        assert_eq!(listener.accepts_allowed(), 1);
        listener.is_ready = true;
        assert_eq!(listener.accepts_allowed(), ACCEPT_BURST_MAX);
        assert_eq!(listener.accepts_allowed(), 0, "not ready: the count starts again");
        listener.is_ready = true;
        assert_eq!(listener.accepts_allowed(), 1);
    }
}
