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
    let mut scene = slow_scene();
    let all: Vec<_> = (0..20).map(|_| greedy(&mut scene, 50)).collect();
    let last = scene.connect();
    scene.send_at(500, last, b"GET k\r\n");
    scene.run_ms(20_000);
    let seen = number_seen(&scene, last);
    assert!(seen < 300, "{seen} of 1,000 requests were executed before");
    for client in all {
        let replies = scene.received(client);
        assert_eq!(replies.iter().filter(|&&byte| byte == b'\n').count(), 50);
    }
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
