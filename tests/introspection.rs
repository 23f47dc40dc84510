//! What the server tells of itself, against what others see of it: the system calls that it counts
//! are those that strace shows, and what ticks and commands are said to have cost adds up.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use squint_testing::connection::encoded;
use squint_testing::server::{Port, found_in_path, free_port};
use squint_testing::temporary::Directory;
use squint_testing::{Connection, Server, ours};

/// Calls that neither the loader nor the C library makes on its own account, so that all of them
/// are ours.
const OURS_ALONE: [&str; 14] = [
    "epoll_wait",
    "epoll_ctl",
    "epoll_create1",
    "accept4",
    "readv",
    "write",
    "writev",
    "socket",
    "setsockopt",
    "bind",
    "listen",
    "getsockname",
    "getrusage",
    "clock_nanosleep",
];

/// What is asked of the server while it is watched: small and large, alone and in pipelines, a
/// client that waits, one that leaves, and commands that look outside.
fn keep_busy(port: u16) {
    let mut client = Connection::open(([127, 0, 0, 1], port).into(), "ours");
    client.expect_reply("SET k v", b"+OK\r\n");
    client.send(&encoded(&["SET", "large", &"x".repeat(200_000)]));
    client.expect(b"+OK\r\n");
    client.ask("GET large");
    client.send(&b"PING\r\n".repeat(500));
    client.read_exactly(500 * b"+PONG\r\n".len());
    client.expect_reply("BLPOP nothing 0.02", b"*-1\r\n");
    client.expect_reply("DEBUG SLEEP 0.001", b"+OK\r\n");
    client.ask("INFO memory");
    client.ask("CLIENT LIST");
}

/// The fields of an INFO section that begin with `prefix`, without it.
fn fields(info: &[u8], prefix: &str) -> BTreeMap<String, u64> {
    let text = String::from_utf8_lossy(info).into_owned();
    let pairs = text.lines().filter_map(|line| line.strip_prefix(prefix)?.split_once(':'));
    pairs.filter_map(|(name, value)| Some((name.to_string(), value.parse().ok()?))).collect()
}

/// The server under strace, which writes down every call.
struct Watched {
    child: Child,
    port: Port,
    directory: Directory,
}

impl Watched {
    fn start(strace: &std::path::Path) -> Self {
        let (directory, port) = (Directory::new(), free_port());
        let child = Command::new(strace)
            .args(["-f", "-s", "64", "-o"])
            .arg(directory.path().join("calls"))
            .arg(env!("CARGO_BIN_EXE_squint-server"))
            .args(["--port", &port.number.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .args(["--enable-debug-command", "yes", "--dir"])
            .arg(directory.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a program that was found can be started");
        let deadline = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(("127.0.0.1", port.number)).is_err() {
            assert!(Instant::now() < deadline, "the server does not accept under strace");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, port, directory }
    }

    /// Calls by name, from the start to the write of the reply that holds `mark`.
    fn calls_until(&self, mark: &str) -> BTreeMap<String, u64> {
        let text = std::fs::read_to_string(self.directory.path().join("calls"));
        let text = text.expect("strace writes there");
        let lines: Vec<&str> = text.lines().collect();
        let end = lines.iter().rposition(|line| line.contains(mark)).expect("the reply was sent");
        let mut calls = BTreeMap::new();
        for line in &lines[..end] {
            // "1234  read(3, ..." begins a call; what goes on or is about a signal does not.
            let call = line.split_whitespace().nth(1).and_then(|rest| rest.split_once('('));
            if let Some((name, _)) = call {
                *calls.entry(name.to_string()).or_default() += 1;
            }
        }
        calls
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let mut client = Connection::open(([127, 0, 0, 1], self.port.number).into(), "ours");
        client.send(b"SHUTDOWN NOW\r\n");
        // It fails only if strace has ended already.
        let _ = self.child.wait();
    }
}

#[test]
fn system_calls_are_counted_as_strace_counts_them() {
    let strace = found_in_path("strace").expect("strace is installed");
    let watched = Watched::start(&strace);
    keep_busy(watched.port.number);
    let mut client = Connection::open(([127, 0, 0, 1], watched.port.number).into(), "ours");
    let told = fields(&client.ask("INFO syscalls"), "syscall_");
    let seen = watched.calls_until("# Syscalls");
    let of = |calls: &BTreeMap<String, u64>, name: &str| calls.get(name).copied().unwrap_or(0);
    for name in OURS_ALONE {
        assert_eq!(of(&told, name), of(&seen, name), "{name}");
    }
    // The loader makes these too, and the C library for the time zone.
    for name in ["read", "close", "openat", "mmap"] {
        let (told, seen) = (of(&told, name), of(&seen, name));
        assert!(0 < told && told < seen, "{name}: {told} told, {seen} seen");
    }
    assert!(of(&told, "accept4") >= 3 && of(&told, "writev") + of(&told, "write") >= 8);
}

#[test]
fn what_commands_have_cost_adds_up() {
    let server = Server::start(&ours!(), &[]);
    let mut client = server.connect();
    client.expect_reply("CONFIG RESETSTAT", b"+OK\r\n");
    for _ in 0..50 {
        client.expect_reply("PING", b"+PONG\r\n");
    }
    client.send(&b"GET k\r\n".repeat(64));
    client.read_exactly(64 * b"$-1\r\n".len());
    let info = client.ask("INFO syscalls");
    let text = String::from_utf8_lossy(&info).into_owned();
    let cost = |name: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("cmdsyscalls_{name}:")));
        let (_, per_call) = line.expect("it was executed").split_once("per_call=").expect("a cost");
        per_call.parse().expect("a number")
    };
    assert!((cost("ping") - 3.0).abs() < 0.05, "a lone request: wait, read, write\n{text}");
    assert!(cost("get") <= 4.0 * 3.0 / 64.0, "one pipeline, in a few pieces at most\n{text}");
}
