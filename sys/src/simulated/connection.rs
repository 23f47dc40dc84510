//! A socket pair as two byte queues, and [`Peer`], the client's end of one.
//!
//! ```text
//!   Peer ── send ──▶ [ to_server: bytes.. | room ] ── read ──▶ server
//!        ◀─ receive ─ [ room | ..bytes :to_client ] ◀─ write ──
//! ```
//!
//! The ends of a connection follow TCP on Linux: what arrived before a reset can still be read,
//! then comes the error, once, then the end of the stream; a write to a peer that has closed
//! succeeds and brings the reset back; closing with unread bytes resets.

use crate::system::Address;
use crate::{Event, Interest, Token, Verdict};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::IoSlice;
use std::rc::Rc;

/// Bytes on the way, in each direction, before [`Peer::capacities_set`] says otherwise.
const CAPACITY_BYTES: usize = 64 * 1024;

/// One direction.
#[derive(Debug)]
struct Pipe {
    bytes: VecDeque<u8>,
    bytes_max: usize,
    /// The sender has said that nothing follows (FIN).
    finished: bool,
}

impl Pipe {
    fn new() -> Self {
        Self { bytes: VecDeque::new(), bytes_max: CAPACITY_BYTES, finished: false }
    }

    fn room(&self) -> usize {
        self.bytes_max.saturating_sub(self.bytes.len())
    }

    fn push(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.room());
        self.bytes.extend(&bytes[..count]);
        count
    }

    fn pull(&mut self, into: &mut [u8]) -> usize {
        let count = into.len().min(self.bytes.len());
        for (place, byte) in into.iter_mut().zip(self.bytes.drain(..count)) {
            *place = byte;
        }
        count
    }
}

/// Both directions, and who has left.
#[derive(Debug)]
pub struct Connection {
    /// The server's end.
    pub local: Address,
    /// The client's end, as the server sees it.
    pub peer: Address,
    to_server: Pipe,
    to_client: Pipe,
    /// The client has closed: what the server writes is answered by a reset.
    client_gone: bool,
    /// RST, in either direction.
    reset: bool,
    /// The server has not been told of the reset yet.
    reset_unread: bool,
}

impl Connection {
    pub(super) fn new(local: Address, peer: Address) -> Self {
        Self {
            local,
            peer,
            to_server: Pipe::new(),
            to_client: Pipe::new(),
            client_gone: false,
            reset: false,
            reset_unread: false,
        }
    }

    pub(super) fn read(&mut self, first: &mut [u8], second: &mut [u8]) -> Result<usize, Verdict> {
        let count = self.to_server.pull(first) + self.to_server.pull(second);
        if count > 0 {
            return Ok(count);
        }
        if std::mem::take(&mut self.reset_unread) {
            return Err(Verdict::PeerGone);
        }
        if self.to_server.finished || self.reset { Ok(0) } else { Err(Verdict::WouldBlock) }
    }

    pub(super) fn write(&mut self, pieces: &[IoSlice<'_>]) -> Result<usize, Verdict> {
        if self.reset {
            self.reset_unread = false;
            return Err(Verdict::PeerGone);
        }
        if self.client_gone {
            self.reset_arrives();
            return Ok(pieces.iter().map(|piece| piece.len()).sum());
        }
        let count = pieces.iter().map(|piece| self.to_client.push(piece)).sum();
        let wanted = pieces.iter().any(|piece| !piece.is_empty());
        if wanted && count == 0 { Err(Verdict::WouldBlock) } else { Ok(count) }
    }

    pub(super) fn close_by_server(&mut self) {
        self.to_client.finished = true;
        self.reset |= !self.to_server.bytes.is_empty();
        self.to_server.bytes.clear();
    }

    fn reset_arrives(&mut self) {
        self.reset = true;
        self.reset_unread = true;
        self.to_client.bytes.clear();
    }

    /// What a level-triggered poller says of the server's end, if anything.
    pub(super) fn event(&self, token: Token, interest: Interest) -> Option<Event> {
        let ended = self.to_server.finished && interest.hangup;
        let arrived = !self.to_server.bytes.is_empty() || self.to_server.finished;
        let event = Event {
            token,
            readable: self.reset || ended || (interest.readable && arrived),
            writable: self.reset || (interest.writable && self.to_client.room() > 0),
            hangup: self.reset || ended,
        };
        (event.readable || event.writable).then_some(event)
    }
}

/// How a connection looks from the client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PeerState {
    /// The server holds its end.
    Open,
    /// The server has closed; what it sent before can still be received.
    Ended,
    /// The connection was torn down.
    Reset,
}

/// The client's end of a connection. Dropping it leaves the connection open: a client that is
/// silent.
#[derive(Clone, Debug)]
pub struct Peer(pub(super) Rc<RefCell<Connection>>);

impl Peer {
    /// Sends what there is room for and says how much that was.
    pub fn send(&self, bytes: &[u8]) -> usize {
        let mut connection = self.0.borrow_mut();
        assert!(!connection.to_server.finished, "sends after it has finished");
        if connection.reset { 0 } else { connection.to_server.push(bytes) }
    }

    /// Takes everything that has arrived.
    #[must_use]
    pub fn receive(&self) -> Vec<u8> {
        self.receive_up_to(usize::MAX)
    }

    /// Takes at most so many bytes: a slow reader.
    #[must_use]
    pub fn receive_up_to(&self, bytes_max: usize) -> Vec<u8> {
        let mut connection = self.0.borrow_mut();
        let count = bytes_max.min(connection.to_client.bytes.len());
        connection.to_client.bytes.drain(..count).collect()
    }

    /// Says that it sends no more, and goes on receiving (F18).
    pub fn finish(&self) {
        self.0.borrow_mut().to_server.finished = true;
    }

    /// Closes both directions. Bytes it has not received reset the connection, as in TCP.
    pub fn close(&self) {
        let mut connection = self.0.borrow_mut();
        connection.client_gone = true;
        connection.to_server.finished = true;
        if !connection.to_client.bytes.is_empty() {
            connection.reset_arrives();
        }
    }

    /// Tears the connection down (F19).
    pub fn reset(&self) {
        let mut connection = self.0.borrow_mut();
        connection.client_gone = true;
        connection.reset_arrives();
    }

    /// How the server left it.
    #[must_use]
    pub fn state(&self) -> PeerState {
        let connection = self.0.borrow();
        match (connection.reset, connection.to_client.finished) {
            (true, _) => PeerState::Reset,
            (false, true) => PeerState::Ended,
            (false, false) => PeerState::Open,
        }
    }

    /// How many bytes may be on the way in each direction. What is already there stays.
    pub fn capacities_set(&self, to_server_bytes: usize, to_client_bytes: usize) {
        let mut connection = self.0.borrow_mut();
        connection.to_server.bytes_max = to_server_bytes;
        connection.to_client.bytes_max = to_client_bytes;
    }

    /// The address under which the server knows it.
    #[must_use]
    pub fn address(&self) -> Address {
        self.0.borrow().peer.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Peer, Rc<RefCell<Connection>>) {
        let address = Address::Unix("/run/squint.sock".into());
        let connection = Rc::new(RefCell::new(Connection::new(address.clone(), address)));
        (Peer(connection.clone()), connection)
    }

    fn read(connection: &Rc<RefCell<Connection>>) -> Result<Vec<u8>, Verdict> {
        let (mut first, mut second) = ([0; 2], [0; 3]);
        let count = connection.borrow_mut().read(&mut first, &mut second)?;
        Ok([&first[..], &second[..]].concat()[..count].to_vec())
    }

    fn write(connection: &Rc<RefCell<Connection>>, bytes: &[u8]) -> Result<usize, Verdict> {
        let (head, tail) = bytes.split_at(bytes.len() / 2);
        connection.borrow_mut().write(&[IoSlice::new(head), IoSlice::new(tail)])
    }

    #[test]
    fn capacities_cut_both_directions() {
        let (peer, server) = pair();
        peer.capacities_set(4, 3);
        assert_eq!(peer.send(b"abcdef"), 4);
        assert_eq!(read(&server).unwrap(), b"abcd");
        assert_eq!(read(&server), Err(Verdict::WouldBlock));
        assert_eq!(write(&server, b"uvwxyz"), Ok(3));
        assert_eq!(write(&server, b"xyz"), Err(Verdict::WouldBlock));
        assert_eq!(peer.receive_up_to(1), b"u");
        assert_eq!(write(&server, b"xyz"), Ok(1));
        assert_eq!(peer.receive(), b"vwx");
    }

    #[test]
    fn f18_a_half_close_still_receives() {
        let (peer, server) = pair();
        peer.send(b"ask");
        peer.finish();
        assert_eq!(read(&server).unwrap(), b"ask");
        assert_eq!(read(&server).unwrap(), b"");
        assert_eq!(write(&server, b"answer"), Ok(6));
        server.borrow_mut().close_by_server();
        assert_eq!(peer.state(), PeerState::Ended);
        assert_eq!(peer.receive(), b"answer");
    }

    #[test]
    fn f11_a_write_to_a_closed_peer_succeeds_once() {
        let (peer, server) = pair();
        peer.close();
        assert_eq!(write(&server, b"answer"), Ok(6));
        assert_eq!(write(&server, b"answer"), Err(Verdict::PeerGone));
        assert_eq!(read(&server).unwrap(), b"");
    }

    #[test]
    fn f19_a_reset_is_told_once_after_the_bytes() {
        let (peer, server) = pair();
        peer.send(b"ask");
        peer.reset();
        assert_eq!(read(&server).unwrap(), b"ask");
        assert_eq!(read(&server), Err(Verdict::PeerGone));
        assert_eq!(read(&server).unwrap(), b"");
        assert_eq!(peer.send(b"more"), 0);
    }

    #[test]
    fn closing_with_unread_bytes_resets() {
        let (peer, server) = pair();
        peer.send(b"ask");
        server.borrow_mut().close_by_server();
        assert_eq!(peer.state(), PeerState::Reset);
    }
}
