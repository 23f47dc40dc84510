//! Exact records of what Redis answers, replayed against our server.
//!
//! `golden/redis-7.0.15.jsonl` holds one record a line, captured from Redis 7.0.15 on an empty
//! server: `setup` is sent first and its replies ignored, the pieces of `send` go out as separate
//! writes, `reply` is all that then comes back, and `closed` says whether the server closed. What
//! Redis 7.2 answers otherwise stands in `golden/differences-7.2.jsonl`, and wins.
//!
//! Every record is compared to the byte, left for later because of a command in [`LATER`], or
//! listed in [`DEPARTURES`]. The test says how many of each, and both lists may only shrink: an
//! entry that is not needed any more fails.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use squint_testing::bytes::excerpt;
use squint_testing::connection::Arrival;
use squint_testing::{Connection, Program, Server, ours, reply};

/// Commands that the records use and that are not here yet.
#[rustfmt::skip]
const LATER: &[&str] = &[
    "ACL", "CLIENT TRACKING", "DEBUG LISTPACK", "DEBUG OBJECT", "EVAL",
    "GETRANGE", "HINCRBYFLOAT", "HSET", "INCRBYFLOAT", "LCS", "MEMORY", "MONITOR",
    "MSETNX", "OBJECT", "RENAME", "REPLCONF", "REPLICAOF", "RESTORE", "SETBIT", "SETRANGE",
    "SINTERCARD", "SORT", "ZADD",
];

/// A record from which we depart on purpose.
struct Departure {
    name: &'static str,
    reply: &'static str,
    closed: bool,
    reason: &'static str,
}

const DEPARTURES: &[Departure] = &[
    Departure {
        name: "inline NUL in line",
        reply: "-ERR unknown command 'PI\0NG', with args beginning with: \r\n+PONG\r\n",
        closed: false,
        reason: "NUL is a byte like others; Redis looks for the line's end with strchr",
    },
    Departure {
        name: "TLS ClientHello w/ newline",
        reply: "-ERR unknown command '\x16\x03\x01\x02\0\x01', with args beginning with: \r\n",
        closed: false,
        reason: "NUL is a byte like others",
    },
    Departure {
        name: "*1 LF only",
        reply: "-ERR Protocol error: expected CRLF after multibulk length\r\n",
        closed: true,
        reason: "Redis waits for a CR that will not come",
    },
    Departure {
        name: "*1\\rX",
        reply: "-ERR Protocol error: expected CRLF after multibulk length\r\n",
        closed: true,
        reason: "Redis skips the byte after CR unseen",
    },
    Departure {
        name: "bulk trailing not CRLF (len too short)",
        reply: "-ERR Protocol error: expected CRLF after bulk\r\n",
        closed: true,
        reason: "Redis skips two bytes unseen: a way to smuggle requests past a proxy",
    },
    Departure {
        name: "bulk len too short desync",
        reply: "-ERR Protocol error: expected CRLF after bulk\r\n",
        closed: true,
        reason: "Redis skips two bytes unseen: a way to smuggle requests past a proxy",
    },
    Departure {
        name: "blpop -0.0001 nokey",
        reply: "-ERR timeout is negative\r\n",
        closed: false,
        reason: "Redis rounds the timeout to minus zero, and waits for ever",
    },
    Departure {
        name: "xread id +",
        reply: "*-1\r\n",
        closed: false,
        reason: "the last entry, as in Redis 7.4",
    },
];

/// How long nothing must come before a reply counts as complete.
const QUIET: Duration = Duration::from_millis(20);
const WORKERS: usize = 6;

struct Record {
    name: String,
    setup: Vec<Vec<u8>>,
    send: Vec<Vec<u8>>,
    reply: Vec<u8>,
    closed: bool,
}

#[test]
fn ours_answers_like_redis_to_the_byte() {
    let records = records();
    let later: Vec<(&Record, &str)> =
        records.iter().filter_map(|record| Some((record, later_command(record)?))).collect();
    let now: Vec<&Record> =
        records.iter().filter(|record| later_command(record).is_none()).collect();
    let failures = replay_all(&ours!(), &now);

    let departed = DEPARTURES.len();
    println!("golden records: {}", records.len());
    println!("  compared to the byte: {}", now.len() - departed);
    println!("  departed from on purpose: {departed}");
    for departure in DEPARTURES {
        println!("    {}: {}", departure.name, departure.reason);
    }
    println!("  left for later: {}", later.len());
    for (record, command) in &later {
        println!("    {} ({command})", record.name);
    }
    assert!(failures.is_empty(), "{} records differ:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn the_lists_name_what_is_there() {
    let records = records();
    for departure in DEPARTURES {
        let record = records.iter().find(|record| record.name == departure.name);
        let record = record.unwrap_or_else(|| panic!("no record is called {}", departure.name));
        assert!(later_command(record).is_none(), "{} is left for later", departure.name);
        let differs = record.reply != latin1(departure.reply) || record.closed != departure.closed;
        assert!(differs, "{} is no departure", departure.name);
    }
    for command in LATER {
        let is_used = records.iter().any(|record| later_command(record) == Some(command));
        assert!(is_used, "no record uses {command}");
    }
}

#[test]
fn what_is_left_for_later_is_not_here_yet() {
    let server = Server::start(&ours!(), &[]);
    let mut connection = server.connect();
    for command in LATER {
        let name = command.to_lowercase().replace(' ', "|");
        let answer = connection.ask(&format!("COMMAND INFO {name}"));
        assert_eq!(answer, b"*1\r\n$-1\r\n", "{command} is here: compare its records");
    }
}

/// The records themselves, on the server they were captured from: a change in how this test
/// replays them shows here.
#[test]
fn redis_answers_like_its_records() {
    let Some(redis) = Program::redis_or_leave_out() else { return };
    let records = records_as_captured();
    let failures = replay_all(&redis, &records.iter().collect::<Vec<_>>());
    assert!(failures.is_empty(), "{} records differ:\n{}", failures.len(), failures.join("\n"));
}

fn json_lines(name: &str) -> Vec<Value> {
    let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the records are part of the source");
    text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

/// The files hold bytes as characters of the same number.
fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|character| u8::try_from(character).expect("one byte a character")).collect()
}

fn byte_strings(value: &Value) -> Vec<Vec<u8>> {
    let strings = value.as_array().expect("an array");
    strings.iter().map(|string| latin1(string.as_str().expect("a string"))).collect()
}

fn records_as_captured() -> Vec<Record> {
    let record = |value: &Value| Record {
        name: value["name"].as_str().expect("a name").to_string(),
        setup: byte_strings(&value["setup"]),
        send: byte_strings(&value["send"]),
        reply: latin1(value["reply"].as_str().expect("a reply")),
        closed: value["closed"].as_bool().expect("a truth value"),
    };
    json_lines("redis-7.0.15.jsonl").iter().map(record).collect()
}

/// The records with what Redis 7.2 answers.
fn records() -> Vec<Record> {
    let mut records = records_as_captured();
    for difference in json_lines("differences-7.2.jsonl") {
        let name = difference["name"].as_str().expect("a name");
        // 7.2.6 answers OK to an index that is far outside: its mistake.
        if name == "lset huge idx" {
            continue;
        }
        let record = records.iter_mut().find(|record| record.name == name);
        let record = record.expect("a difference has its record");
        record.reply = latin1(difference["reply_7_2"].as_str().expect("a reply"));
        record.closed = difference["closed"].as_bool().expect("a truth value");
    }
    records
}

/// The first command of a record that is not here yet.
fn later_command(record: &Record) -> Option<&'static str> {
    let sent = record.send.concat();
    record.setup.iter().chain([&sent]).flat_map(|bytes| requests(bytes)).find_map(|words| {
        // COMMAND GETKEYS is about another command.
        let about = if words.len() > 2 && words[1] == "GETKEYS" { &words[2..] } else { &words[..] };
        let two_words = about.iter().take(2).cloned().collect::<Vec<_>>().join(" ");
        LATER.iter().copied().find(|later| about[0] == *later || two_words == *later)
    })
}

/// The words of each request that is whole and in the form that clients send, in capitals.
fn requests(mut bytes: &[u8]) -> Vec<Vec<String>> {
    let mut requests = Vec::new();
    while let Ok(Some(length)) = reply::length(bytes) {
        let words = reply::elements(&bytes[..length]);
        let words = words.iter().filter_map(|word| reply::bulk(word));
        let words: Vec<String> =
            words.map(|word| String::from_utf8_lossy(word).to_uppercase()).collect();
        if !words.is_empty() {
            requests.push(words);
        }
        bytes = &bytes[length..];
    }
    requests
}

fn replay_all(program: &Program, records: &[&Record]) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                let server = Server::start(program, &["--enable-debug-command", "yes"]);
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(record) = records.get(index) else { break };
                    if let Err(failure) = replay(&server, record) {
                        failures.lock().expect("no panic inside").insert(index, failure);
                    }
                }
            });
        }
    });
    failures.into_inner().expect("no panic inside").into_values().collect()
}

fn replay(server: &Server, record: &Record) -> Result<(), String> {
    let departure = DEPARTURES.iter().find(|departure| departure.name == record.name);
    let is_ours = server.program.name == "ours";
    let (expected, closed) = match departure {
        Some(departure) if is_ours => (latin1(departure.reply), departure.closed),
        _ => (record.reply.clone(), record.closed),
    };
    server.connect().expect_reply("FLUSHALL", b"+OK\r\n");
    let mut connection = server.connect();
    set_up(&mut connection, &record.setup);
    for piece in &record.send {
        connection.send(piece);
        if record.send.len() > 1 {
            // Long enough that the server reads each piece by itself, most of the time.
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    let (got, got_closed) = answer(&mut connection, &expected, closed);
    if got == expected && got_closed == closed {
        return Ok(());
    }
    Err(format!(
        "{}\n    sent     {}\n    expected {}{}\n    got      {}{}",
        record.name,
        excerpt(&record.send.concat()),
        excerpt(&expected),
        if closed { ", then closed" } else { "" },
        excerpt(&got),
        if got_closed { ", then closed" } else { "" },
    ))
}

/// Sends the preparations and reads as many replies, or fewer when they have none.
fn set_up(connection: &mut Connection, setup: &[Vec<u8>]) {
    connection.send(&setup.concat());
    let mut unanswered = setup.len();
    while unanswered > 0 {
        match reply::length(connection.received()) {
            Ok(Some(length)) => {
                connection.take(length);
                unanswered -= 1;
            }
            _ if connection.wait(Instant::now() + 10 * QUIET) == Arrival::Bytes => {}
            _ => break,
        }
    }
}

/// Everything that comes back. What is expected may take its time; what is not expected has
/// [`QUIET`] to show up.
fn answer(connection: &mut Connection, expected: &[u8], closed: bool) -> (Vec<u8>, bool) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while connection.received().len() < expected.len()
        && expected.starts_with(connection.received())
    {
        if connection.wait(deadline) != Arrival::Bytes {
            break;
        }
    }
    let until = if closed { deadline } else { Instant::now() + QUIET };
    loop {
        match connection.wait(until) {
            Arrival::Bytes => {}
            arrival => {
                let length = connection.received().len();
                return (connection.take(length), arrival == Arrival::Closed);
            }
        }
    }
}
