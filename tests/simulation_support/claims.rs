//! XREADGROUP CLAIM under a virtual clock: when somebody who waits is asked, and who.

use super::scene::{ClientName, Scene};

const MAKE_GROUP: &[u8] = b"XADD s 1-1 a 1\r\nXADD s 2-1 a 1\r\nXGROUP CREATE s g 0\r\n";

/// A scene whose first client makes a stream with two entries and a group, and who waits from 10 ms
/// on, in this order, to claim what has been pending for 200 ms.
fn who_wait(number: usize) -> (Scene, ClientName, Vec<ClientName>) {
    let mut scene = Scene::start(&[]);
    let worker = scene.connect();
    scene.send_at(1, worker, MAKE_GROUP);
    scene.send_at(2, worker, b"XGROUP SETID s g $\r\n");
    let waiters: Vec<ClientName> = (0..number).map(|_| scene.connect()).collect();
    for (number, &waiter) in waiters.iter().enumerate() {
        let command =
            format!("XREADGROUP GROUP g w{number} COUNT 1 BLOCK 0 CLAIM 200 STREAMS s >\r\n");
        scene.send_at(10 + number as u64, waiter, command.as_bytes());
    }
    (scene, worker, waiters)
}

/// Both entries are handed out to the worker.
fn hand_out_at(scene: &mut Scene, at_ms: u64, worker: ClientName) {
    scene.send_at(at_ms, worker, b"XGROUP SETID s g 0\r\nXREADGROUP GROUP g w STREAMS s >\r\n");
}

/// When a client got its reply; it got one.
fn served_at_ms(scene: &Scene, name: ClientName) -> i64 {
    let at_ms = scene.received_at_ms(name);
    assert_eq!(at_ms.len(), 1, "{:?}", String::from_utf8_lossy(&scene.received(name)));
    at_ms[0]
}

fn figure(info: &[u8], name: &str) -> u64 {
    let text = String::from_utf8_lossy(info);
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.and_then(|value| value.parse().ok()).expect("a figure that INFO has")
}

/// With a short time, and with one that never comes.
#[test]
fn nobody_is_asked_while_nothing_is_pending() {
    let mut scene = Scene::start(&[]);
    let [maker, waiter, other] = [scene.connect(), scene.connect(), scene.connect()];
    scene.send_at(1, maker, b"XGROUP CREATE s g $ MKSTREAM\r\n");
    scene.send_at(2, waiter, b"XREADGROUP GROUP g a BLOCK 0 CLAIM 1 STREAMS s >\r\n");
    scene.send_at(3, other, b"XREADGROUP GROUP g b BLOCK 0 CLAIM 60000 STREAMS s >\r\n");
    scene.send_at(3_600_000, maker, b"INFO stats\r\n");
    scene.run_ms(3_600_010);
    let cycles = figure(&scene.received(maker), "eventloop_cycles");
    assert!(cycles <= 8, "an hour of waiting took {cycles} turns of the loop");
}

#[test]
fn what_becomes_pending_while_one_waits_is_claimed_in_time() {
    let (mut scene, worker, waiters) = who_wait(3);
    hand_out_at(&mut scene, 100, worker);
    scene.send_at(1500, worker, b"XPENDING s g - + 10\r\nINFO stats\r\n");
    scene.run_ms(2000);
    for &waiter in &waiters[..2] {
        let at_ms = served_at_ms(&scene, waiter);
        assert!((300..=303).contains(&at_ms), "{at_ms}");
    }
    // The first two handed their entries on: the third gets one when it is due again.
    let at_ms = served_at_ms(&scene, waiters[2]);
    assert!((500..=506).contains(&at_ms), "{at_ms}");
    let asked = figure(&scene.received(worker), "waiters_asked");
    assert!(asked <= 10, "{asked} looks for three claims");
}

#[test]
fn time_is_kept_on_when_the_first_in_line_leaves() {
    let ways: [fn(&mut Scene, ClientName, ClientName); 4] = [
        |scene, _, first| scene.close_at(150, first),
        |scene, _, first| scene.reset_at(150, first),
        |scene, worker, _| scene.send_at(150, worker, b"CLIENT UNBLOCK 2\r\n"),
        |scene, worker, _| scene.send_at(150, worker, b"CLIENT KILL ID 2\r\n"),
    ];
    for (way, leave) in ways.into_iter().enumerate() {
        let (mut scene, worker, waiters) = who_wait(2);
        hand_out_at(&mut scene, 100, worker);
        leave(&mut scene, worker, waiters[0]);
        scene.run_ms(1000);
        let at_ms = served_at_ms(&scene, waiters[1]);
        assert!((300..=303).contains(&at_ms), "way {way}: {at_ms}");
    }
}

#[test]
fn time_is_kept_on_in_another_stream_when_the_first_in_line_is_served() {
    let mut scene = Scene::start(&[]);
    let [maker, both, one] = [scene.connect(), scene.connect(), scene.connect()];
    scene.send_at(1, maker, b"XGROUP CREATE t g $ MKSTREAM\r\n");
    scene.send_at(2, maker, b"XADD s 1-1 a 1\r\nXGROUP CREATE s g 0\r\n");
    scene.send_at(5, maker, b"XREADGROUP GROUP g m STREAMS s >\r\n");
    scene.send_at(10, both, b"XREADGROUP GROUP g b BLOCK 0 CLAIM 200 STREAMS s t > >\r\n");
    scene.send_at(11, one, b"XREADGROUP GROUP g o BLOCK 0 CLAIM 200 STREAMS s >\r\n");
    scene.send_at(100, maker, b"XADD t 1-1 a 1\r\n");
    scene.run_ms(1000);
    assert!((100..=102).contains(&served_at_ms(&scene, both)));
    assert!((205..=208).contains(&served_at_ms(&scene, one)));
}

#[test]
fn what_is_given_back_or_claimed_as_old_is_taken_at_once() {
    for command in [&b"XNACK s g FAIL IDS 1 1-1\r\n"[..], b"XCLAIM s g w 0 1-1 IDLE 5000\r\n"] {
        let (mut scene, worker, waiters) = who_wait(1);
        hand_out_at(&mut scene, 100, worker);
        scene.send_at(150, worker, command);
        scene.run_ms(1000);
        let at_ms = served_at_ms(&scene, waiters[0]);
        assert!((150..=152).contains(&at_ms), "{at_ms}");
    }
}
