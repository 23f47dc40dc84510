//! Where the two servers may differ, each with its reason, and what is therefore not sent.

use squint_testing::reply;

use super::compare::find;
use super::pair::Mismatch;
use super::script::{Script, from_lines};

/// The version of Redis that is compared with.
pub const ORACLE: &str = "7.0.15";

/// An answer of ours that stands for another one of Redis.
pub struct Difference {
    /// What it is about.
    pub name: &'static str,
    /// Why.
    pub reason: &'static str,
    /// A script that shows it: if it does not any more, a test fails.
    pub example: &'static [&'static str],
    /// How our bytes become those of Redis.
    pub how: How,
}

/// How a difference is seen through.
pub enum How {
    /// Our text, and that of Redis in its place.
    Text(&'static str, &'static str),
    /// Published messages and the replies around them are compared each in their own order.
    MessagesApart,
    /// What stands behind a NUL in an error of ours is not compared.
    UpToNul,
    /// Frames of this kind that follow each other are compared in any order.
    AnyOrder(&'static str),
    /// From such a mismatch on the two go different ways, and the rest of a script is not compared.
    EndsScript(fn(&Mismatch) -> bool),
    /// Nothing makes them alike: the generator does not write such commands.
    NotWritten,
}

/// The accepted differences.
pub const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "the version in HELLO",
        reason: "clients switch features of 7.2 on by it",
        example: &["A> HELLO 3"],
        how: How::Text("$7\r\nversion\r\n$5\r\n7.2.4\r\n", "$7\r\nversion\r\n$6\r\n7.0.15\r\n"),
    },
    Difference {
        name: "a timeout out of range",
        reason: "7.2 says what is wrong; 7.0 takes the overflow for a negative number",
        example: &["A> BLPOP l0 1e30"],
        how: How::Text("-ERR timeout is out of range\r\n", "-ERR timeout is negative\r\n"),
    },
    Difference {
        name: "the command's name in the word about unbalanced streams",
        reason: "7.2 names the command as it was written",
        example: &["A> XREAD STREAMS x0 x1 0"],
        how: How::Text("-ERR Unbalanced 'xread' list", "-ERR Unbalanced XREAD list"),
    },
    Difference {
        name: "the command's name and mark in the same word of XREADGROUP",
        reason: "7.2 says what is right there",
        example: &["A> XREADGROUP GROUP g1 alice STREAMS x0 x1 0"],
        how: How::Text(
            "-ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must",
            "-ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must",
        ),
    },
    Difference {
        name: "a publisher that listens to itself",
        reason: "7.2 replies first; 7.0 pushes the message first",
        example: &["A> HELLO 3", "A> SUBSCRIBE c1", "A> PUBLISH c1 m"],
        how: How::MessagesApart,
    },
    Difference {
        name: "a timeout that is negative and tiny",
        reason: "7.0 rounds it to minus zero and waits for ever",
        example: &["A> BLPOP l0 -0.0001"],
        how: How::NotWritten,
    },
    Difference {
        name: "a timeout that overflows when the time of day is added",
        reason: "7.2 refuses it, 7.0 waits",
        example: &["A> BLPOP l0 9223372036854774"],
        how: How::NotWritten,
    },
    Difference {
        name: "a NUL in a word that an error repeats",
        reason: "for Redis the text ends there",
        example: &["A> FOO a\0b"],
        how: How::UpToNul,
    },
    Difference {
        name: "a message that fits several patterns of one listener",
        reason: "Redis goes through a hash table of patterns",
        example: &["A> PSUBSCRIBE c* c?* c[1]* *1 c1* *c1", "B> PUBLISH c1 m"],
        how: How::AnyOrder("pmessage"),
    },
    Difference {
        name: "leaving all channels",
        reason: "Redis goes through a hash table of channels",
        example: &["A> SUBSCRIBE c1 c2 c3 c4 c5 c6 c7", "A> UNSUBSCRIBE"],
        how: How::AnyOrder("unsubscribe"),
    },
    Difference {
        name: "leaving all sharded channels",
        reason: "Redis goes through a hash table of channels",
        example: &["A> SSUBSCRIBE c1 c2 c3 c4 c5 c6 c7", "A> SUNSUBSCRIBE"],
        how: How::AnyOrder("sunsubscribe"),
    },
    Difference {
        name: "a reader woken by an entry that is gone again",
        reason: "7.2 looks again and goes on waiting; 7.0 replies without entries",
        example: &["A> XREAD BLOCK 0 STREAMS x0 $", "B> XADD x0 MAXLEN 0 1-1 a b"],
        how: How::EndsScript(|mismatch| {
            let first = reply::length(&mismatch.redis).ok().flatten().unwrap_or(0);
            let first = &mismatch.redis[..first];
            let is_empty = first.ends_with(b"\r\n*0\r\n")
                && (first.starts_with(b"*1\r\n*2\r\n$") || first.starts_with(b"%1\r\n$"));
            !mismatch.is_sender && is_empty && !mismatch.ours.starts_with(first)
        }),
    },
    Difference {
        name: "a reader whose group goes while it waits",
        reason: "7.2 says what it says to who comes too late, 7.0 has words of its own",
        example: &[
            "A> XGROUP CREATE x0 g1 0 MKSTREAM",
            "B> XREADGROUP GROUP g1 alice BLOCK 0 STREAMS x0 >",
            "A> XGROUP DESTROY x0 g1",
        ],
        how: How::EndsScript(|mismatch| {
            let says = |bytes: &[u8], words: &str| find(bytes, words.as_bytes()).is_some();
            let is_told = says(&mismatch.ours, "-NOGROUP No such key")
                || says(&mismatch.ours, "-WRONGTYPE Operation");
            let redis = &mismatch.redis;
            is_told
                && (says(redis, "-NOGROUP the consumer group this client was blocked on")
                    || says(redis, "-UNBLOCKED the stream key no longer exists"))
        }),
    },
    Difference {
        name: "a waiter one of whose keys has got another type",
        reason: "7.2 looks at all keys again when one is signalled, 7.0 at that one",
        example: &["A> XREAD BLOCK 0 STREAMS x0 x1 $ $", "B> SET x0 v", "B> XADD x1 1-1 a b"],
        how: How::EndsScript(|mismatch| {
            let is_refused = mismatch.ours.starts_with(b"-WRONGTYPE");
            !mismatch.is_sender && is_refused && !mismatch.redis.starts_with(b"-")
        }),
    },
    Difference {
        name: "commands that two clients have waiting",
        reason: "Redis runs all of one client's first; we take turns at what may block",
        example: &[
            "A> BLPOP l0 0",
            "A> HELLO",
            "A> LPOP l0",
            "B> BLPOP l0 0",
            "B> LPUSH l0 x",
            "C> RPUSH l0 1 2",
        ],
        how: How::NotWritten,
    },
    Difference {
        name: "a stream named twice by a waiting reader",
        reason: "7.2 waits for any of the IDs, 7.0 for the first",
        example: &["A> XREAD BLOCK 0 STREAMS x0 x0 5-0 1-0", "B> XADD x0 2-0 a b"],
        how: How::NotWritten,
    },
    Difference {
        name: "LPOS with the least integer as RANK",
        reason: "7.2 refuses it: it has no opposite",
        example: &["A> RPUSH l0 a", "A> LPOS l0 a RANK -9223372036854775808"],
        how: How::EndsScript(|mismatch| {
            let words = b"value must between -9223372036854775807";
            mismatch.is_sender && find(&mismatch.ours, words).is_some()
        }),
    },
    Difference {
        name: "a consumer that gets nothing",
        reason: "7.2 creates it in any case, 7.0 when there is something for it",
        example: &[
            "A> XGROUP CREATE x0 g1 0 MKSTREAM",
            "A> XCLAIM x0 g1 alice 0 1-1",
            "A> XGROUP CREATECONSUMER x0 g1 alice",
        ],
        how: How::NotWritten,
    },
    Difference {
        name: "HELLO with a wrong password and a wrong option",
        reason: "7.2 looks at all options before it acts on any",
        example: &["A> HELLO 2 AUTH nobody x SETNAME"],
        how: How::NotWritten,
    },
    Difference {
        name: "the ID + of XREAD",
        reason: "7.4 gives the last entry",
        example: &["A> XREAD STREAMS x0 +"],
        how: How::NotWritten,
    },
    Difference {
        name: "QUIT with replies turned off",
        reason: "Redis closes when its reply has been sent, so never",
        example: &["A> CLIENT REPLY OFF", "A> QUIT"],
        how: How::NotWritten,
    },
];

/// Whether an accepted difference has parted the servers here.
pub fn ends_script(mismatch: &Mismatch) -> bool {
    let is_it = |difference: &Difference| match difference.how {
        How::EndsScript(is_it) => is_it(mismatch),
        _ => false,
    };
    DIFFERENCES.iter().any(is_it)
}

/// Commands that are not spoiled.
pub const NOT_SPOILED: &[(&str, &str)] =
    &[("hello", "7.2 looks at all options before it acts on any")];

/// The script of a difference's example.
pub fn example(difference: &Difference) -> Script {
    from_lines(difference.example)
}

/// Commands of our table that are not sent, and why. A container stands for its sub-commands.
pub const NOT_SENT: &[(&str, &str)] = &[
    ("client|info", "times, addresses and memory"),
    ("client|list", "times, addresses and memory"),
    ("client|help", "its texts are written afresh"),
    ("client|pause", "7.0 dies of CLIENT UNBLOCK for one who waits; nothing happens meanwhile"),
    ("client|unpause", "as CLIENT PAUSE"),
    ("pubsub|help", "its texts are written afresh"),
    ("xgroup|help", "its texts are written afresh"),
    ("xinfo|help", "its texts are written afresh"),
    ("command", "the two tables differ"),
    ("config", "settings differ; notify-keyspace-events is set by scripts themselves"),
    ("debug", "each server has its own tools"),
    ("info", "figures of two processes"),
    ("latency|doctor", "its texts are written afresh"),
    ("latency|help", "its texts are written afresh"),
    ("latency|histogram", "times of two processes"),
    ("randomkey", "any key will do"),
    ("shutdown", "ends the server"),
    ("time", "a clock"),
];

/// Commands that only the observer sends, whose replies are compared without their order, and
/// without what a clock or the memory has put there.
pub const OBSERVED: &[(&str, &str)] = &[
    ("keys", "the order of a hash table"),
    ("scan", "the order of a hash table"),
    ("pubsub|channels", "the order of a hash table"),
    ("pubsub|shardchannels", "the order of a hash table"),
    ("xpending", "tells how long ago"),
    ("xinfo|stream", "tells the nodes of a tree, and when"),
    ("xinfo|groups", "as XINFO STREAM"),
    ("xinfo|consumers", "tells how long ago"),
];

/// Fields whose value is another one each time, or that only 7.2 has, or that 7.0 gets wrong: how
/// far a group has read is not what it says once entries were trimmed or deleted before it.
#[rustfmt::skip]
pub const FIELDS_NOT_COMPARED: &[&str] = &[
    "idle", "inactive", "seen-time", "active-time", "radix-tree-keys", "radix-tree-nodes",
    "entries-read", "lag",
];
