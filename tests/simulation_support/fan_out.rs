//! One message and many subscribers, on the simulated machine.

use super::scene::{ClientName, Scene};
use squint_sys::simulated::PeerState;

const SUBSCRIBERS: usize = 10_000;
const MESSAGES: usize = 10;

/// A whole PUBLISH of `message` to the channel `c`.
fn publish(message: &[u8]) -> Vec<u8> {
    let head = format!("*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n${}\r\n", message.len());
    [head.as_bytes(), message, b"\r\n"].concat()
}

/// What a subscriber in RESP2 hears of it.
fn heard(message: &[u8]) -> Vec<u8> {
    let head = format!("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n${}\r\n", message.len());
    [head.as_bytes(), message, b"\r\n"].concat()
}

const SUBSCRIBED: &[u8] = b"*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n";

fn subscribers(scene: &mut Scene, count: usize) -> Vec<ClientName> {
    let names: Vec<ClientName> = (0..count).map(|_| scene.connect()).collect();
    for &name in &names {
        scene.send_at(1, name, b"SUBSCRIBE c\r\n");
    }
    names
}

/// Short messages and long ones, which travel by reference, a pipeline of them and single ones.
#[test]
fn ten_thousand_subscribers_get_every_message_in_order() {
    let mut scene = Scene::start(&["--maxclients", "20000", "--tcp-backlog", "20000"]);
    let publisher = scene.connect();
    let listeners = subscribers(&mut scene, SUBSCRIBERS);
    let message = |number: usize| {
        let filler = if number % 5 == 4 { 5_000 } else { 10 };
        format!("{number}{}", "x".repeat(filler)).into_bytes()
    };
    for number in 0..MESSAGES {
        let at_ms = if number < MESSAGES / 2 { 100 } else { 100 + number as u64 };
        scene.send_at(at_ms, publisher, &publish(&message(number)));
    }
    scene.run_ms(1_000);
    let expected: Vec<u8> = (0..MESSAGES).flat_map(|number| heard(&message(number))).collect();
    let expected = [SUBSCRIBED, &expected].concat();
    for (number, &listener) in listeners.iter().enumerate() {
        assert!(scene.received(listener) == expected, "subscriber {number} missed something");
    }
    assert_eq!(scene.received(publisher), b":10000\r\n".repeat(MESSAGES));
}

/// A message that is received apart, to all sorts of subscribers, who read it at their own pace.
#[test]
fn a_large_message_is_whole_for_everybody() {
    let mut scene = Scene::start(&[]);
    let publisher = scene.connect();
    let listeners = subscribers(&mut scene, 20);
    let [modern, pattern] = [scene.connect(), scene.connect()];
    scene.send_at(1, modern, b"HELLO 3\r\nSUBSCRIBE c\r\n");
    scene.send_at(1, pattern, b"PSUBSCRIBE ?\r\n");
    for (number, &listener) in listeners.iter().enumerate() {
        scene.limit_capacity(listener, 1_000 + 5_000 * number);
    }
    let messages = [b'a', b'b'].map(|byte| vec![byte; 100_000]);
    scene.limit_capacity(publisher, 1_000);
    scene.send_at(10, publisher, &publish(&messages[0]));
    scene.send_at(11, publisher, &publish(b"short"));
    scene.send_at(12, publisher, &publish(&messages[1]));
    scene.run_ms(1_000);
    let heard_all = |heard: &dyn Fn(&[u8]) -> Vec<u8>| {
        [heard(&messages[0]), heard(b"short"), heard(&messages[1])].concat()
    };
    let expected = [SUBSCRIBED, &heard_all(&|message| heard(message))].concat();
    for (number, &listener) in listeners.iter().enumerate() {
        assert!(scene.received(listener) == expected, "subscriber {number} missed something");
    }
    let pushed = heard_all(&|message| [b">", &heard(message)[1..]].concat());
    assert!(scene.received(modern).ends_with(&pushed));
    let matched = heard_all(&|message| {
        let message = heard(message);
        let head = b"*4\r\n$8\r\npmessage\r\n$1\r\n?\r\n";
        [head, &message[b"*3\r\n$7\r\nmessage\r\n".len()..]].concat()
    });
    assert!(scene.received(pattern).ends_with(&matched));
    assert_eq!(scene.received(publisher), b":22\r\n".repeat(3));
}

#[test]
fn u37_a_subscriber_that_never_reads_is_cut_at_its_limit_and_the_publisher_never_waits() {
    let mut scene = Scene::start(&["--client-output-buffer-limit", "pubsub 100kb 0 0"]);
    let [deaf, publisher] = [scene.connect(), scene.connect()];
    scene.stop_reading(deaf, 1_000);
    scene.send_at(1, deaf, b"SUBSCRIBE c\r\n");
    let message = publish(&[b'x'; 20_000]);
    for number in 0..8 {
        scene.send_at(10 + number, publisher, &message);
    }
    scene.probe_state_at(13, deaf);
    scene.probe_state_at(30, deaf);
    scene.run_ms(100);
    // The sixth does not fit any more; who publishes it is still told that there was somebody.
    assert_eq!(scene.received(publisher), b":1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:0\r\n:0\r\n");
    assert_eq!(scene.probes(deaf)[0], PeerState::Open);
    assert_ne!(scene.probes(deaf)[1], PeerState::Open);
}

#[test]
fn m33_who_is_cut_in_the_middle_of_a_message_takes_it_from_nobody() {
    let mut scene = Scene::start(&["--client-output-buffer-limit", "pubsub 1kb 0 0"]);
    let publisher = scene.connect();
    let listeners = subscribers(&mut scene, 100);
    let deaf = listeners[50];
    scene.stop_reading(deaf, 10);
    for number in 0..3 {
        scene.send_at(100 + number, publisher, &publish(&[b'x'; 600]));
    }
    scene.probe_state_at(150, deaf);
    scene.run_ms(200);
    let expected = [SUBSCRIBED, &heard(&[b'x'; 600]).repeat(3)].concat();
    for &listener in listeners.iter().filter(|&&listener| listener != deaf) {
        assert!(scene.received(listener) == expected);
    }
    assert_ne!(scene.probes(deaf)[0], PeerState::Open);
    assert_eq!(scene.received(publisher), b":100\r\n:100\r\n:99\r\n");
}

/// The limit of a client is that of what it is: a subscriber's while it is subscribed.
#[test]
fn m34_each_class_has_its_own_limit() {
    let limits = "normal 300 0 0 pubsub 100kb 0 0";
    let mut scene = Scene::start(&["--client-output-buffer-limit", limits]);
    let [subscriber, former, publisher] = [scene.connect(), scene.connect(), scene.connect()];
    for name in [subscriber, former] {
        scene.stop_reading(name, 200);
        scene.send_at(1, name, b"SUBSCRIBE c\r\n");
    }
    scene.send_at(5, former, b"UNSUBSCRIBE c\r\n");
    scene.send_at(10, publisher, &publish(&[b'x'; 1_000]));
    scene.send_at(20, former, b"PING 0123456789\r\n".repeat(60).as_slice());
    scene.probe_state_at(50, subscriber);
    scene.probe_state_at(50, former);
    scene.run_ms(100);
    assert_eq!(scene.received(publisher), b":1\r\n");
    assert_eq!(scene.probes(subscriber), [PeerState::Open]);
    assert_ne!(scene.probes(former), [PeerState::Open]);
}

/// Behind the answer to QUIT nothing comes, though it may take a while to be fetched.
#[test]
fn who_has_said_goodbye_hears_no_more() {
    let mut scene = Scene::start(&[]);
    let [leaving, publisher] = [scene.connect(), scene.connect()];
    scene.limit_capacity(leaving, 1); // a byte a millisecond
    scene.send_at(1, leaving, b"SUBSCRIBE c\r\n");
    scene.send_at(50, leaving, b"QUIT\r\n");
    scene.send_at(52, publisher, &publish(b"late"));
    scene.run_ms(100);
    assert_eq!(scene.received(publisher), b":1\r\n");
    assert_eq!(scene.received(leaving), [SUBSCRIBED, b"+OK\r\n"].concat());
}
