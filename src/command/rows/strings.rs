//! Rows of strings.

commands! {
    group: String,

    "get" => strings::get {
        arity: 2, flags: READONLY | FAST, keys: [one(RO | ACCESS)], since: "1.0.0",
        complexity: "O(1)", summary: "Returns the string at a key", arguments: "key",
    }
    "set" => strings::set {
        arity: -3, flags: WRITE | DENYOOM, since: "1.0.0", complexity: "O(1)",
        keys: [one(RW | ACCESS | UPDATE).unless("GET", OW | UPDATE)
            .because("reads the old value only when GET is given")],
        summary: "Stores a string at a key, whatever was there; for some time, or on a condition",
        arguments: "key value [condition(NX | XX)@2.6.12] [GET@6.2.0] [expiration(\
            EX seconds:integer@2.6.12 | PX milliseconds:integer@2.6.12 | \
            EXAT unix-time-seconds:unix-time@6.2.0 | \
            PXAT unix-time-milliseconds:unix-time@6.2.0 | KEEPTTL@6.0.0)]",
    }
    "incr" => strings::incr {
        arity: 2, flags: WRITE | DENYOOM | FAST, keys: [one(RW | ACCESS | UPDATE)], since: "1.0.0",
        complexity: "O(1)", summary: "Adds one to the integer at a key; none is 0",
        arguments: "key",
    }
    "decr" => strings::decr {
        arity: 2, flags: WRITE | DENYOOM | FAST, keys: [one(RW | ACCESS | UPDATE)], since: "1.0.0",
        complexity: "O(1)", summary: "Takes one from the integer at a key; none is 0",
        arguments: "key",
    }
    "incrby" => strings::incrby {
        arity: 3, flags: WRITE | DENYOOM | FAST, keys: [one(RW | ACCESS | UPDATE)], since: "1.0.0",
        complexity: "O(1)", summary: "Adds a number to the integer at a key",
        arguments: "key increment:integer",
    }
    "decrby" => strings::decrby {
        arity: 3, flags: WRITE | DENYOOM | FAST, keys: [one(RW | ACCESS | UPDATE)], since: "1.0.0",
        complexity: "O(1)", summary: "Takes a number from the integer at a key",
        arguments: "key decrement:integer",
    }
    "append" => strings::append {
        arity: 3, flags: WRITE | DENYOOM | FAST, keys: [one(RW | INSERT)], since: "2.0.0",
        complexity: "O(N), amortized, in the length of the value appended",
        summary: "Appends to the string at a key, or creates it", arguments: "key value",
    }
    "strlen" => strings::strlen {
        arity: 2, flags: READONLY | FAST, keys: [one(RO)], since: "2.2.0", complexity: "O(1)",
        summary: "Returns the length of the string at a key in bytes", arguments: "key",
    }
    "mget" => strings::mget {
        arity: -2, flags: READONLY | FAST, keys: [all(RO | ACCESS)], since: "1.0.0",
        tips: ["request_policy:multi_shard"], complexity: "O(N) for N keys",
        summary: "Returns the strings at several keys at once", arguments: "key...",
    }
    "mset" => strings::mset {
        arity: -3, flags: WRITE | DENYOOM, keys: [range(-1, 2, OW | UPDATE)], since: "1.0.1",
        tips: ["request_policy:multi_shard", "response_policy:all_succeeded"],
        complexity: "O(N) for N keys", summary: "Stores strings at several keys at once",
        arguments: "data(key value)...",
    }
    "getdel" => strings::getdel {
        arity: 2, flags: WRITE | FAST, keys: [one(RW | ACCESS | DELETE)], since: "6.2.0",
        complexity: "O(1)", summary: "Returns the string at a key and deletes it", arguments: "key",
    }
    "getex" => strings::getex {
        arity: -2, flags: WRITE | FAST, since: "6.2.0", complexity: "O(1)",
        keys: [one(RW | ACCESS | UPDATE).because("the time to live may change")],
        summary: "Returns the string at a key and sets or removes its time to live",
        arguments: "key [expiration(EX seconds:integer | PX milliseconds:integer | \
            EXAT unix-time-seconds:unix-time | PXAT unix-time-milliseconds:unix-time | PERSIST)]",
    }
    "setex" => strings::setex {
        arity: 4, flags: WRITE | DENYOOM, keys: [one(OW | UPDATE)], since: "2.0.0",
        complexity: "O(1)", summary: "Stores a string at a key for some seconds",
        arguments: "key seconds:integer value",
    }
    "psetex" => strings::psetex {
        arity: 4, flags: WRITE | DENYOOM, keys: [one(OW | UPDATE)], since: "2.6.0",
        complexity: "O(1)", summary: "Stores a string at a key for some milliseconds",
        arguments: "key milliseconds:integer value",
    }
    "setnx" => strings::setnx {
        arity: 3, flags: WRITE | DENYOOM | FAST, keys: [one(OW | INSERT)], since: "1.0.0",
        complexity: "O(1)", summary: "Stores a string at a key that is free",
        arguments: "key value",
    }
}
