//! Client libraries from other languages with their default settings, on our server.
//!
//! `scripts/test` installs them in the versions that `tests/clients/` pins, and runs these tests;
//! `cargo test` alone leaves them out and says so.

use std::path::{Path, PathBuf};
use std::process::Command;

use squint_testing::{Program, Server, ours};

/// Where `scripts/test` puts the libraries.
fn installed() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    target.expect("the directory for temporary files stands in target").join("clients")
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name)
}

fn python(program: &Program, script: &str) {
    let mut command = Command::new(installed().join("python/bin/python"));
    command.arg(source(script));
    passes(program, command);
}

fn node(program: &Program, script: &str) {
    let mut command = Command::new("node");
    command.arg(source(script));
    command.env("NODE_PATH", installed().join("node/node_modules"));
    passes(program, command);
}

fn passes(program: &Program, mut command: Command) {
    let server = Server::start(program, &[]);
    let output = command.arg(server.port.to_string()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {command:?}\n{text}\n{errors}", program.name);
    print!("{text}");
}

#[test]
#[ignore = "scripts/test installs redis-py and runs this"]
fn redis_py_with_its_defaults() {
    python(&ours!(), "redis_py.py");
}

#[test]
#[ignore = "scripts/test installs node-redis and ioredis and runs this"]
fn node_redis_and_ioredis_with_their_defaults() {
    node(&ours!(), "node_clients.js");
}

#[test]
#[ignore = "scripts/test installs python-socketio and channels_redis and runs this"]
fn pubsub_layers_lose_nothing_and_send_nothing_twice() {
    python(&ours!(), "pubsub_layers.py");
}

#[test]
#[ignore = "scripts/test installs Socket.IO and runs this"]
fn socketio_adapter_loses_nothing_and_sends_nothing_twice() {
    node(&ours!(), "socketio_adapter.js");
}

#[test]
#[ignore = "scripts/test installs Socket.IO and runs this"]
fn socketio_streams_adapter_outlives_a_killed_server() {
    node(&ours!(), "socketio_streams.js");
}

#[test]
#[ignore = "scripts/test installs redis-py and runs this"]
fn consumer_group_loses_nothing_while_its_workers_are_killed() {
    python(&ours!(), "consumer_group.py");
}

#[test]
#[ignore = "scripts/test installs taskiq and runs this"]
fn taskiq_list_broker_loses_only_what_killed_workers_held() {
    python(&ours!(), "taskiq_list.py");
}

#[test]
#[ignore = "scripts/test installs Celery and runs this"]
fn celery_results_arrive_once_while_workers_are_killed() {
    python(&ours!(), "celery_results.py");
}
