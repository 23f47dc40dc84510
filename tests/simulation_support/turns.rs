//! Whose turn it is when requests take long: on a slow processor, where each group takes as long as
//! a pipeline of searches through long lists takes on a fast one.

use super::scene::{ClientName, Scene};
use std::time::Duration;

/// A scene in which the phases of a tick take three milliseconds each.
fn slow_scene() -> Scene {
    let scene = Scene::start(&[]);
    scene.world().work_cost_set(Duration::from_millis(3));
    scene
}

/// Connects a client that sends `count` requests at once.
fn greedy(scene: &mut Scene, count: usize) -> ClientName {
    let client = scene.connect();
    scene.send_at(500, client, &b"INCR k\r\n".repeat(count));
    client
}

/// The number that `GET k` was answered.
fn number_seen(scene: &Scene, client: ClientName) -> usize {
    let reply = String::from_utf8(scene.received(client)).expect("text");
    let number = reply.lines().nth(1).expect("a bulk");
    number.parse().expect("a number")
}

/// The number in the first of these replies to INCR.
fn number_of(replies: &str) -> usize {
    let first = replies.lines().next().expect("a reply");
    first[1..].parse().expect("a number")
}

#[test]
fn a_pipeline_of_slow_requests_lets_all_others_have_a_turn() {
    let mut scene = slow_scene();
    let greedy = greedy(&mut scene, 1_000);
    let modest: Vec<_> = (0..4).map(|_| scene.connect()).collect();
    for &client in &modest {
        scene.send_at(500, client, b"GET k\r\n");
    }
    scene.run_ms(20_000);
    for &client in &modest {
        // The first tick has four groups, each half as large as the one before.
        assert_eq!(number_seen(&scene, client), 64 + 32 + 16 + 8);
    }
    assert!(scene.received(greedy).ends_with(b":1000\r\n"), "it is answered as well");
}

#[test]
fn those_who_have_had_a_turn_come_behind_those_who_have_not() {
    // More than a group reads at once, too: whoever is read and not parsed keeps its place.
    for count in [20, 65, 129, 200] {
        let mut scene = slow_scene();
        let all: Vec<_> = (0..count).map(|_| greedy(&mut scene, 12)).collect();
        scene.run_ms(100_000);
        let mut firsts = Vec::new();
        for client in all {
            let replies = String::from_utf8(scene.received(client)).expect("text");
            assert_eq!(replies.lines().count(), 12);
            firsts.push(number_of(&replies));
        }
        // The first groups are large, and take the first clients whole; then each has four
        // requests in its turn.
        firsts.sort_unstable();
        for (place, first) in firsts.into_iter().enumerate() {
            assert!(first <= 120 + 4 * place, "{first} comes {place}th of {count}");
        }
    }
}

#[test]
fn who_waits_for_a_turn_is_not_read_on() {
    let mut scene = slow_scene();
    let _others: Vec<_> = (0..70).map(|_| greedy(&mut scene, 100)).collect();
    let flooding = scene.connect();
    let taken = scene.flood_at(520, flooding, &b"PING\r\n".repeat(10_000), 10_000);
    scene.run_ms(10_600);
    let waiting = *taken.borrow() - scene.received(flooding).len() / "+PONG\r\n".len() * 6;
    assert!(waiting < 150_000, "{waiting} bytes, of which 64 KiB are in the socket");
}

#[test]
fn on_a_fast_processor_a_pipeline_is_one_tick() {
    let mut scene = Scene::start(&[]);
    let greedy = greedy(&mut scene, 1_000);
    let modest = scene.connect();
    scene.send_at(500, modest, b"GET k\r\n");
    scene.run_ms(600);
    assert_eq!(number_seen(&scene, modest), 1_000);
    assert!(scene.received(greedy).ends_with(b":1000\r\n"));
}
