//! `maxmemory-clients`: who is closed when all clients together use too much.

use super::scene::{ClientName, Scene};
use squint_sys::simulated::PeerState::{Ended, Open};

/// A request that promises more than it brings: `length` bytes lie in the input.
fn half_a_request(length: usize) -> Vec<u8> {
    [b"*2\r\n$4\r\nECHO\r\n$9000000\r\n", vec![b'x'; length].as_slice()].concat()
}

/// Clients that have sent so many bytes of a request, one each, by the millisecond 5.
fn with_input<const N: usize>(scene: &mut Scene, lengths: [usize; N]) -> [ClientName; N] {
    lengths.map(|length| {
        let client = scene.connect();
        scene.send_at(1, client, &half_a_request(length));
        client
    })
}

#[test]
fn of_two_the_larger_goes_if_that_is_enough() {
    let mut scene = Scene::start(&["--maxmemory-clients", "30kb"]);
    let [larger, smaller] = with_input(&mut scene, [25_000, 10_000]);
    let idle = scene.connect();
    scene.send_at(20, idle, b"PING\r\n");
    for client in [larger, smaller, idle] {
        scene.probe_state_at(30, client);
    }
    scene.run_ms(40);
    let states = [larger, smaller, idle].map(|client| scene.probes(client)[0]);
    assert_eq!(states, [Ended, Open, Open]);
    assert_eq!(scene.received(idle), b"+PONG\r\n");
}

#[test]
fn a_limit_that_is_lowered_holds_at_once() {
    let mut scene = Scene::start(&["--maxmemory-clients", "1mb"]);
    let [larger, smaller] = with_input(&mut scene, [25_000, 10_000]);
    let operator = scene.connect();
    scene.send_at(20, operator, b"CONFIG SET maxmemory-clients 30kb\r\n");
    scene.probe_state_at(19, larger);
    scene.probe_state_at(25, larger);
    scene.probe_state_at(25, smaller);
    scene.send_at(30, operator, b"CONFIG SET maxmemory-clients 0\r\n");
    scene.probe_state_at(40, smaller);
    scene.run_ms(50);
    assert_eq!(scene.probes(larger), [Open, Ended]);
    assert_eq!(scene.probes(smaller), [Open, Open]);
    assert_eq!(scene.received(operator), b"+OK\r\n+OK\r\n");
}

#[test]
fn a_limit_that_comes_later_finds_who_is_there() {
    let mut scene = Scene::start(&[]);
    let [larger, smaller] = with_input(&mut scene, [25_000, 10_000]);
    let operator = scene.connect();
    scene.send_at(20, operator, b"CONFIG SET maxmemory-clients 30kb\r\n");
    scene.probe_state_at(25, larger);
    scene.probe_state_at(25, smaller);
    scene.run_ms(50);
    assert_eq!([scene.probes(larger), scene.probes(smaller)], [[Ended], [Open]]);
}

#[test]
fn who_is_excused_stays_and_counts() {
    let mut scene = Scene::start(&["--maxmemory-clients", "30kb"]);
    let excused = scene.connect();
    scene.send_at(1, excused, b"CLIENT NO-EVICT ON\r\n");
    scene.send_at(2, excused, &half_a_request(29_000));
    let other = scene.connect();
    scene.send_at(10, other, &half_a_request(10_000));
    scene.probe_state_at(20, excused);
    scene.probe_state_at(20, other);
    scene.run_ms(30);
    assert_eq!([scene.probes(excused), scene.probes(other)], [[Open], [Ended]]);
}

/// A queue grows in small steps, each of which is replied to.
#[test]
fn a_queue_counts() {
    let mut scene = Scene::start(&["--maxmemory-clients", "100kb"]);
    let client = scene.connect();
    scene.send_at(1, client, b"MULTI\r\n");
    let set = format!("SET key {}\r\n", "v".repeat(1_000));
    for at_ms in 2..200 {
        scene.send_if_open_at(at_ms, client, set.as_bytes());
    }
    scene.run_ms(250);
    assert_eq!(scene.state(client), Ended);
    let replies = String::from_utf8(scene.received(client)).expect("replies");
    let queued = replies.matches("+QUEUED").count();
    assert!((80..=102).contains(&queued), "{queued} commands of a kilobyte were queued");
}

/// Three subscribers that never read, and pipelines of thirty messages, a tick each: what is
/// published behind the close of one is not for it, and the publisher hears it in the numbers.
#[test]
fn a_publisher_is_not_disturbed_by_those_who_do_not_read() {
    let mut scene = Scene::start(&["--maxmemory-clients", "200kb"]);
    let publisher = scene.connect();
    let deaf = [scene.connect(), scene.connect(), scene.connect()];
    for &client in &deaf {
        scene.stop_reading(client, 1_000);
        scene.send_at(1, client, b"SUBSCRIBE c\r\n");
    }
    let publish = format!("PUBLISH c {}\r\n", "m".repeat(1_000));
    for at_ms in 10..20 {
        scene.send_at(at_ms, publisher, publish.repeat(30).as_bytes());
    }
    for client in deaf {
        scene.probe_state_at(25, client);
    }
    scene.run_ms(30);
    let replies = String::from_utf8(scene.received(publisher)).expect("replies");
    let heard: Vec<&str> = replies.lines().collect();
    assert_eq!(heard.len(), 300);
    assert!(heard.is_sorted_by(|one, next| one >= next), "{heard:?}");
    assert_eq!((heard[0], heard[299]), (":3", ":0"));
    assert_eq!(deaf.map(|client| scene.probes(client)[0]), [Ended; 3]);
}

/// Whoever reads gives back what its output used, and stays.
#[test]
fn what_has_been_written_counts_no_more() {
    let mut scene = Scene::start(&["--maxmemory-clients", "200kb"]);
    let client = scene.connect();
    scene.send_at(1, client, format!("SET k {}\r\n", "v".repeat(10_000)).as_bytes());
    for at_ms in 2..102 {
        scene.send_at(at_ms, client, b"GET k\r\n");
    }
    scene.run_ms(200);
    assert_eq!(scene.received(client).len(), 5 + 100 * 10_010);
}

/// Its request went with the wait, and counted until the client did something again.
#[test]
fn a_wait_that_ends_in_silence_counts_no_more() {
    let mut scene = Scene::start(&["--maxmemory-clients", "100kb"]);
    let waiter = scene.connect();
    scene.send_at(1, waiter, b"CLIENT REPLY OFF\r\n");
    let key = vec![b'k'; 60_000];
    let blpop = [b"*3\r\n$5\r\nBLPOP\r\n$60000\r\n", &key[..], b"\r\n$3\r\n0.1\r\n"].concat();
    scene.send_at(2, waiter, &blpop);
    let echo = scene.connect();
    scene.send_at(500, echo, &half_a_request(60_000));
    scene.probe_state_at(600, waiter);
    scene.probe_state_at(600, echo);
    scene.run_ms(700);
    assert_eq!((scene.probes(waiter), scene.probes(echo)), (vec![Open], vec![Open]));
}
