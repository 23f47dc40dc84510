//! Rows of streams and consumer groups.

commands! {
    group: Stream,

    "xadd" => streams::xadd {
        arity: -5, flags: WRITE | DENYOOM | FAST, since: "5.0.0",
        keys: [one(RW | UPDATE).because("trimming may remove entries")],
        tips: ["nondeterministic_output"], complexity: "O(1), and O(N) for N entries trimmed",
        summary: "Appends an entry to a stream, or creates it",
        arguments: "key [NOMKSTREAM@6.2.0] [condition(KEEPREF | DELREF | ACKED)@8.2.0] \
            [idmp(IDMPAUTO pid | IDMP idmp-block(pid iid))@8.6.0] \
            [trim(strategy(MAXLEN | MINID@6.2.0) [operator(equal(=) | approximately(~))] threshold \
            [LIMIT count:integer@6.2.0])] id-selector(auto-id(*) | id) data(field value)...",
    }
    "xlen" => streams::xlen {
        arity: 2, flags: READONLY | FAST, keys: [one(RO)], since: "5.0.0", complexity: "O(1)",
        summary: "Returns the number of entries of a stream", arguments: "key",
    }
    "xrange" => streams::xrange {
        arity: -4, flags: READONLY, keys: [one(RO | ACCESS)], since: "5.0.0",
        complexity: "O(log M + N) for N entries returned of M",
        summary: "Returns the entries of a stream between two IDs",
        arguments: "key start end [COUNT count:integer]",
    }
    "xrevrange" => streams::xrevrange {
        arity: -4, flags: READONLY, keys: [one(RO | ACCESS)], since: "5.0.0",
        complexity: "O(log M + N) for N entries returned of M",
        summary: "Returns the entries of a stream between two IDs, the newest first",
        arguments: "key end start [COUNT count:integer]",
    }
    "xread" => stream_reads::xread {
        arity: -4, flags: READONLY | BLOCKING | MOVABLEKEYS, since: "5.0.0",
        keys: [half_behind("STREAMS", RO | ACCESS)],
        complexity: "O(log M + N) for each stream, for N entries returned of M",
        summary: "Returns the entries of streams behind given IDs, or waits for new ones",
        arguments: "[COUNT count:integer] [MAXCOUNT maxcount:integer@8.10.0] \
            [MAXSIZE maxsize:integer@8.10.0] [BLOCK milliseconds:integer] \
            STREAMS streams(key... id...)",
    }
    "xreadgroup" => stream_reads::xreadgroup {
        arity: -7, flags: WRITE | BLOCKING | MOVABLEKEYS, since: "5.0.0",
        keys: [half_behind("STREAMS", RO | ACCESS).searched_from(4)],
        complexity: "O(log M + N) for each stream, for N entries returned of M",
        summary: "Hands new entries of streams to a consumer of a group, or shows it its own, or \
            waits",
        arguments: "GROUP group-block(group consumer) [COUNT count:integer] \
            [MAXCOUNT maxcount:integer@8.10.0] [MAXSIZE maxsize:integer@8.10.0] \
            [BLOCK milliseconds:integer] [CLAIM min-idle-time:integer@8.4.0] [NOACK] \
            STREAMS streams(key... id...)",
    }
    "xdel" => streams::xdel {
        arity: -3, flags: WRITE | FAST, keys: [one(RW | DELETE)], since: "5.0.0",
        complexity: "O(log M) for each ID, in a stream of M entries",
        summary: "Removes entries from a stream by their IDs", arguments: "key id...",
    }
    "xtrim" => streams::xtrim {
        arity: -4, flags: WRITE, keys: [one(RW | DELETE)], since: "5.0.0",
        tips: ["nondeterministic_output"], complexity: "O(N) for N entries removed",
        summary: "Removes the oldest entries of a stream, down to a number or an ID",
        arguments: "key trim(strategy(MAXLEN | MINID@6.2.0) \
            [operator(equal(=) | approximately(~))] threshold [LIMIT count:integer@6.2.0]) \
            [condition(KEEPREF | DELREF | ACKED)@8.2.0]",
    }
    "xdelex" => stream_references::xdelex {
        arity: -5, flags: WRITE | FAST, keys: [one(RW | DELETE)], since: "8.2.0",
        complexity: "O(log M) for each ID and each consumer group, in a stream of M entries",
        summary: "Removes entries from a stream, with what refers to them or if nothing does",
        arguments: "key [condition(KEEPREF | DELREF | ACKED)] IDS ids(numids:integer id...)",
    }
    "xgroup" => dispatcher::container {
        arity: -2, flags: CONTAINER, since: "5.0.0", complexity: "Depends on subcommand",
        summary: "What there is about consumer groups",
    }
    "xgroup|create" => stream_groups::xgroup_create {
        arity: -5, flags: WRITE | DENYOOM, keys: [second(RW | INSERT)], since: "5.0.0",
        complexity: "O(1)", summary: "Creates a consumer group of a stream",
        arguments: "key group id-selector(id | new-id($)) [MKSTREAM] \
            [ENTRIESREAD entries-read:integer@7.0.0]",
    }
    "xgroup|setid" => stream_groups::xgroup_setid {
        arity: -5, flags: WRITE, keys: [second(RW | UPDATE)], since: "5.0.0", complexity: "O(1)",
        summary: "Sets the last ID that counts as handed out to a group",
        arguments: "key group id-selector(id | new-id($)) [ENTRIESREAD entries-read:integer@7.0.0]",
    }
    "xgroup|destroy" => stream_groups::xgroup_destroy {
        arity: 4, flags: WRITE, keys: [second(RW | DELETE)], since: "5.0.0",
        complexity: "O(1); what was pending is freed later, in slices",
        summary: "Removes a consumer group", arguments: "key group",
    }
    "xgroup|createconsumer" => stream_groups::xgroup_createconsumer {
        arity: 5, flags: WRITE | DENYOOM, keys: [second(RW | INSERT)], since: "6.2.0",
        complexity: "O(log N) in a group of N consumers", summary: "Adds a consumer to a group",
        arguments: "key group consumer",
    }
    "xgroup|delconsumer" => stream_groups::xgroup_delconsumer {
        arity: 5, flags: WRITE, keys: [second(RW | DELETE)], since: "5.0.0",
        complexity: "O(N) for N entries pending in the group, at most",
        summary: "Removes a consumer from a group, with all that is pending with it",
        arguments: "key group consumer",
    }
    "xgroup|help" => commands::help {
        arity: 2, flags: LOADING | STALE, since: "5.0.0", complexity: "O(1)",
        summary: "Returns this help",
    }
    "xsetid" => stream_groups::xsetid {
        arity: -3, flags: WRITE | DENYOOM | FAST, keys: [one(RW | UPDATE)], since: "5.0.0",
        complexity: "O(1)",
        summary: "Sets what a stream remembers: its last ID, and how much was added and deleted",
        arguments: "key last-id [ENTRIESADDED entries-added:integer@7.0.0] \
            [MAXDELETEDID max-deleted-id@7.0.0]",
    }
    "xcfgset" => stream_producers::xcfgset {
        arity: -2, flags: WRITE | FAST, keys: [one(RW | UPDATE)], since: "8.6.0",
        complexity: "O(1)",
        summary: "Sets how long a stream knows what its producers have sent, and how much of it",
        arguments: "key [IDMP-DURATION duration:integer] [IDMP-MAXSIZE maxsize:integer]",
    }
    "xack" => stream_pending::xack {
        arity: -4, flags: WRITE | FAST, keys: [one(RW | UPDATE)], since: "5.0.0",
        complexity: "O(log N) for each ID, with N entries pending",
        summary: "Says that entries handed out to a group are done with",
        arguments: "key group id...",
    }
    "xackdel" => stream_references::xackdel {
        arity: -6, flags: WRITE | FAST, keys: [one(RW | UPDATE | DELETE)], since: "8.2.0",
        complexity: "O(log M) for each ID and each consumer group, in a stream of M entries",
        summary: "Says that entries are done with, and removes them from the stream",
        arguments: "key group [condition(KEEPREF | DELREF | ACKED)] IDS ids(numids:integer id...)",
    }
    "xnack" => stream_references::xnack {
        arity: -7, flags: WRITE | FAST, keys: [one(RW | UPDATE)], since: "8.8.0",
        complexity: "O(log N) for each ID, with N entries pending",
        summary: "Gives entries back to their group, for others to take at once",
        arguments: "key group mode(SILENT | FAIL | FATAL) IDS ids(numids:integer id...) \
            [RETRYCOUNT count:integer] [FORCE]",
    }
    "xpending" => stream_pending::xpending {
        arity: -3, flags: READONLY, keys: [one(RO | ACCESS)], since: "5.0.0",
        tips: ["nondeterministic_output"],
        complexity: "O(log N + M) for M entries returned of N pending; O(C) for C consumers when \
            they are only counted",
        summary: "Returns what is pending in a group",
        arguments: "key group [filters([IDLE min-idle-time:integer@6.2.0] start end count:integer \
            [consumer])]",
    }
    "xclaim" => stream_claims::xclaim {
        arity: -6, flags: WRITE | FAST, keys: [one(RW | UPDATE)], since: "5.0.0",
        tips: ["nondeterministic_output"],
        complexity: "O(log N) for each ID, with N entries pending",
        summary: "Hands entries that are pending with others to a consumer",
        arguments: "key group consumer min-idle-time id... [IDLE ms:integer] \
            [TIME unix-time-milliseconds:unix-time] [RETRYCOUNT count:integer] [FORCE] [JUSTID] \
            [LASTID lastid]",
    }
    "xautoclaim" => stream_claims::xautoclaim {
        arity: -6, flags: WRITE | FAST, keys: [one(RW | DELETE)], since: "6.2.0",
        tips: ["nondeterministic_output"],
        complexity: "O(log N) for each entry looked at, with N pending",
        summary: "Hands the entries to a consumer that have been pending with others for too long",
        arguments: "key group consumer min-idle-time start [COUNT count:integer] [JUSTID]",
    }
    "xinfo" => dispatcher::container {
        arity: -2, flags: CONTAINER, since: "5.0.0", complexity: "Depends on subcommand",
        summary: "What is known of a stream",
    }
    "xinfo|stream" => stream_info::xinfo_stream {
        arity: -3, flags: READONLY, keys: [second(RO | ACCESS)], since: "5.0.0",
        complexity: "O(N) for N blocks; with FULL also for what is shown",
        summary: "Returns what is known of a stream",
        arguments: "key [full-block(FULL [COUNT count:integer])]",
    }
    "xinfo|groups" => stream_info::xinfo_groups {
        arity: 3, flags: READONLY, keys: [second(RO | ACCESS)], since: "5.0.0",
        complexity: "O(N) for N groups", summary: "Returns the consumer groups of a stream",
        arguments: "key",
    }
    "xinfo|consumers" => stream_info::xinfo_consumers {
        arity: 4, flags: READONLY, keys: [second(RO | ACCESS)], since: "5.0.0",
        tips: ["nondeterministic_output"], complexity: "O(N) for N consumers",
        summary: "Returns the consumers of a group", arguments: "key group",
    }
    "xinfo|help" => commands::help {
        arity: 2, flags: LOADING | STALE, since: "5.0.0", complexity: "O(1)",
        summary: "Returns this help",
    }
}
