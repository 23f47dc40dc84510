//! A request means the same wherever the network cuts it, and however many come at once.

use std::time::Duration;

use squint_testing::bytes::excerpt;
use squint_testing::connection::encoded;
use squint_testing::{Connection, Program, Server, ours};

/// Requests of every shape, and the replies to all of them.
fn pipeline() -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend_from_slice(b"FLUSHALL\r\n");
    bytes.extend_from_slice(&encoded(&["SET", "k", "v\r\n$3\r\n*1\r\n"]));
    bytes.extend_from_slice(&encoded(&["GET", "k"]));
    bytes.extend_from_slice(b"\r\n*0\r\n*-1\r\n  \r\n");
    bytes.extend_from_slice(b"set inline \"a b\\x00\\n\" px 100000\r\nget inline\n");
    bytes.extend_from_slice(&encoded(&["RPUSH", "l", "", "a", "bc"]));
    bytes.extend_from_slice(&encoded(&["LRANGE", "l", "0", "-1"]));
    bytes.extend_from_slice(&encoded(&["BLPOP", "l", "0"]));
    bytes.extend_from_slice(&encoded(&["NOSUCH", "x\r\ny"]));
    bytes.extend_from_slice(&encoded(&["MULTI"]));
    bytes.extend_from_slice(&encoded(&["INCR", "n"]));
    bytes.extend_from_slice(&encoded(&["GET"]));
    bytes.extend_from_slice(&encoded(&["DISCARD"]));
    bytes.extend_from_slice(&encoded(&["XADD", "s", "1-1", "f", "v"]));
    bytes.extend_from_slice(&encoded(&["XRANGE", "s", "-", "+"]));
    bytes.extend_from_slice(&encoded(&["PING"]));
    bytes
}

/// The same connection serves many runs, so that what one leaves behind meets the next.
struct Client {
    connection: Connection,
    bytes: Vec<u8>,
    replies: Vec<u8>,
}

impl Client {
    fn new(server: &Server, bytes: Vec<u8>) -> Client {
        let mut connection = server.connect();
        connection.send(&bytes);
        let replies = connection.read_until_quiet(Duration::from_millis(200));
        assert!(replies.ends_with(b"+PONG\r\n"), "{}", excerpt(&replies));
        Client { connection, bytes, replies }
    }

    /// Sends the pieces with pauses between them, and expects the replies of the whole.
    fn expect_same(&mut self, pieces: &[&[u8]], pause: Duration) {
        for piece in pieces {
            self.connection.send(piece);
            std::thread::sleep(pause);
        }
        self.connection.expect(&self.replies);
        assert!(self.connection.received().is_empty(), "more replies than requests");
    }
}

/// A pause after which the server has most likely read what was sent before.
const PAUSE: Duration = Duration::from_micros(300);

fn cut_in_two_at_every_byte(program: &Program) {
    let server = Server::start(program, &[]);
    let mut client = Client::new(&server, pipeline());
    let bytes = client.bytes.clone();
    for at in 1..bytes.len() {
        client.expect_same(&[&bytes[..at], &bytes[at..]], PAUSE);
    }
}

fn one_byte_at_a_time(program: &Program) {
    let server = Server::start(program, &[]);
    let mut client = Client::new(&server, pipeline());
    let bytes = client.bytes.clone();
    let pieces: Vec<&[u8]> = bytes.chunks(1).collect();
    client.expect_same(&pieces, PAUSE);
}

#[test]
fn d01_a_request_cut_at_any_byte_is_the_same_request() {
    cut_in_two_at_every_byte(&ours!());
}

#[test]
fn d01_a_request_that_comes_byte_by_byte_is_the_same_request() {
    one_byte_at_a_time(&ours!());
}

#[test]
fn redis_agrees_about_splits() {
    if let Some(redis) = Program::redis_or_leave_out() {
        one_byte_at_a_time(&redis);
    }
}

/// Pieces of every length up to a few times what fits in a buffer, so that requests straddle
/// whatever boundaries there are inside.
#[test]
fn m20_a_pipeline_of_a_thousand_in_pieces_of_any_length() {
    let server = Server::start(&ours!(), &[]);
    let mut connection = server.connect();
    let mut bytes = Vec::new();
    let mut replies = Vec::new();
    for number in 0..1000 {
        let text = "x".repeat(number % 97);
        bytes.extend_from_slice(&encoded(&["ECHO", &text]));
        replies.extend_from_slice(format!("${}\r\n{text}\r\n", text.len()).as_bytes());
    }
    for length in [3, 7, 61, 127, 1000, 1023, 4095, 4096, 4097, 8191, 16_383, 16_385, 20_011] {
        for piece in bytes.chunks(length) {
            connection.send(piece);
        }
        connection.expect(&replies);
    }
}

/// Lengths around that from which on an argument is received apart from the others.
const LARGE: [usize; 5] = [32_767, 32_768, 32_769, 50_000, 100_003];

fn large(kind: usize) -> Vec<u8> {
    let period = 13 + kind;
    (0..LARGE[kind % LARGE.len()]).map(|at| b"\r\n$*abcdefghijklmnopq"[at % period]).collect()
}

/// Requests with large arguments in every position, together with small ones.
fn large_pipeline() -> Vec<u8> {
    let [a, b, c, d, e] = [0, 1, 2, 3, 4].map(large);
    let requests: Vec<Vec<&[u8]>> = vec![
        vec![b"FLUSHALL"],
        vec![b"SET", b"k", &a],
        vec![b"GET", b"k"],
        vec![b"MSET", b"k", &b, &c, b"short", b"m", &d],
        vec![b"MGET", b"k", &c, b"m", b"absent"],
        vec![b"APPEND", b"k", &e],
        vec![b"APPEND", b"new", &e],
        vec![b"SET", b"k", &a, b"GET", b"EX", b"100"],
        vec![b"STRLEN", b"k"],
        vec![b"ECHO", &b],
        vec![b"PING", &e],
        vec![b"INCR", &d],
        vec![b"SETEX", b"k", &c, &b],
        vec![&a, &b, &c],
        vec![b"GET", &a, &b],
        vec![b"RPUSH", b"l", &a, b"", &c],
        vec![b"LRANGE", b"l", b"0", b"-1"],
        vec![b"LPOP", b"l"],
        vec![b"LPUSHX", b"l", &b, &d],
        vec![b"LINSERT", b"l", b"BEFORE", &b, &e],
        vec![b"LINSERT", b"l", b"AFTER", b"", b"small"],
        vec![b"LSET", b"l", b"0", &a],
        vec![b"LSET", b"l", b"-1", b"last"],
        vec![b"LINDEX", b"l", b"1"],
        vec![b"LPOS", b"l", &e],
        vec![b"LMOVE", b"l", b"m", b"LEFT", b"RIGHT"],
        vec![b"RPOPLPUSH", b"l", b"l"],
        vec![b"RPUSH", b"m", &a, &b, &a],
        vec![b"LMOVE", b"m", b"m", b"RIGHT", b"LEFT"],
        vec![b"LREM", b"m", b"-1", &a],
        vec![b"LRANGE", b"l", b"0", b"-1"],
        vec![b"BLPOP", b"none", b"m", b"0"],
        vec![b"LMPOP", b"1", b"m", b"RIGHT", b"COUNT", b"9"],
        vec![b"LTRIM", b"l", b"1", b"2"],
        vec![b"RPOP", b"l", b"5"],
        vec![b"XADD", b"s", b"1-1", b"f", &d],
        vec![b"XRANGE", b"s", b"-", b"+"],
        vec![b"XADD", b"s", b"1-2", b"f", &a, b"g", b"small", &b, &c],
        vec![b"XADD", b"s", b"1-3", b"f", b"small", b"g", &e, &b, &d],
        vec![b"XGROUP", b"CREATE", b"s", b"group", b"0"],
        vec![b"XREADGROUP", b"GROUP", b"group", b"one", b"STREAMS", b"s", b">"],
        vec![b"XREVRANGE", b"s", b"+", b"-", b"COUNT", b"2"],
        vec![b"XDEL", b"s", b"1-2"],
        vec![b"XREAD", b"STREAMS", b"s", b"0"],
        vec![b"XTRIM", b"s", b"MAXLEN", b"1"],
        vec![b"XRANGE", b"s", b"-", b"+"],
        vec![b"MULTI"],
        vec![b"SET", b"t", &d],
        vec![b"GET", b"t"],
        vec![b"APPEND", b"t", &a],
        vec![b"GETDEL", b"t"],
        vec![b"EXEC"],
        vec![b"MULTI"],
        vec![b"SET", b"t", &e],
        vec![b"DISCARD"],
        vec![b"EXISTS", b"t", &c],
        vec![b"PUBLISH", &a, &b],
        vec![b"GETEX", b"new"],
        vec![b"SETNX", b"n", &a],
        vec![b"SETNX", b"n", &b],
        vec![b"GET", b"n"],
        vec![b"PING"],
    ];
    requests.iter().flat_map(|words| encoded(words)).collect()
}

/// The replies to the large pipeline, sent whole.
fn large_replies(program: &Program) -> Vec<u8> {
    Client::new(&Server::start(program, &[]), large_pipeline()).replies
}

#[test]
fn d03_large_arguments_are_answered_as_by_redis() {
    if let Some(redis) = Program::redis_or_leave_out() {
        assert!(large_replies(&ours!()) == large_replies(&redis), "replies differ");
    }
}

/// Pieces of any length, so that large arguments are cut at their edges and inside.
#[test]
fn d03_large_arguments_in_pieces_of_any_length() {
    let server = Server::start(&ours!(), &[]);
    let mut client = Client::new(&server, large_pipeline());
    let bytes = client.bytes.clone();
    for length in [977, 4_099, 16_384, 32_768, 32_771, 50_021, 65_537, 200_003] {
        let pieces: Vec<&[u8]> = bytes.chunks(length).collect();
        client.expect_same(&pieces, PAUSE);
    }
}

/// One cut, at every byte around the edges of a large argument.
#[test]
fn d03_a_large_argument_cut_around_its_edges() {
    let server = Server::start(&ours!(), &[]);
    let value = large(3);
    let requests: [Vec<&[u8]>; 3] =
        [vec![b"SET", b"k", &value, b"EX", b"9"], vec![b"GET", b"k"], vec![b"PING"]];
    let bytes: Vec<u8> = requests.iter().flat_map(|words| encoded(words)).collect();
    let mut client = Client::new(&server, bytes.clone());
    let start = encoded(&["SET", "k"]).len() + "$50000\r\n".len();
    for edge in [start, start + value.len()] {
        for at in edge - 12..edge + 12 {
            client.expect_same(&[&bytes[..at], &bytes[at..]], PAUSE);
        }
    }
}

#[test]
fn a_large_argument_that_does_not_end_in_crlf_is_no_argument() {
    let server = Server::start(&ours!(), &[]);
    for wrong in [&b"xx"[..], b"\rx", b"\n\n"] {
        let mut connection = server.connect();
        connection.send(b"*2\r\n$4\r\nECHO\r\n$40000\r\n");
        connection.send(&vec![b'x'; 40_000]);
        connection.send(wrong);
        let reply = connection.reply();
        assert!(reply.starts_with(b"-ERR Protocol error"), "{}", excerpt(&reply));
        connection.expect_closed();
    }
}

/// D03: a value far larger than any buffer, cut wherever it pleases the network.
#[test]
fn d03_a_value_of_many_megabytes() {
    const LENGTH: usize = 32 << 20;
    let server = Server::start(&ours!(), &[]);
    let mut connection = server.connect();
    let value: Vec<u8> = (0..LENGTH).map(|at| (at % 251) as u8).collect();
    connection.send(&encoded(&[b"SET".as_slice(), b"k", &value]));
    connection.expect(b"+OK\r\n");
    connection.send(&encoded(&["GET", "k"]));
    connection.expect(format!("${LENGTH}\r\n").as_bytes());
    let got = connection.read_exactly(LENGTH + 2);
    assert!(got[..LENGTH] == value, "the value came back changed");
    connection.expect_reply("PING", b"+PONG\r\n");
}

/// D02, M19: the client reads only when all is written, so the replies must wait in the server.
#[test]
fn d02_a_million_pings_are_answered_after_the_last_is_written() {
    const PINGS: usize = 1_000_000;
    let server = Server::start(&ours!(), &[]);
    let mut connection = server.connect();
    connection.send(&b"PING\r\n".repeat(PINGS));
    let replies = connection.read_exactly(PINGS * b"+PONG\r\n".len());
    let is_right = replies.chunks(7).all(|reply| reply == b"+PONG\r\n");
    assert!(is_right, "a reply in the middle differs");
    connection.expect_reply("ECHO done", b"$4\r\ndone\r\n");
}

/// D18: what was asked before the client stopped sending is answered.
#[test]
fn d18_a_pipeline_and_a_half_close() {
    const PINGS: usize = 10_000;
    let server = Server::start(&ours!(), &[]);
    let mut connection = server.connect();
    connection.send(&b"PING\r\n".repeat(PINGS));
    connection.finish_sending();
    let replies = connection.read_exactly(PINGS * b"+PONG\r\n".len());
    assert!(replies.chunks(7).all(|reply| reply == b"+PONG\r\n"));
    connection.expect_closed();
}

/// D15, D16: a client that asks for much and does not read, or leaves in the middle, harms nobody.
#[test]
fn d16_clients_that_leave_while_they_are_answered() {
    let mut server = Server::start(&ours!(), &[]);
    let mut steady = server.connect();
    steady.send(&encoded(&["SET", "big", &"x".repeat(1 << 20)]));
    steady.expect(b"+OK\r\n");
    for round in 0..300 {
        let mut leaver = server.connect();
        leaver.command("GET big");
        leaver.command("GET big");
        if round % 3 > 0 {
            leaver.read_exactly(1 + round * 37);
        }
        if round % 2 > 0 {
            leaver.finish_sending();
        }
        drop(leaver);
        steady.expect_reply("PING", b"+PONG\r\n");
    }
    assert!(server.is_alive());
}

/// D15: one that never reads, beside one that does.
#[test]
fn d15_a_client_that_never_reads_stops_nobody() {
    let server = Server::start(&ours!(), &[]);
    let mut steady = server.connect();
    steady.send(&encoded(&["SET", "big", &"x".repeat(1 << 20)]));
    steady.expect(b"+OK\r\n");
    let mut stuck = server.connect();
    for _ in 0..50 {
        stuck.command("GET big");
    }
    let start = std::time::Instant::now();
    for _ in 0..1000 {
        steady.expect_reply("PING", b"+PONG\r\n");
    }
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    // And it gets all of it when it reads at last.
    let all = stuck.read_exactly(50 * ((1 << 20) + "$1048576\r\n\r\n".len()));
    assert!(all.ends_with(b"x\r\n"));
}

/// D20: a reader that is slow all the way still gets every byte.
#[test]
fn d20_a_large_reply_drains_through_a_slow_reader() {
    let server = Server::start(&ours!(), &[]);
    let mut connection = server.connect();
    let value = "y".repeat(8 << 20);
    connection.send(&encoded(&["SET", "big", &value]));
    connection.expect(b"+OK\r\n");
    connection.command("GET big");
    let mut left = value.len() + "$8388608\r\n\r\n".len();
    while left > 0 {
        let step = left.min(300_000);
        connection.read_exactly(step);
        left -= step;
        std::thread::sleep(Duration::from_millis(1));
    }
    connection.expect_reply("PING", b"+PONG\r\n");
}
