//! Signals and leaving the terminal happen to whole processes, so each test starts this binary
//! again as a child that plays one role.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use squint_sys::{Interest, Native, Poller, Sys, Token};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

/// Which role the child plays.
const ROLE: &str = "SQUINT_SYS_TEST_ROLE";
/// Where the daemon writes how it went.
const REPORT: &str = "SQUINT_SYS_TEST_REPORT";

/// The name of the test that is no test but the child's way in.
const WAY_IN: &str = "a_child_plays_its_role";

#[test]
fn a_child_plays_its_role() {
    match std::env::var(ROLE).as_deref() {
        Ok("signals") => wait_for_signals(),
        Ok("daemon") => leave_the_terminal(),
        _ => {}
    }
}

fn wait_for_signals() {
    let mut sys = Native::new().expect("a poller");
    let fd = sys.install_signals().expect("installs");
    sys.poller().add(fd, Token::reserved(1), Interest::READ).expect("adds");
    say("ready");
    let mut events = Vec::new();
    loop {
        sys.poller().wait(&mut events, Some(Duration::from_secs(10))).expect("waits");
        if events.iter().any(|event| event.readable) {
            say(&format!("{:?} {:?}", sys.take_signal(), sys.take_signal()));
        }
    }
}

fn leave_the_terminal() {
    let mut sys = Native::new().expect("a poller");
    sys.daemonize().expect("forks");
    let leads_its_session = nix::unistd::getsid(None) == Ok(nix::unistd::getpid());
    println!("this goes nowhere");
    let path = PathBuf::from(std::env::var(REPORT).expect("is set"));
    let report = format!("{leads_its_session} {}", sys.process_id());
    sys.write_file(&path, report.as_bytes()).expect("writes");
    std::process::exit(0);
}

fn say(line: &str) {
    println!("child: {line}");
    std::io::stdout().flush().expect("writes");
}

fn child(role: &str, report: &str) -> Child {
    Command::new(std::env::current_exe().expect("a running binary"))
        .args(["--exact", WAY_IN, "--nocapture"])
        .env(ROLE, role)
        .env(REPORT, report)
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts again")
}

/// A child in the role "signals", and what it says.
struct Waiting {
    child: Child,
    says: BufReader<ChildStdout>,
}

impl Waiting {
    fn new() -> Self {
        let mut child = child("signals", "");
        let says = BufReader::new(child.stdout.take().expect("is piped"));
        let mut waiting = Self { child, says };
        waiting.hears("ready");
        waiting
    }

    fn raise(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).expect("the child lives");
    }

    /// Skips what the test harness says.
    fn hears(&mut self, wanted: &str) {
        let mut line = String::new();
        while !line.contains("child: ") {
            line.clear();
            assert_ne!(self.says.read_line(&mut line).expect("reads"), 0, "the child has ended");
        }
        assert_eq!(line.trim_end().split("child: ").nth(1), Some(wanted));
    }

    fn ends(mut self) -> ExitStatus {
        self.child.wait().expect("is our child")
    }
}

#[test]
fn f25_the_first_signal_is_told_once_and_the_second_ends_the_process() {
    let mut waiting = Waiting::new();
    waiting.raise(Signal::SIGTERM);
    waiting.hears("Some(Terminate) None");
    waiting.raise(Signal::SIGINT);
    assert_eq!(waiting.ends().code(), Some(1));
}

#[test]
fn f25_hang_up_and_broken_pipe_are_ignored() {
    let mut waiting = Waiting::new();
    waiting.raise(Signal::SIGHUP);
    waiting.raise(Signal::SIGPIPE);
    waiting.raise(Signal::SIGINT);
    waiting.hears("Some(Interrupt) None");
    waiting.raise(Signal::SIGTERM);
    assert_eq!(waiting.ends().code(), Some(1));
}

#[test]
fn a_daemon_leads_a_session_and_its_parent_ends_well() {
    let name = format!("squint-daemon-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let mut parent = child("daemon", path.to_str().expect("is text"));
    let mut said = String::new();
    parent.stdout.take().expect("is piped").read_to_string(&mut said).expect("reads");
    assert_eq!(parent.wait().expect("is our child").code(), Some(0));
    let report = (0..500).find_map(|_| {
        std::thread::sleep(Duration::from_millis(10));
        std::fs::read_to_string(&path).ok().filter(|report| !report.is_empty())
    });
    let report = report.expect("the daemon reports");
    assert!(report.starts_with("true "), "{report}");
    assert_ne!(report, format!("true {}", parent.id()));
    assert!(!said.contains("nowhere"));
    std::fs::remove_file(path).expect("removes");
}
