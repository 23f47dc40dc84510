//! How long the server bears with a client: `timeout`, and limits on output.

use super::scene::Scene;
use squint_sys::simulated::PeerState::{Ended, Open};

/// Sets `k` to so many bytes.
fn set(length: usize) -> Vec<u8> {
    let value = "v".repeat(length);
    format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${length}\r\n{value}\r\n").into_bytes()
}

#[test]
fn who_has_waited_for_the_end_of_a_pause_is_timed_out_afterwards() {
    for pause_ms in [300, 1500] {
        let mut scene = Scene::start(&["--timeout", "1"]);
        let [pauser, writer] = [scene.connect(), scene.connect()];
        scene.send_at(100, pauser, format!("CLIENT PAUSE {pause_ms} WRITE\r\n").as_bytes());
        scene.send_at(150, writer, b"INCR k\r\n");
        scene.probe_state_at(100 + pause_ms + 900, writer);
        scene.probe_state_at(100 + pause_ms + 1100, writer);
        scene.run_ms(3000);
        assert_eq!(scene.received(writer), b":1\r\n", "a pause of {pause_ms} ms");
        assert_eq!(scene.probes(writer), [Open, Ended], "a pause of {pause_ms} ms");
    }
}

#[test]
fn who_leaves_its_last_channel_is_timed_out_from_then_on() {
    for (enter, leave) in [
        ("SUBSCRIBE c d", "UNSUBSCRIBE"),
        ("PSUBSCRIBE c*", "PUNSUBSCRIBE c*"),
        ("SSUBSCRIBE c", "SUNSUBSCRIBE c"),
        ("SUBSCRIBE c", "RESET"),
        ("HELLO 3\r\nSUBSCRIBE c", "UNSUBSCRIBE c"),
    ] {
        let mut scene = Scene::start(&["--timeout", "1"]);
        let listener = scene.connect();
        scene.send_at(1, listener, format!("{enter}\r\n").as_bytes());
        scene.send_at(2700, listener, format!("{leave}\r\n").as_bytes());
        scene.probe_state_at(3600, listener);
        scene.probe_state_at(3800, listener);
        scene.run_ms(4000);
        assert_eq!(scene.probes(listener), [Open, Ended], "{enter}, then {leave}");
    }
}

#[test]
fn who_listens_to_one_channel_still_is_not_timed_out() {
    let mut scene = Scene::start(&["--timeout", "1"]);
    let listener = scene.connect();
    scene.send_at(1, listener, b"SUBSCRIBE c d\r\n");
    scene.send_at(700, listener, b"UNSUBSCRIBE c\r\n");
    scene.probe_state_at(10_000, listener);
    scene.run_ms(10_100);
    assert_eq!(scene.probes(listener), [Open]);
}

#[test]
fn a_waiter_and_a_listener_cost_a_turn_of_the_loop_each_timeout_and_no_more() {
    let mut scene = Scene::start(&["--timeout", "60"]);
    let [waiter, listener, observer] = [scene.connect(), scene.connect(), scene.connect()];
    scene.send_at(1, waiter, b"BLPOP k 0\r\n");
    scene.send_at(1, listener, b"SUBSCRIBE c\r\n");
    scene.send_at(2, observer, b"SUBSCRIBE c\r\n");
    scene.send_at(3_600_000, observer, b"UNSUBSCRIBE\r\nINFO stats\r\n");
    scene.run_ms(3_600_010);
    let text = String::from_utf8(scene.received(observer)).expect("INFO is text");
    let cycles = text.lines().find_map(|line| line.strip_prefix("eventloop_cycles:"));
    let cycles: u64 = cycles.expect("INFO counts cycles").parse().expect("a number");
    assert!(cycles <= 130, "an hour of idling took {cycles} turns of the loop");
}

#[test]
fn who_sends_a_request_for_longer_than_an_idle_client_may_stay_is_not_idle() {
    for piece in [&b"v"[..], b"\r\n"] {
        let mut scene = Scene::start(&["--timeout", "1"]);
        let sender = scene.connect();
        let is_value = piece == b"v";
        if is_value {
            scene.send_at(1, sender, &set(40_000)[..30_000]);
        }
        for at_ms in [600, 1200, 1800] {
            scene.send_if_open_at(at_ms, sender, piece);
        }
        scene.probe_state_at(2700, sender);
        scene.probe_state_at(2900, sender);
        scene.run_ms(3000);
        assert_eq!(scene.probes(sender), [Open, Ended], "a value: {is_value}");
    }
}

#[test]
fn who_fetches_a_reply_for_longer_than_an_idle_client_may_stay_gets_all_of_it() {
    const LENGTH: usize = 50_000;
    let mut scene = Scene::start(&["--timeout", "1"]);
    let [writer, reader, sleeper] = [scene.connect(), scene.connect(), scene.connect()];
    scene.send_at(1, writer, &set(LENGTH));
    scene.limit_capacity(reader, 25); // a millisecond: two seconds in all
    scene.send_at(10, reader, b"GET k\r\n");
    scene.stop_reading(sleeper, 100);
    scene.send_at(10, sleeper, b"GET k\r\n");
    scene.probe_state_at(1100, sleeper);
    scene.run_ms(3200);
    assert_eq!(scene.received(reader).len(), LENGTH + b"$50000\r\n\r\n".len());
    assert_ne!(scene.probes(sleeper), [Open], "who reads nothing is idle");
    assert_eq!(scene.state(reader), Ended);
}

#[test]
fn who_was_served_in_silence_has_not_been_idle_either() {
    let mut scene = Scene::start(&["--timeout", "1"]);
    let [waiter, pusher] = [scene.connect(), scene.connect()];
    scene.send_at(1, waiter, b"CLIENT REPLY OFF\r\nBLPOP k 0\r\n");
    scene.send_at(1, pusher, b"BLPOP none 2\r\nRPUSH k v\r\n");
    scene.probe_state_at(2900, waiter);
    scene.probe_state_at(3100, waiter);
    scene.run_ms(3200);
    assert_eq!(scene.received(pusher), b"*-1\r\n:1\r\n");
    assert_eq!(scene.probes(waiter), [Open, Ended]);
}

/// A tick that takes long leaves clients to the next one that it has not even read.
#[test]
fn who_has_sent_and_was_not_read_yet_is_not_idle() {
    for victim_connects_first in [true, false] {
        let mut scene = Scene::start(&["--timeout", "1", "--enable-debug-command", "yes"]);
        let (victim, other) = scene.connect_pair(victim_connects_first);
        let sleepers = [other, scene.connect(), scene.connect()];
        for at_ms in (10..80).step_by(10) {
            scene.send_at(at_ms, other, b"DEBUG SLEEP 0.008\r\n"); // groups become small
        }
        scene.send_at(500, victim, b"PING\r\n");
        for sleeper in sleepers {
            scene.send_at(1000, sleeper, b"DEBUG SLEEP 0.6\r\n");
        }
        scene.send_at(1000, victim, b"PING\r\n");
        scene.probe_state_at(3300, victim);
        scene.run_ms(5000);
        assert_eq!(scene.received(victim), b"+PONG\r\n+PONG\r\n", "first: {victim_connects_first}");
    }
}

#[test]
fn idle_in_client_list_counts_from_the_last_byte_in_either_direction() {
    let mut scene = Scene::start(&[]);
    let [listener, publisher] = [scene.connect(), scene.connect()];
    scene.send_at(1, listener, b"SUBSCRIBE c\r\n");
    scene.send_at(4_100, publisher, b"CLIENT LIST ID 1\r\nPUBLISH c m\r\n");
    scene.send_at(6_200, publisher, b"CLIENT LIST ID 1\r\n");
    scene.run_ms(6_300);
    let text = String::from_utf8(scene.received(publisher)).expect("text");
    let idle: Vec<&str> = text.split(' ').filter(|word| word.starts_with("idle=")).collect();
    assert_eq!(idle, ["idle=4", "idle=2"]);
}

#[test]
fn who_listens_no_more_has_the_soft_limit_of_others_from_then_on() {
    let limits = "normal 0 1000 1 pubsub 0 1000 60";
    let mut scene = Scene::start(&["--client-output-buffer-limit", limits]);
    let [listener, publisher] = [scene.connect(), scene.connect()];
    scene.stop_reading(listener, 100);
    scene.send_at(1, listener, b"SUBSCRIBE c\r\n");
    let message = "x".repeat(2000);
    scene.send_at(10, publisher, format!("PUBLISH c {message}\r\n").as_bytes());
    scene.send_at(500, listener, b"UNSUBSCRIBE c\r\n");
    scene.probe_state_at(900, listener);
    scene.probe_state_at(1100, listener);
    scene.run_ms(1200);
    assert_eq!(scene.probes(listener)[0], Open);
    assert_ne!(scene.probes(listener)[1], Open);
}

#[test]
fn a_new_limit_on_output_is_for_what_lies_there_already() {
    for (limit, end_ms) in [("normal 1000 0 0", 500), ("normal 0 1000 1", 1500)] {
        let mut scene = Scene::start(&[]);
        let [sleeper, setter] = [scene.connect(), scene.connect()];
        scene.stop_reading(sleeper, 100);
        scene.send_at(1, setter, &set(20_000));
        scene.send_at(10, sleeper, b"GET k\r\n");
        let request = format!("CONFIG SET client-output-buffer-limit \"{limit}\"\r\n");
        scene.send_at(500, setter, request.as_bytes());
        scene.probe_state_at(end_ms - 10, sleeper);
        scene.probe_state_at(end_ms + 10, sleeper);
        scene.run_ms(1600);
        assert_eq!(scene.received(setter), b"+OK\r\n+OK\r\n");
        assert_eq!(scene.probes(sleeper)[0], Open, "{limit}");
        assert_ne!(scene.probes(sleeper)[1], Open, "{limit}");
    }
}

/// Whatever clients have done and suffered: who is left a timeout later waits or listens.
#[test]
fn nobody_but_who_waits_or_listens_outstays_the_timeout() {
    const WORDS: [&str; 18] = [
        "INCR x",
        "BLPOP k 0",
        "BLPOP k 0.05",
        "XREAD BLOCK 0 STREAMS s $",
        "RPUSH k v",
        "SUBSCRIBE c",
        "UNSUBSCRIBE",
        "PUBLISH c m",
        "RESET",
        "CLIENT PAUSE 30 WRITE",
        "CLIENT PAUSE 30",
        "CLIENT UNPAUSE",
        "CLIENT REPLY OFF",
        "CLIENT REPLY SKIP",
        "CLIENT UNBLOCK 2",
        "CLIENT KILL ID 3",
        "CONFIG SET timeout 0",
        "CONFIG SET timeout 1",
    ];
    arbtest::arbtest(|u| {
        let mut scene = Scene::start(&["--timeout", "1"]);
        let observer = scene.connect();
        let clients: Vec<_> = (0..u.int_in_range(2..=5)?).map(|_| scene.connect()).collect();
        for at_ms in [1, 1, 2, 20, 40, 40, 60, 1100, 1120, 1120] {
            let client = *u.choose(&clients)?;
            let words = (0..u.int_in_range(1..=3)?).map(|_| u.choose(&WORDS).copied());
            let words = words.collect::<Result<Vec<&str>, _>>()?;
            scene.send_if_open_at(at_ms, client, format!("{}\r\n", words.join("\r\n")).as_bytes());
        }
        for at_ms in [0, 500, 1000, 2000] {
            scene.send_at(at_ms, observer, b"PING\r\n");
        }
        scene.send_at(1300, observer, b"CONFIG SET timeout 1\r\n");
        scene.send_at(2400, observer, b"CLIENT LIST\r\n");
        scene.run_ms(2410);
        let text = String::from_utf8(scene.received(observer)).expect("text");
        for line in text.lines().filter(|line| line.starts_with("id=")) {
            let is_excused = [" flags=b", " flags=P"].iter().any(|flag| line.contains(flag));
            assert!(line.contains("cmd=client|list") || is_excused, "{line}");
        }
        Ok(())
    });
}
