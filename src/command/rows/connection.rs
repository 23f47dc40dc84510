//! Rows of the connection.

commands! {
    group: Connection,

    "select" => keys::select {
        arity: 2, flags: LOADING | STALE | FAST, since: "1.0.0", complexity: "O(1)",
        summary: "Chooses the database of this connection", arguments: "index:integer",
    }
    "ping" => connection::ping {
        arity: -1, flags: FAST | TO_SUBSCRIBERS, since: "1.0.0", complexity: "O(1)",
        tips: ["request_policy:all_shards", "response_policy:all_succeeded"],
        summary: "Answers PONG, or the message", arguments: "[message]",
    }
    "echo" => connection::echo {
        arity: 2, flags: LOADING | STALE | FAST, since: "1.0.0", complexity: "O(1)",
        summary: "Answers the message", arguments: "message",
    }
    "quit" => connection::quit {
        arity: -1, since: "1.0.0", complexity: "O(1)",
        flags: NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY | BARRIER | NOT_QUEUED
            | TO_SUBSCRIBERS,
        summary: "Closes the connection",
        deprecated: ("7.2.0", "closing the connection from the client's side"),
    }
    "reset" => connection::reset {
        arity: 1, since: "6.2.0", complexity: "O(1)",
        flags: NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY | BARRIER | NOT_QUEUED
            | TO_SUBSCRIBERS,
        summary: "Makes the connection as it was when it was new",
    }
    "hello" => authentication::hello {
        arity: -1, flags: NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY | BARRIER,
        since: "6.0.0", complexity: "O(1)",
        summary: "Chooses the protocol, and says who the server is",
        arguments: "[arguments(protover:integer [AUTH auth(username password)] \
            [SETNAME clientname])]",
    }
    "auth" => authentication::auth {
        arity: -2, flags: NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY | BARRIER,
        since: "1.0.0", complexity: "O(N) for N passwords of the user",
        summary: "Says the password", arguments: "[username@6.0.0] password",
    }
    "client" => dispatcher::container {
        arity: -2, flags: CONTAINER, since: "2.4.0", complexity: "Depends on the sub-command",
        summary: "Connections: this one and the others",
    }
    "client|getname" => connection::client_getname {
        arity: 2, flags: NOSCRIPT | LOADING | STALE, since: "2.6.9", complexity: "O(1)",
        summary: "Returns the name of this connection",
    }
    "client|help" => commands::help {
        arity: 2, flags: LOADING | STALE, since: "5.0.0", complexity: "O(1)",
        summary: "Returns this help",
    }
    "client|id" => connection::client_id {
        arity: 2, flags: NOSCRIPT | LOADING | STALE, since: "5.0.0", complexity: "O(1)",
        summary: "Returns the number of this connection",
    }
    "client|info" => client_list::client_info {
        arity: 2, flags: NOSCRIPT | LOADING | STALE, since: "6.2.0",
        tips: ["nondeterministic_output"], complexity: "O(1)",
        summary: "Returns the line of CLIENT LIST about this connection",
    }
    "client|kill" => client_kill::client_kill {
        arity: -3, flags: ADMIN | NOSCRIPT | LOADING | STALE, since: "2.4.0",
        complexity: "O(N) for N connections", summary: "Closes connections",
        arguments: "filter(old-format | new-format(ID client-id:integer@2.8.12 | \
            TYPE client-type(NORMAL | MASTER@3.2.0 | SLAVE | REPLICA@5.0.0 | PUBSUB)@2.8.12 | \
            USER username | ADDR addr | LADDR laddr@6.2.0 | SKIPME skipme(YES | NO))...)",
    }
    "client|list" => client_list::client_list {
        arity: -2, flags: ADMIN | NOSCRIPT | LOADING | STALE, since: "2.4.0",
        tips: ["nondeterministic_output"], complexity: "O(N) for N connections",
        summary: "Returns a line about each connection",
        arguments: "[TYPE client-type(NORMAL | MASTER | REPLICA | PUBSUB)@5.0.0] \
            [ID client-id:integer...@6.2.0]",
    }
    "client|no-evict" => connection::client_no_evict {
        arity: 3, flags: ADMIN | NOSCRIPT | LOADING | STALE, since: "7.0.0", complexity: "O(1)",
        summary: "Keeps this connection when memory for connections runs out",
        arguments: "enabled(ON | OFF)",
    }
    "client|no-touch" => connection::client_no_touch {
        arity: 3, flags: NOSCRIPT | LOADING | STALE, since: "7.2.0", complexity: "O(1)",
        summary: "Lets this connection use keys without making them recently used",
        arguments: "enabled(ON | OFF)",
    }
    "client|pause" => pause::client_pause {
        arity: -3, flags: ADMIN | NOSCRIPT | LOADING | STALE | BARRIER, since: "2.9.50",
        complexity: "O(1)", summary: "Lets commands wait for some time",
        arguments: "timeout:integer [mode(WRITE | ALL)@6.2.0]",
    }
    "client|reply" => connection::client_reply {
        arity: 3, flags: NOSCRIPT | LOADING | STALE | BARRIER, since: "3.2.0", complexity: "O(1)",
        summary: "Turns replies on or off, or skips the next one",
        arguments: "action(ON | OFF | SKIP)",
    }
    "client|setinfo" => connection::client_setinfo {
        arity: 4, flags: NOSCRIPT | LOADING | STALE, since: "7.2.0",
        tips: ["request_policy:all_nodes", "response_policy:all_succeeded"], complexity: "O(1)",
        summary: "Says which client library this is",
        arguments: "attr(LIB-NAME libname | LIB-VER libver)",
    }
    "client|setname" => connection::client_setname {
        arity: 3, flags: NOSCRIPT | LOADING | STALE, since: "2.6.9",
        tips: ["request_policy:all_nodes", "response_policy:all_succeeded"], complexity: "O(1)",
        summary: "Names this connection", arguments: "connection-name",
    }
    "client|unblock" => connection::client_unblock {
        arity: -3, flags: ADMIN | NOSCRIPT | LOADING | STALE, since: "5.0.0", complexity: "O(1)",
        summary: "Ends the wait of a blocked connection",
        arguments: "client-id:integer [unblock-type(TIMEOUT | ERROR)]",
    }
    "client|unpause" => pause::client_unpause {
        arity: 2, flags: ADMIN | NOSCRIPT | LOADING | STALE, since: "6.2.0",
        complexity: "O(N) for N connections that wait", summary: "Ends the wait of CLIENT PAUSE",
    }
}
