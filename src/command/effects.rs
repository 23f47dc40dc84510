//! What a command wants done to the world outside itself.
//!
//! Commands are pure: they change data, write a reply, and leave here what only the server can do:
//! bytes for other clients, connections to close, timers to arm, the end of the process.

use crate::client::ClientId;
use crate::limits::REPLY_SHARED_BYTES_MIN;
use crate::reply_buffer::ReplyBuffer;
use crate::shared_bytes::{BytesRef, SharedBytes};

/// Bytes for any number of clients that are not the one whose command runs, or that come after its
/// reply: some parts in the outbox. Good until it is delivered.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    first: usize,
    behind: usize,
}

/// A part of a frame.
#[derive(Debug)]
enum Part {
    /// A range of the outbox's own bytes: too few to be worth an allocation.
    Copied { start: usize, end: usize },
    /// Many bytes, or such as lay apart before.
    Shared(SharedBytes),
}

/// Bytes on their way to clients, in order.
///
/// ```text
///   frames   ( client 7 | frame )  ( client 9 | frame )
///                            └────┬─────────────┘
///   parts    [ header, copied | message, shared | line end, copied ]   as a rule one part
/// ```
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    parts: Vec<Part>,
    frames: Vec<(ClientId, Frame)>,
    /// Where frames and late replies are written first; empty but for its memory.
    scratch: ReplyBuffer,
}

/// What the outbox keeps of its memory when it is empty, bytes.
const OUTBOX_SPARE_BYTES_MAX: usize = 64 * 1024;

impl Outbox {
    /// Appends everything that `reply` holds to the output of `client`.
    pub fn send_all(&mut self, client: ClientId, reply: &ReplyBuffer) {
        let frame = self.keep(reply);
        self.send(client, frame);
    }

    /// Copies what is short, and holds what is shared.
    fn keep(&mut self, reply: &ReplyBuffer) -> Frame {
        let first = self.parts.len();
        reply.for_each_piece(|piece| {
            let part = match piece {
                BytesRef::Near([]) => return,
                BytesRef::Near(bytes) if bytes.len() < REPLY_SHARED_BYTES_MIN => {
                    let start = self.bytes.len();
                    self.bytes.extend_from_slice(bytes);
                    Part::Copied { start, end: self.bytes.len() }
                }
                many_or_apart => Part::Shared(many_or_apart.to_shared()),
            };
            self.parts.push(part);
        });
        Frame { first, behind: self.parts.len() }
    }

    /// An empty buffer, to write a reply into that is not sent at once. Give it back.
    pub fn lend_buffer(&mut self) -> ReplyBuffer {
        std::mem::take(&mut self.scratch)
    }

    /// A buffer comes back: the next one that is lent is this one, unless it has grown large.
    pub fn take_buffer_back(&mut self, mut buffer: ReplyBuffer) {
        buffer.advance(buffer.len());
        if buffer.heap_bytes() <= OUTBOX_SPARE_BYTES_MAX {
            self.scratch = buffer;
        }
    }

    /// Encodes a message for any number of clients, once.
    pub fn frame(&mut self, write: impl FnOnce(&mut ReplyBuffer)) -> Frame {
        let mut buffer = self.lend_buffer();
        write(&mut buffer);
        let frame = self.keep(&buffer);
        self.take_buffer_back(buffer);
        frame
    }

    /// Appends a frame to the output of `client`.
    pub fn send(&mut self, client: ClientId, frame: Frame) {
        self.frames.push((client, frame));
    }

    /// Nothing to deliver.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Hands every frame to `append`, in order, and is empty then.
    pub fn deliver(&mut self, mut append: impl FnMut(ClientId, &mut dyn FnMut(&mut ReplyBuffer))) {
        for (client, frame) in self.frames.drain(..) {
            append(client, &mut |output| {
                for part in &self.parts[frame.first..frame.behind] {
                    match part {
                        Part::Copied { start, end } => output.extend(&self.bytes[*start..*end]),
                        Part::Shared(bytes) => output.share(bytes.clone()),
                    }
                }
            });
        }
        self.parts.clear();
        self.bytes.clear();
        self.bytes.shrink_to(OUTBOX_SPARE_BYTES_MAX);
    }
}

/// Why a client stops waiting without having been served.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unblock {
    /// Its time is over, or CLIENT UNBLOCK says so.
    Timeout,
    /// CLIENT UNBLOCK ERROR.
    Error,
}

/// SHUTDOWN's wish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shutdown {
    /// Do not wait for anybody (NOW).
    pub now: bool,
}

/// What the server does after the command.
#[derive(Debug, Default)]
pub struct Effects {
    /// Bytes for clients.
    pub outbox: Outbox,
    /// Connections to close; what they have not been sent yet is lost.
    pub kills: Vec<ClientId>,
    /// Clients that no longer wait: their input is read again.
    pub unblocked: Vec<ClientId>,
    /// Clients that CLIENT UNBLOCK wants to wait no longer.
    pub unblocks: Vec<(ClientId, Unblock)>,
    /// Clients that began to wait: arm the timer, stop reading.
    pub blocked: Vec<ClientId>,
    /// The process shall end.
    pub shutdown: Option<Shutdown>,
    /// The loop shall stand still (DEBUG SLEEP), microseconds.
    pub sleep_us: u64,
    /// Settings that CONFIG SET has changed.
    pub settings: Vec<&'static str>,
}

impl Effects {
    /// Nothing to do: the usual case, checked after every command.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.outbox.is_empty()
            & self.kills.is_empty()
            & self.unblocked.is_empty()
            & self.unblocks.is_empty()
            & self.blocked.is_empty()
            & self.shutdown.is_none()
            & (self.sleep_us == 0)
            & self.settings.is_empty()
    }
}
