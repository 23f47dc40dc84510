//! One message to all who listen.
//!
//! ```text
//!   channel "news" ──► its subscribers ─┐                     ┌─► client 7   `*3 message ...`
//!   patterns, each that matches  ───────┴─► one frame per ────┼─► client 9    (the same bytes)
//!                                           protocol version  └─► client 12  `>4 pmessage ...`
//! ```
//!
//! What a subscriber costs the publisher is one entry in the outbox, which names the frame. A
//! message that was received apart is part of every frame and copied into none. Frames reach every
//! client, the publisher too, after the publisher's reply.

use super::context::Context;
use super::effects::{Frame, Outbox};
use crate::client::{ClientId, Clients};
use crate::membership::Membership;
use crate::pubsub::PubSub;
use crate::reply_buffer::ReplyBuffer;
use crate::resp::writer::{Protocol, Writer};
use crate::shared_bytes::BytesRef;

/// All who may listen, and the way to them.
pub struct Audience<'a> {
    /// Who listens to what.
    pub pubsub: &'a PubSub,
    /// Everybody.
    pub clients: &'a Clients,
    /// Where messages are put.
    pub outbox: &'a mut Outbox,
}

impl Context<'_> {
    /// All who may listen, and the way to them.
    pub fn audience(&mut self) -> Audience<'_> {
        Audience { pubsub: self.pubsub, clients: &self.clients, outbox: &mut self.effects.outbox }
    }
}

impl Audience<'_> {
    /// Nobody listens to anything (sharded channels apart).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.pubsub.has_listeners()
    }

    /// Sends a message to the subscribers of a channel, then to those of each pattern that matches
    /// it; gives the number of copies.
    pub fn publish(&mut self, channel: &[u8], message: BytesRef<'_>) -> usize {
        let pubsub = self.pubsub;
        let mut sent = self.send(&pubsub.channels, channel, &[b"message", channel], message);
        for pattern in pubsub.patterns_matching(channel) {
            let words: [&[u8]; 3] = [b"pmessage", pattern, channel];
            sent += self.send(&pubsub.patterns, pattern, &words, message);
        }
        sent
    }

    /// Sends a message to the subscribers of a sharded channel; gives the number of copies.
    pub fn publish_sharded(&mut self, channel: &[u8], message: BytesRef<'_>) -> usize {
        let pubsub = self.pubsub;
        self.send(&pubsub.shard_channels, channel, &[b"smessage", channel], message)
    }

    fn send(
        &mut self,
        relation: &Membership,
        name: &[u8],
        words: &[&[u8]],
        message: BytesRef<'_>,
    ) -> usize {
        let mut frames = Frames { words, message, resp2: None, resp3: None };
        let mut sent = 0;
        for member in relation.members(name) {
            let client = self.clients.find(member).expect("who leaves unsubscribes first");
            frames.send(self.outbox, member, client.protocol);
            sent += 1;
        }
        sent
    }
}

/// One message in the form of each protocol version, made when the first subscriber needs it.
struct Frames<'a> {
    /// What comes before the message.
    words: &'a [&'a [u8]],
    message: BytesRef<'a>,
    resp2: Option<Frame>,
    resp3: Option<Frame>,
}

impl Frames<'_> {
    fn send(&mut self, outbox: &mut Outbox, member: ClientId, protocol: Protocol) {
        let frame = match protocol {
            Protocol::Resp2 => &mut self.resp2,
            Protocol::Resp3 => &mut self.resp3,
        };
        let (words, message) = (self.words, self.message);
        let encode = || outbox.frame(|out| encode(out, words, message, protocol));
        let frame = *frame.get_or_insert_with(encode);
        outbox.send(member, frame);
    }
}

/// A message that lies apart goes in as a share: it stays where it was received.
fn encode(out: &mut ReplyBuffer, words: &[&[u8]], message: BytesRef<'_>, protocol: Protocol) {
    let mut writer = Writer { out, protocol };
    writer.push(words.len() + 1);
    for word in words {
        writer.bulk(word);
    }
    writer.bulk_ref(message);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared_bytes::SharedBytes;
    use crate::text::keyed_hash::KeyedState;
    use squint_sys::{Address, Token};

    const LISTENERS: u32 = 1_000;

    fn token(index: u32) -> Token {
        Token { index, generation: 0 }
    }

    /// Who speaks RESP3: one in ten.
    fn protocol(index: usize) -> Protocol {
        if index.is_multiple_of(10) { Protocol::Resp3 } else { Protocol::Resp2 }
    }

    /// What a thousand listeners to `c` have in their outputs after one message.
    fn outputs(message: BytesRef<'_>) -> Vec<ReplyBuffer> {
        let (mut clients, mut outbox) = (Clients::default(), Outbox::default());
        let mut pubsub = PubSub::new(KeyedState::new([1; 16]));
        for index in 0..LISTENERS {
            let peer = Address::Tcp("127.0.0.1:40000".parse().expect("an address"));
            clients.connect(token(index), peer, 0).protocol = protocol(index as usize);
            pubsub.channels.join(b"c", token(index));
        }
        let mut audience = Audience { pubsub: &pubsub, clients: &clients, outbox: &mut outbox };
        assert_eq!(audience.publish(b"c", message), LISTENERS as usize);
        let mut outputs: Vec<ReplyBuffer> = (0..LISTENERS).map(|_| ReplyBuffer::new()).collect();
        outbox.deliver(|client, append| append(&mut outputs[client.index as usize]));
        outputs
    }

    #[test]
    fn everybody_gets_the_message_in_the_own_protocol() {
        for length in [0, 1, 5_000, 100_000] {
            let message = vec![b'm'; length];
            for (index, output) in outputs(BytesRef::Near(&message)).iter().enumerate() {
                let mut expected = ReplyBuffer::new();
                let words: [&[u8]; 2] = [b"message", b"c"];
                encode(&mut expected, &words, BytesRef::Near(&message), protocol(index));
                assert_eq!(output.to_vec(), expected.to_vec());
            }
        }
    }

    #[test]
    fn a_long_message_is_there_once_for_each_protocol_version() {
        let length = 100_000;
        let message = vec![b'm'; length];
        let outputs = outputs(BytesRef::Near(&message));
        let own_bytes: usize = outputs.iter().map(|output| output.heap_bytes()).sum();
        assert!(own_bytes < LISTENERS as usize * 200, "{own_bytes} bytes in outputs");
    }

    #[test]
    fn a_message_that_lies_apart_is_there_once() {
        let message = SharedBytes::new(vec![b'm'; 100_000]);
        let outputs = outputs(BytesRef::Apart(&message));
        assert_eq!(message.holders(), 1 + LISTENERS as usize);
        let own_bytes: usize = outputs.iter().map(|output| output.heap_bytes()).sum();
        assert!(own_bytes < LISTENERS as usize * 800, "{own_bytes} bytes in outputs");
    }
}
