//! Rows of pub/sub.

commands! {
    group: PubSub,

    "subscribe" => pubsub::subscribe {
        arity: -2, flags: PUBSUB | NOSCRIPT | LOADING | STALE | TO_SUBSCRIBERS, since: "2.0.0",
        complexity: "O(N) for N channels", summary: "Listens to channels", arguments: "channel...",
    }
    "unsubscribe" => pubsub::unsubscribe {
        arity: -1, flags: PUBSUB | NOSCRIPT | LOADING | STALE | TO_SUBSCRIBERS, since: "2.0.0",
        complexity: "O(N) for N channels",
        summary: "Stops listening to channels, or to all of them", arguments: "[channel...]",
    }
    "psubscribe" => pubsub::psubscribe {
        arity: -2, flags: PUBSUB | NOSCRIPT | LOADING | STALE | TO_SUBSCRIBERS, since: "2.0.0",
        complexity: "O(N) for N patterns", summary: "Listens to all channels that match patterns",
        arguments: "pattern...",
    }
    "punsubscribe" => pubsub::punsubscribe {
        arity: -1, flags: PUBSUB | NOSCRIPT | LOADING | STALE | TO_SUBSCRIBERS, since: "2.0.0",
        complexity: "O(N) for N patterns",
        summary: "Stops listening to patterns, or to all of them", arguments: "[pattern...]",
    }
    "publish" => pubsub::publish {
        arity: 3, flags: PUBSUB | MAY_REPLICATE | LOADING | STALE | FAST, since: "2.0.0",
        complexity: "O(N + M) for N listeners of the channel and M patterns in use",
        summary: "Sends a message to all who listen to a channel", arguments: "channel message",
    }
    "ssubscribe" => pubsub::ssubscribe {
        arity: -2, flags: PUBSUB | NOSCRIPT | LOADING | STALE | TO_SUBSCRIBERS,
        keys: [all(NOT_KEY)], since: "7.0.0", complexity: "O(N) for N channels",
        summary: "Listens to sharded channels", arguments: "shardchannel...",
    }
    "sunsubscribe" => pubsub::sunsubscribe {
        arity: -1, flags: PUBSUB | NOSCRIPT | LOADING | STALE | TO_SUBSCRIBERS,
        keys: [all(NOT_KEY)], since: "7.0.0", complexity: "O(N) for N channels",
        summary: "Stops listening to sharded channels, or to all of them",
        arguments: "[shardchannel...]",
    }
    "spublish" => pubsub::spublish {
        arity: 3, flags: PUBSUB | MAY_REPLICATE | LOADING | STALE | FAST, keys: [one(NOT_KEY)],
        since: "7.0.0", complexity: "O(N) for N listeners of the channel",
        summary: "Sends a message to all who listen to a sharded channel",
        arguments: "shardchannel message",
    }
    "pubsub" => dispatcher::container {
        arity: -2, flags: CONTAINER, since: "2.8.0", complexity: "Depends on the sub-command",
        summary: "Who listens to what",
    }
    "pubsub|channels" => pubsub::pubsub_channels {
        arity: -2, flags: PUBSUB | LOADING | STALE, since: "2.8.0",
        complexity: "O(N) for N channels in use",
        summary: "Returns the channels that somebody listens to", arguments: "[pattern]",
    }
    "pubsub|numpat" => pubsub::pubsub_numpat {
        arity: 2, flags: PUBSUB | LOADING | STALE, since: "2.8.0", complexity: "O(1)",
        summary: "Returns the number of different patterns in use",
    }
    "pubsub|numsub" => pubsub::pubsub_numsub {
        arity: -2, flags: PUBSUB | LOADING | STALE, since: "2.8.0",
        complexity: "O(N) for N channels",
        summary: "Returns how many listen to each channel, not counting patterns",
        arguments: "[channel...]",
    }
    "pubsub|shardchannels" => pubsub::pubsub_shardchannels {
        arity: -2, flags: PUBSUB | LOADING | STALE, since: "7.0.0",
        complexity: "O(N) for N sharded channels in use",
        summary: "Returns the sharded channels that somebody listens to", arguments: "[pattern]",
    }
    "pubsub|shardnumsub" => pubsub::pubsub_shardnumsub {
        arity: -2, flags: PUBSUB | LOADING | STALE, since: "7.0.0",
        complexity: "O(N) for N channels",
        summary: "Returns how many listen to each sharded channel", arguments: "[shardchannel...]",
    }
    "pubsub|help" => commands::help {
        arity: 2, flags: LOADING | STALE, since: "6.2.0", complexity: "O(1)",
        summary: "Returns this help",
    }
}
