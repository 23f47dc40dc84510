//! Descriptors on the simulated machine: none left, and numbers that come back.

use super::scene::{ClientName, Scene};
use squint_sys::simulated::PeerState;

#[test]
fn d23_out_of_descriptors_the_listener_rests_and_recovers_within_a_second() {
    let mut scene = Scene::start(&[]);
    let open = scene.world().descriptors_open() as u64;
    scene.world().descriptor_ceiling_set(open + 1);
    let first = scene.connect();
    let late = scene.connect_at(10);
    scene.close_at(400, first);
    scene.send_at(20, late, b"PING\r\n");
    scene.run_ms(1500);
    assert_eq!(scene.received(late), b"+PONG\r\n");
    let answered_ms = scene.received_at_ms(late)[0];
    assert!((400..=1400).contains(&answered_ms), "answered at {answered_ms} ms");
}

/// M27: a minute without descriptors, and three at the door.
#[test]
fn m27_a_minute_without_descriptors_costs_little_and_then_all_come_in() {
    let mut scene = Scene::start(&[]);
    let open = scene.world().descriptors_open() as u64;
    scene.world().descriptor_ceiling_set(open + 3);
    let inside = [scene.connect(), scene.connect(), scene.connect()];
    let outside = [scene.connect_at(10), scene.connect_at(20), scene.connect_at(30)];
    for client in inside {
        scene.send_at(100, client, b"PING\r\n");
        scene.close_at(60_000, client);
    }
    for client in outside {
        scene.send_at(40, client, b"PING\r\n");
    }
    scene.send_at(60_500, outside[0], b"INFO stats\r\n");
    scene.run_ms(61_000);
    for client in &outside[1..] {
        assert_eq!(scene.received(*client), b"+PONG\r\n");
    }
    let cycles = cycles_in(&scene, outside[0]);
    // Ten times a second the listeners are watched, and found without a descriptor to give.
    assert!(cycles <= 2 * 10 * 60 + 50, "a minute at the door took {cycles} turns of the loop");
    let said = |line: &[u8]| String::from_utf8_lossy(line).contains("no descriptors left");
    let lines = scene.world().log_lines().iter().filter(|(_, line)| said(line)).count();
    assert!((1..=61).contains(&lines), "{lines} lines in the log");
}

/// What INFO, the client's last reply, says of the turns of the loop.
fn cycles_in(scene: &Scene, client: ClientName) -> u64 {
    let text = String::from_utf8(scene.received(client)).expect("INFO is text");
    let cycles = text.lines().find_map(|line| line.strip_prefix("eventloop_cycles:"));
    cycles.expect("INFO counts cycles").parse().expect("a number")
}

#[test]
fn d26_a_recycled_descriptor_does_not_inherit_the_events_of_its_former_owner() {
    let mut scene = Scene::start(&[]);
    let former = scene.connect();
    scene.send_at(1, former, b"SUBSCRIBE c\r\n");
    scene.reset_at(10, former);
    let heir = scene.connect_at(10); // the lowest free number: the same descriptor
    scene.send_at(11, heir, b"PING\r\nPUBLISH c x\r\n");
    scene.run_ms(50);
    assert_eq!(scene.received(heir), b"+PONG\r\n:0\r\n");
    assert_eq!(scene.state(heir), PeerState::Open);
}

/// M28: one is killed in the batch of its own requests, and others come in this batch and the next.
#[test]
fn m28_who_gets_the_number_of_one_that_was_killed_gets_nothing_else_of_it() {
    for killer_connects_first in [true, false] {
        let mut scene = Scene::start(&[]);
        let (killer, victim) = scene.connect_pair(killer_connects_first);
        let victims_id = if killer_connects_first { 2 } else { 1 };
        scene.send_at(10, killer, format!("CLIENT KILL ID {victims_id}\r\n").as_bytes());
        scene.send_at(10, victim, &b"INCR x\r\n".repeat(3));
        let heirs = [scene.connect_at(10), scene.connect_at(11), scene.connect_at(12)];
        for heir in heirs {
            scene.send_at(12, heir, b"ECHO mine\r\n");
        }
        scene.run_ms(50);
        assert_eq!(scene.received(killer), b":1\r\n", "first: {killer_connects_first}");
        assert_ne!(scene.state(victim), PeerState::Open);
        for heir in heirs {
            assert_eq!(scene.received(heir), b"$4\r\nmine\r\n");
            assert_eq!(scene.state(heir), PeerState::Open);
        }
    }
}
