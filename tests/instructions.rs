//! What the ten hottest commands cost in instructions, counted by callgrind: the one measure of
//! speed that a busy machine does not disturb.
//!
//! ```text
//!   start | fill | some requests | dump | N requests | dump | shut down
//!                                       └────┬────┘
//!   instructions per request = those of the second dump / N
//! ```
//!
//! A dump sets callgrind's counters to zero, so that neither the start nor filling (whose cost
//! depends on the random seed of the hash) is counted.
//!
//! Requests come sixteen at a time over one connection, and the next sixteen only when all replies
//! are there, so that every run reads and writes alike. The kernel's instructions do not count.
//!
//! `tests/instructions/counts.toml` records the figures. A count that has grown by more than
//! [`GROWTH_MAX_PERCENT`] fails. If it has grown on purpose, record it anew and commit the file:
//!
//! ```text
//! SQUINT_BLESS=1 cargo test --test instructions -- --ignored
//! ```
//!
//! The counts belong to the pinned compiler, and to a processor with AVX2 and a C library that
//! uses it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use squint_testing::Connection;
use squint_testing::connection::encoded;
use squint_testing::server::{Port, found_in_path, free_port};
use squint_testing::temporary::Directory;

/// What a count may grow by without anybody saying so.
const GROWTH_MAX_PERCENT: f64 = 5.0;

/// Requests that are counted.
const REQUESTS: usize = 4_000;
/// Requests before them: every buffer has its size then.
const REQUESTS_BEFORE: usize = 160;
/// Requests that are sent together.
const PIPELINE: usize = 16;
/// Lists that pushes and pops take in turn.
const LISTS: usize = 64;
/// Keys that are there before.
const KEYS: usize = 2_000;
/// Under valgrind a start takes a second or so; a machine may be busy.
const START_TIME_MAX: Duration = Duration::from_secs(60);

const VALUE: &str = "0123456789abcdef";

/// A command to count: its name in the file, and its n-th request.
struct Counted {
    name: &'static str,
    request: fn(usize) -> Vec<u8>,
}

const COUNTED: [Counted; 10] = [
    Counted { name: "GET", request: |number| encoded(&["GET", &key(number)]) },
    Counted { name: "SET", request: |number| encoded(&["SET", &key(number), VALUE]) },
    Counted { name: "INCR", request: |number| encoded(&["INCR", &counter(number)]) },
    Counted { name: "LPUSH", request: |number| encoded(&["LPUSH", &list("new", number), VALUE]) },
    Counted { name: "LPOP", request: |number| encoded(&["LPOP", &list("long", number)]) },
    Counted { name: "LRANGE_100", request: |_| encoded(&["LRANGE", "hundred", "0", "99"]) },
    Counted { name: "MSET_10", request: mset },
    Counted {
        name: "XADD",
        request: |_| encoded(&["XADD", "stream", "*", "first", "12", "second", "34"]),
    },
    Counted { name: "PUBLISH", request: |_| encoded(&["PUBLISH", "channel", VALUE]) },
    Counted { name: "PING", request: |_| encoded(&["PING"]) },
];

/// Keys in an order without order, the same in every run.
fn scattered(number: usize) -> usize {
    number.wrapping_mul(7_919) % KEYS
}

fn key(number: usize) -> String {
    format!("key:{:012}", scattered(number))
}

fn counter(number: usize) -> String {
    format!("num:{:012}", scattered(number))
}

/// One of many lists in turn: where the hash puts a single key depends on its seed.
fn list(prefix: &str, number: usize) -> String {
    format!("{prefix}:{:03}", number % LISTS)
}

fn mset(number: usize) -> Vec<u8> {
    let keys: Vec<String> = (0..10).map(|pair| key(number * 10 + pair)).collect();
    let pairs = keys.iter().flat_map(|key| [key.as_str(), VALUE]);
    encoded(&std::iter::once("MSET").chain(pairs).collect::<Vec<_>>())
}

/// What all runs begin with.
fn fill(connection: &mut Connection) {
    let mut requests: Vec<Vec<u8>> = Vec::new();
    for number in 0..KEYS {
        requests.push(encoded(&["SET", &key(number), VALUE]));
        requests.push(encoded(&["SET", &counter(number), "1000"]));
    }
    requests.extend((0..100).map(|_| encoded(&["RPUSH", "hundred", VALUE])));
    let elements = 2 * (REQUESTS_BEFORE + REQUESTS);
    requests.extend((0..elements).map(|number| encoded(&["RPUSH", &list("long", number), VALUE])));
    connection.send_in_batches(requests.into_iter(), PIPELINE);
}

/// The server under callgrind.
struct Callgrind {
    child: Child,
    port: Port,
    directory: Directory,
}

impl Callgrind {
    fn start(valgrind: &Path, server: &Path) -> Self {
        let directory = Directory::new();
        let port = free_port();
        let out_file = directory.path().join("out");
        let child = Command::new(valgrind)
            .args(["--tool=callgrind", "--quiet"])
            .arg(format!("--callgrind-out-file={}", out_file.display()))
            .arg(server)
            .args(["--port", &port.number.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .arg("--dir")
            .arg(directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a program that was found can be started");
        Self { child, port, directory }
    }

    fn connect(&self) -> Connection {
        let address = SocketAddr::from(([127, 0, 0, 1], self.port.number));
        Connection::open_within(address, "ours under callgrind", START_TIME_MAX)
    }

    /// Writes what has been counted since the last dump to a file of its own.
    fn dump(&self) {
        let output = Command::new("callgrind_control")
            .args(["--dump", &self.child.id().to_string()])
            .output()
            .expect("callgrind_control comes with valgrind");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// The instructions of a dump, counted from 1.
    fn instructions(&self, dump: usize) -> u64 {
        let path = self.directory.path().join(format!("out.{dump}"));
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let mut numbers = text.lines().filter_map(|line| line.strip_prefix("summary: "));
        numbers.next().and_then(|number| number.trim().parse().ok()).expect("callgrind's summary")
    }
}

impl Drop for Callgrind {
    fn drop(&mut self) {
        // Both fail only if the process has ended already, as it has unless the test failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Instructions per request of one command, in user space.
fn instructions_per_request(valgrind: &Path, server: &Path, counted: &Counted) -> u64 {
    let callgrind = Callgrind::start(valgrind, server);
    let mut connection = callgrind.connect();
    fill(&mut connection);
    connection.send_in_batches((0..REQUESTS_BEFORE).map(counted.request), PIPELINE);
    callgrind.dump();
    connection.send_in_batches((0..REQUESTS).map(counted.request), PIPELINE);
    callgrind.dump();
    callgrind.instructions(2) / REQUESTS as u64
}

fn counts_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/instructions/counts.toml")
}

/// The recorded counts: lines of `NAME = number`.
fn recorded() -> BTreeMap<String, u64> {
    let text = std::fs::read_to_string(counts_path()).unwrap_or_default();
    let pairs = text.lines().filter_map(|line| line.split_once(" = "));
    pairs.filter_map(|(name, number)| Some((name.to_string(), number.parse().ok()?))).collect()
}

fn record(counts: &[(&str, u64)]) {
    let commit = commit().unwrap_or_else(|| "unknown".to_string());
    let mut text = format!(
        "# Instructions per request in user space, counted by tests/instructions.rs, which also\n\
         # says how to record them anew. A plus sign: with changes that came with this file.\n\
         commit = \"{commit}\"\n\n[instructions]\n"
    );
    for (name, count) in counts {
        writeln!(text, "{name} = {count}").expect("a string takes all");
    }
    std::fs::write(counts_path(), text).expect("the repository can be written");
}

fn commit() -> Option<String> {
    let git = ["describe", "--always", "--dirty=+"];
    let output = Command::new("git").args(git).current_dir(env!("CARGO_MANIFEST_DIR")).output();
    let name = String::from_utf8(output.ok()?.stdout).ok()?;
    Some(name.trim().to_string()).filter(|name| !name.is_empty())
}

/// The release build: what it would cost without optimization is of no interest.
fn release_build() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let status = Command::new(env!("CARGO"))
        .args(["build", "--release", "--locked", "--quiet", "--bin", "squint-server"])
        .current_dir(root)
        .status()
        .expect("cargo runs this test");
    assert!(status.success(), "the release build failed");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
    target.join("release/squint-server")
}

/// One line for each count; whether it is too large.
fn compare(name: &str, count: u64, recorded: Option<u64>) -> (String, bool) {
    let Some(recorded) = recorded else {
        return (format!("{name}: {count}, not recorded"), true);
    };
    let growth_percent = (count as f64 / recorded as f64 - 1.0) * 100.0;
    let line = format!("{name}: {count}, recorded {recorded}: {growth_percent:+.1} %");
    (line, growth_percent > GROWTH_MAX_PERCENT)
}

#[test]
#[ignore = "builds for release and runs under valgrind; scripts/test does it"]
fn no_hot_command_grows_unnoticed() {
    let valgrind = found_in_path("valgrind").expect("valgrind is installed");
    let server = release_build();
    let recorded = recorded();
    let mut counts = Vec::new();
    let mut broken = Vec::new();
    for counted in &COUNTED {
        let count = instructions_per_request(&valgrind, &server, counted);
        let name = counted.name;
        let (line, is_too_large) = compare(name, count, recorded.get(name).copied());
        println!("{line}");
        if is_too_large {
            broken.push(line);
        }
        counts.push((name, count));
    }
    if std::env::var_os("SQUINT_BLESS").is_some() {
        return record(&counts);
    }
    let advice = "if this is meant: SQUINT_BLESS=1 cargo test --test instructions -- --ignored";
    assert!(broken.is_empty(), "\n{}\n{advice}", broken.join("\n"));
}

#[test]
fn a_count_may_grow_by_a_little() {
    assert!(!compare("GET", 1_049, Some(1_000)).1);
    assert!(compare("GET", 1_051, Some(1_000)).1);
    assert!(!compare("GET", 500, Some(1_000)).1);
    assert!(compare("GET", 500, None).1);
}

#[test]
fn every_count_is_recorded() {
    let recorded = recorded();
    let names: Vec<&str> = COUNTED.iter().map(|counted| counted.name).collect();
    assert!(names.iter().all(|name| recorded.contains_key(*name)), "{recorded:?}");
    assert_eq!(recorded.len(), names.len());
}
