//! A raw socket with deadlines, whose failures print what went over it.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::bytes::{escaped, excerpt};
use crate::reply;

/// How long a reply that must come may take, on a machine busy with other tests.
pub const REPLY_TIME_MAX: Duration = Duration::from_secs(10);

/// A request as clients send it: an array of bulk strings.
pub fn encoded<W: AsRef<[u8]>>(words: &[W]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        let word = word.as_ref();
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// What one attempt to read brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Arrival {
    /// More bytes are in [`Connection::received`].
    Bytes,
    /// The server closed the connection, or it is reset.
    Closed,
    /// Nothing until the deadline.
    Quiet,
}

/// One connection. The methods that `expect` something panic with a message that shows the last
/// bytes sent, the bytes expected and the bytes that came.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    server: &'static str,
    last_sent: Vec<u8>,
    received: Vec<u8>,
    closed: bool,
}

impl Connection {
    /// Opens one; `server` is what failures call the other side.
    pub fn open(address: SocketAddr, server: &'static str) -> Connection {
        let stream = TcpStream::connect(address)
            .unwrap_or_else(|error| panic!("{server} refused a connection: {error}"));
        stream.set_nodelay(true).expect("a fresh TCP socket takes TCP_NODELAY");
        let last_sent = Vec::new();
        Connection { stream, server, last_sent, received: Vec::new(), closed: false }
    }

    /// Opens one as soon as the server accepts, which may take so long.
    pub fn open_within(address: SocketAddr, server: &'static str, time_max: Duration) -> Self {
        let deadline = Instant::now() + time_max;
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < deadline, "{server} does not accept");
            std::thread::sleep(Duration::from_millis(5));
        }
        Self::open(address, server)
    }

    /// The bare socket, for a test that reads without waiting. What was received and not taken is
    /// lost.
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Sends bytes as they are. That the server has gone is not an error here: what it sent before
    /// can still be read.
    pub fn send(&mut self, bytes: &[u8]) -> &mut Connection {
        self.last_sent = bytes[..bytes.len().min(4096)].to_vec();
        let _ = self.stream.write_all(bytes);
        self
    }

    /// Sends requests so many at a time, the next ones when these have been answered, and without
    /// an error.
    pub fn send_in_batches(&mut self, mut requests: impl Iterator<Item = Vec<u8>>, size: usize) {
        loop {
            let batch: Vec<Vec<u8>> = requests.by_ref().take(size).collect();
            if batch.is_empty() {
                return;
            }
            self.send(&batch.concat());
            for _ in &batch {
                let reply = self.reply();
                assert!(!reply.starts_with(b"-"), "{}", excerpt(&reply));
            }
        }
    }

    /// Sends one command, given as words between blanks.
    pub fn command(&mut self, line: &str) -> &mut Connection {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.send(&encoded(&words))
    }

    /// Sends one command and gives its one reply.
    pub fn ask(&mut self, line: &str) -> Vec<u8> {
        self.command(line);
        self.reply()
    }

    /// Sends one command and expects exactly these bytes.
    pub fn expect_reply(&mut self, line: &str, bytes: &[u8]) {
        self.command(line);
        self.expect(bytes);
    }

    /// Bytes that came and were not taken yet.
    pub fn received(&self) -> &[u8] {
        &self.received
    }

    /// Takes the first `length` bytes of what came.
    pub fn take(&mut self, length: usize) -> Vec<u8> {
        let rest = self.received.split_off(length);
        std::mem::replace(&mut self.received, rest)
    }

    /// Waits for more bytes, the end, or the deadline.
    pub fn wait(&mut self, deadline: Instant) -> Arrival {
        if self.closed {
            return Arrival::Closed;
        }
        let mut room = [0; 64 * 1024];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            // Zero would mean for ever.
            let timeout = Some(left.max(Duration::from_millis(1)));
            self.stream.set_read_timeout(timeout).expect("a positive time is accepted");
            match self.stream.read(&mut room) {
                Ok(0) => break,
                Ok(length) => {
                    self.received.extend_from_slice(&room[..length]);
                    return Arrival::Bytes;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    if Instant::now() >= deadline {
                        return Arrival::Quiet;
                    }
                }
                Err(_) => break,
            }
        }
        self.closed = true;
        Arrival::Closed
    }

    /// Reads until the server has been quiet for this long or has closed, and takes it all.
    pub fn read_until_quiet(&mut self, quiet: Duration) -> Vec<u8> {
        while self.wait(Instant::now() + quiet) == Arrival::Bytes {}
        std::mem::take(&mut self.received)
    }

    /// Reads exactly this many bytes.
    pub fn read_exactly(&mut self, length: usize) -> Vec<u8> {
        let deadline = Instant::now() + REPLY_TIME_MAX;
        while self.received.len() < length {
            let arrival = self.wait(deadline);
            assert!(
                arrival == Arrival::Bytes,
                "{}: {arrival:?} after {} of {length} bytes{}",
                self.server,
                self.received.len(),
                self.story("")
            );
        }
        self.take(length)
    }

    /// One whole reply, whatever it is.
    pub fn reply(&mut self) -> Vec<u8> {
        self.reply_within(REPLY_TIME_MAX)
    }

    /// One whole reply, whatever it is, which may take this long.
    pub fn reply_within(&mut self, time_max: Duration) -> Vec<u8> {
        let deadline = Instant::now() + time_max;
        loop {
            match reply::length(&self.received) {
                Ok(Some(length)) => return self.take(length),
                Ok(None) => {}
                Err(reason) => panic!("{}: {reason}{}", self.server, self.story("")),
            }
            let arrival = self.wait(deadline);
            let server = self.server;
            assert!(arrival == Arrival::Bytes, "{server}: {arrival:?}{}", self.story("a reply"));
        }
    }

    /// Expects exactly these bytes next.
    pub fn expect(&mut self, bytes: &[u8]) {
        let deadline = Instant::now() + REPLY_TIME_MAX;
        while self.received.len() < bytes.len() && bytes.starts_with(&self.received) {
            if self.wait(deadline) != Arrival::Bytes {
                break;
            }
        }
        if !self.received.starts_with(bytes) {
            panic!("{}: the reply differs{}", self.server, self.story(&escaped(bytes)));
        }
        self.take(bytes.len());
    }

    /// Expects that nothing comes for this long and the connection stays open.
    pub fn expect_silence(&mut self, time: Duration) {
        let arrival = if self.received.is_empty() {
            self.wait(Instant::now() + time)
        } else {
            Arrival::Bytes
        };
        let server = self.server;
        assert!(arrival == Arrival::Quiet, "{server}: {arrival:?}{}", self.story("silence"));
    }

    /// Expects that the server closes and sends nothing before it does.
    pub fn expect_closed(&mut self) {
        let arrival = if self.received.is_empty() {
            self.wait(Instant::now() + REPLY_TIME_MAX)
        } else {
            Arrival::Bytes
        };
        let server = self.server;
        assert!(arrival == Arrival::Closed, "{server}: {arrival:?}{}", self.story("a close"));
    }

    /// Tells the server that nothing more will be sent, and goes on reading.
    pub fn finish_sending(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    fn story(&self, expected: &str) -> String {
        let sent = excerpt(&self.last_sent);
        let got = excerpt(&self.received);
        format!("\n    sent     {sent}\n    expected {expected}\n    got      {got}")
    }
}
