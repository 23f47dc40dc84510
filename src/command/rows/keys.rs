//! Rows of keys of any type.

commands! {
    group: Generic,

    "del" => keys::del {
        arity: -2, flags: WRITE, keys: [all(RM | DELETE)], since: "1.0.0",
        tips: ["request_policy:multi_shard", "response_policy:agg_sum"],
        complexity: "O(N) for N keys, and for N elements of each value", summary: "Deletes keys",
        arguments: "key...",
    }
    "unlink" => keys::unlink {
        arity: -2, flags: WRITE | FAST, keys: [all(RM | DELETE)], since: "4.0.0",
        tips: ["request_policy:multi_shard", "response_policy:agg_sum"],
        complexity: "O(1) for each key; the memory is given back later",
        summary: "Deletes keys without waiting for their memory", arguments: "key...",
    }
    "exists" => keys::exists {
        arity: -2, flags: READONLY | FAST, keys: [all(RO)], since: "1.0.0",
        tips: ["request_policy:multi_shard", "response_policy:agg_sum"],
        complexity: "O(N) for N keys",
        summary: "Counts how many of the keys exist; a key named twice counts twice",
        arguments: "key...",
    }
    "type" => keys::type_ {
        arity: 2, flags: READONLY | FAST, keys: [one(RO)], since: "1.0.0", complexity: "O(1)",
        summary: "Returns the type of the value at a key", arguments: "key",
    }
    "expire" => keys::expire {
        arity: -3, flags: WRITE | FAST, keys: [one(RW | UPDATE)], since: "1.0.0",
        complexity: "O(1)", summary: "Gives a key some seconds to live",
        arguments: "key seconds:integer [condition(NX | XX | GT | LT)@7.0.0]",
    }
    "pexpire" => keys::pexpire {
        arity: -3, flags: WRITE | FAST, keys: [one(RW | UPDATE)], since: "2.6.0",
        complexity: "O(1)", summary: "Gives a key some milliseconds to live",
        arguments: "key milliseconds:integer [condition(NX | XX | GT | LT)@7.0.0]",
    }
    "expireat" => keys::expireat {
        arity: -3, flags: WRITE | FAST, keys: [one(RW | UPDATE)], since: "1.2.0",
        complexity: "O(1)", summary: "Lets a key live until a Unix time in seconds",
        arguments: "key unix-time-seconds:unix-time [condition(NX | XX | GT | LT)@7.0.0]",
    }
    "pexpireat" => keys::pexpireat {
        arity: -3, flags: WRITE | FAST, keys: [one(RW | UPDATE)], since: "2.6.0",
        complexity: "O(1)", summary: "Lets a key live until a Unix time in milliseconds",
        arguments: "key unix-time-milliseconds:unix-time [condition(NX | XX | GT | LT)@7.0.0]",
    }
    "ttl" => keys::ttl {
        arity: 2, flags: READONLY | FAST, keys: [one(RO | ACCESS)], since: "1.0.0",
        tips: ["nondeterministic_output"], complexity: "O(1)",
        summary: "Returns the seconds a key has left to live", arguments: "key",
    }
    "pttl" => keys::pttl {
        arity: 2, flags: READONLY | FAST, keys: [one(RO | ACCESS)], since: "2.6.0",
        tips: ["nondeterministic_output"], complexity: "O(1)",
        summary: "Returns the milliseconds a key has left to live", arguments: "key",
    }
    "expiretime" => keys::expiretime {
        arity: 2, flags: READONLY | FAST, keys: [one(RO | ACCESS)], since: "7.0.0",
        complexity: "O(1)", summary: "Returns the Unix time at which a key expires, in seconds",
        arguments: "key",
    }
    "pexpiretime" => keys::pexpiretime {
        arity: 2, flags: READONLY | FAST, keys: [one(RO | ACCESS)], since: "7.0.0",
        complexity: "O(1)",
        summary: "Returns the Unix time at which a key expires, in milliseconds", arguments: "key",
    }
    "persist" => keys::persist {
        arity: 2, flags: WRITE | FAST, keys: [one(RW | UPDATE)], since: "2.2.0", complexity: "O(1)",
        summary: "Lets a key live for ever", arguments: "key",
    }
    "keys" => keys::keys {
        arity: 2, flags: READONLY, acl: acl::DANGEROUS, since: "1.0.0",
        tips: ["request_policy:all_shards", "nondeterministic_output_order"],
        complexity: "O(N) for all N keys of the database",
        summary: "Returns all keys that match a pattern", arguments: "pattern",
    }
    "scan" => keys::scan {
        arity: -2, flags: READONLY, since: "2.8.0",
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
        arity: 1, flags: READONLY, since: "1.0.0", complexity: "O(1)",
        tips: ["request_policy:all_shards", "nondeterministic_output"],
        summary: "Returns some key of the database",
    }
    "flushdb" => keys::flushdb {
        arity: -1, flags: WRITE, group: Server, acl: acl::KEYSPACE | acl::DANGEROUS, since: "1.0.0",
        tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
        complexity: "O(N) for N keys in the database", summary: "Deletes all keys of the database",
        arguments: "[flush-type(ASYNC@4.0.0 | SYNC@6.2.0)]",
    }
    "flushall" => keys::flushall {
        arity: -1, flags: WRITE, group: Server, acl: acl::KEYSPACE | acl::DANGEROUS, since: "1.0.0",
        tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
        complexity: "O(N) for N keys in all databases",
        summary: "Deletes all keys of all databases",
        arguments: "[flush-type(ASYNC@4.0.0 | SYNC@6.2.0)]",
    }
}
