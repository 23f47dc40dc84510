//! One row per command: everything about it that is not its function.
//!
//! `table.rs` makes the table of commands from these rows, `build.rs` the look-up by name. A row
//! names its function; a sub-command is called `container|word` and stands behind its container's
//! row. Fields that a row leaves out: no keys, no arguments, no tips. `arguments` is written as
//! `syntax.rs` explains; `acl` adds categories to those that follow from flags and group.

commands! {
    // Strings.
    "get" => strings::get {
        arity: 2, flags: READONLY | FAST, keys: [one(RO | ACCESS)], group: String, since: "1.0.0",
        complexity: "O(1)", summary: "Returns the string at a key", arguments: "key",
    }
    "set" => strings::set {
        arity: -3, flags: WRITE | DENYOOM, group: String, since: "1.0.0", complexity: "O(1)",
        keys: [one(RW | ACCESS | UPDATE).unless("GET", OW | UPDATE)
            .because("reads the old value only when GET is given")],
        summary: "Stores a string at a key, whatever was there; for some time, or on a condition",
        arguments: "key value [condition(NX | XX)@2.6.12] [GET@6.2.0] [expiration(\
            EX seconds:integer@2.6.12 | PX milliseconds:integer@2.6.12 | \
            EXAT unix-time-seconds:unix-time@6.2.0 | \
            PXAT unix-time-milliseconds:unix-time@6.2.0 | KEEPTTL@6.0.0)]",
    }
    "incr" => strings::incr {
        arity: 2, flags: WRITE | DENYOOM | FAST, keys: [one(RW | ACCESS | UPDATE)], group: String,
        since: "1.0.0", complexity: "O(1)", summary: "Adds one to the integer at a key; none is 0",
        arguments: "key",
    }
    "decr" => strings::decr {
        arity: 2, flags: WRITE | DENYOOM | FAST, keys: [one(RW | ACCESS | UPDATE)], group: String,
        since: "1.0.0", complexity: "O(1)",
        summary: "Takes one from the integer at a key; none is 0", arguments: "key",
    }
    "incrby" => strings::incrby {
        arity: 3, flags: WRITE | DENYOOM | FAST, keys: [one(RW | ACCESS | UPDATE)], group: String,
        since: "1.0.0", complexity: "O(1)", summary: "Adds a number to the integer at a key",
        arguments: "key increment:integer",
    }
    "decrby" => strings::decrby {
        arity: 3, flags: WRITE | DENYOOM | FAST, keys: [one(RW | ACCESS | UPDATE)], group: String,
        since: "1.0.0", complexity: "O(1)", summary: "Takes a number from the integer at a key",
        arguments: "key decrement:integer",
    }
    "append" => strings::append {
        arity: 3, flags: WRITE | DENYOOM | FAST, keys: [one(RW | INSERT)], group: String,
        since: "2.0.0", complexity: "O(N), amortized, in the length of the value appended",
        summary: "Appends to the string at a key, or creates it", arguments: "key value",
    }
    "strlen" => strings::strlen {
        arity: 2, flags: READONLY | FAST, keys: [one(RO)], group: String, since: "2.2.0",
        complexity: "O(1)", summary: "Returns the length of the string at a key in bytes",
        arguments: "key",
    }
    "mget" => strings::mget {
        arity: -2, flags: READONLY | FAST, keys: [all(RO | ACCESS)], group: String, since: "1.0.0",
        tips: ["request_policy:multi_shard"], complexity: "O(N) for N keys",
        summary: "Returns the strings at several keys at once", arguments: "key...",
    }
    "mset" => strings::mset {
        arity: -3, flags: WRITE | DENYOOM, keys: [range(-1, 2, OW | UPDATE)], group: String,
        since: "1.0.1", tips: ["request_policy:multi_shard", "response_policy:all_succeeded"],
        complexity: "O(N) for N keys", summary: "Stores strings at several keys at once",
        arguments: "data(key value)...",
    }
    "getdel" => strings::getdel {
        arity: 2, flags: WRITE | FAST, keys: [one(RW | ACCESS | DELETE)], group: String,
        since: "6.2.0", complexity: "O(1)", summary: "Returns the string at a key and deletes it",
        arguments: "key",
    }
    "getex" => strings::getex {
        arity: -2, flags: WRITE | FAST, group: String, since: "6.2.0", complexity: "O(1)",
        keys: [one(RW | ACCESS | UPDATE).because("the time to live may change")],
        summary: "Returns the string at a key and sets or removes its time to live",
        arguments: "key [expiration(EX seconds:integer | PX milliseconds:integer | \
            EXAT unix-time-seconds:unix-time | PXAT unix-time-milliseconds:unix-time | PERSIST)]",
    }
    "setex" => strings::setex {
        arity: 4, flags: WRITE | DENYOOM, keys: [one(OW | UPDATE)], group: String, since: "2.0.0",
        complexity: "O(1)", summary: "Stores a string at a key for some seconds",
        arguments: "key seconds:integer value",
    }
    "psetex" => strings::psetex {
        arity: 4, flags: WRITE | DENYOOM, keys: [one(OW | UPDATE)], group: String, since: "2.6.0",
        complexity: "O(1)", summary: "Stores a string at a key for some milliseconds",
        arguments: "key milliseconds:integer value",
    }
    "setnx" => strings::setnx {
        arity: 3, flags: WRITE | DENYOOM | FAST, keys: [one(OW | INSERT)], group: String,
        since: "1.0.0", complexity: "O(1)", summary: "Stores a string at a key that is free",
        arguments: "key value",
    }

    // Lists.
    "lpush" => lists::lpush {
        arity: -3, flags: WRITE | DENYOOM | FAST, keys: [one(RW | INSERT)], group: List,
        since: "1.0.0", complexity: "O(1) for each element",
        summary: "Puts elements in front of a list, one after the other",
        arguments: "key element...",
    }
    "rpush" => lists::rpush {
        arity: -3, flags: WRITE | DENYOOM | FAST, keys: [one(RW | INSERT)], group: List,
        since: "1.0.0", complexity: "O(1) for each element",
        summary: "Puts elements at the end of a list", arguments: "key element...",
    }
    "lpushx" => lists::lpushx {
        arity: -3, flags: WRITE | DENYOOM | FAST, keys: [one(RW | INSERT)], group: List,
        since: "2.2.0", complexity: "O(1) for each element",
        summary: "Puts elements in front of a list that exists", arguments: "key element...",
    }
    "rpushx" => lists::rpushx {
        arity: -3, flags: WRITE | DENYOOM | FAST, keys: [one(RW | INSERT)], group: List,
        since: "2.2.0", complexity: "O(1) for each element",
        summary: "Puts elements at the end of a list that exists", arguments: "key element...",
    }
    "lpop" => lists::lpop {
        arity: -2, flags: WRITE | FAST, keys: [one(RW | ACCESS | DELETE)], group: List,
        since: "1.0.0", complexity: "O(N) for N elements returned",
        summary: "Takes elements from the front of a list", arguments: "key [count:integer@6.2.0]",
    }
    "rpop" => lists::rpop {
        arity: -2, flags: WRITE | FAST, keys: [one(RW | ACCESS | DELETE)], group: List,
        since: "1.0.0", complexity: "O(N) for N elements returned",
        summary: "Takes elements from the end of a list", arguments: "key [count:integer@6.2.0]",
    }
    "llen" => lists::llen {
        arity: 2, flags: READONLY | FAST, keys: [one(RO)], group: List, since: "1.0.0",
        complexity: "O(1)", summary: "Returns the number of elements of a list", arguments: "key",
    }
    "lrange" => lists::lrange {
        arity: 4, flags: READONLY, keys: [one(RO | ACCESS)], group: List, since: "1.0.0",
        complexity: "O(log S + N) for N elements returned, S away from the nearer end",
        summary: "Returns the elements of a list between two positions",
        arguments: "key start:integer stop:integer",
    }
    "lindex" => lists::lindex {
        arity: 3, flags: READONLY, keys: [one(RO | ACCESS)], group: List, since: "1.0.0",
        complexity: "O(log N) in the distance to the nearer end; O(1) at the ends",
        summary: "Returns the element of a list at a position", arguments: "key index:integer",
    }
    "lset" => lists::lset {
        arity: 4, flags: WRITE | DENYOOM, keys: [one(RW | UPDATE)], group: List, since: "1.0.0",
        complexity: "O(log N) in the distance to the nearer end; O(1) at the ends",
        summary: "Overwrites the element of a list at a position",
        arguments: "key index:integer element",
    }
    "linsert" => lists::linsert {
        arity: 5, flags: WRITE | DENYOOM, keys: [one(RW | INSERT)], group: List, since: "2.2.0",
        complexity: "O(N) for N elements in front of the pivot",
        summary: "Puts an element next to another one, the first of its kind in a list",
        arguments: "key where(BEFORE | AFTER) pivot element",
    }
    "lrem" => lists::lrem {
        arity: 4, flags: WRITE, keys: [one(RW | DELETE)], group: List, since: "1.0.0",
        complexity: "O(N) in the length of the list",
        summary: "Removes equal elements from a list, all or some from either end",
        arguments: "key count:integer element",
    }
    "ltrim" => lists::ltrim {
        arity: 4, flags: WRITE, keys: [one(RW | DELETE)], group: List, since: "1.0.0",
        complexity: "O(log N); what was removed is freed bit by bit afterwards",
        summary: "Removes all elements of a list but those between two positions",
        arguments: "key start:integer stop:integer",
    }
    "lpos" => lists::lpos {
        arity: -3, flags: READONLY, keys: [one(RO | ACCESS)], group: List, since: "6.0.6",
        complexity: "O(N) for N elements looked at",
        summary: "Returns the positions of equal elements in a list",
        arguments: "key element [RANK rank:integer] [COUNT num-matches:integer] \
            [MAXLEN len:integer]",
    }
    "blpop" => list_pops::blpop {
        arity: -3, flags: WRITE | BLOCKING, group: List, since: "2.0.0",
        keys: [range(-2, 1, RW | ACCESS | DELETE)], complexity: "O(N) for N keys",
        summary: "Takes an element from the front of the first list that has one, or waits for it",
        arguments: "key... timeout:double",
    }
    "brpop" => list_pops::brpop {
        arity: -3, flags: WRITE | BLOCKING, group: List, since: "2.0.0",
        keys: [range(-2, 1, RW | ACCESS | DELETE)], complexity: "O(N) for N keys",
        summary: "Takes an element from the end of the first list that has one, or waits for it",
        arguments: "key... timeout:double",
    }
    "lmpop" => list_pops::lmpop {
        arity: -4, flags: WRITE | MOVABLEKEYS, group: List, since: "7.0.0",
        keys: [counted(1, RW | ACCESS | DELETE)],
        complexity: "O(N + M) for N keys and M elements returned",
        summary: "Takes elements from the first list that has any",
        arguments: "numkeys:integer key... where(LEFT | RIGHT) [COUNT count:integer]",
    }
    "blmpop" => list_pops::blmpop {
        arity: -5, flags: WRITE | BLOCKING | MOVABLEKEYS, group: List, since: "7.0.0",
        keys: [counted(2, RW | ACCESS | DELETE)],
        complexity: "O(N + M) for N keys and M elements returned",
        summary: "Takes elements from the first list that has any, or waits for one",
        arguments: "timeout:double numkeys:integer key... where(LEFT | RIGHT) \
            [COUNT count:integer]",
    }
    "lmove" => list_moves::lmove {
        arity: 5, flags: WRITE | DENYOOM, group: List, since: "6.2.0", complexity: "O(1)",
        keys: [one(RW | ACCESS | DELETE), second(RW | INSERT)],
        summary: "Moves an element from one end of a list to one end of another, and returns it",
        arguments: "source:key destination:key wherefrom(LEFT | RIGHT) whereto(LEFT | RIGHT)",
    }
    "blmove" => list_moves::blmove {
        arity: 6, flags: WRITE | DENYOOM | BLOCKING, group: List, since: "6.2.0",
        keys: [one(RW | ACCESS | DELETE), second(RW | INSERT)], complexity: "O(1)",
        summary: "Moves an element from one end of a list to one end of another, or waits for it",
        arguments: "source:key destination:key wherefrom(LEFT | RIGHT) whereto(LEFT | RIGHT) \
            timeout:double",
    }
    "rpoplpush" => list_moves::rpoplpush {
        arity: 3, flags: WRITE | DENYOOM, group: List, since: "1.2.0", complexity: "O(1)",
        keys: [one(RW | ACCESS | DELETE), second(RW | INSERT)],
        summary: "Moves the last element of a list to the front of another, and returns it",
        arguments: "source:key destination:key",
        deprecated: ("6.2.0", "`LMOVE source destination RIGHT LEFT`"),
    }
    "brpoplpush" => list_moves::brpoplpush {
        arity: 4, flags: WRITE | DENYOOM | BLOCKING, group: List, since: "2.2.0",
        keys: [one(RW | ACCESS | DELETE), second(RW | INSERT)], complexity: "O(1)",
        summary: "Moves the last element of a list to the front of another, or waits for it",
        arguments: "source:key destination:key timeout:double",
        deprecated: ("6.2.0", "`BLMOVE source destination RIGHT LEFT timeout`"),
    }
    "lmovem" => list_moves::lmovem {
        arity: -5, flags: WRITE | DENYOOM, group: List, since: "8.10.0",
        keys: [one(RW | ACCESS | DELETE), second(RW | INSERT)],
        complexity: "O(N) for N elements moved",
        summary: "Moves several elements, or none if there are too few, from a list to another",
        arguments: "source:key destination:key wherefrom(LEFT | RIGHT) whereto(LEFT | RIGHT) \
            [how-many(selector(COUNT count:integer | EXACTLY exactly:integer) \
            ordering(OBO | BULK))]",
    }
    "blmovem" => list_moves::blmovem {
        arity: -6, flags: WRITE | DENYOOM | BLOCKING, group: List, since: "8.10.0",
        keys: [one(RW | ACCESS | DELETE), second(RW | INSERT)],
        complexity: "O(N) for N elements moved",
        summary: "Moves several elements from a list to another, or waits until there are enough",
        arguments: "source:key destination:key wherefrom(LEFT | RIGHT) whereto(LEFT | RIGHT) \
            timeout:double [how-many(selector(COUNT count:integer | EXACTLY exactly:integer) \
            ordering(OBO | BULK))]",
    }

    // Streams.
    "xadd" => streams::xadd {
        arity: -5, flags: WRITE | DENYOOM | FAST, group: Stream, since: "5.0.0",
        keys: [one(RW | UPDATE).because("trimming may remove entries")],
        tips: ["nondeterministic_output"], complexity: "O(1), and O(N) for N entries trimmed",
        summary: "Appends an entry to a stream, or creates it",
        arguments: "key [NOMKSTREAM@6.2.0] [condition(KEEPREF | DELREF | ACKED)@8.2.0] \
            [idmp(IDMPAUTO pid | IDMP idmp-block(pid iid))@8.6.0] \
            [trim(strategy(MAXLEN | MINID@6.2.0) [operator(equal(=) | approximately(~))] threshold \
            [LIMIT count:integer@6.2.0])] id-selector(auto-id(*) | id) data(field value)...",
    }
    "xlen" => streams::xlen {
        arity: 2, flags: READONLY | FAST, keys: [one(RO)], group: Stream, since: "5.0.0",
        complexity: "O(1)", summary: "Returns the number of entries of a stream", arguments: "key",
    }
    "xrange" => streams::xrange {
        arity: -4, flags: READONLY, keys: [one(RO | ACCESS)], group: Stream, since: "5.0.0",
        complexity: "O(log M + N) for N entries returned of M",
        summary: "Returns the entries of a stream between two IDs",
        arguments: "key start end [COUNT count:integer]",
    }
    "xrevrange" => streams::xrevrange {
        arity: -4, flags: READONLY, keys: [one(RO | ACCESS)], group: Stream, since: "5.0.0",
        complexity: "O(log M + N) for N entries returned of M",
        summary: "Returns the entries of a stream between two IDs, the newest first",
        arguments: "key end start [COUNT count:integer]",
    }
    "xread" => stream_reads::xread {
        arity: -4, flags: READONLY | BLOCKING | MOVABLEKEYS, group: Stream, since: "5.0.0",
        keys: [half_behind("STREAMS", RO | ACCESS)],
        complexity: "O(log M + N) for each stream, for N entries returned of M",
        summary: "Returns the entries of streams behind given IDs, or waits for new ones",
        arguments: "[COUNT count:integer] [MAXCOUNT maxcount:integer@8.10.0] \
            [MAXSIZE maxsize:integer@8.10.0] [BLOCK milliseconds:integer] \
            STREAMS streams(key... id...)",
    }
    "xreadgroup" => stream_reads::xreadgroup {
        arity: -7, flags: WRITE | BLOCKING | MOVABLEKEYS, group: Stream, since: "5.0.0",
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
        arity: -3, flags: WRITE | FAST, keys: [one(RW | DELETE)], group: Stream, since: "5.0.0",
        complexity: "O(log M) for each ID, in a stream of M entries",
        summary: "Removes entries from a stream by their IDs", arguments: "key id...",
    }
    "xtrim" => streams::xtrim {
        arity: -4, flags: WRITE, keys: [one(RW | DELETE)], group: Stream, since: "5.0.0",
        tips: ["nondeterministic_output"], complexity: "O(N) for N entries removed",
        summary: "Removes the oldest entries of a stream, down to a number or an ID",
        arguments: "key trim(strategy(MAXLEN | MINID@6.2.0) \
            [operator(equal(=) | approximately(~))] threshold [LIMIT count:integer@6.2.0]) \
            [condition(KEEPREF | DELREF | ACKED)@8.2.0]",
    }
    "xdelex" => stream_references::xdelex {
        arity: -5, flags: WRITE | FAST, keys: [one(RW | DELETE)], group: Stream, since: "8.2.0",
        complexity: "O(log M) for each ID and each consumer group, in a stream of M entries",
        summary: "Removes entries from a stream, with what refers to them or if nothing does",
        arguments: "key [condition(KEEPREF | DELREF | ACKED)] IDS ids(numids:integer id...)",
    }
    "xgroup" => dispatcher::container {
        arity: -2, flags: CONTAINER, group: Stream, since: "5.0.0",
        complexity: "Depends on subcommand", summary: "What there is about consumer groups",
    }
    "xgroup|create" => stream_groups::xgroup_create {
        arity: -5, flags: WRITE | DENYOOM, keys: [second(RW | INSERT)], group: Stream,
        since: "5.0.0", complexity: "O(1)", summary: "Creates a consumer group of a stream",
        arguments: "key group id-selector(id | new-id($)) [MKSTREAM] \
            [ENTRIESREAD entries-read:integer@7.0.0]",
    }
    "xgroup|setid" => stream_groups::xgroup_setid {
        arity: -5, flags: WRITE, keys: [second(RW | UPDATE)], group: Stream, since: "5.0.0",
        complexity: "O(1)", summary: "Sets the last ID that counts as handed out to a group",
        arguments: "key group id-selector(id | new-id($)) [ENTRIESREAD entries-read:integer@7.0.0]",
    }
    "xgroup|destroy" => stream_groups::xgroup_destroy {
        arity: 4, flags: WRITE, keys: [second(RW | DELETE)], group: Stream, since: "5.0.0",
        complexity: "O(1); what was pending is freed later, in slices",
        summary: "Removes a consumer group", arguments: "key group",
    }
    "xgroup|createconsumer" => stream_groups::xgroup_createconsumer {
        arity: 5, flags: WRITE | DENYOOM, keys: [second(RW | INSERT)], group: Stream,
        since: "6.2.0", complexity: "O(log N) in a group of N consumers",
        summary: "Adds a consumer to a group", arguments: "key group consumer",
    }
    "xgroup|delconsumer" => stream_groups::xgroup_delconsumer {
        arity: 5, flags: WRITE, keys: [second(RW | DELETE)], group: Stream, since: "5.0.0",
        complexity: "O(N) for N entries pending in the group, at most",
        summary: "Removes a consumer from a group, with all that is pending with it",
        arguments: "key group consumer",
    }
    "xgroup|help" => introspection::help {
        arity: 2, flags: LOADING | STALE, group: Stream, since: "5.0.0", complexity: "O(1)",
        summary: "Returns this help",
    }
    "xsetid" => stream_groups::xsetid {
        arity: -3, flags: WRITE | DENYOOM | FAST, keys: [one(RW | UPDATE)], group: Stream,
        since: "5.0.0", complexity: "O(1)",
        summary: "Sets what a stream remembers: its last ID, and how much was added and deleted",
        arguments: "key last-id [ENTRIESADDED entries-added:integer@7.0.0] \
            [MAXDELETEDID max-deleted-id@7.0.0]",
    }
    "xcfgset" => stream_origins::xcfgset {
        arity: -2, flags: WRITE | FAST, keys: [one(RW | UPDATE)], group: Stream, since: "8.6.0",
        complexity: "O(1)",
        summary: "Sets how long a stream knows what its producers have sent, and how much of it",
        arguments: "key [IDMP-DURATION duration:integer] [IDMP-MAXSIZE maxsize:integer]",
    }
    "xack" => stream_pending::xack {
        arity: -4, flags: WRITE | FAST, keys: [one(RW | UPDATE)], group: Stream, since: "5.0.0",
        complexity: "O(log N) for each ID, with N entries pending",
        summary: "Says that entries handed out to a group are done with",
        arguments: "key group id...",
    }
    "xackdel" => stream_references::xackdel {
        arity: -6, flags: WRITE | FAST, keys: [one(RW | UPDATE | DELETE)], group: Stream,
        since: "8.2.0",
        complexity: "O(log M) for each ID and each consumer group, in a stream of M entries",
        summary: "Says that entries are done with, and removes them from the stream",
        arguments: "key group [condition(KEEPREF | DELREF | ACKED)] IDS ids(numids:integer id...)",
    }
    "xnack" => stream_references::xnack {
        arity: -7, flags: WRITE | FAST, keys: [one(RW | UPDATE)], group: Stream, since: "8.8.0",
        complexity: "O(log N) for each ID, with N entries pending",
        summary: "Gives entries back to their group, for others to take at once",
        arguments: "key group mode(SILENT | FAIL | FATAL) IDS ids(numids:integer id...) \
            [RETRYCOUNT count:integer] [FORCE]",
    }
    "xpending" => stream_pending::xpending {
        arity: -3, flags: READONLY, keys: [one(RO | ACCESS)], group: Stream, since: "5.0.0",
        tips: ["nondeterministic_output"],
        complexity: "O(log N + M) for M entries returned of N pending; O(C) for C consumers when \
            they are only counted",
        summary: "Returns what is pending in a group",
        arguments: "key group [filters([IDLE min-idle-time:integer@6.2.0] start end count:integer \
            [consumer])]",
    }
    "xclaim" => stream_claims::xclaim {
        arity: -6, flags: WRITE | FAST, keys: [one(RW | UPDATE)], group: Stream, since: "5.0.0",
        tips: ["nondeterministic_output"],
        complexity: "O(log N) for each ID, with N entries pending",
        summary: "Hands entries that are pending with others to a consumer",
        arguments: "key group consumer min-idle-time id... [IDLE ms:integer] \
            [TIME unix-time-milliseconds:unix-time] [RETRYCOUNT count:integer] [FORCE] [JUSTID] \
            [LASTID lastid]",
    }
    "xautoclaim" => stream_claims::xautoclaim {
        arity: -6, flags: WRITE | FAST, keys: [one(RW | DELETE)], group: Stream,
        since: "6.2.0", tips: ["nondeterministic_output"],
        complexity: "O(log N) for each entry looked at, with N pending",
        summary: "Hands the entries to a consumer that have been pending with others for too long",
        arguments: "key group consumer min-idle-time start [COUNT count:integer] [JUSTID]",
    }
    "xinfo" => dispatcher::container {
        arity: -2, flags: CONTAINER, group: Stream, since: "5.0.0",
        complexity: "Depends on subcommand", summary: "What is known of a stream",
    }
    "xinfo|stream" => stream_info::xinfo_stream {
        arity: -3, flags: READONLY, keys: [second(RO | ACCESS)], group: Stream, since: "5.0.0",
        complexity: "O(N) for N blocks; with FULL also for what is shown",
        summary: "Returns what is known of a stream",
        arguments: "key [full-block(FULL [COUNT count:integer])]",
    }
    "xinfo|groups" => stream_info::xinfo_groups {
        arity: 3, flags: READONLY, keys: [second(RO | ACCESS)], group: Stream, since: "5.0.0",
        complexity: "O(N) for N groups", summary: "Returns the consumer groups of a stream",
        arguments: "key",
    }
    "xinfo|consumers" => stream_info::xinfo_consumers {
        arity: 4, flags: READONLY, keys: [second(RO | ACCESS)], group: Stream, since: "5.0.0",
        tips: ["nondeterministic_output"],
        complexity: "O(N) for N consumers", summary: "Returns the consumers of a group",
        arguments: "key group",
    }
    "xinfo|help" => introspection::help {
        arity: 2, flags: LOADING | STALE, group: Stream, since: "5.0.0", complexity: "O(1)",
        summary: "Returns this help",
    }

    // Pub/sub.
    "subscribe" => pubsub::subscribe {
        arity: -2, flags: PUBSUB | NOSCRIPT | LOADING | STALE | TO_SUBSCRIBERS, group: PubSub,
        since: "2.0.0",
        complexity: "O(N) for N channels", summary: "Listens to channels", arguments: "channel...",
    }
    "unsubscribe" => pubsub::unsubscribe {
        arity: -1, flags: PUBSUB | NOSCRIPT | LOADING | STALE | TO_SUBSCRIBERS, group: PubSub,
        since: "2.0.0",
        complexity: "O(N) for N channels",
        summary: "Stops listening to channels, or to all of them",
        arguments: "[channel...]",
    }
    "psubscribe" => pubsub::psubscribe {
        arity: -2, flags: PUBSUB | NOSCRIPT | LOADING | STALE | TO_SUBSCRIBERS, group: PubSub,
        since: "2.0.0",
        complexity: "O(N) for N patterns", summary: "Listens to all channels that match patterns",
        arguments: "pattern...",
    }
    "punsubscribe" => pubsub::punsubscribe {
        arity: -1, flags: PUBSUB | NOSCRIPT | LOADING | STALE | TO_SUBSCRIBERS, group: PubSub,
        since: "2.0.0",
        complexity: "O(N) for N patterns",
        summary: "Stops listening to patterns, or to all of them",
        arguments: "[pattern...]",
    }
    "publish" => pubsub::publish {
        arity: 3, flags: PUBSUB | MAY_REPLICATE | LOADING | STALE | FAST, group: PubSub,
        since: "2.0.0", complexity: "O(N + M) for N listeners of the channel and M patterns in use",
        summary: "Sends a message to all who listen to a channel", arguments: "channel message",
    }
    "ssubscribe" => pubsub::ssubscribe {
        arity: -2, flags: PUBSUB | NOSCRIPT | LOADING | STALE | TO_SUBSCRIBERS,
        keys: [all(NOT_KEY)], group: PubSub, since: "7.0.0", complexity: "O(N) for N channels",
        summary: "Listens to sharded channels", arguments: "shardchannel...",
    }
    "sunsubscribe" => pubsub::sunsubscribe {
        arity: -1, flags: PUBSUB | NOSCRIPT | LOADING | STALE | TO_SUBSCRIBERS,
        keys: [all(NOT_KEY)], group: PubSub, since: "7.0.0", complexity: "O(N) for N channels",
        summary: "Stops listening to sharded channels, or to all of them",
        arguments: "[shardchannel...]",
    }
    "spublish" => pubsub::spublish {
        arity: 3, flags: PUBSUB | MAY_REPLICATE | LOADING | STALE | FAST, keys: [one(NOT_KEY)],
        group: PubSub, since: "7.0.0", complexity: "O(N) for N listeners of the channel",
        summary: "Sends a message to all who listen to a sharded channel",
        arguments: "shardchannel message",
    }
    "pubsub" => dispatcher::container {
        arity: -2, flags: CONTAINER, group: PubSub, since: "2.8.0",
        complexity: "Depends on the sub-command", summary: "Who listens to what",
    }
    "pubsub|channels" => pubsub::pubsub_channels {
        arity: -2, flags: PUBSUB | LOADING | STALE, group: PubSub, since: "2.8.0",
        complexity: "O(N) for N channels in use",
        summary: "Returns the channels that somebody listens to", arguments: "[pattern]",
    }
    "pubsub|numpat" => pubsub::pubsub_numpat {
        arity: 2, flags: PUBSUB | LOADING | STALE, group: PubSub, since: "2.8.0",
        complexity: "O(1)", summary: "Returns the number of different patterns in use",
    }
    "pubsub|numsub" => pubsub::pubsub_numsub {
        arity: -2, flags: PUBSUB | LOADING | STALE, group: PubSub, since: "2.8.0",
        complexity: "O(N) for N channels",
        summary: "Returns how many listen to each channel, not counting patterns",
        arguments: "[channel...]",
    }
    "pubsub|shardchannels" => pubsub::pubsub_shardchannels {
        arity: -2, flags: PUBSUB | LOADING | STALE, group: PubSub, since: "7.0.0",
        complexity: "O(N) for N sharded channels in use",
        summary: "Returns the sharded channels that somebody listens to", arguments: "[pattern]",
    }
    "pubsub|shardnumsub" => pubsub::pubsub_shardnumsub {
        arity: -2, flags: PUBSUB | LOADING | STALE, group: PubSub, since: "7.0.0",
        complexity: "O(N) for N channels",
        summary: "Returns how many listen to each sharded channel", arguments: "[shardchannel...]",
    }
    "pubsub|help" => introspection::help {
        arity: 2, flags: LOADING | STALE, group: PubSub, since: "6.2.0", complexity: "O(1)",
        summary: "Returns this help",
    }

    // Transactions.
    "multi" => transactions::multi {
        arity: 1, flags: NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY | NOT_QUEUED,
        group: Transactions, since: "1.2.0", complexity: "O(1)",
        summary: "Begins a transaction: commands are queued until EXEC",
    }
    "exec" => transactions::exec {
        arity: 1, flags: NOSCRIPT | LOADING | STALE | SKIP_SLOWLOG | NOT_QUEUED | RUNS_QUEUE,
        group: Transactions, since: "1.2.0", complexity: "The sum of the queued commands",
        summary: "Runs the commands of a transaction, unless a watched key has changed",
    }
    "discard" => transactions::discard {
        arity: 1, flags: NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY | NOT_QUEUED,
        group: Transactions, since: "2.0.0", complexity: "O(N) for N queued commands",
        summary: "Forgets the commands of a transaction, and watches nothing any more",
    }
    "watch" => transactions::watch {
        arity: -2, flags: NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY | NOT_QUEUED,
        keys: [all(RO)], group: Transactions, since: "2.2.0", complexity: "O(1) for each key",
        summary: "Lets the next EXEC run only if these keys have not changed by then",
        arguments: "key...",
    }
    "unwatch" => transactions::unwatch {
        arity: 1, flags: NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY, group: Transactions,
        since: "2.2.0", complexity: "O(1) for each key watched", summary: "Watches no key any more",
    }

    // Keys of any type.
    "del" => keys::del {
        arity: -2, flags: WRITE, keys: [all(RM | DELETE)], group: Generic, since: "1.0.0",
        tips: ["request_policy:multi_shard", "response_policy:agg_sum"],
        complexity: "O(N) for N keys, and for N elements of each value",
        summary: "Deletes keys", arguments: "key...",
    }
    "unlink" => keys::unlink {
        arity: -2, flags: WRITE | FAST, keys: [all(RM | DELETE)], group: Generic, since: "4.0.0",
        tips: ["request_policy:multi_shard", "response_policy:agg_sum"],
        complexity: "O(1) for each key; the memory is given back later",
        summary: "Deletes keys without waiting for their memory", arguments: "key...",
    }
    "exists" => keys::exists {
        arity: -2, flags: READONLY | FAST, keys: [all(RO)], group: Generic, since: "1.0.0",
        tips: ["request_policy:multi_shard", "response_policy:agg_sum"],
        complexity: "O(N) for N keys",
        summary: "Counts how many of the keys exist; a key named twice counts twice",
        arguments: "key...",
    }
    "type" => keys::type_ {
        arity: 2, flags: READONLY | FAST, keys: [one(RO)], group: Generic, since: "1.0.0",
        complexity: "O(1)", summary: "Returns the type of the value at a key", arguments: "key",
    }
    "expire" => keys::expire {
        arity: -3, flags: WRITE | FAST, keys: [one(RW | UPDATE)], group: Generic, since: "1.0.0",
        complexity: "O(1)", summary: "Gives a key some seconds to live",
        arguments: "key seconds:integer [condition(NX | XX | GT | LT)@7.0.0]",
    }
    "pexpire" => keys::pexpire {
        arity: -3, flags: WRITE | FAST, keys: [one(RW | UPDATE)], group: Generic, since: "2.6.0",
        complexity: "O(1)", summary: "Gives a key some milliseconds to live",
        arguments: "key milliseconds:integer [condition(NX | XX | GT | LT)@7.0.0]",
    }
    "expireat" => keys::expireat {
        arity: -3, flags: WRITE | FAST, keys: [one(RW | UPDATE)], group: Generic, since: "1.2.0",
        complexity: "O(1)", summary: "Lets a key live until a Unix time in seconds",
        arguments: "key unix-time-seconds:unix-time [condition(NX | XX | GT | LT)@7.0.0]",
    }
    "pexpireat" => keys::pexpireat {
        arity: -3, flags: WRITE | FAST, keys: [one(RW | UPDATE)], group: Generic, since: "2.6.0",
        complexity: "O(1)", summary: "Lets a key live until a Unix time in milliseconds",
        arguments: "key unix-time-milliseconds:unix-time [condition(NX | XX | GT | LT)@7.0.0]",
    }
    "ttl" => keys::ttl {
        arity: 2, flags: READONLY | FAST, keys: [one(RO | ACCESS)], group: Generic, since: "1.0.0",
        tips: ["nondeterministic_output"], complexity: "O(1)",
        summary: "Returns the seconds a key has left to live", arguments: "key",
    }
    "pttl" => keys::pttl {
        arity: 2, flags: READONLY | FAST, keys: [one(RO | ACCESS)], group: Generic, since: "2.6.0",
        tips: ["nondeterministic_output"], complexity: "O(1)",
        summary: "Returns the milliseconds a key has left to live", arguments: "key",
    }
    "expiretime" => keys::expiretime {
        arity: 2, flags: READONLY | FAST, keys: [one(RO | ACCESS)], group: Generic, since: "7.0.0",
        complexity: "O(1)", summary: "Returns the Unix time at which a key expires, in seconds",
        arguments: "key",
    }
    "pexpiretime" => keys::pexpiretime {
        arity: 2, flags: READONLY | FAST, keys: [one(RO | ACCESS)], group: Generic, since: "7.0.0",
        complexity: "O(1)",
        summary: "Returns the Unix time at which a key expires, in milliseconds",
        arguments: "key",
    }
    "persist" => keys::persist {
        arity: 2, flags: WRITE | FAST, keys: [one(RW | UPDATE)], group: Generic, since: "2.2.0",
        complexity: "O(1)", summary: "Lets a key live for ever", arguments: "key",
    }
    "keys" => keys::keys {
        arity: 2, flags: READONLY, group: Generic, acl: acl::DANGEROUS, since: "1.0.0",
        tips: ["request_policy:all_shards", "nondeterministic_output_order"],
        complexity: "O(N) for all N keys of the database",
        summary: "Returns all keys that match a pattern", arguments: "pattern",
    }
    "scan" => keys::scan {
        arity: -2, flags: READONLY, group: Generic, since: "2.8.0",
        tips: ["nondeterministic_output", "request_policy:special"],
        complexity: "O(1) for every call, O(N) for all N keys of the database",
        summary: "Returns some keys and a cursor to go on from",
        arguments: "cursor:integer [MATCH pattern] [COUNT count:integer] [TYPE type@6.0.0]",
    }
    "dbsize" => keys::dbsize {
        arity: 1, flags: READONLY | FAST, group: Server, acl: acl::KEYSPACE, since: "1.0.0",
        tips: ["request_policy:all_shards", "response_policy:agg_sum"], complexity: "O(1)",
        summary: "Returns the number of keys in the database",
    }
    "randomkey" => keys::randomkey {
        arity: 1, flags: READONLY, group: Generic, since: "1.0.0", complexity: "O(1)",
        tips: ["request_policy:all_shards", "nondeterministic_output"],
        summary: "Returns some key of the database",
    }
    "flushdb" => keys::flushdb {
        arity: -1, flags: WRITE, group: Server, acl: acl::KEYSPACE | acl::DANGEROUS,
        since: "1.0.0", tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
        complexity: "O(N) for N keys in the database", summary: "Deletes all keys of the database",
        arguments: "[flush-type(ASYNC@4.0.0 | SYNC@6.2.0)]",
    }
    "flushall" => keys::flushall {
        arity: -1, flags: WRITE, group: Server, acl: acl::KEYSPACE | acl::DANGEROUS,
        since: "1.0.0", tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
        complexity: "O(N) for N keys in all databases",
        summary: "Deletes all keys of all databases",
        arguments: "[flush-type(ASYNC@4.0.0 | SYNC@6.2.0)]",
    }

    // The connection.
    "select" => keys::select {
        arity: 2, flags: LOADING | STALE | FAST, group: Connection, since: "1.0.0",
        complexity: "O(1)", summary: "Chooses the database of this connection",
        arguments: "index:integer",
    }
    "ping" => connection::ping {
        arity: -1, flags: FAST | TO_SUBSCRIBERS, group: Connection, since: "1.0.0",
        complexity: "O(1)", tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
        summary: "Answers PONG, or the message", arguments: "[message]",
    }
    "echo" => connection::echo {
        arity: 2, flags: LOADING | STALE | FAST, group: Connection, since: "1.0.0",
        complexity: "O(1)", summary: "Answers the message", arguments: "message",
    }
    "quit" => connection::quit {
        arity: -1, group: Connection, since: "1.0.0", complexity: "O(1)",
        flags: NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY | BARRIER | NOT_QUEUED
            | TO_SUBSCRIBERS,
        summary: "Closes the connection",
        deprecated: ("7.2.0", "closing the connection from the client's side"),
    }
    "reset" => connection::reset {
        arity: 1, group: Connection, since: "6.2.0", complexity: "O(1)",
        flags: NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY | BARRIER | NOT_QUEUED
            | TO_SUBSCRIBERS,
        summary: "Makes the connection as it was when it was new",
    }
    "hello" => connection::hello {
        arity: -1, flags: NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY | BARRIER,
        group: Connection, since: "6.0.0", complexity: "O(1)",
        summary: "Chooses the protocol, and says who the server is",
        arguments: "[arguments(protover:integer [AUTH auth(username password)] \
            [SETNAME clientname])]",
    }
    "auth" => connection::auth {
        arity: -2, flags: NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY | BARRIER,
        group: Connection, since: "1.0.0", complexity: "O(N) for N passwords of the user",
        summary: "Says the password", arguments: "[username@6.0.0] password",
    }
    "client" => dispatcher::container {
        arity: -2, flags: CONTAINER, group: Connection, since: "2.4.0",
        complexity: "Depends on the sub-command", summary: "Connections: this one and the others",
    }
    "client|getname" => connection::client_getname {
        arity: 2, flags: NOSCRIPT | LOADING | STALE, group: Connection, since: "2.6.9",
        complexity: "O(1)", summary: "Returns the name of this connection",
    }
    "client|help" => introspection::help {
        arity: 2, flags: LOADING | STALE, group: Connection, since: "5.0.0", complexity: "O(1)",
        summary: "Returns this help",
    }
    "client|id" => connection::client_id {
        arity: 2, flags: NOSCRIPT | LOADING | STALE, group: Connection, since: "5.0.0",
        complexity: "O(1)", summary: "Returns the number of this connection",
    }
    "client|info" => connection::client_info {
        arity: 2, flags: NOSCRIPT | LOADING | STALE, group: Connection, since: "6.2.0",
        tips: ["nondeterministic_output"], complexity: "O(1)",
        summary: "Returns the line of CLIENT LIST about this connection",
    }
    "client|kill" => connection::client_kill {
        arity: -3, flags: ADMIN | NOSCRIPT | LOADING | STALE, group: Connection, since: "2.4.0",
        complexity: "O(N) for N connections", summary: "Closes connections",
        arguments: "filter(old-format | new-format(ID client-id:integer@2.8.12 | \
            TYPE client-type(NORMAL | MASTER@3.2.0 | SLAVE | REPLICA@5.0.0 | PUBSUB)@2.8.12 | \
            USER username | ADDR addr | LADDR laddr@6.2.0 | SKIPME skipme(YES | NO))...)",
    }
    "client|list" => connection::client_list {
        arity: -2, flags: ADMIN | NOSCRIPT | LOADING | STALE, group: Connection, since: "2.4.0",
        tips: ["nondeterministic_output"], complexity: "O(N) for N connections",
        summary: "Returns a line about each connection",
        arguments: "[TYPE client-type(NORMAL | MASTER | REPLICA | PUBSUB)@5.0.0] \
            [ID client-id:integer...@6.2.0]",
    }
    "client|no-evict" => connection::client_no_evict {
        arity: 3, flags: ADMIN | NOSCRIPT | LOADING | STALE, group: Connection, since: "7.0.0",
        complexity: "O(1)", summary: "Keeps this connection when memory for connections runs out",
        arguments: "enabled(ON | OFF)",
    }
    "client|no-touch" => connection::client_no_touch {
        arity: 3, flags: NOSCRIPT | LOADING | STALE, group: Connection, since: "7.2.0",
        complexity: "O(1)",
        summary: "Lets this connection use keys without making them recently used",
        arguments: "enabled(ON | OFF)",
    }
    "client|pause" => connection::client_pause {
        arity: -3, flags: ADMIN | NOSCRIPT | LOADING | STALE | BARRIER, group: Connection,
        since: "2.9.50", complexity: "O(1)", summary: "Lets commands wait for some time",
        arguments: "timeout:integer [mode(WRITE | ALL)@6.2.0]",
    }
    "client|reply" => connection::client_reply {
        arity: 3, flags: NOSCRIPT | LOADING | STALE | BARRIER, group: Connection, since: "3.2.0",
        complexity: "O(1)", summary: "Turns replies on or off, or skips the next one",
        arguments: "action(ON | OFF | SKIP)",
    }
    "client|setinfo" => connection::client_setinfo {
        arity: 4, flags: NOSCRIPT | LOADING | STALE, group: Connection, since: "7.2.0",
        tips: ["request_policy:all_nodes", "response_policy:all_succeeded"], complexity: "O(1)",
        summary: "Says which client library this is",
        arguments: "attr(LIB-NAME libname | LIB-VER libver)",
    }
    "client|setname" => connection::client_setname {
        arity: 3, flags: NOSCRIPT | LOADING | STALE, group: Connection, since: "2.6.9",
        tips: ["request_policy:all_nodes", "response_policy:all_succeeded"], complexity: "O(1)",
        summary: "Names this connection", arguments: "connection-name",
    }
    "client|unblock" => connection::client_unblock {
        arity: -3, flags: ADMIN | NOSCRIPT | LOADING | STALE, group: Connection, since: "5.0.0",
        complexity: "O(1)", summary: "Ends the wait of a blocked connection",
        arguments: "client-id:integer [unblock-type(TIMEOUT | ERROR)]",
    }
    "client|unpause" => connection::client_unpause {
        arity: 2, flags: ADMIN | NOSCRIPT | LOADING | STALE, group: Connection, since: "6.2.0",
        complexity: "O(N) for N connections that wait", summary: "Ends the wait of CLIENT PAUSE",
    }

    // The server.
    "command" => introspection::command {
        arity: -1, flags: LOADING | STALE, group: Server, acl: acl::CONNECTION, since: "2.8.13",
        tips: ["nondeterministic_output_order"], complexity: "O(N) for N commands",
        summary: "Returns what is known about all commands",
    }
    "command|count" => introspection::command_count {
        arity: 2, flags: LOADING | STALE, group: Server, acl: acl::CONNECTION, since: "2.8.13",
        complexity: "O(1)", summary: "Returns the number of commands",
    }
    "command|docs" => introspection::command_docs {
        arity: -2, flags: LOADING | STALE, group: Server, acl: acl::CONNECTION, since: "7.0.0",
        tips: ["nondeterministic_output_order"], complexity: "O(N) for N commands",
        summary: "Returns what people want to know about commands, or about all of them",
        arguments: "[command-name...]",
    }
    "command|getkeys" => introspection::command_getkeys {
        arity: -3, flags: LOADING | STALE, group: Server, acl: acl::CONNECTION, since: "2.8.13",
        complexity: "O(N) for N arguments",
        summary: "Returns which arguments of a request are keys",
        arguments: "command [arg...]",
    }
    "command|getkeysandflags" => introspection::command_getkeysandflags {
        arity: -3, flags: LOADING | STALE, group: Server, acl: acl::CONNECTION, since: "7.0.0",
        complexity: "O(N) for N arguments",
        summary: "Returns the keys of a request, and what it does with them",
        arguments: "command [arg...]",
    }
    "command|help" => introspection::help {
        arity: 2, flags: LOADING | STALE, group: Server, acl: acl::CONNECTION, since: "5.0.0",
        complexity: "O(1)", summary: "Returns this help",
    }
    "command|info" => introspection::command_info {
        arity: -2, flags: LOADING | STALE, group: Server, acl: acl::CONNECTION, since: "2.8.13",
        tips: ["nondeterministic_output_order"], complexity: "O(N) for N commands",
        summary: "Returns what programs want to know about commands, or about all of them",
        arguments: "[command-name...]",
    }
    "command|list" => introspection::command_list {
        arity: -2, flags: LOADING | STALE, group: Server, acl: acl::CONNECTION, since: "7.0.0",
        tips: ["nondeterministic_output_order"], complexity: "O(N) for N commands",
        summary: "Returns the names of commands",
        arguments: "[FILTERBY filterby(MODULE module-name | ACLCAT category | PATTERN pattern)]",
    }
    "config" => dispatcher::container {
        arity: -2, flags: CONTAINER | BARRIER, group: Server, since: "2.0.0",
        complexity: "Depends on the sub-command", summary: "The server's settings",
    }
    "config|get" => server::config_get {
        arity: -3, flags: ADMIN | NOSCRIPT | LOADING | STALE | BARRIER, group: Server,
        since: "2.0.0", complexity: "O(N) for N patterns",
        summary: "Returns the settings that match patterns", arguments: "parameter...",
    }
    "config|help" => introspection::help {
        arity: 2, flags: LOADING | STALE | BARRIER, group: Server, since: "5.0.0",
        complexity: "O(1)", summary: "Returns this help",
    }
    "config|resetstat" => server::config_resetstat {
        arity: 2, flags: ADMIN | NOSCRIPT | LOADING | STALE | BARRIER, group: Server,
        since: "2.0.0", complexity: "O(1)", summary: "Sets the counters of INFO to zero",
    }
    "config|set" => server::config_set {
        arity: -4, flags: ADMIN | NOSCRIPT | LOADING | STALE | BARRIER, group: Server,
        since: "2.0.0", tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
        complexity: "O(N) for N settings", summary: "Changes settings, all of them or none",
        arguments: "data(parameter value)...",
    }
    "debug" => server::debug {
        arity: -2, flags: ADMIN | NOSCRIPT | LOADING | STALE | BARRIER | SYSTEM, group: Server,
        since: "1.0.0", complexity: "Depends on the sub-command", summary: "Tools for debugging",
    }
    "info" => server::info {
        arity: -1, flags: LOADING | STALE, group: Server, acl: acl::DANGEROUS, since: "1.0.0",
        tips: ["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        complexity: "O(1)", summary: "Returns facts and figures about the server",
        arguments: "[section...]",
    }
    "latency" => dispatcher::container {
        arity: -2, flags: CONTAINER, group: Server, since: "2.8.13",
        complexity: "Depends on the sub-command", summary: "What takes long",
    }
    "latency|doctor" => latency::latency_doctor {
        arity: 2, flags: ADMIN | NOSCRIPT | LOADING | STALE, group: Server, since: "2.8.13",
        tips: ["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        complexity: "O(N) for N samples",
        summary: "Returns a report on what took too long, and advice",
    }
    "latency|graph" => latency::latency_graph {
        arity: 3, flags: ADMIN | NOSCRIPT | LOADING | STALE, group: Server, since: "2.8.13",
        tips: ["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        complexity: "O(N) for N samples",
        summary: "Returns the samples of an event as a drawing", arguments: "event",
    }
    "latency|help" => introspection::help {
        arity: 2, flags: LOADING | STALE, group: Server, since: "2.8.13", complexity: "O(1)",
        summary: "Returns this help",
    }
    "latency|histogram" => latency::latency_histogram {
        arity: -2, flags: ADMIN | NOSCRIPT | LOADING | STALE, group: Server, since: "7.0.0",
        tips: ["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        complexity: "O(N) for N commands",
        summary: "Returns how many executions of commands took how long, or of all commands",
        arguments: "[command...]",
    }
    "latency|history" => latency::latency_history {
        arity: 3, flags: ADMIN | NOSCRIPT | LOADING | STALE, group: Server, since: "2.8.13",
        tips: ["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        complexity: "O(N) for N samples",
        summary: "Returns the samples of an event: when, and how many milliseconds",
        arguments: "event",
    }
    "latency|latest" => latency::latency_latest {
        arity: 2, flags: ADMIN | NOSCRIPT | LOADING | STALE, group: Server, since: "2.8.13",
        tips: ["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        complexity: "O(N) for N events",
        summary: "Returns the latest sample of every event, and its worst",
    }
    "latency|reset" => latency::latency_reset {
        arity: -2, flags: ADMIN | NOSCRIPT | LOADING | STALE, group: Server, since: "2.8.13",
        tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
        complexity: "O(N) for N events",
        summary: "Forgets the samples of events, or of all of them", arguments: "[event...]",
    }
    "shutdown" => server::shutdown {
        arity: -1, group: Server, since: "1.0.0", complexity: "O(1)",
        flags: ADMIN | NOSCRIPT | LOADING | STALE | NO_MULTI | ALLOW_BUSY | BARRIER,
        summary: "Ends the server",
        arguments: "[save-selector(NOSAVE | SAVE)] [NOW@7.0.0] [FORCE@7.0.0] [ABORT@7.0.0]",
    }
    "squint" => dispatcher::container {
        arity: -2, flags: CONTAINER, group: Server, since: "0.1.0",
        complexity: "Depends on the sub-command",
        summary: "The server looked at from inside; only Squint has it",
    }
    "squint|connections" => squint::squint_connections {
        arity: -2, flags: ADMIN | NOSCRIPT | LOADING | STALE, group: Server, since: "0.1.0",
        tips: ["nondeterministic_output"], complexity: "O(N) for N slots",
        summary: "Returns the slab, and the buffers, timer and state of connections",
        arguments: "[count:integer] [first-slot:integer]",
    }
    "squint|help" => introspection::help {
        arity: 2, flags: LOADING | STALE, group: Server, since: "0.1.0", complexity: "O(1)",
        summary: "Returns this help",
    }
    "squint|syscalls" => squint::squint_syscalls {
        arity: 2, flags: ADMIN | NOSCRIPT | LOADING | STALE, group: Server, since: "0.1.0",
        tips: ["nondeterministic_output"], complexity: "O(N) for N commands",
        summary: "Returns how often each system call was made, by name and by command",
    }
    "squint|table" => squint::squint_table {
        arity: 3, flags: READONLY | ADMIN, keys: [second(RO)], group: Server, since: "0.1.0",
        tips: ["nondeterministic_output"], complexity: "O(1)",
        summary: "Returns the way of a look-up through the hash table, and where the entry lies",
        arguments: "key",
    }
    "squint|ticks" => squint::squint_ticks {
        arity: -2, flags: ADMIN | NOSCRIPT | LOADING | STALE, group: Server, since: "0.1.0",
        tips: ["nondeterministic_output"], complexity: "O(N) for N ticks",
        summary: "Returns the last turns of the loop, phase by phase, the latest first",
        arguments: "[count:integer]",
    }
    "squint|wheel" => squint::squint_wheel {
        arity: 2, flags: ADMIN | NOSCRIPT | LOADING | STALE, group: Server, since: "0.1.0",
        tips: ["nondeterministic_output"], complexity: "O(N) for N timers",
        summary: "Returns the slots of the timer wheel that have timers",
    }
    "time" => server::time {
        arity: 1, flags: LOADING | STALE | FAST, group: Server, since: "2.6.0",
        tips: ["nondeterministic_output"], complexity: "O(1)",
        summary: "Returns the server's time: seconds since 1970, and microseconds",
    }
}
