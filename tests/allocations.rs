//! What the hot commands allocate: nothing, once their buffers are warm.
//!
//! A whole server on the real system runs in a thread of this program, whose allocator counts what
//! that thread asks for; a client in another thread talks to it through a socket. So all that a
//! request goes through is counted, from the poller to the write.
//!
//! When a count is wrong, the same requests are sent once more, and the first allocations print
//! where they come from.

use std::time::{Duration, Instant};

use squint::config::{Config, Startup};
use squint::server::Server;
use squint_sys::Native;
use squint_sys::counting::{self, CountingAllocator};
use squint_testing::Connection;
use squint_testing::connection::{Arrival, encoded};
use squint_testing::server::{Port, free_port};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Requests that are sent together.
const PIPELINE: usize = 16;
/// Requests before counting: buffers grow to their size, pools fill.
const WARM_UP: usize = 4_000;
const REQUESTS: usize = 1_600;
const TRACES: u64 = 3;
const KEYS: usize = 1_000;
const VALUE: &str = "0123456789abcdef";

/// What grows without end allocates now and then: a node for fifty elements at the least.
const NODES_MAX: u64 = REQUESTS as u64 / 50;

/// The port of a server whose thread is counted from now on.
fn start_server() -> Port {
    let port = free_port();
    let words =
        ["--port", &port.number.to_string(), "--bind", "127.0.0.1", "--loglevel", "warning"];
    let arguments: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
    std::thread::spawn(move || {
        let startup = Config::from_arguments(&arguments, &mut ()).expect("good arguments");
        let Startup::Run(config) = startup else { panic!("arguments of a server") };
        let system = Native::new().expect("a poller");
        let server = Server::start(system, *config, String::new()).expect("the server starts");
        counting::count_this_thread();
        server.run()
    });
    port
}

fn open(port: u16) -> Connection {
    Connection::open_within(([127, 0, 0, 1], port).into(), "ours", Duration::from_secs(20))
}

/// A command to count: its n-th request, and how many allocations all requests may make together.
struct Counted {
    name: &'static str,
    request: fn(usize) -> Vec<u8>,
    allocations_max: u64,
}

fn key(number: usize) -> String {
    format!("key:{:012}", number.wrapping_mul(7_919) % KEYS)
}

/// Two requests in a row get the same one.
fn small_list(number: usize) -> String {
    format!("small:{}", number / 2 % 10)
}

const COUNTED: &[Counted] = &[
    Counted { name: "PING", request: |_| encoded(&["PING"]), allocations_max: 0 },
    Counted { name: "GET", request: |number| encoded(&["GET", &key(number)]), allocations_max: 0 },
    Counted {
        name: "SET over a value of the same size",
        request: |number| encoded(&["SET", &key(number), VALUE]),
        allocations_max: 0,
    },
    Counted {
        name: "INCR",
        request: |number| encoded(&["INCR", &format!("num:{}", number % KEYS)]),
        allocations_max: 0,
    },
    Counted {
        name: "LPUSH and LPOP in turn",
        request: |number| match number % 2 {
            0 => encoded(&["LPUSH", "list", VALUE]),
            _ => encoded(&["LPOP", "list"]),
        },
        allocations_max: 0,
    },
    Counted {
        name: "RPUSH and RPOP in turn on small lists",
        request: |number| match number % 2 {
            0 => encoded(&["RPUSH", &small_list(number), VALUE]),
            _ => encoded(&["RPOP", &small_list(number)]),
        },
        allocations_max: 0,
    },
    Counted {
        name: "RPUSH and LPOP in turn on a list that comes and goes",
        request: |number| match number % 2 {
            0 => encoded(&["RPUSH", "coming", VALUE]),
            _ => encoded(&["LPOP", "coming"]),
        },
        allocations_max: 0,
    },
    Counted {
        name: "RPOPLPUSH within a list",
        request: |_| encoded(&["RPOPLPUSH", "hundred", "hundred"]),
        allocations_max: 0,
    },
    Counted {
        name: "LMOVE there and back",
        request: |number| match number % 2 {
            0 => encoded(&["LMOVE", "list", "hundred", "LEFT", "RIGHT"]),
            _ => encoded(&["LMOVE", "hundred", "list", "RIGHT", "LEFT"]),
        },
        allocations_max: 0,
    },
    Counted {
        name: "LMOVE from a list to another",
        request: |_| encoded(&["LMOVE", "long", "moved", "LEFT", "RIGHT"]),
        allocations_max: NODES_MAX,
    },
    Counted {
        name: "BLMOVE of what is there",
        request: |_| encoded(&["BLMOVE", "hundred", "hundred", "LEFT", "RIGHT", "0"]),
        allocations_max: 0,
    },
    Counted {
        name: "LSET to the same size",
        request: |number| encoded(&["LSET", "hundred", &(number % 100).to_string(), VALUE]),
        allocations_max: 0,
    },
    Counted {
        name: "LPOS",
        request: |_| encoded(&["LPOS", "hundred", VALUE, "RANK", "-50"]),
        allocations_max: 0,
    },
    Counted {
        name: "RPUSH and LTRIM in turn",
        request: |number| match number % 2 {
            0 => encoded(&["RPUSH", "capped", VALUE]),
            _ => encoded(&["LTRIM", "capped", "-100", "-1"]),
        },
        allocations_max: 0,
    },
    Counted {
        name: "LPUSH",
        request: |_| encoded(&["LPUSH", "pushed", VALUE]),
        allocations_max: NODES_MAX,
    },
    Counted { name: "LPOP", request: |_| encoded(&["LPOP", "long"]), allocations_max: 0 },
    Counted {
        name: "LRANGE of 100",
        request: |_| encoded(&["LRANGE", "hundred", "0", "99"]),
        allocations_max: 0,
    },
    Counted {
        name: "PUBLISH to nobody",
        request: |_| encoded(&["PUBLISH", "silence", VALUE]),
        allocations_max: 0,
    },
    Counted {
        name: "PUBLISH to a subscriber",
        request: |_| encoded(&["PUBLISH", "channel", VALUE]),
        allocations_max: 0,
    },
    Counted {
        name: "XADD to a stream that is trimmed",
        request: |_| {
            encoded(&["XADD", "trimmed", "MAXLEN", "~", "1000", "*", "a", "12", "b", "34"])
        },
        allocations_max: NODES_MAX,
    },
    Counted {
        name: "XADD",
        request: |_| encoded(&["XADD", "stream", "*", "a", "12", "b", "34"]),
        allocations_max: NODES_MAX,
    },
    Counted {
        name: "MSET of 10",
        request: |number| {
            let keys: Vec<String> = (0..10).map(|pair| key(number * 10 + pair)).collect();
            let pairs = keys.iter().flat_map(|key| [key.as_str(), VALUE]);
            encoded(&std::iter::once("MSET").chain(pairs).collect::<Vec<_>>())
        },
        allocations_max: 0,
    },
];

/// What the counted requests find.
fn fill(connection: &mut Connection) {
    let keys = (0..KEYS).map(|number| encoded(&["SET", &key(number), VALUE]));
    let hundred = (0..100).map(|_| encoded(&["RPUSH", "hundred", VALUE]));
    let long = (0..5 * (WARM_UP + REQUESTS)).map(|_| encoded(&["RPUSH", "long", VALUE]));
    let list = (0..50).map(|_| encoded(&["RPUSH", "list", VALUE]));
    let small = (0..60).map(|number| encoded(&["RPUSH", &small_list(number), VALUE]));
    connection.send_in_batches(keys.chain(hundred).chain(long).chain(list).chain(small), PIPELINE);
}

/// Somebody who listens to `channel`, and reads.
fn subscribe(port: u16) {
    let mut subscriber = open(port);
    subscriber.ask("SUBSCRIBE channel");
    std::thread::spawn(move || {
        while subscriber.wait(Instant::now() + Duration::from_secs(60)) == Arrival::Bytes {
            subscriber.take(subscriber.received().len());
        }
    });
}

/// Allocations that so many requests cause, from the first byte to the last.
fn allocations_of(connection: &mut Connection, counted: &Counted, first: usize) -> u64 {
    let before = counting::allocations();
    connection.send_in_batches((first..first + REQUESTS).map(counted.request), PIPELINE);
    counting::allocations() - before
}

#[test]
fn hot_commands_allocate_nothing() {
    let port = start_server();
    let mut connection = open(port.number);
    fill(&mut connection);
    subscribe(port.number);
    let mut broken = Vec::new();
    for counted in COUNTED {
        connection.send_in_batches((0..WARM_UP).map(counted.request), PIPELINE);
        let count = allocations_of(&mut connection, counted, WARM_UP);
        println!("{}: {count} allocations in {REQUESTS} requests", counted.name);
        if count > counted.allocations_max {
            counting::trace_allocations(TRACES);
            allocations_of(&mut connection, counted, WARM_UP + REQUESTS);
            counting::trace_allocations(0);
            broken.push(format!("{}: {count} allocations", counted.name));
        }
    }
    assert!(broken.is_empty(), "in {REQUESTS} requests each:\n{}", broken.join("\n"));
    // One test after the other: whatever is allocated meanwhile would be counted.
    large_values_are_not_copied(port.number);
    a_promise_takes_no_memory(port.number);
}

const LARGE: usize = 8 << 20;
/// What a request may allocate that copies nothing: the chunks around a value.
const WITHOUT_COPY_BYTES_MAX: u64 = 1024;

/// Bytes that the server allocates from this request to the end of its reply.
fn allocated_by(connection: &mut Connection, request: &[u8], reply_length: usize) -> u64 {
    let before = counting::allocated_bytes();
    connection.send(request);
    connection.read_exactly(reply_length);
    connection.expect_reply("PING", b"+PONG\r\n"); // and what comes after the reply
    counting::allocated_bytes() - before
}

fn large_values_are_not_copied(port: u16) {
    let mut connection = open(port);
    let value = vec![b'v'; LARGE];
    let request = |words: &[&[u8]]| encoded(words);
    allocated_by(&mut connection, &request(&[b"SET", b"first", &value]), 5); // tables grow
    let firsts = ["GET x", "GETDEL x", "ECHO x", "APPEND list x", "LINDEX list 0"];
    let streams = ["XADD entries 1-1 f v", "XRANGE entries - +", "XREVRANGE entries + -"];
    for first in firsts.iter().chain(&streams) {
        connection.ask(first); // what is counted of a command is made when it comes first
    }
    let bulk_length = LARGE + "$8388608\r\n\r\n".len();
    let entry_length = "*1\r\n*2\r\n$3\r\n2-2\r\n*2\r\n$1\r\nf\r\n".len() + bulk_length;
    let cases: [(&str, Vec<u8>, usize, u64); 17] = [
        ("SET", request(&[b"SET", b"large", &value]), 5, LARGE as u64),
        ("SET over it", request(&[b"SET", b"large", &value]), 5, LARGE as u64),
        ("GET", request(&[b"GET", b"large"]), bulk_length, 0),
        ("GETDEL", request(&[b"GETDEL", b"large"]), bulk_length, 0),
        ("ECHO", request(&[b"ECHO", &value]), bulk_length, LARGE as u64),
        ("APPEND to nothing", request(&[b"APPEND", b"new", &value]), 10, LARGE as u64),
        ("RPUSH", request(&[b"RPUSH", b"large", &value]), 4, LARGE as u64),
        ("LSET", request(&[b"LSET", b"large", b"0", &value]), 5, LARGE as u64),
        ("LINDEX", request(&[b"LINDEX", b"large", b"0"]), bulk_length, 0),
        ("LRANGE", request(&[b"LRANGE", b"large", b"0", b"-1"]), 4 + bulk_length, 0),
        ("LMOVE", request(&[b"LMOVE", b"large", b"list", b"LEFT", b"LEFT"]), bulk_length, 0),
        ("LPOP", request(&[b"LPOP", b"list"]), bulk_length, 0),
        ("PUBLISH", request(&[b"PUBLISH", b"channel", &value]), 4, LARGE as u64),
        ("XADD", request(&[b"XADD", b"entries", b"2-2", b"f", &value]), 9, LARGE as u64),
        ("XRANGE", request(&[b"XRANGE", b"entries", b"2", b"3"]), entry_length, 0),
        ("XREVRANGE", request(&[b"XREVRANGE", b"entries", b"3", b"2"]), entry_length, 0),
        ("PUBLISH to nobody", request(&[b"PUBLISH", b"silence", &value]), 4, LARGE as u64),
    ];
    for (name, request, reply_length, needed) in cases {
        let bytes = allocated_by(&mut connection, &request, reply_length);
        println!("{name} of {LARGE} bytes: {bytes} bytes allocated");
        assert!(bytes < needed + WITHOUT_COPY_BYTES_MAX, "{name}: {bytes} bytes allocated");
        assert!(bytes >= needed, "{name}: {bytes} bytes allocated; are they counted?");
    }
}

/// Half a gigabyte promised, and nothing sent.
fn a_promise_takes_no_memory(port: u16) {
    const LIARS: usize = 100;
    let before = counting::allocated_bytes();
    let mut liars: Vec<Connection> = (0..LIARS).map(|_| open(port)).collect();
    for liar in &mut liars {
        liar.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\n");
    }
    open(port).expect_reply("PING", b"+PONG\r\n");
    let each = (counting::allocated_bytes() - before) / LIARS as u64;
    println!("a promise: {each} bytes allocated");
    assert!(each < 20 * 1024, "{each} bytes allocated for each promise");
}
