//! Nineteen thousand connections at once: a thousand of them wait on a key each, then all on one
//! key; ten thousand hear the same messages.
//!
//! The server is a process of its own, so the limit of open files (20,000 here) counts once for it
//! and once for this test.

use std::time::{Duration, Instant};

use squint_testing::connection::encoded;
use squint_testing::{Connection, Server, ours};

const CONNECTIONS: usize = 19_000;
const WAITERS: usize = 1_000;
/// So many begin to wait between two answers that are waited for.
const COMPANY: usize = 100;
const SUBSCRIBERS: usize = 10_000;
/// Published in two pipelines.
const MESSAGES: usize = 20;
/// The shortest timeout: long enough that all wait before the first one ends.
const TIMEOUT_MIN_MS: u64 = 4_000;
/// How far apart the timeouts are.
const TIMEOUT_STEP_MS: u64 = 2;
/// How late a timeout may be on a machine that is busy with other tests.
const LATE_MAX: Duration = Duration::from_millis(1_500);

#[test]
fn d22_nineteen_thousand_connections_wait_and_listen() {
    let server = Server::start(&ours!(), &["--maxclients", "19100"]);
    let mut control = server.connect();
    let mut crowd: Vec<Connection> = (0..CONNECTIONS).map(|_| server.connect()).collect();
    // The last ones may still stand in the queue of the listening socket.
    until(&mut control, "connected_clients", CONNECTIONS + 1);

    let start = Instant::now();
    let mut sent_at = Vec::new();
    for (number, waiter) in crowd.iter_mut().take(WAITERS).enumerate() {
        sent_at.push(Instant::now());
        let timeout_ms = timeout_ms(number);
        let (seconds, thousandths) = (timeout_ms / 1000, timeout_ms % 1000);
        waiter.command(&format!("BLPOP waited-{number} {seconds}.{thousandths:03}"));
    }
    until(&mut control, "blocked_clients", WAITERS);
    assert!(start.elapsed() < Duration::from_millis(TIMEOUT_MIN_MS), "they took too long to block");

    everybody_is_answered(&mut crowd[WAITERS..]);
    let served = serve_every_tenth(&mut control, &mut crowd[..WAITERS]);
    until(&mut control, "blocked_clients", WAITERS - served);
    let ended = everybody_else_times_out(&mut crowd[..WAITERS], &sent_at);
    assert_eq!(served + ended, WAITERS, "none is lost");

    // The wheel is empty, and so is the slab when all have left.
    until(&mut control, "blocked_clients", 0);
    assert_eq!(control.ask("DBSIZE"), b":0\r\n");
    everybody_is_answered(&mut crowd);
    everybody_waits_on_one_key(&mut control, &mut crowd);
    subscribers_hear_everything_in_order(&mut control, &mut crowd[..SUBSCRIBERS]);
    drop(crowd);
    until(&mut control, "connected_clients", 1);
}

fn timeout_ms(number: usize) -> u64 {
    TIMEOUT_MIN_MS + TIMEOUT_STEP_MS * number as u64
}

/// Whether this waiter gets an element before its time is over.
fn is_served(number: usize) -> bool {
    number.is_multiple_of(10)
}

fn everybody_is_answered(crowd: &mut [Connection]) {
    for connection in crowd.iter_mut() {
        connection.command("PING");
    }
    for connection in crowd.iter_mut() {
        connection.expect(b"+PONG\r\n");
    }
}

fn serve_every_tenth(control: &mut Connection, waiters: &mut [Connection]) -> usize {
    let mut served = 0;
    for (number, waiter) in waiters.iter_mut().enumerate().filter(|(at, _)| is_served(*at)) {
        control.expect_reply(&format!("RPUSH waited-{number} x"), b":1\r\n");
        let key = format!("waited-{number}");
        waiter.expect(format!("*2\r\n${}\r\n{key}\r\n$1\r\nx\r\n", key.len()).as_bytes());
        served += 1;
    }
    served
}

/// Reads the ends in the order in which they are due: none early, and none much too late.
fn everybody_else_times_out(waiters: &mut [Connection], sent_at: &[Instant]) -> usize {
    let mut ended = 0;
    for (number, waiter) in waiters.iter_mut().enumerate().filter(|(at, _)| !is_served(*at)) {
        let due = Duration::from_millis(timeout_ms(number));
        let reply = waiter.reply_within(due + LATE_MAX + Duration::from_secs(5));
        let elapsed = sent_at[number].elapsed();
        assert_eq!(reply, b"*-1\r\n");
        assert!(elapsed >= due, "waiter {number} ended after {elapsed:?}, due {due:?}");
        assert!(elapsed < due + LATE_MAX, "waiter {number} ended after {elapsed:?}, due {due:?}");
        ended += 1;
    }
    ended
}

/// First come, first served. Which of two requests on different sockets arrives first is for the
/// kernel to say, but the next company is not sent before the last one waits. (In the simulator,
/// where there is no such doubt, the place of each single one is checked.)
fn everybody_waits_on_one_key(control: &mut Connection, crowd: &mut [Connection]) {
    for company in crowd.chunks_mut(COMPANY) {
        for waiter in company {
            waiter.command("BLPOP k 0");
        }
        // The server has read what was sent before this once it answers.
        control.expect_reply("PING", b"+PONG\r\n");
    }
    until(control, "blocked_clients", crowd.len());
    for (number, company) in crowd.chunks_mut(COMPANY).enumerate() {
        let elements: Vec<String> =
            (0..COMPANY).map(|place| format!("{number:03}-{place:02}")).collect();
        let words = ["RPUSH", "k"].into_iter().chain(elements.iter().map(String::as_str));
        control.send(&encoded(&words.collect::<Vec<_>>()));
        control.expect(format!(":{COMPANY}\r\n").as_bytes());
        let mut served: Vec<Vec<u8>> = company.iter_mut().map(Connection::reply).collect();
        served.sort();
        for (reply, element) in served.into_iter().zip(elements) {
            assert_eq!(reply, format!("*2\r\n$1\r\nk\r\n$6\r\n{element}\r\n").as_bytes());
        }
    }
    until(control, "blocked_clients", 0);
    control.expect_reply("EXISTS k", b":0\r\n");
}

fn subscribers_hear_everything_in_order(control: &mut Connection, crowd: &mut [Connection]) {
    for subscriber in crowd.iter_mut() {
        subscriber.command("SUBSCRIBE news");
    }
    for subscriber in crowd.iter_mut() {
        subscriber.expect(b"*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n");
    }
    for half in [0..MESSAGES / 2, MESSAGES / 2..MESSAGES] {
        let publish = |number| encoded(&["PUBLISH", "news", &format!("message {number:03}")]);
        control.send(&half.clone().map(publish).collect::<Vec<_>>().concat());
        let replies = format!(":{SUBSCRIBERS}\r\n").repeat(half.len());
        control.expect(replies.as_bytes());
        let message =
            |number| format!("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$11\r\nmessage {number:03}\r\n");
        let messages = half.map(message).collect::<String>();
        for subscriber in crowd.iter_mut() {
            subscriber.expect(messages.as_bytes());
        }
    }
}

/// Waits until a field of INFO has this value.
fn until(control: &mut Connection, field: &str, value: usize) {
    let deadline = Instant::now() + Duration::from_secs(20);
    let wanted = format!("\r\n{field}:{value}\r\n");
    loop {
        let info = String::from_utf8_lossy(&control.ask("INFO clients")).into_owned();
        if info.contains(&wanted) {
            return;
        }
        assert!(Instant::now() < deadline, "INFO never said {field}:{value}:\n{info}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
