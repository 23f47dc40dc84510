//! How the server starts, what limits it keeps, and how it ends: seen from outside, as an operator
//! sees it.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use squint_testing::connection::{Arrival, encoded};
use squint_testing::server::free_port;
use squint_testing::temporary::Directory;
use squint_testing::{Server, ours};

/// Sends a signal by the system's own tool: this package has no unsafe code and no libc.
fn signal(server: &Server, name: &str) {
    let status = Command::new("kill")
        .args(["-s", name, &server.process_id().to_string()])
        .status()
        .expect("every Unix has kill");
    assert!(status.success());
}

/// Runs the server where it must not start; its exit code and all that it said.
fn refusal(arguments: &[&str]) -> (Option<i32>, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_squint-server"))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the server was just built");
    let deadline = Instant::now() + Duration::from_secs(10);
    while matches!(child.try_wait(), Ok(None)) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    let still_runs = matches!(child.try_wait(), Ok(None));
    // It has ended unless the test is about to fail.
    let _ = child.kill();
    let mut text = String::new();
    for pipe in [
        child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Read>),
        child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn Read>),
    ] {
        let mut pipe = pipe.expect("both are pipes");
        pipe.read_to_string(&mut text).expect("the server speaks UTF-8");
    }
    let code = child.wait().expect("it was started here").code();
    assert!(!still_runs, "{arguments:?} started all the same:\n{text}");
    (code, text)
}

/// On a full disk `print!` would panic.
#[test]
#[cfg(target_os = "linux")]
fn help_that_cannot_be_printed_is_an_error() {
    for word in ["--help", "--version"] {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("Linux has it");
        let mut command = Command::new(env!("CARGO_BIN_EXE_squint-server"));
        let output = command.arg(word).stdout(full).output().expect("the server was just built");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.starts_with("No space left on device"), "{text}");
    }
}

#[test]
fn a_start_is_one_line_that_says_it_all() {
    let server = Server::start(&ours!(), &[]);
    let log = server.log();
    let process_id = format!("pid={}", server.process_id());
    let port = format!("port={}", server.port);
    for word in ["Squint", "poller=epoll", process_id.as_str(), port.as_str()] {
        assert!(log.contains(word) || cfg!(not(target_os = "linux")), "{word} is not in\n{log}");
    }
}

#[test]
fn d28_a_port_that_is_taken_is_a_clear_error() {
    let server = Server::start(&ours!(), &[]);
    let port = server.port.to_string();
    let (code, text) = refusal(&["--port", &port, "--bind", "127.0.0.1"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(&port) && text.to_lowercase().contains("in use"), "{text}");
    assert!(text.contains("set another 'port'"), "{text}");
}

#[test]
#[cfg(target_os = "linux")]
fn without_descriptors_for_one_client_there_is_no_server() {
    let script = "ulimit -n 32; exec \"$0\" --port 0"; // to nowhere it would not listen either
    let arguments = ["-c", script, env!("CARGO_BIN_EXE_squint-server")];
    let output = Command::new("sh").args(arguments).output().expect("every Linux has a shell");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("32 open descriptors") && text.contains("ulimit -n"), "{text}");
}

#[test]
fn d28_an_option_that_there_is_not_refuses_to_start() {
    let port = free_port().number.to_string();
    let (code, text) = refusal(&["--port", &port, "--no-such-option", "1"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("no-such-option"), "{text}");
}

#[test]
fn a_bad_value_names_the_file_and_the_line() {
    let directory = Directory::new();
    let file = directory.path().join("redis.conf");
    std::fs::write(&file, "# a comment\nport 0\n\nmaxclients many\n").expect("it is our directory");
    let (code, text) = refusal(&[&file.to_string_lossy()]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("redis.conf") && text.contains('4') && text.contains("many"), "{text}");
}

#[test]
fn a_promise_that_cannot_be_kept_refuses_to_start() {
    let port = free_port().number.to_string();
    for promise in [["--appendonly", "yes"], ["--save", "60 1"], ["--replicaof", "127.0.0.1 1"]] {
        let (code, text) = refusal(&[&["--port", port.as_str()], promise.as_slice()].concat());
        assert_eq!(code, Some(1), "{promise:?}: {text}");
        assert!(text.contains(&promise[0][2..]), "{promise:?}: {text}");
    }
}

#[test]
fn sigterm_and_sigint_end_it_with_status_0() {
    for name in ["TERM", "INT"] {
        let mut server = Server::start(&ours!(), &[]);
        let mut client = server.connect();
        client.expect_reply("SET k v", b"+OK\r\n");
        signal(&server, name);
        assert_eq!(server.exit_code_within(Duration::from_secs(5)), Some(0), "{}", server.log());
        client.expect_closed();
    }
}

/// M35: what is in flight is finished.
#[test]
fn m35_replies_arrive_although_the_server_ends() {
    let mut server = Server::start(&ours!(), &[]);
    let mut waiter = server.connect();
    waiter.command("BLPOP k 0");
    let mut client = server.connect();
    client.send(&encoded(&["SET", "big", &"x".repeat(1 << 20)]));
    client.expect(b"+OK\r\n");
    client.command("GET big");
    // The reply is on its way, and more than fits in the socket's buffers.
    while client.received().is_empty() {
        assert_eq!(client.wait(Instant::now() + Duration::from_secs(5)), Arrival::Bytes);
    }
    signal(&server, "TERM");
    let reply = client.read_exactly((1 << 20) + "$1048576\r\n\r\n".len());
    assert!(reply.ends_with(b"x\r\n"));
    assert_eq!(server.exit_code_within(Duration::from_secs(5)), Some(0), "{}", server.log());
}

#[test]
fn a_second_signal_ends_it_at_once_with_status_1() {
    let mut server = Server::start(&ours!(), &[]);
    let mut client = server.connect();
    client.send(&encoded(&["SET", "big", &"x".repeat(16 << 20)]));
    client.expect(b"+OK\r\n");
    // Somebody who does not read keeps the first one waiting.
    client.command("GET big");
    std::thread::sleep(Duration::from_millis(100));
    signal(&server, "TERM");
    std::thread::sleep(Duration::from_millis(50));
    signal(&server, "TERM");
    assert_eq!(server.exit_code_within(Duration::from_millis(800)), Some(1), "{}", server.log());
}

#[test]
fn d16_sigpipe_and_sighup_do_nothing() {
    let mut server = Server::start(&ours!(), &[]);
    signal(&server, "PIPE");
    signal(&server, "HUP");
    server.connect().expect_reply("PING", b"+PONG\r\n");
    assert!(server.is_alive());
}

#[test]
fn d23_one_client_too_many_is_told_so() {
    let server = Server::start(&ours!(), &["--maxclients", "5"]);
    let mut clients = vec![server.connect()];
    // The connection that found out whether the server accepts may still be counted.
    while !String::from_utf8_lossy(&clients[0].ask("INFO clients")).contains("_clients:1\r\n") {
        std::thread::sleep(Duration::from_millis(1));
    }
    clients.extend((0..4).map(|_| server.connect()));
    for client in &mut clients {
        client.expect_reply("PING", b"+PONG\r\n");
    }
    let mut one_more = server.connect();
    one_more.expect(b"-ERR max number of clients reached\r\n");
    one_more.expect_closed();
    // And there is room again when one leaves.
    drop(clients.pop());
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let mut next = server.connect();
        next.command("PING");
        if next.reply() == b"+PONG\r\n" {
            break;
        }
        assert!(Instant::now() < deadline, "the place of who left is never free");
    }
}

/// D73, U37, M33: a subscriber that never reads is closed at the limit; the others hear all of it
/// and the publisher never waits.
#[test]
fn d73_a_subscriber_that_does_not_read_is_closed() {
    let limit = "pubsub 1mb 1mb 0";
    let server = Server::start(&ours!(), &["--client-output-buffer-limit", limit]);
    let mut deaf = server.connect();
    let mut listener = server.connect();
    for subscriber in [&mut deaf, &mut listener] {
        subscriber.expect_reply("SUBSCRIBE c", b"*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
    }
    let mut publisher = server.connect();
    let message = "m".repeat(20_000);
    let publish = encoded(&["PUBLISH", "c", &message]);
    let heard = format!("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$20000\r\n{message}\r\n");
    let closed_after = (0..5_000).find(|_| {
        publisher.send(&publish);
        let receivers = publisher.reply();
        listener.expect(heard.as_bytes());
        receivers == b":1\r\n"
    });
    assert!(closed_after.is_some(), "100 MB waited for one that does not read");
    publisher.expect_reply("PING", b"+PONG\r\n");
}

/// D68, T34: what is queued in a transaction counts like what is not yet executed.
#[test]
fn d68_a_transaction_without_end_is_closed() {
    let server = Server::start(&ours!(), &["--client-query-buffer-limit", "1mb"]);
    let mut client = server.connect();
    client.expect_reply("MULTI", b"+OK\r\n");
    let command = encoded(&["SET", "k", &"v".repeat(10_000)]);
    let closed = (0..1_000).any(|_| {
        client.send(&command);
        while client.received().is_empty() {
            if client.wait(Instant::now() + Duration::from_secs(5)) != Arrival::Bytes {
                return true;
            }
        }
        let length = client.received().len();
        client.take(length) != b"+QUEUED\r\n"
    });
    assert!(closed, "10 MB are queued by a client that may hold 1 MB");
    server.connect().expect_reply("PING", b"+PONG\r\n");
}

/// D76: a request that cannot be whole within the limits of a client without a password.
#[test]
fn d76_many_small_requests_before_authentication_are_harmless() {
    let mut server = Server::start(&ours!(), &["--requirepass", "secret"]);
    let mut stranger = server.connect();
    stranger.send(&b"PING\r\n".repeat(186_800));
    stranger.finish_sending();
    while stranger.wait(Instant::now() + Duration::from_secs(5)) == Arrival::Bytes {}
    assert!(server.is_alive());
    server.connect().expect_reply("AUTH secret", b"+OK\r\n");
}

/// D51: memory of keys that nobody reads comes back.
#[test]
fn d51_expired_keys_are_gone_without_being_read() {
    const KEYS: usize = 20_000;
    let server = Server::start(&ours!(), &[]);
    let mut client = server.connect();
    let mut bytes = Vec::new();
    for number in 0..KEYS {
        let key = format!("key:{number}");
        bytes.extend_from_slice(&encoded(&["SET", &key, "value", "PX", "300"]));
    }
    client.send(&bytes);
    client.read_exactly(KEYS * b"+OK\r\n".len());
    let deadline = Instant::now() + Duration::from_secs(10);
    while client.ask("DBSIZE") != b":0\r\n" {
        assert!(Instant::now() < deadline, "expired keys stay");
        std::thread::sleep(Duration::from_millis(10));
    }
    let info = String::from_utf8_lossy(&client.ask("INFO stats")).into_owned();
    assert!(info.contains(&format!("expired_keys:{KEYS}\r\n")), "{info}");
}

/// D72: leaving costs what the leaver subscribed to, not what the server knows.
#[test]
fn d72_leaving_is_cheap_beside_many_channels() {
    const CHANNELS: usize = 50_000;
    let server = Server::start(&ours!(), &[]);
    let mut keeper = server.connect();
    let channels: Vec<String> = (0..CHANNELS).map(|number| format!("c{number}")).collect();
    for some in channels.chunks(1000) {
        let mut words = vec!["SUBSCRIBE"];
        words.extend(some.iter().map(String::as_str));
        keeper.send(&encoded(&words));
        for _ in some {
            keeper.reply();
        }
    }
    let start = Instant::now();
    for _ in 0..500 {
        let mut leaver = server.connect();
        leaver.command("SUBSCRIBE mine");
        leaver.reply();
    }
    let mut client = server.connect();
    client.expect_reply("PING", b"+PONG\r\n");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

/// D13: the values of clients are their own affair.
#[test]
fn d13_what_clients_say_is_not_in_the_log() {
    let server = Server::start(&ours!(), &["--loglevel", "debug"]);
    let mut client = server.connect();
    client.expect_reply("SET secret-key secret-value", b"+OK\r\n");
    client.send(b"NOSUCH secret-value\r\n");
    client.reply();
    assert!(!server.log().contains("secret"), "{}", server.log());
}

/// A server that has nothing to do does nothing: no time passes for it.
#[cfg(target_os = "linux")]
#[test]
fn d21_an_idle_server_uses_no_time() {
    let server = Server::start(&ours!(), &[]);
    let mut client = server.connect();
    client.expect_reply("SET k v EX 1000", b"+OK\r\n");
    let switches = || {
        let path = format!("/proc/{}/status", server.process_id());
        let text = std::fs::read_to_string(path).expect("the server runs");
        let line = text.lines().find(|line| line.starts_with("voluntary_ctxt_switches"));
        let number = line.and_then(|line| line.split_whitespace().last());
        number.and_then(|number| number.parse::<u64>().ok()).expect("Linux counts switches")
    };
    std::thread::sleep(Duration::from_millis(50));
    let before = switches();
    std::thread::sleep(Duration::from_millis(600));
    assert_eq!(switches(), before, "it woke up with nothing to do");
}
