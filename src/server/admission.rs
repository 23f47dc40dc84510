//! The phase accept: who may come in, and what the others are told.

use super::Server;
use crate::logging::Level;
use crate::stats::tick_times::Phase;
use squint_sys::{Accepted, Address, Sys};
use std::mem::take;

const FULL: &[u8] = b"-ERR max number of clients reached\r\n";

/// What a stranger is told while no password protects the data.
const PROTECTED: &[u8] = b"-DENIED Squint is running in protected mode because protected mode is \
enabled and no password is set for the default user. In this mode connections are only accepted \
from the loopback interface. To connect from another computer, do one of these on the server and \
restart or retry: 1) set a password with the 'requirepass' directive or CONFIG SET requirepass, or \
2) if this network is trusted, turn the protection off with '--protected-mode no' or \
CONFIG SET protected-mode no.\r\n";

impl<S: Sys> Server<S> {
    /// **accept**: welcomes new connections.
    pub(super) fn accept(&mut self) {
        let backoffs = self.engine.stats.accept_backoffs;
        self.event_loop.accept(&mut self.accepted, &mut self.engine.stats);
        if self.engine.stats.accept_backoffs > backoffs {
            self.log_at_most_every_second(Level::Warning, "Error accepting: no descriptors left");
        }
        if !self.accepted.is_empty() {
            let mut accepted = take(&mut self.accepted);
            for connection in accepted.drain(..) {
                self.welcome(connection);
            }
            self.accepted = accepted; // its memory is used again
            self.lap(Phase::Accept);
        }
    }

    fn welcome(&mut self, accepted: Accepted) {
        self.engine.stats.connections_received += 1;
        if let Some(refusal) = self.refusal(&accepted.peer) {
            self.engine.stats.connections_rejected += 1;
            // The socket is new, so the line fits; whether the peer reads it is its own matter.
            let _ = self.event_loop.sys.write(accepted.fd, refusal);
            self.event_loop.sys.close(accepted.fd);
            return;
        }
        if let Some(client) = self.event_loop.register(accepted.fd) {
            self.engine.connect(client, accepted.peer, self.now);
            self.measure(client);
            if self.engine.config.settings().timeout_s > 0 {
                self.arm(client.index);
            }
        }
    }

    /// Why a connection from `peer` is not let in.
    fn refusal(&self, peer: &Address) -> Option<&'static [u8]> {
        let settings = self.engine.config.settings();
        let is_full = self.engine.clients.len() >= settings.clients_max as usize;
        let is_exposed = settings.protected_mode && settings.requirepass.is_none();
        match () {
            () if is_full => Some(FULL),
            () if is_exposed && !peer.is_local() => Some(PROTECTED),
            () => None,
        }
    }
}
