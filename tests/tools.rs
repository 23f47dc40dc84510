//! The tools that come with Redis, on our server: they must not notice.
//!
//! Without them the tests fail, unless `SQUINT_WITHOUT_REDIS=1` says that they are left out.

use std::path::PathBuf;
use std::process::Command;

use squint_testing::server::found_in_path;
use squint_testing::{Server, ours};

fn tool(name: &str) -> Option<PathBuf> {
    let path = found_in_path(name);
    if path.is_none() && std::env::var_os("SQUINT_WITHOUT_REDIS").is_none() {
        panic!("{name} is not installed (SQUINT_WITHOUT_REDIS=1 leaves this out)");
    }
    path
}

/// Runs a tool to its end; what it printed. It must not fail, nor say anything of an error.
fn output(tool: &PathBuf, server: &Server, arguments: &[&str]) -> String {
    let output = Command::new(tool)
        .args(["-p", &server.port.to_string()])
        .args(arguments)
        .output()
        .expect("a program that was found can be started");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {}\n{text}\n{errors}", output.status);
    for sign in ["ERR ", "Error from server", "error:", "WARNING"] {
        assert!(!text.contains(sign) && !errors.contains(sign), "{arguments:?}\n{text}\n{errors}");
    }
    text
}

#[test]
fn redis_cli_says_what_the_server_says() {
    let Some(cli) = tool("redis-cli") else { return };
    let server = Server::start(&ours!(), &[]);
    let ask = |words: &[&str]| output(&cli, &server, words);
    assert_eq!(ask(&["PING"]), "PONG\n");
    assert_eq!(ask(&["SET", "k", "hello world"]), "OK\n");
    assert_eq!(ask(&["GET", "k"]), "hello world\n");
    assert_eq!(ask(&["RPUSH", "l", "a", "b"]), "2\n");
    assert_eq!(ask(&["LRANGE", "l", "0", "-1"]), "a\nb\n");
    assert_eq!(ask(&["-3", "XADD", "s", "1-1", "f", "v"]), "1-1\n");
    assert_eq!(ask(&["-3", "XRANGE", "s", "-", "+"]), "1-1\nf\nv\n");
    assert_eq!(ask(&["-n", "3", "DBSIZE"]), "0\n");
    assert_eq!(ask(&["-r", "3", "INCR", "n"]), "1\n2\n3\n");
    assert_eq!(ask(&["--json", "-3", "CONFIG", "GET", "port"]).trim(), port_in_json(&server));
    assert!(ask(&["INFO"]).contains("redis_version:7"));
    assert!(ask(&["--scan"]).lines().count() == 4);
}

fn port_in_json(server: &Server) -> String {
    format!("{{\"port\":\"{}\"}}", server.port)
}

/// `--pipe` loads a file of requests, and waits for the echo of 20 random bytes.
#[test]
fn redis_cli_loads_many_requests() {
    let Some(cli) = tool("redis-cli") else { return };
    let server = Server::start(&ours!(), &[]);
    let file = server.directory().join("requests");
    let requests: String = (0..10_000).map(|number| format!("SET k{number} v\r\n")).collect();
    std::fs::write(&file, requests).expect("the server's directory is ours");
    let output = Command::new(&cli)
        .args(["-p", &server.port.to_string(), "--pipe"])
        .stdin(std::fs::File::open(&file).expect("it was just written"))
        .output()
        .expect("a program that was found can be started");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("errors: 0, replies: 10000"), "{text}");
    assert_eq!(server.connect().ask("DBSIZE"), b":10000\r\n");
}

/// On a terminal redis-cli begins with COMMAND DOCS to know what it can complete.
#[test]
fn command_docs_can_be_read_by_redis_cli() {
    let Some(cli) = tool("redis-cli") else { return };
    let server = Server::start(&ours!(), &[]);
    let docs = output(&cli, &server, &["-3", "COMMAND", "DOCS", "get"]);
    for field in ["summary", "since", "group", "complexity", "arguments"] {
        assert!(docs.contains(field), "COMMAND DOCS says nothing of {field}:\n{docs}");
    }
    let all = output(&cli, &server, &["COMMAND", "LIST"]);
    assert!(all.lines().any(|line| line == "xadd"), "{all}");
}

const TESTS: &str = "ping,set,get,incr,lpush,rpush,lpop,rpop,lrange,mset";
const CLIENTS: &str = "50";

fn benchmark(pipeline: &str, requests: &str) {
    let Some(benchmark) = tool("redis-benchmark") else { return };
    let server = Server::start(&ours!(), &[]);
    let common = ["-q", "-c", CLIENTS, "-n", requests, "-P", pipeline];
    let run = |more: &[&str]| output(&benchmark, &server, &[&common, more].concat());
    let text = run(&["-t", TESTS]);
    for name in ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "LPUSH", "LPOP", "MSET"] {
        assert!(text.contains(name), "no result of {name}:\n{text}");
    }
    run(&["xadd", "stream", "*", "field", "value"]);
    run(&["publish", "channel", "message"]);
    run(&["-r", "1000", "set", "key:__rand_int__", "value"]);
    let mut connection = server.connect();
    assert_eq!(connection.ask("XLEN stream"), format!(":{requests}\r\n").as_bytes());
}

#[test]
fn redis_benchmark_one_at_a_time() {
    benchmark("1", "2000");
}

#[test]
fn redis_benchmark_sixteen_at_a_time() {
    benchmark("16", "10000");
}

#[test]
fn redis_benchmark_a_hundred_at_a_time() {
    benchmark("100", "20000");
}
