//! CLIENT PAUSE under a virtual clock: who waits, until when, in which order.

use super::scene::{ClientName, Scene};

fn connect_many(scene: &mut Scene, count: usize) -> Vec<ClientName> {
    (0..count).map(|_| scene.connect()).collect()
}

#[test]
fn m17_a_wait_that_came_in_a_pause_begins_at_its_end() {
    let mut scene = Scene::start(&[]);
    let [pauser, waiter] = [scene.connect(), scene.connect()];
    scene.send_at(100, pauser, b"CLIENT PAUSE 500\r\n");
    scene.send_at(200, waiter, b"BLPOP k 1\r\n");
    scene.run_ms(2500);
    assert_eq!(scene.received(waiter), b"*-1\r\n");
    let late_ms = scene.received_at_ms(waiter)[0] - 1600;
    assert!((0..=4).contains(&late_ms), "{late_ms} ms late");
}

#[test]
fn writers_go_on_in_the_order_in_which_they_came() {
    for end in ["", "CLIENT UNPAUSE\r\n"] {
        let mut scene = Scene::start(&[]);
        let pauser = scene.connect();
        let mut writers = connect_many(&mut scene, 300);
        scene.send_at(1, pauser, b"CLIENT PAUSE 500 WRITE\r\n");
        writers.reverse(); // the order in which they connected is not the one in which they came
        for (number, &writer) in writers.iter().enumerate() {
            let at_ms = 10 + number as u64;
            scene.send_at(at_ms, writer, format!("RPUSH k {number}\r\n").as_bytes());
        }
        scene.send_at(400, pauser, format!("LLEN k\r\n{end}").as_bytes());
        scene.run_ms(1000);
        for (number, &writer) in writers.iter().enumerate() {
            assert_eq!(scene.received(writer), format!(":{}\r\n", number + 1).as_bytes());
        }
        assert!(scene.received(pauser).starts_with(b"+OK\r\n:0\r\n"));
    }
}

/// What it had sent behind the one that waited lay in two pieces, and the server ended itself.
#[test]
fn what_is_sent_behind_a_request_that_waits_may_wrap_around_the_end_of_the_buffer() {
    let mut scene = Scene::start(&[]);
    let [pauser, writer] = [scene.connect(), scene.connect()];
    let ping = b"*1\r\n$4\r\nPING\r\n";
    let set = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n";
    scene.send_at(1, pauser, b"CLIENT PAUSE 60000 WRITE\r\n");
    scene.send_at(10, writer, &[&ping.repeat(700)[..], set, set].concat());
    scene.send_at(20, writer, &ping.repeat(1_000));
    scene.send_at(30, pauser, b"CLIENT UNPAUSE\r\n");
    scene.run_ms(100);
    let pongs = |count: usize| b"+PONG\r\n".repeat(count);
    let expected = [pongs(700), b"+OK\r\n+OK\r\n".to_vec(), pongs(1_000)].concat();
    assert!(scene.received(writer) == expected, "every request is answered, in order");
}

#[test]
fn who_left_in_the_batch_of_the_unpause_writes_nothing() {
    for leaver_connects_first in [true, false] {
        let mut scene = Scene::start(&[]);
        let (leaver, pauser) = scene.connect_pair(leaver_connects_first);
        let other = scene.connect();
        scene.send_at(10, pauser, b"CLIENT PAUSE 60000 WRITE\r\n");
        scene.send_at(20, leaver, b"INCR k\r\n");
        scene.send_at(21, other, b"INCR k\r\n");
        scene.close_at(100, leaver);
        scene.send_at(100, pauser, b"CLIENT UNPAUSE\r\n");
        scene.run_ms(200);
        assert_eq!(scene.received(other), b":1\r\n", "first: {leaver_connects_first}");
    }
}

#[test]
fn a_large_value_waits_with_its_command_and_what_stands_behind_it_too() {
    let mut scene = Scene::start(&[]);
    let [pauser, writer] = [scene.connect(), scene.connect()];
    let value = "x".repeat(40_000);
    scene.send_at(10, pauser, b"CLIENT PAUSE 200 ALL\r\n");
    let request = format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$40000\r\n{value}\r\nSTRLEN k\r\n");
    scene.send_at(20, writer, request.as_bytes());
    scene.run_ms(500);
    assert_eq!(scene.received(writer), b"+OK\r\n:40000\r\n");
    assert!(scene.received_at_ms(writer)[0] >= 210);
}

#[test]
fn who_comes_and_goes_on_in_the_same_tick_is_answered_once() {
    let mut scene = Scene::start(&[]);
    let [pauser, writer, other] = [scene.connect(), scene.connect(), scene.connect()];
    scene.send_at(10, pauser, b"CLIENT PAUSE 60000 WRITE\r\n");
    scene.send_at(20, writer, &b"INCR k\r\n".repeat(5));
    scene.send_at(20, pauser, b"CLIENT UNPAUSE\r\nCLIENT PAUSE 60000 WRITE\r\nCLIENT UNPAUSE\r\n");
    scene.send_at(20, other, b"GET none\r\nCLIENT UNPAUSE\r\nGET none\r\n");
    scene.run_ms(100);
    assert_eq!(scene.received(writer), b":1\r\n:2\r\n:3\r\n:4\r\n:5\r\n");
    assert_eq!(scene.received(pauser), b"+OK\r\n".repeat(4));
}
