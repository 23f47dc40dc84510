//! What clients can make the server hold: what they have sent, and what they may leave unread.
//!
//! The server is a process of its own, and the system says what it holds: now, and at the most so
//! far.
#![cfg(target_os = "linux")]

use std::time::{Duration, Instant};

use squint_testing::connection::{Arrival, encoded};
use squint_testing::{Connection, Server, ours};

const MIB: u64 = 1 << 20;

/// A line of what Linux says of the server's memory, in bytes.
fn memory(server: &Server, line: &str) -> u64 {
    let path = format!("/proc/{}/status", server.process_id());
    let text = std::fs::read_to_string(path).expect("the server runs");
    let rest = text.lines().find_map(|text| text.strip_prefix(line)).expect("Linux has this line");
    let kilobytes = rest.split_whitespace().nth(1).expect("a number follows");
    kilobytes.parse::<u64>().expect("a number") * 1024
}

fn held(server: &Server) -> u64 {
    memory(server, "VmRSS")
}

fn held_at_most(server: &Server) -> u64 {
    memory(server, "VmHWM")
}

/// All that was sent before has been looked at.
fn settle(control: &mut Connection) {
    for _ in 0..3 {
        control.expect_reply("PING", b"+PONG\r\n");
    }
}

/// Half a gigabyte is announced, a thousand times.
#[test]
fn m22_a_promise_takes_no_memory() {
    let server = Server::start(&ours!(), &[]);
    let mut control = server.connect();
    let before = held(&server);
    let mut crowd: Vec<Connection> = (0..1_000).map(|_| server.connect()).collect();
    for liar in &mut crowd {
        liar.send(b"*2\r\n$4\r\nECHO\r\n$536870912\r\n");
    }
    settle(&mut control);
    let grown = held(&server) - before;
    assert!(grown < 10 * MIB, "{grown} bytes for promises");
}

/// A million arguments are announced, and come one byte at a time: two kilobytes for a connection,
/// beside the bytes that came.
#[test]
fn m21_slow_requests_take_what_came_of_them() {
    const CROWD: u64 = 2_000;
    const ROUNDS: u64 = 20;
    let server = Server::start(&ours!(), &[]);
    let mut control = server.connect();
    let before = held(&server);
    let mut crowd: Vec<Connection> = (0..CROWD).map(|_| server.connect()).collect();
    for slow in &mut crowd {
        slow.send(b"*1000000\r\n");
    }
    for _ in 0..ROUNDS {
        for slow in &mut crowd {
            slow.send(b"$1\r\nx\r\n");
        }
        settle(&mut control);
    }
    let grown = held(&server) - before;
    let received = "*1000000\r\n".len() as u64 + ROUNDS * "$1\r\nx\r\n".len() as u64;
    println!("{} bytes for each", grown / CROWD);
    assert!(grown < CROWD * (2048 + received), "{} bytes for each", grown / CROWD);
}

/// A server whose clients may leave a megabyte unread, and a list of five.
fn with_a_list() -> (Server, Connection) {
    let limit = "normal 1mb 0 0";
    let settings = ["--client-output-buffer-limit", limit, "--enable-debug-command", "yes"];
    let server = Server::start(&ours!(), &settings);
    let mut control = server.connect();
    let element = "x".repeat(1_000);
    let mut push = vec!["RPUSH", "list"];
    push.extend(std::iter::repeat_n(element.as_str(), 1_000));
    for number in 1..=5 {
        control.send(&encoded(&push));
        control.expect(format!(":{}000\r\n", number).as_bytes());
    }
    (server, control)
}

/// An element is there once: it is kept where it was received, and every reply refers to it.
#[test]
fn a_large_element_is_there_once_however_many_read_it() {
    const LENGTH: usize = 64 << 20;
    let server = Server::start(&ours!(), &[]);
    let mut control = server.connect();
    settle(&mut control);
    let before = held(&server);
    let element = vec![b'e'; LENGTH];
    control.send(&encoded(&[b"LPUSH".as_slice(), b"list", &element]));
    control.expect(b":1\r\n");
    let mut readers = [server.connect(), server.connect()];
    for reader in &mut readers {
        reader.send(b"LRANGE list 0 -1\r\nLINDEX list 0\r\n");
    }
    settle(&mut control); // both replies are on their way
    for reader in &mut readers {
        reader.expect(format!("*1\r\n${LENGTH}\r\n").as_bytes());
        assert!(reader.read_exactly(LENGTH + 2)[..LENGTH] == element);
    }
    control.send(b"LMOVE list other LEFT LEFT\r\n");
    control.read_exactly(LENGTH + "$67108864\r\n\r\n".len());
    let grown = held_at_most(&server) - before;
    println!("{grown} bytes for an element of {LENGTH}");
    assert!(grown < LENGTH as u64 + 4 * MIB, "{grown} bytes for an element of {LENGTH}");
}

/// A message is there once: every subscriber's output refers to what was received.
#[test]
fn a_large_message_is_there_once_however_many_hear_it() {
    const LENGTH: usize = 64 << 20;
    const CROWD: usize = 10;
    let settings = ["--client-output-buffer-limit", "pubsub 0 0 0"];
    let server = Server::start(&ours!(), &settings);
    let mut control = server.connect();
    let mut crowd: Vec<Connection> = (0..CROWD).map(|_| server.connect()).collect();
    for subscriber in &mut crowd {
        subscriber.ask("SUBSCRIBE c");
    }
    let before = held(&server);
    control.send(&encoded(&[b"PUBLISH".as_slice(), b"c", &vec![b'm'; LENGTH]]));
    control.expect(format!(":{CROWD}\r\n").as_bytes());
    for subscriber in &mut crowd {
        subscriber.expect(format!("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n${LENGTH}\r\n").as_bytes());
        subscriber.read_exactly(LENGTH + 2);
    }
    let grown = held_at_most(&server) - before;
    println!("{grown} bytes for a message of {LENGTH}");
    assert!(grown < LENGTH as u64 + 4 * MIB, "{grown} bytes for a message of {LENGTH}");
    settle(&mut control);
}

/// Two hundred subscribers never read, and the publisher is not disturbed: those who would use more
/// than all may are closed in time. Their sockets take the first megabytes of each.
#[test]
fn clients_together_use_no_more_than_they_may() {
    const LIMIT: u64 = 128 * MIB;
    const CROWD: usize = 200;
    let server = Server::start(&ours!(), &["--maxmemory-clients", "128mb"]);
    let mut publisher = server.connect();
    publisher.expect_reply("CONFIG SET loglevel warning", b"+OK\r\n"); // a line for each is many
    let mut crowd: Vec<Connection> = (0..CROWD).map(|_| server.connect()).collect();
    for deaf in &mut crowd {
        deaf.ask("SUBSCRIBE c");
    }
    settle(&mut publisher);
    let before = held(&server);
    let publish = encoded(&[b"PUBLISH".as_slice(), b"c", &[b'm'; 3_000]]);
    fill(&mut publisher, (0..3_500).map(|_| publish.clone()));
    let most = held_at_most(&server) - before;
    println!("{most} bytes for those who do not read");
    assert!(most < LIMIT + LIMIT / 10, "{most} bytes for those who do not read");
    let evicted = String::from_utf8(publisher.ask("INFO stats")).expect("text");
    assert!(evicted.contains("evicted_clients:") && !evicted.contains("evicted_clients:0"));
}

/// Whoever asks for the list is closed; meanwhile no more than a few copies of it exist.
fn asks_for_too_much(requests: &[u8], crowd: usize) {
    let (server, mut control) = with_a_list();
    let before = held(&server);
    let mut crowd: Vec<Connection> = (0..crowd).map(|_| server.connect()).collect();
    control.command("DEBUG SLEEP 0.2"); // so that all their requests meet in one tick
    for deaf in &mut crowd {
        deaf.send(requests);
    }
    control.expect(b"+OK\r\n");
    for deaf in &mut crowd {
        let deadline = Instant::now() + Duration::from_secs(10);
        while deaf.wait(deadline) == Arrival::Bytes {}
        assert_eq!(deaf.wait(deadline), Arrival::Closed);
    }
    let most = held_at_most(&server).saturating_sub(before);
    assert!(most < 20 * MIB, "{most} bytes for replies that nobody reads");
    control.expect_reply("LLEN list", b":5000\r\n");
    control.expect_reply("LINDEX list -1", &[b"$1000\r\n", &[b'x'; 1000][..], b"\r\n"].concat());
}

#[test]
fn m24_a_hundred_that_ask_for_more_than_they_may_are_closed_one_by_one() {
    asks_for_too_much(b"LRANGE list 0 -1\r\n", 100);
}

#[test]
fn m24_a_pipeline_is_not_first_answered_and_then_measured() {
    asks_for_too_much(&b"LRANGE list 0 -1\r\n".repeat(60), 1);
}

#[test]
fn m24_a_transaction_runs_to_its_end_and_says_no_more_than_it_may() {
    let ranges = b"LRANGE list 0 -1\r\n".repeat(60);
    asks_for_too_much(&[b"MULTI\r\n", &ranges[..], b"EXEC\r\n"].concat(), 1);
}

#[test]
fn a_transaction_whose_client_is_closed_for_its_output_has_run() {
    let (server, mut control) = with_a_list();
    let mut deaf = server.connect();
    deaf.send(b"MULTI\r\nLRANGE list 0 -1\r\nINCR n\r\nLRANGE list 0 -1\r\nINCR n\r\nEXEC\r\n");
    while deaf.wait(Instant::now() + Duration::from_secs(10)) == Arrival::Bytes {}
    control.expect_reply("GET n", b"$1\r\n2\r\n");
}

/// What is O(N) says so and holds its reply and little else; SCAN holds no more than was asked for.
#[test]
fn m32_all_keys_at_once_cost_their_reply_and_scan_costs_little() {
    const KEYS: usize = 300_000;
    let server = Server::start(&ours!(), &[]);
    let mut control = server.connect();
    for thousand in 0..KEYS / 1_000 {
        let names: Vec<String> =
            (0..1_000).map(|last| format!("key:{thousand:03}{last:03}")).collect();
        let pairs = names.iter().flat_map(|name| [name.as_str(), "x"]);
        control.send(&encoded(&std::iter::once("MSET").chain(pairs).collect::<Vec<_>>()));
        control.expect(b"+OK\r\n");
    }
    let reply_bytes = b"*300000\r\n".len() + KEYS * b"$10\r\nkey:000000\r\n".len();
    let before = held(&server);
    assert_eq!(scanned(&mut control), KEYS);
    let for_scan = held_at_most(&server).saturating_sub(before);
    assert!(for_scan < MIB, "SCAN took {for_scan} bytes");

    control.command("KEYS *");
    assert!(control.read_exactly(reply_bytes).starts_with(b"*300000\r\n"));
    let for_keys = held_at_most(&server).saturating_sub(before);
    let keys_max = reply_bytes as u64 * 5 / 4 + MIB;
    assert!(for_keys < keys_max, "KEYS took {for_keys} bytes for a reply of {reply_bytes}");
    let documented = String::from_utf8_lossy(&control.ask("COMMAND DOCS keys")).into_owned();
    assert!(documented.contains("O(N)"), "{documented}");
}

/// How many keys a whole SCAN finds, a thousand at a time.
fn scanned(control: &mut Connection) -> usize {
    let (mut cursor, mut keys) = ("0".to_string(), 0);
    loop {
        let reply = control.ask(&format!("SCAN {cursor} COUNT 1000"));
        assert!(reply.len() < 100_000, "{} bytes for a thousand keys", reply.len());
        let text = String::from_utf8(reply).expect("names of keys");
        cursor = text.lines().nth(2).expect("a cursor").to_string();
        keys += text.matches("key:").count();
        if cursor == "0" {
            return keys;
        }
    }
}

/// Sends requests, a hundred at a time.
fn fill(control: &mut Connection, requests: impl Iterator<Item = Vec<u8>>) {
    control.send_in_batches(requests, 100);
}

/// The system has it back, though something else was allocated later and stays.
#[test]
fn what_is_deleted_goes_back_to_the_system() {
    let elements = ["0123456789abcdef"; 100];
    let push: Vec<&str> = ["RPUSH", "list"].into_iter().chain(elements).collect();
    let value = "v".repeat(10_000);
    let add = ["XADD", "stream", "*", "first", &value[..200], "second", "34"];
    let server = Server::start(&ours!(), &[]);
    let mut control = server.connect();
    settle(&mut control);
    let before = held(&server);
    fill(&mut control, (0..5_000).map(|_| encoded(&push)));
    fill(&mut control, (0..50_000).map(|_| encoded(&add)));
    fill(&mut control, (0..1_000).map(|n| encoded(&["SET", &format!("long:{n}"), &value])));
    let full = held(&server) - before;
    assert!(full > 20 * MIB, "{full} bytes for more than that");
    fill(&mut control, (0..100).map(|n| encoded(&["SET", &format!("kept:{n}"), &value])));
    fill(&mut control, (0..1_000).map(|n| encoded(&["DEL", &format!("long:{n}")])));
    control.expect_reply("DEL list stream", b":2\r\n");
    let is_back = || held(&server) < before + 5 * MIB;
    let end = Instant::now() + Duration::from_secs(10);
    while !is_back() && Instant::now() < end {
        settle(&mut control); // large values go piece by piece
    }
    assert!(is_back(), "{} bytes are still held", held(&server) - before);
}

/// The same for long values, whatever was allocated between them: up to eight megabytes stay, for
/// those that come next.
#[test]
fn what_long_values_leave_goes_back_to_the_system() {
    values_leave(500, 100_000, 10 * MIB);
}

/// Of those above two megabytes, thirty-two.
#[test]
fn what_longer_values_leave_goes_back_to_the_system() {
    values_leave(30, 5_000_000, 42 * MIB);
}

/// Stores so many values twice, and deletes them: less than `rest_bytes` may stay.
fn values_leave(count: usize, length: usize, rest_bytes: u64) {
    let value = "v".repeat(length);
    let server = Server::start(&ours!(), &[]);
    let mut control = server.connect();
    settle(&mut control);
    let before = held(&server);
    for round in 0..2 {
        let pairs = (0..count).map(|n| (format!("long:{n}"), format!("short:{round}:{n}")));
        fill(
            &mut control,
            pairs.flat_map(|(long, short)| {
                [
                    encoded(&["SET", &long, &value]),
                    encoded(&["SET", &short, "20 bytes, or nearly."]),
                ]
            }),
        );
        assert!(held(&server) - before > (count * length) as u64 * 9 / 10);
        fill(&mut control, (0..count).map(|n| encoded(&["DEL", &format!("long:{n}")])));
        let is_back = || held(&server) < before + rest_bytes;
        let end = Instant::now() + Duration::from_secs(10);
        while !is_back() && Instant::now() < end {
            settle(&mut control);
        }
        assert!(is_back(), "{} bytes are still held", held(&server) - before);
    }
}

/// How many mappings of the server have asked for huge pages.
fn huge_mappings(server: &Server) -> usize {
    let path = format!("/proc/{}/smaps", server.process_id());
    let maps = std::fs::read_to_string(path).expect("the server runs");
    let flags = maps.lines().filter_map(|line| line.strip_prefix("VmFlags:"));
    flags.filter(|flags| flags.split_whitespace().any(|flag| flag == "hg")).count()
}

/// Twenty megabytes of keys, and then none.
#[test]
fn a_store_that_grows_no_more_asks_for_huge_pages() {
    if !std::path::Path::new("/sys/kernel/mm/transparent_hugepage").exists() {
        println!("left out: this kernel makes no huge pages");
        return;
    }
    let server = Server::start(&ours!(), &[]);
    let mut control = server.connect();
    let value = "v".repeat(1_000);
    fill(&mut control, (0..20_000).map(|n| encoded(&["SET", &format!("key:{n}"), &value])));
    let end = Instant::now() + Duration::from_secs(20);
    while huge_mappings(&server) == 0 {
        assert!(Instant::now() < end, "nothing has asked");
        std::thread::sleep(Duration::from_millis(50));
    }
}
