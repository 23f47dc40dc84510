//! Rows of the server.

commands! {
    group: Server,

    "command" => commands::command {
        arity: -1, flags: LOADING | STALE, acl: acl::CONNECTION, since: "2.8.13",
        tips: ["nondeterministic_output_order"], complexity: "O(N) for N commands",
        summary: "Returns what is known about all commands",
    }
    "command|count" => commands::command_count {
        arity: 2, flags: LOADING | STALE, acl: acl::CONNECTION, since: "2.8.13", complexity: "O(1)",
        summary: "Returns the number of commands",
    }
    "command|docs" => commands::command_docs {
        arity: -2, flags: LOADING | STALE, acl: acl::CONNECTION, since: "7.0.0",
        tips: ["nondeterministic_output_order"], complexity: "O(N) for N commands",
        summary: "Returns what people want to know about commands, or about all of them",
        arguments: "[command-name...]",
    }
    "command|getkeys" => commands::command_getkeys {
        arity: -3, flags: LOADING | STALE, acl: acl::CONNECTION, since: "2.8.13",
        complexity: "O(N) for N arguments",
        summary: "Returns which arguments of a request are keys", arguments: "command [arg...]",
    }
    "command|getkeysandflags" => commands::command_getkeysandflags {
        arity: -3, flags: LOADING | STALE, acl: acl::CONNECTION, since: "7.0.0",
        complexity: "O(N) for N arguments",
        summary: "Returns the keys of a request, and what it does with them",
        arguments: "command [arg...]",
    }
    "command|help" => commands::help {
        arity: 2, flags: LOADING | STALE, acl: acl::CONNECTION, since: "5.0.0", complexity: "O(1)",
        summary: "Returns this help",
    }
    "command|info" => commands::command_info {
        arity: -2, flags: LOADING | STALE, acl: acl::CONNECTION, since: "2.8.13",
        tips: ["nondeterministic_output_order"], complexity: "O(N) for N commands",
        summary: "Returns what programs want to know about commands, or about all of them",
        arguments: "[command-name...]",
    }
    "command|list" => commands::command_list {
        arity: -2, flags: LOADING | STALE, acl: acl::CONNECTION, since: "7.0.0",
        tips: ["nondeterministic_output_order"], complexity: "O(N) for N commands",
        summary: "Returns the names of commands",
        arguments: "[FILTERBY filterby(MODULE module-name | ACLCAT category | PATTERN pattern)]",
    }
    "config" => dispatcher::container {
        arity: -2, flags: CONTAINER | BARRIER, since: "2.0.0",
        complexity: "Depends on the sub-command", summary: "The server's settings",
    }
    "config|get" => server::config_get {
        arity: -3, flags: ADMIN | NOSCRIPT | LOADING | STALE | BARRIER, since: "2.0.0",
        complexity: "O(N) for N patterns", summary: "Returns the settings that match patterns",
        arguments: "parameter...",
    }
    "config|help" => commands::help {
        arity: 2, flags: LOADING | STALE | BARRIER, since: "5.0.0", complexity: "O(1)",
        summary: "Returns this help",
    }
    "config|resetstat" => server::config_resetstat {
        arity: 2, flags: ADMIN | NOSCRIPT | LOADING | STALE | BARRIER, since: "2.0.0",
        complexity: "O(1)", summary: "Sets the counters of INFO to zero",
    }
    "config|set" => server::config_set {
        arity: -4, flags: ADMIN | NOSCRIPT | LOADING | STALE | BARRIER, since: "2.0.0",
        tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
        complexity: "O(N) for N settings", summary: "Changes settings, all of them or none",
        arguments: "data(parameter value)...",
    }
    "debug" => debug::debug {
        arity: -2, flags: ADMIN | NOSCRIPT | LOADING | STALE | BARRIER | SYSTEM, since: "1.0.0",
        complexity: "Depends on the sub-command", summary: "Tools for debugging",
    }
    "info" => info::info {
        arity: -1, flags: LOADING | STALE, acl: acl::DANGEROUS, since: "1.0.0",
        tips: ["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        complexity: "O(1)", summary: "Returns facts and figures about the server",
        arguments: "[section...]",
    }
    "latency" => dispatcher::container {
        arity: -2, flags: CONTAINER, since: "2.8.13", complexity: "Depends on the sub-command",
        summary: "What takes long",
    }
    "latency|doctor" => latency::latency_doctor {
        arity: 2, flags: ADMIN | NOSCRIPT | LOADING | STALE, since: "2.8.13",
        tips: ["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        complexity: "O(N) for N samples",
        summary: "Returns a report on what took too long, and advice",
    }
    "latency|graph" => latency::latency_graph {
        arity: 3, flags: ADMIN | NOSCRIPT | LOADING | STALE, since: "2.8.13",
        tips: ["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        complexity: "O(N) for N samples", summary: "Returns the samples of an event as a drawing",
        arguments: "event",
    }
    "latency|help" => commands::help {
        arity: 2, flags: LOADING | STALE, since: "2.8.13", complexity: "O(1)",
        summary: "Returns this help",
    }
    "latency|histogram" => latency::latency_histogram {
        arity: -2, flags: ADMIN | NOSCRIPT | LOADING | STALE, since: "7.0.0",
        tips: ["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        complexity: "O(N) for N commands",
        summary: "Returns how many executions of commands took how long, or of all commands",
        arguments: "[command...]",
    }
    "latency|history" => latency::latency_history {
        arity: 3, flags: ADMIN | NOSCRIPT | LOADING | STALE, since: "2.8.13",
        tips: ["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        complexity: "O(N) for N samples",
        summary: "Returns the samples of an event: when, and how many milliseconds",
        arguments: "event",
    }
    "latency|latest" => latency::latency_latest {
        arity: 2, flags: ADMIN | NOSCRIPT | LOADING | STALE, since: "2.8.13",
        tips: ["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        complexity: "O(N) for N events",
        summary: "Returns the latest sample of every event, and its worst",
    }
    "latency|reset" => latency::latency_reset {
        arity: -2, flags: ADMIN | NOSCRIPT | LOADING | STALE, since: "2.8.13",
        tips: ["request_policy:all_nodes", "response_policy:all_succeeded"],
        complexity: "O(N) for N events",
        summary: "Forgets the samples of events, or of all of them", arguments: "[event...]",
    }
    "shutdown" => server::shutdown {
        arity: -1, since: "1.0.0", complexity: "O(1)",
        flags: ADMIN | NOSCRIPT | LOADING | STALE | NO_MULTI | ALLOW_BUSY | BARRIER,
        summary: "Ends the server",
        arguments: "[save-selector(NOSAVE | SAVE)] [NOW@7.0.0] [FORCE@7.0.0] [ABORT@7.0.0]",
    }
    "squint" => dispatcher::container {
        arity: -2, flags: CONTAINER, since: "0.1.0", complexity: "Depends on the sub-command",
        summary: "The server looked at from inside; only Squint has it",
    }
    "squint|connections" => squint::squint_connections {
        arity: -2, flags: ADMIN | NOSCRIPT | LOADING | STALE, since: "0.1.0",
        tips: ["nondeterministic_output"], complexity: "O(N) for N slots",
        summary: "Returns the slab, and the buffers, timer and state of connections",
        arguments: "[count:integer] [first-slot:integer]",
    }
    "squint|help" => commands::help {
        arity: 2, flags: LOADING | STALE, since: "0.1.0", complexity: "O(1)",
        summary: "Returns this help",
    }
    "squint|syscalls" => squint::squint_syscalls {
        arity: 2, flags: ADMIN | NOSCRIPT | LOADING | STALE, since: "0.1.0",
        tips: ["nondeterministic_output"], complexity: "O(N) for N commands",
        summary: "Returns how often each system call was made, by name and by command",
    }
    "squint|table" => squint::squint_table {
        arity: 3, flags: READONLY | ADMIN, keys: [second(RO)], since: "0.1.0",
        tips: ["nondeterministic_output"], complexity: "O(1)",
        summary: "Returns the way of a look-up through the hash table, and where the entry lies",
        arguments: "key",
    }
    "squint|ticks" => squint::squint_ticks {
        arity: -2, flags: ADMIN | NOSCRIPT | LOADING | STALE, since: "0.1.0",
        tips: ["nondeterministic_output"], complexity: "O(N) for N ticks",
        summary: "Returns the last turns of the loop, phase by phase, the latest first",
        arguments: "[count:integer]",
    }
    "squint|wheel" => squint::squint_wheel {
        arity: 2, flags: ADMIN | NOSCRIPT | LOADING | STALE, since: "0.1.0",
        tips: ["nondeterministic_output"], complexity: "O(N) for N timers",
        summary: "Returns the slots of the timer wheel that have timers",
    }
    "time" => server::time {
        arity: 1, flags: LOADING | STALE | FAST, since: "2.6.0", tips: ["nondeterministic_output"],
        complexity: "O(1)",
        summary: "Returns the server's time: seconds since 1970, and microseconds",
    }
}
