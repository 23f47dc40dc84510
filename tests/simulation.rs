//! The whole server on a simulated machine: virtual clocks, virtual sockets, every moment chosen.
//!
//! What a real network brings about once in a million runs (two clients in one batch of events, a
//! deadline in the tick of a push, a clock set back) is written down here and happens every time.

mod simulation_support {
    mod claims;
    mod descriptors;
    mod eviction;
    mod fan_out;
    mod patience;
    mod pauses;
    pub mod scene;
    mod turns;
}

use simulation_support::scene::Scene;
use squint_sys::simulated::PeerState;

#[test]
fn ping_goes_through_the_whole_tick() {
    let mut scene = Scene::start(&[]);
    let client = scene.connect();
    scene.send_at(5, client, b"PING\r\n");
    scene.run_ms(20);
    assert_eq!(scene.received(client), b"+PONG\r\n");
}

/// A simulated machine has no filter for system calls, like a BSD.
#[test]
fn a_machine_without_a_filter_refuses_to_promise_one() {
    let refused = Scene::try_start(&["--seccomp", "yes"]).map(|_| ()).map_err(|e| e.to_string());
    let text = "'seccomp yes' needs Linux 4.14 or later, built with seccomp: write 'seccomp no'.";
    assert_eq!(refused, Err(text.to_string()));
}

#[test]
fn d21_a_blocked_client_times_out_within_two_milliseconds() {
    let mut scene = Scene::start(&[]);
    let client = scene.connect();
    scene.send_at(100, client, b"BLPOP k 0.01\r\n");
    scene.run_ms(1000);
    assert_eq!(scene.received(client), b"*-1\r\n");
    let late_ms = scene.received_at_ms(client)[0] - 110;
    assert!((0..=2).contains(&late_ms), "{late_ms} ms late");
}

#[test]
fn m04_a_waiter_that_left_in_the_batch_of_the_push_costs_no_element() {
    for waiter_connects_first in [true, false] {
        let mut scene = Scene::start(&[]);
        let (waiter, pusher) = scene.connect_pair(waiter_connects_first);
        scene.send_at(1, waiter, b"BLPOP k 0\r\n");
        scene.close_at(10, waiter);
        scene.send_at(10, pusher, b"RPUSH k x\r\nLLEN k\r\n");
        scene.run_ms(50);
        assert_eq!(scene.received(pusher), b":1\r\n:1\r\n", "first: {waiter_connects_first}");
    }
}

/// A client woken in the tick in which it blocked stood in line twice, and what it had sent behind
/// the blocking command was parsed twice.
#[test]
fn what_stands_behind_a_blocking_command_that_is_woken_at_once_runs_once() {
    let wakers: [&[u8]; 3] =
        [b"LPUSH k v\r\n", b"CLIENT UNBLOCK 1\r\n", b"CLIENT UNBLOCK 1 ERROR\r\n"];
    let replies: [&[u8]; 3] = [
        b"*2\r\n$1\r\nk\r\n$1\r\nv\r\n",
        b"*-1\r\n",
        b"-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n",
    ];
    for (waker_sends, reply) in wakers.into_iter().zip(replies) {
        let mut scene = Scene::start(&[]);
        let [waiter, waker] = [scene.connect(), scene.connect()];
        scene.send_at(1, waiter, b"BLPOP k 0\r\nINCR x\r\nBLPOP k 0.01\r\nINCR x\r\n");
        scene.send_at(1, waker, waker_sends);
        scene.run_ms(50);
        let expected = [reply, b":1\r\n*-1\r\n:2\r\n"].concat();
        assert_eq!(scene.received(waiter), expected);
    }
}

/// Pipelines with blocking commands in their middle, many clients in one tick: every INCR runs
/// exactly once, whoever wakes whom when.
#[test]
fn pipelines_around_blocking_commands_run_every_request_once() {
    arbtest::arbtest(|u| {
        let mut scene = Scene::start(&[]);
        let clients: Vec<_> = (0..u.int_in_range(2..=5)?).map(|_| scene.connect()).collect();
        let mut increments = 0;
        for at_ms in [1, 1, 1, 2, 2, 3] {
            let client = *u.choose(&clients)?;
            let mut bytes = Vec::new();
            for _ in 0..u.int_in_range(1..=4)? {
                let word: &[u8] = u.choose(&[
                    &b"INCR x\r\n"[..],
                    b"BLPOP k 0.02\r\n",
                    b"LPUSH k v\r\n",
                    b"BLMOVE k l LEFT LEFT 0.02\r\n",
                    b"CLIENT UNBLOCK 1\r\n",
                    b"CLIENT UNBLOCK 2 ERROR\r\n",
                ])?;
                increments += usize::from(word.starts_with(b"INCR"));
                bytes.extend_from_slice(word);
            }
            scene.send_at(at_ms, client, &bytes);
        }
        scene.send_at(1_000, clients[0], b"INCR x\r\n");
        scene.run_ms(1_100);
        let all = scene.received(clients[0]);
        let last = format!(":{}\r\n", increments + 1);
        assert!(all.ends_with(last.as_bytes()), "{last:?} {}", String::from_utf8_lossy(&all));
        Ok(())
    });
}

#[test]
fn d46_the_next_waiter_is_served_when_the_first_left_in_the_same_batch() {
    let mut scene = Scene::start(&[]);
    let [first, second, pusher] = [scene.connect(), scene.connect(), scene.connect()];
    scene.send_at(1, first, b"BLPOP k 0\r\n");
    scene.send_at(2, second, b"BLPOP k 0\r\n");
    scene.reset_at(10, first);
    scene.send_at(10, pusher, b"RPUSH k x\r\n");
    scene.run_ms(50);
    assert_eq!(scene.received(second), b"*2\r\n$1\r\nk\r\n$1\r\nx\r\n");
}

#[test]
fn m10_a_push_in_the_tick_of_the_deadline_wins() {
    let mut scene = Scene::start(&["--enable-debug-command", "yes"]);
    let [waiter, sleeper, pusher] = [scene.connect(), scene.connect(), scene.connect()];
    scene.send_at(1, waiter, b"BLPOP k 0.05\r\n");
    scene.send_at(2, sleeper, b"DEBUG SLEEP 0.2\r\n");
    scene.send_at(2, pusher, b"RPUSH k x\r\n"); // in the batch of the command that takes so long
    scene.run_ms(500);
    assert_eq!(scene.received(waiter), b"*2\r\n$1\r\nk\r\n$1\r\nx\r\n");
    assert_eq!(scene.received(pusher), b":1\r\n");
}

#[test]
fn m11_timeout_push_and_disconnect_in_one_tick_have_one_outcome() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut scene = Scene::start(&["--enable-debug-command", "yes"]);
        let [waiter, sleeper, pusher] = [scene.connect(), scene.connect(), scene.connect()];
        scene.send_at(1, waiter, b"BLPOP k 0.05\r\n");
        scene.send_at(2, sleeper, b"DEBUG SLEEP 0.2\r\n");
        for (position, what) in order.into_iter().enumerate() {
            let at_ms = 100 + position as u64;
            match what {
                0 => scene.close_at(at_ms, waiter),
                1 => scene.send_at(at_ms, pusher, b"RPUSH k x\r\nLLEN k\r\n"),
                _ => {} // the deadline has passed at 51 ms, whatever the order
            }
        }
        scene.run_ms(500);
        assert_eq!(scene.received(waiter), b"", "order {order:?}");
        assert_eq!(scene.received(pusher), b":1\r\n:1\r\n", "order {order:?}");
    }
}

#[test]
fn d40_a_wake_that_serves_nothing_does_not_move_the_deadline() {
    let mut scene = Scene::start(&[]);
    let [reader, adder] = [scene.connect(), scene.connect()];
    scene.send_at(1, adder, b"XADD s 5-0 a 1\r\n");
    scene.send_at(2, reader, b"XREAD BLOCK 100 STREAMS s 9-0\r\n");
    for at_ms in [30, 60, 90] {
        scene.send_at(at_ms, adder, format!("XADD s 5-{at_ms} a 1\r\n").as_bytes());
    }
    scene.run_ms(500);
    assert_eq!(scene.received(reader), b"*-1\r\n");
    let late_ms = scene.received_at_ms(reader)[0] - 102;
    assert!((0..=2).contains(&late_ms), "{late_ms} ms late");
}

#[test]
fn d57_a_clock_set_back_does_not_stop_a_stream() {
    let mut scene = Scene::start(&[]);
    let client = scene.connect();
    scene.send_at(1, client, b"XADD s * a 1\r\n");
    scene.at(10, |world| world.wall_jump_us(-3_600_000_000));
    scene.send_at(20, client, b"XADD s * a 1\r\n");
    scene.run_ms(50);
    // The machine is switched on at 1704067200.000; the second id follows the first.
    assert_eq!(scene.received(client), b"$15\r\n1704067200001-0\r\n$15\r\n1704067200001-1\r\n");
}

#[test]
fn d54_a_wall_clock_jump_does_not_move_a_blocking_deadline() {
    let mut scene = Scene::start(&[]);
    let client = scene.connect();
    scene.send_at(1, client, b"BLPOP k 0.1\r\n");
    scene.at(50, |world| world.wall_jump_us(-3_600_000_000));
    scene.run_ms(500);
    let at_ms = scene.received_at_ms(client);
    assert!((101..=103).contains(&at_ms[0]), "answered at {at_ms:?} ms");
}

#[test]
fn d51_keys_expire_by_themselves_when_their_time_has_come() {
    let mut scene = Scene::start(&[]);
    let client = scene.connect();
    scene.send_at(1, client, b"SET k v PX 50\r\nDBSIZE\r\n");
    scene.send_at(45, client, b"DBSIZE\r\n");
    scene.send_at(55, client, b"DBSIZE\r\n");
    scene.run_ms(100);
    assert_eq!(scene.received(client), b"+OK\r\n:1\r\n:1\r\n:0\r\n");
}

#[test]
fn d18_replies_reach_a_peer_that_has_finished_sending() {
    let mut scene = Scene::start(&[]);
    let client = scene.connect();
    scene.send_at(1, client, b"SET k v\r\nGET k\r\nPING\r\n");
    scene.finish_at(1, client);
    scene.run_ms(50);
    assert_eq!(scene.received(client), b"+OK\r\n$1\r\nv\r\n+PONG\r\n");
    assert_eq!(scene.state(client), PeerState::Ended);
}

#[test]
fn d29_an_idle_client_is_closed_after_its_timeout_and_a_busy_one_is_not() {
    let mut scene = Scene::start(&["--timeout", "1"]);
    let [idle, busy] = [scene.connect(), scene.connect()];
    scene.send_at(1, idle, b"PING\r\n");
    for at_ms in [1, 600, 1200, 1800] {
        scene.send_at(at_ms, busy, b"PING\r\n");
    }
    scene.probe_state_at(900, idle);
    scene.probe_state_at(1100, idle);
    scene.probe_state_at(1900, busy);
    scene.run_ms(2000);
    assert_eq!(scene.probes(idle), [PeerState::Open, PeerState::Ended]);
    assert_eq!(scene.probes(busy), [PeerState::Open]);
}

#[test]
fn who_has_waited_longer_than_an_idle_client_may_stay_gets_the_reply_and_stays() {
    let mut scene = Scene::start(&["--timeout", "1"]);
    let [waiter, pusher] = [scene.connect(), scene.connect()];
    scene.send_at(1, waiter, b"BLPOP k 0\r\n");
    for at_ms in [1, 900, 1800] {
        scene.send_at(at_ms, pusher, b"PING\r\n");
    }
    scene.send_at(2500, pusher, b"RPUSH k v\r\n");
    scene.probe_state_at(3400, waiter);
    scene.probe_state_at(3600, waiter);
    scene.run_ms(3700);
    assert_eq!(scene.received(waiter), b"*2\r\n$1\r\nk\r\n$1\r\nv\r\n");
    assert_eq!(scene.probes(waiter), [PeerState::Open, PeerState::Ended]);
}

#[test]
fn d73_a_subscriber_that_never_reads_is_cut_at_its_soft_limit_too() {
    let limit = "pubsub 0 1000 1";
    let mut scene = Scene::start(&["--client-output-buffer-limit", limit]);
    let [subscriber, publisher] = [scene.connect(), scene.connect()];
    scene.stop_reading(subscriber, 100);
    scene.send_at(1, subscriber, b"SUBSCRIBE c\r\n");
    let message =
        [b"*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$2000\r\n", &[b'x'; 2000][..], b"\r\n"].concat();
    scene.send_at(10, publisher, &message);
    scene.probe_state_at(900, subscriber);
    scene.probe_state_at(1100, subscriber);
    scene.send_at(1200, publisher, b"PUBLISH c x\r\n");
    scene.run_ms(1300);
    assert_eq!(scene.received(publisher), b":1\r\n:0\r\n");
    assert_eq!(scene.probes(subscriber)[0], PeerState::Open);
    assert_ne!(scene.probes(subscriber)[1], PeerState::Open);
}

#[test]
fn a_subscriber_that_has_read_all_is_not_cut_at_its_soft_limit() {
    let limit = "pubsub 0 1000 1";
    let mut scene = Scene::start(&["--client-output-buffer-limit", limit]);
    let [subscriber, publisher] = [scene.connect(), scene.connect()];
    scene.send_at(1, subscriber, b"SUBSCRIBE c\r\n");
    let message =
        [b"*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$2000\r\n", &[b'x'; 2000][..], b"\r\n"].concat();
    scene.send_at(10, publisher, &message);
    scene.probe_state_at(2500, subscriber);
    scene.send_at(2600, publisher, b"PUBLISH c x\r\n");
    scene.run_ms(2700);
    assert_eq!(scene.probes(subscriber)[0], PeerState::Open);
    assert_eq!(scene.received(publisher), b":1\r\n:1\r\n");
}

#[test]
fn an_idle_server_with_idle_clients_never_wakes() {
    let mut scene = Scene::start(&[]);
    let client = scene.connect();
    scene.send_at(1, client, b"SET k v\r\n");
    scene.send_at(3_600_000, client, b"INFO stats\r\n");
    scene.run_ms(3_600_010);
    let text = String::from_utf8(scene.received(client)).expect("INFO is text");
    let cycles = text.lines().find_map(|line| line.strip_prefix("eventloop_cycles:"));
    let cycles: u64 = cycles.expect("INFO counts cycles").parse().expect("a number");
    assert!(cycles <= 5, "an hour of idling took {cycles} turns of the loop");
}

#[test]
fn d17_a_client_that_never_stops_sending_still_gets_its_replies() {
    let mut scene = Scene::start(&[]);
    let client = scene.connect();
    for at_ms in 1..200 {
        scene.send_at(at_ms, client, &b"PING\r\n".repeat(50));
    }
    scene.run_ms(200);
    assert_eq!(scene.received(client).len(), 199 * 50 * b"+PONG\r\n".len());
    let first_ms = scene.received_at_ms(client)[0];
    assert!(first_ms <= 2, "the first replies came after {first_ms} ms");
}

#[test]
fn d19_an_interrupted_wait_loses_nobody() {
    let mut scene = Scene::start(&[]);
    let client = scene.connect();
    for at_ms in [5, 10, 15] {
        scene.at(at_ms, |world| world.wait_interrupt());
        scene.send_at(at_ms, client, b"PING\r\n");
    }
    scene.run_ms(50);
    assert_eq!(scene.received(client), b"+PONG\r\n+PONG\r\n+PONG\r\n");
}

#[test]
fn d27_a_timeout_reply_never_lands_inside_another_reply() {
    let mut scene = Scene::start(&[]);
    let client = scene.connect();
    scene.limit_capacity(client, 100); // replies leave in small pieces
    let value = vec![b'v'; 5000];
    let set = [b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5000\r\n", &value[..], b"\r\n"].concat();
    scene.send_at(1, client, &set);
    scene.send_at(10, client, b"GET k\r\nBLPOP nothing 0.02\r\nPING\r\n");
    scene.run_ms(500);
    let expected = [b"+OK\r\n$5000\r\n", &value[..], b"\r\n*-1\r\n+PONG\r\n"].concat();
    assert_eq!(scene.received(client), expected);
}

/// The reply refers to the value: what happens to the key meanwhile must not show in it.
#[test]
fn d27_a_value_on_its_way_is_what_it_was() {
    const LENGTH: usize = 40_000;
    let changes: [&[u8]; 5] = [
        b"APPEND k more\r\n",
        b"DEL k\r\n",
        b"SET k short\r\n",
        b"FLUSHALL\r\n",
        b"GETDEL k\r\nSET k other\r\n",
    ];
    let value = |byte: u8| vec![byte; LENGTH];
    let set = |byte| {
        [format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${LENGTH}\r\n").as_bytes(), &value(byte), b"\r\n"]
            .concat()
    };
    let bulk = |byte| [format!("${LENGTH}\r\n").as_bytes(), &value(byte), b"\r\n"].concat();
    let changes = changes.map(<[u8]>::to_vec).into_iter().chain([set(b'w')]);
    let capacities = [700, 10_000, 399_999];
    for (change, capacity_bytes) in
        changes.flat_map(|change| capacities.map(|capacity_bytes| (change.clone(), capacity_bytes)))
    {
        let mut scene = Scene::start(&[]);
        let [reader, changer] = [scene.connect(), scene.connect()];
        scene.send_at(1, changer, &set(b'v'));
        scene.limit_capacity(reader, capacity_bytes);
        scene.send_at(10, reader, b"GET k\r\nMGET k k\r\n");
        scene.send_at(12, changer, &change);
        scene.send_at(14, changer, &set(b'x'));
        scene.send_at(16, reader, b"GET k\r\n");
        scene.run_ms(1_000);
        let old = [bulk(b'v'), b"*2\r\n".to_vec(), bulk(b'v'), bulk(b'v')].concat();
        let expected = [old, bulk(b'x')].concat();
        assert!(scene.received(reader) == expected, "{capacity_bytes} bytes at a time");
    }
}

/// The same with an element of a list, that has come by a push, and by a move.
#[test]
fn d27_an_element_on_its_way_is_what_it_was() {
    const LENGTH: usize = 40_000;
    let bulk =
        |byte: u8| [format!("${LENGTH}\r\n").as_bytes(), &vec![byte; LENGTH], b"\r\n"].concat();
    let changes: [&[u8]; 6] = [
        b"LSET k 0 short\r\nLSET k 1 short\r\n",
        b"LPOP k 9\r\n",
        b"LTRIM k 1 0\r\n",
        b"LMOVE k other LEFT RIGHT\r\nDEL k other\r\n",
        b"FLUSHALL\r\n",
        b"SET k other\r\n",
    ];
    for (change, capacity_bytes) in
        changes.iter().flat_map(|change| [700, 10_000, 399_999].map(|bytes| (change, bytes)))
    {
        let mut scene = Scene::start(&[]);
        let [reader, changer] = [scene.connect(), scene.connect()];
        let push = [b"*4\r\n$5\r\nRPUSH\r\n$1\r\nk\r\n", &bulk(b'v')[..], &bulk(b'w')].concat();
        scene.limit_capacity(changer, 399_999);
        scene.send_at(1, changer, &push);
        scene.send_at(2, changer, b"LMOVE k k LEFT RIGHT\r\n");
        scene.limit_capacity(reader, capacity_bytes);
        scene.send_at(10, reader, b"LRANGE k 0 -1\r\nLINDEX k 1\r\n");
        scene.send_at(12, changer, change);
        scene.send_at(14, changer, b"DEL k\r\n");
        scene.send_at(16, reader, b"LLEN k\r\n");
        scene.run_ms(1_000);
        let elements = [bulk(b'w'), bulk(b'v'), bulk(b'v')].concat();
        let expected = [b"*2\r\n", &elements[..], b":0\r\n"].concat();
        assert!(scene.received(reader) == expected, "{capacity_bytes} bytes at a time");
    }
}

/// A client that waits gets a large element from where it was received.
#[test]
fn d27_a_large_element_for_who_waits_is_whole() {
    const LENGTH: usize = 100_000;
    for capacity_bytes in [700, 399_999] {
        let mut scene = Scene::start(&[]);
        let [waiting, moving, pusher] = [scene.connect(), scene.connect(), scene.connect()];
        scene.limit_capacity(waiting, capacity_bytes);
        scene.send_at(1, waiting, b"BLMPOP 0 1 k LEFT COUNT 2\r\nPING\r\n");
        scene.send_at(2, moving, b"BLMOVE k m LEFT LEFT 0\r\nLINDEX m 0\r\n");
        let bulk =
            |byte: u8| [format!("${LENGTH}\r\n").as_bytes(), &vec![byte; LENGTH], b"\r\n"].concat();
        let elements = [bulk(b'a'), b"$1\r\nb\r\n".to_vec(), bulk(b'c')];
        let push = [b"*5\r\n$5\r\nRPUSH\r\n$1\r\nk\r\n", &elements.concat()[..]].concat();
        scene.limit_capacity(pusher, 399_999);
        scene.send_at(10, pusher, &push);
        scene.run_ms(1_000);
        let popped = [&b"*2\r\n$1\r\nk\r\n*2\r\n"[..], &elements[0], &elements[1], b"+PONG\r\n"];
        assert!(scene.received(waiting) == popped.concat(), "{capacity_bytes} bytes at a time");
        assert!(scene.received(moving) == elements[2].repeat(2));
        assert_eq!(scene.received(pusher), b":3\r\n");
    }
}

/// What has come of it counts as input; when its client leaves, it is as if it had never begun.
#[test]
fn a_large_argument_that_never_ends_is_forgotten() {
    let mut scene = Scene::start(&[]);
    let [leaver, other] = [scene.connect(), scene.connect()];
    scene.send_at(1, leaver, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000000\r\n");
    for at_ms in 2..12 {
        scene.send_at(at_ms, leaver, &[b'x'; 50_000]);
    }
    scene.send_at(20, other, b"CLIENT LIST\r\n");
    scene.close_at(30, leaver);
    scene.send_at(40, other, b"EXISTS k\r\n");
    scene.run_ms(1_000);
    let received = String::from_utf8(scene.received(other)).expect("text");
    let input = 500_000 + "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000000\r\n".len();
    assert!(received.contains(&format!(" qbuf={input} ")), "{received}");
    assert!(received.ends_with(":0\r\n"), "{received}");
}

#[test]
fn d30_a_request_over_the_limit_closes_its_client_and_nobody_else() {
    let mut scene = Scene::start(&["--client-query-buffer-limit", "1mb"]);
    let [greedy, modest] = [scene.connect(), scene.connect()];
    scene.send_at(1, greedy, b"*2\r\n$4\r\nECHO\r\n$2000000\r\n");
    for at_ms in 2..40 {
        scene.send_if_open_at(at_ms, greedy, &[b'x'; 50_000]);
    }
    scene.send_at(50, modest, b"PING\r\n");
    scene.run_ms(100);
    assert_ne!(scene.state(greedy), PeerState::Open);
    assert_eq!(scene.received(modest), b"+PONG\r\n");
}

#[test]
fn ten_wrong_passwords_close_the_client() {
    let mut scene = Scene::start(&["--requirepass", "secret"]);
    let client = scene.connect();
    scene.send_at(1, client, &b"AUTH wrong\r\n".repeat(12));
    scene.run_ms(50);
    let received = String::from_utf8(scene.received(client)).expect("text");
    assert_eq!(received.matches("-WRONGPASS").count(), 10);
    assert_eq!(scene.state(client), PeerState::Ended);
}

#[test]
fn a_stranger_that_never_reads_is_cut_after_sixteen_kilobytes() {
    let mut scene = Scene::start(&["--requirepass", "secret"]);
    let client = scene.connect();
    scene.stop_reading(client, 1000);
    for at_ms in 1..100 {
        scene.send_if_open_at(at_ms, client, &b"PING\r\n".repeat(100));
    }
    scene.run_ms(200);
    assert_ne!(scene.state(client), PeerState::Open);
}

#[test]
fn a_blocked_client_is_read_ahead_a_megabyte_and_no_more() {
    let mut scene = Scene::start(&[]);
    let [blocked, pusher] = [scene.connect(), scene.connect()];
    scene.send_at(1, blocked, b"BLPOP k 0\r\n");
    let accepted = scene.flood_at(2, blocked, &b"PING\r\n".repeat(1000), 1000);
    scene.send_at(1500, pusher, b"RPUSH k x\r\n");
    scene.run_ms(2000);
    let accepted_bytes = *accepted.borrow();
    assert!(accepted_bytes < 3_000_000, "{accepted_bytes} bytes were taken from a blocked client");
    let replies = scene.received(blocked);
    let pongs = replies.windows(5).filter(|window| window == b"+PONG").count();
    assert_eq!(pongs, accepted_bytes / 6, "everything accepted is answered afterwards");
}

#[test]
fn m03_a_blocked_client_with_a_full_input_that_leaves_is_noticed() {
    let mut scene = Scene::start(&[]);
    let [blocked, pusher] = [scene.connect(), scene.connect()];
    scene.send_at(1, blocked, b"BLPOP k 0\r\n");
    let _ = scene.flood_at(2, blocked, &b"PING\r\n".repeat(1000), 1000);
    scene.close_at(1200, blocked);
    scene.send_at(1300, pusher, b"RPUSH k x\r\nLLEN k\r\n");
    scene.run_ms(1500);
    assert_eq!(scene.received(pusher), b":1\r\n:1\r\n");
}

/// How often the loop has turned, as often as INFO has told it in `replies`.
fn cycles_told(replies: Vec<u8>) -> Vec<u64> {
    let text = String::from_utf8(replies).expect("INFO is text");
    let cycles = text.lines().filter_map(|line| line.strip_prefix("eventloop_cycles:"));
    cycles.map(|count| count.parse().expect("a number")).collect()
}

#[test]
fn a_client_that_reads_nothing_and_is_to_be_closed_is_not_watched_in_vain() {
    for goodbye in ["QUIT\r\n", "*1\r\nX", ""] {
        let mut scene = Scene::start(&[]);
        let [silent, observer] = [scene.connect(), scene.connect()];
        scene.stop_reading(silent, 100);
        scene.send_at(1, silent, &b"PING\r\n".repeat(100));
        scene.send_at(10, silent, goodbye.as_bytes());
        scene.send_at(20, silent, b"PING\r\n");
        scene.finish_at(30, silent);
        scene.send_at(40, observer, b"INFO stats\r\n");
        scene.send_at(9_000, observer, b"INFO stats\r\n");
        scene.run_ms(9_100);
        let cycles = cycles_told(scene.received(observer));
        assert!(cycles[1] - cycles[0] <= 5, "{goodbye:?}, then waiting: {cycles:?} turns");
    }
}

#[test]
fn a_client_that_blocks_with_a_full_input_is_not_watched_in_vain() {
    let mut scene = Scene::start(&[]);
    let [blocked, pusher] = [scene.connect(), scene.connect()];
    // Without replies, nothing is written that would look at the interest by the way.
    scene.send_at(1, blocked, b"CLIENT REPLY OFF\r\nBLPOP k 0\r\nBLPOP k 0\r\nBLPOP k 0\r\n");
    let _ = scene.flood_at(2, blocked, &b"PING\r\n".repeat(1000), 1250);
    scene.send_at(700, pusher, b"RPUSH k x\r\n");
    scene.send_at(1000, pusher, b"RPUSH k x\r\n");
    scene.send_at(1300, pusher, b"INFO stats\r\n");
    scene.send_at(61_300, pusher, b"INFO stats\r\n");
    scene.close_at(61_400, blocked);
    scene.send_at(61_500, pusher, b"RPUSH k x\r\nLLEN k\r\n");
    scene.run_ms(61_600);
    let replies = scene.received(pusher);
    assert!(replies.ends_with(b":1\r\n:1\r\n"), "who has left gets no element");
    let cycles = cycles_told(replies);
    assert!(cycles[1] - cycles[0] <= 5, "a minute of waiting: {cycles:?} turns");
}

#[test]
fn a_shutdown_waits_a_second_for_replies_under_way_and_no_longer() {
    let mut scene = Scene::start(&[]);
    let [slow, ender] = [scene.connect(), scene.connect()];
    scene.stop_reading(slow, 100);
    scene.send_at(1, slow, &b"PING\r\n".repeat(100));
    scene.send_at(10, ender, b"SHUTDOWN NOSAVE\r\n");
    scene.run_ms(5000);
    let ended_ms = scene.world().now_ns() / 1_000_000;
    assert!((1010..=1013).contains(&ended_ms), "the server ended at {ended_ms} ms");
}

#[test]
fn m05_a_waiter_cut_while_it_is_served_costs_the_others_nothing() {
    let mut scene = Scene::start(&["--client-output-buffer-limit", "normal 100 0 0"]);
    let waiters = [scene.connect(), scene.connect(), scene.connect()];
    let pusher = scene.connect();
    for (at_ms, waiter) in (1..).zip(waiters) {
        scene.send_at(at_ms, waiter, b"BLPOP k 0\r\n");
    }
    let large = "x".repeat(200);
    scene.send_at(10, pusher, format!("RPUSH k {large} y z\r\nLLEN k\r\n").as_bytes());
    scene.run_ms(50);
    assert_ne!(scene.state(waiters[0]), PeerState::Open);
    for (waiter, element) in [(waiters[1], "y"), (waiters[2], "z")] {
        let expected = format!("*2\r\n$1\r\nk\r\n$1\r\n{element}\r\n");
        assert_eq!(scene.received(waiter), expected.as_bytes());
    }
    assert_eq!(scene.received(pusher), b":3\r\n:0\r\n");
}

#[test]
fn m12_input_in_the_batch_of_the_wake_up_runs_after_the_reply() {
    for waiter_connects_first in [true, false] {
        let mut scene = Scene::start(&[]);
        let (waiter, pusher) = scene.connect_pair(waiter_connects_first);
        scene.send_at(1, waiter, b"BLPOP k 0\r\nECHO 1\r\n");
        scene.send_at(10, waiter, b"ECHO 2\r\n");
        scene.send_at(10, pusher, b"RPUSH k x\r\n");
        scene.send_at(10, waiter, b"BLPOP k 0.02\r\nECHO 3\r\n");
        scene.run_ms(100);
        let expected = b"*2\r\n$1\r\nk\r\n$1\r\nx\r\n$1\r\n1\r\n$1\r\n2\r\n*-1\r\n$1\r\n3\r\n";
        assert_eq!(scene.received(waiter), expected, "first: {waiter_connects_first}");
    }
}

#[test]
fn m18_ten_thousand_short_connections_a_second_do_not_delay_a_timeout() {
    let mut scene = Scene::start(&[]);
    let waiter = scene.connect();
    scene.send_at(1, waiter, b"BRPOP k 2\r\n");
    for at_ms in 2..2_100 {
        for _ in 0..10 {
            let passer_by = scene.connect_at(at_ms);
            scene.send_at(at_ms, passer_by, b"PING\r\n");
            scene.close_at(at_ms + 3, passer_by);
        }
    }
    scene.run_ms(2_200);
    assert_eq!(scene.received(waiter), b"*-1\r\n");
    let at_ms = scene.received_at_ms(waiter)[0];
    assert!((2_001..=2_003).contains(&at_ms), "answered at {at_ms} ms");
}

#[test]
fn a_chain_of_moves_is_served_in_the_tick_of_the_push() {
    let mut scene = Scene::start(&[]);
    let links = [scene.connect(), scene.connect(), scene.connect()];
    let pusher = scene.connect();
    let moves = ["BLMOVE a b LEFT RIGHT 0", "BLMOVE b c LEFT RIGHT 0", "BLMOVE c a LEFT RIGHT 0"];
    for (at_ms, (link, request)) in (1..).zip(links.into_iter().zip(moves)) {
        scene.send_at(at_ms, link, format!("{request}\r\n").as_bytes());
    }
    scene.send_at(10, pusher, b"RPUSH a x\r\nLLEN a\r\n");
    scene.run_ms(50);
    for link in links {
        assert_eq!(scene.received(link), b"$1\r\nx\r\n");
        assert_eq!(scene.received_at_ms(link), scene.received_at_ms(pusher));
    }
    assert_eq!(scene.received(pusher), b":1\r\n:1\r\n");
}

#[test]
fn m04_a_mover_that_left_in_the_batch_of_the_push_moves_nothing() {
    for waiter_connects_first in [true, false] {
        let mut scene = Scene::start(&[]);
        let (waiter, pusher) = scene.connect_pair(waiter_connects_first);
        scene.send_at(1, waiter, b"BLMOVE a b LEFT RIGHT 0\r\n");
        scene.reset_at(10, waiter);
        scene.send_at(10, pusher, b"RPUSH a x\r\nLLEN a\r\nEXISTS b\r\n");
        scene.run_ms(50);
        assert_eq!(scene.received(pusher), b":1\r\n:1\r\n:0\r\n");
    }
}

#[test]
fn nineteen_thousand_waiters_get_their_elements_in_the_order_in_which_they_came() {
    const WAITERS: usize = 19_000;
    let mut scene = Scene::start(&["--maxclients", "20000", "--tcp-backlog", "20000"]);
    let waiters: Vec<_> = (0..WAITERS).map(|_| scene.connect()).collect();
    let pusher = scene.connect();
    for (number, waiter) in waiters.iter().enumerate() {
        scene.send_at(1 + number as u64 / 400, *waiter, b"BLPOP k 0\r\n");
    }
    for number in 0..WAITERS {
        let push = format!("RPUSH k {number}\r\n");
        scene.send_at(100 + number as u64 / 400, pusher, push.as_bytes());
    }
    scene.run_ms(200);
    for (number, waiter) in waiters.into_iter().enumerate() {
        let (number, received) = (number.to_string(), scene.received(waiter));
        let expected = format!("*2\r\n$1\r\nk\r\n${}\r\n{number}\r\n", number.len());
        assert_eq!(String::from_utf8_lossy(&received), expected);
    }
}
