//! Which system calls the server makes, and how often.
//!
//! The scripts in `tests/syscalls/` are played under strace by `scripts/compare-syscalls`, which
//! `scripts/test` runs through here; `cargo test` alone leaves that out and says so.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use squint_sys::syscalls::SYSCALLS;
use squint_testing::source::files;
use squint_testing::temporary::Directory;
use squint_testing::{Server, ours};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page() -> PathBuf {
    root().join("docs/syscalls.md")
}

/// The list as the page shows it.
fn table() -> String {
    let mut table = String::from("\n| call | phase | what for | Redis |\n|---|---|---|---|\n");
    for row in SYSCALLS {
        let newer = row.newer.map(|name| format!(" (`{name}`)")).unwrap_or_default();
        let (name, phase, why, redis) = (row.name, row.phase.name(), row.why, row.redis);
        writeln!(table, "| `{name}`{newer} | {phase} | {why} | {redis} |")
            .expect("a string takes all");
    }
    table + "\n"
}

#[test]
fn the_page_shows_the_list() {
    const BEGIN: &str = "--test syscalls -->\n";
    let text = std::fs::read_to_string(page()).expect("docs/syscalls.md is there");
    let begin = text.find(BEGIN).expect("the table has a begin") + BEGIN.len();
    let end = text.find("<!-- end -->").expect("the table has an end");
    if std::env::var_os("SQUINT_BLESS").is_some() {
        let whole = format!("{}{}{}", &text[..begin], table(), &text[end..]);
        return std::fs::write(page(), whole).expect("the page can be written");
    }
    assert!(text[begin..end] == table(), "SQUINT_BLESS=1 writes the table from the list");
}

#[test]
fn every_script_has_a_budget_and_every_budget_a_script() {
    let directory = root().join("tests/syscalls");
    let text = std::fs::read_to_string(directory.join("budgets.toml")).expect("it is there");
    let heads = text.lines().filter_map(|line| line.strip_prefix('[')?.strip_suffix(']'));
    let budgets: BTreeSet<String> = heads.map(str::to_string).collect();
    let files = files(&directory, &[""], ".script");
    let names = files.iter().filter_map(|file| file.path.rsplit('/').next()?.split('.').next());
    assert_eq!(names.map(str::to_string).collect::<BTreeSet<_>>(), budgets);
}

/// Budgets, and no call that is not on the list; then all of it again behind the filter.
#[test]
#[ignore = "scripts/test installs strace and runs this"]
fn scripts_keep_within_their_budgets() {
    let mut command = Command::new("python3");
    command.arg(root().join("scripts/compare-syscalls")).arg("--check");
    command.args(["--server", env!("CARGO_BIN_EXE_squint-server")]);
    if std::env::var_os("SQUINT_WITHOUT_REDIS").is_some() {
        command.arg("--alone");
    }
    let output = command.output().expect("python3 is installed");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "\n{text}{errors}");
}

const SIGABRT: i32 = 6;
const CONFINED: &[&str] = &["--seccomp", "yes"];

/// Out of memory is the failure that can be brought about from outside: the message, and SIGABRT.
/// A call that the filter does not know would end it with SIGSYS instead.
#[test]
fn a_server_behind_the_filter_can_abort() {
    let mut server = Server::start(&ours!(), CONFINED);
    let limit = ["--as=80000000", "--pid", &server.process_id().to_string()].map(String::from);
    let limited = Command::new("prlimit").args(limit).status();
    assert!(limited.as_ref().is_ok_and(ExitStatus::success), "{limited:?}");
    let mut client = server.connect().into_stream();
    let mut sent = client.write_all(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$400000000\r\n");
    while sent.is_ok() {
        sent = client.write_all(&[b'x'; 1 << 16]);
    }
    let end = server.end_within(Duration::from_secs(20)).expect("it aborts");
    assert_eq!(end.signal(), Some(SIGABRT), "{end}: {}", server.log());
    assert!(server.log().contains("memory allocation of"), "{}", server.log());
}

/// Everything that a server does beside serving: a log, a pid file, a Unix socket, word to the
/// service manager, settings that reach outside, and an end in order.
#[test]
fn a_server_behind_the_filter_does_all_that_its_settings_ask() {
    let directory = Directory::new();
    let manager = UnixDatagram::bind(directory.path().join("manager")).expect("a new path");
    let mut server = Command::new(env!("CARGO_BIN_EXE_squint-server"))
        .args(["--port", "0", "--unixsocket", "socket", "--unixsocketperm", "700"])
        .args(["--logfile", "log", "--pidfile", "pid", "--supervised", "systemd", "--dir"])
        .arg(directory.path())
        .args(CONFINED)
        .args(["--enable-debug-command", "yes", "--enable-protected-configs", "yes"])
        .env("NOTIFY_SOCKET", directory.path().join("manager"))
        .spawn()
        .expect("the server of this package can be started");
    assert!(word_to(&manager).contains("READY=1"));
    let asked = "CONFIG SET maxclients 100\r\nCONFIG SET tcp-keepalive 10\r\nCONFIG SET dir /\r\n\
                 DEBUG SLEEP 0.001\r\nCLIENT LIST\r\nINFO everything\r\nCONFIG SET dir ";
    let mut client = UnixStream::connect(directory.path().join("socket")).expect("it listens");
    let asked = format!("{asked}{}\r\nSHUTDOWN\r\n", directory.path().display());
    client.write_all(asked.as_bytes()).expect("it reads");
    let mut replies = String::new();
    client.read_to_string(&mut replies).expect("it answers and closes");
    assert!(replies.starts_with("+OK\r\n+OK\r\n+OK\r\n+OK\r\n$"), "{replies}");
    assert!(word_to(&manager).contains("STOPPING=1"));
    let end = server.wait().expect("it is a child of ours");
    assert!(end.success(), "{end}");
    let left = std::fs::read_dir(directory.path()).expect("ours").flatten();
    let mut left: Vec<_> = left.map(|entry| entry.file_name()).collect();
    left.sort();
    assert_eq!(left, ["log", "manager"]);
}

/// What the service manager is told next.
fn word_to(manager: &UnixDatagram) -> String {
    let mut bytes = [0; 200];
    manager.set_read_timeout(Some(Duration::from_secs(20))).expect("a time above zero");
    let count = manager.recv(&mut bytes).expect("the server says something");
    String::from_utf8_lossy(&bytes[..count]).into_owned()
}

/// What other libraries may call to look up a name is on no list.
#[test]
fn names_are_not_looked_up_behind_the_filter() {
    let server = Server::start(&ours!(), CONFINED);
    let mut client = server.connect();
    let refused = client.ask("CONFIG SET bind localhost");
    assert!(refused.starts_with(b"-ERR CONFIG SET failed"), "{refused:?}");
    assert_eq!(client.ask("CONFIG SET bind 127.0.0.1"), b"+OK\r\n");
    assert_eq!(client.ask("PING"), b"+PONG\r\n");
}
