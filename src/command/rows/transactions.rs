//! Rows of transactions.

commands! {
    group: Transactions,

    "multi" => transactions::multi {
        arity: 1, flags: NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY | NOT_QUEUED,
        since: "1.2.0", complexity: "O(1)",
        summary: "Begins a transaction: commands are queued until EXEC",
    }
    "exec" => transactions::exec {
        arity: 1, flags: NOSCRIPT | LOADING | STALE | SKIP_SLOWLOG | NOT_QUEUED | RUNS_QUEUE,
        since: "1.2.0", complexity: "The sum of the queued commands",
        summary: "Runs the commands of a transaction, unless a watched key has changed",
    }
    "discard" => transactions::discard {
        arity: 1, flags: NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY | NOT_QUEUED,
        since: "2.0.0", complexity: "O(N) for N queued commands",
        summary: "Forgets the commands of a transaction, and watches nothing any more",
    }
    "watch" => transactions::watch {
        arity: -2, flags: NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY | NOT_QUEUED,
        keys: [all(RO)], since: "2.2.0", complexity: "O(1) for each key",
        summary: "Lets the next EXEC run only if these keys have not changed by then",
        arguments: "key...",
    }
    "unwatch" => transactions::unwatch {
        arity: 1, flags: NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY, since: "2.2.0",
        complexity: "O(1) for each key watched", summary: "Watches no key any more",
    }
}
