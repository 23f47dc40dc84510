//! The pub/sub manager: channels and patterns to subscribers, in subscribing order.
//!
//! It knows names and clients. What a message looks like on the wire, and how it reaches a
//! connection, is the command layer's and the server's matter.

use crate::membership::Membership;
use crate::text::glob::{self, Case};
use crate::text::keyed_hash::KeyedState;
use squint_sys::Token;

/// Who listens to what.
#[derive(Debug)]
pub struct PubSub {
    /// Exact names.
    pub channels: Membership,
    /// Glob patterns.
    pub patterns: Membership,
    /// Sharded channels: names of their own.
    pub shard_channels: Membership,
}

impl PubSub {
    /// Nobody listens.
    #[must_use]
    pub fn new(state: KeyedState) -> Self {
        Self {
            channels: Membership::new(state),
            patterns: Membership::new(state),
            shard_channels: Membership::new(state),
        }
    }

    /// Anybody listens to anything (sharded channels apart).
    #[inline]
    #[must_use]
    pub fn has_listeners(&self) -> bool {
        !(self.channels.is_empty() && self.patterns.is_empty())
    }

    /// Channels and patterns of `client` together.
    #[must_use]
    pub fn channels_and_patterns_of(&self, client: Token) -> usize {
        self.channels.names_of(client) + self.patterns.names_of(client)
    }

    /// Everything that `client` listens to.
    #[must_use]
    pub fn subscriptions_of(&self, client: Token) -> usize {
        self.channels_and_patterns_of(client) + self.shard_channels.names_of(client)
    }

    /// Forgets a client that left; costs as much as it had subscribed to.
    pub fn leave(&mut self, client: Token) {
        self.channels.leave_all(client);
        self.patterns.leave_all(client);
        self.shard_channels.leave_all(client);
    }

    /// The patterns that match `channel`.
    pub fn patterns_matching<'a>(&'a self, channel: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let patterns = self.patterns.all_names().map(|pattern| &**pattern);
        patterns.filter(move |pattern| glob::matches(pattern, channel, Case::Sensitive))
    }

    /// Distinct clients with any subscription (INFO's `pubsub_clients`).
    #[must_use]
    pub fn client_count(&self) -> usize {
        // Each client counts once, with the first kind that it has.
        let by_pattern = self.patterns.members_iter();
        let by_shard = self.shard_channels.members_iter();
        self.channels.member_count()
            + by_pattern.filter(|&member| self.channels.names_of(member) == 0).count()
            + by_shard.filter(|&member| self.channels_and_patterns_of(member) == 0).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(index: u32) -> Token {
        Token { index, generation: 0 }
    }

    #[test]
    fn who_listens_in_several_ways_counts_once_and_leaves_them_all() {
        let mut pubsub = PubSub::new(KeyedState::new([3; 16]));
        for index in 1..=3 {
            pubsub.channels.join(b"a", client(index));
        }
        for index in 3..=5 {
            pubsub.patterns.join(b"a*", client(index));
        }
        for index in 5..=7 {
            pubsub.shard_channels.join(b"a", client(index));
        }
        assert_eq!(pubsub.client_count(), 7);
        assert_eq!(pubsub.channels_and_patterns_of(client(5)), 1, "sharded ones apart");
        assert_eq!(pubsub.subscriptions_of(client(5)), 2);
        for index in 1..=7 {
            pubsub.leave(client(index));
        }
        assert_eq!(pubsub.client_count(), 0);
        let relations = [&pubsub.channels, &pubsub.patterns, &pubsub.shard_channels];
        assert!(relations.iter().all(|relation| relation.is_empty()));
    }
}
