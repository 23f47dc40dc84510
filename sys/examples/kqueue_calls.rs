//! Which calls the kqueue backend makes where the epoll backend makes these: no BSD is needed.
//!
//! A line of standard input is one call of the poller, as a trace of epoll shows it; a line of the
//! answer is what kqueue is told there, call by call. Nothing is made up: the calls are those that
//! [`Plan`] asks for, which `kqueue.rs` hands to the kernel one by one.
//!
//! ```text
//!   add 8 client IN               kevent(client: EVFILT_READ EV_ADD)
//!   wait 8 IN 9 IN|RDHUP          kevent(wait) = 2
//!   set 8 client IN|OUT           kevent(client: EVFILT_WRITE EV_ADD)
//!   remove 8                      kevent(client: EVFILT_READ EV_DELETE), kevent(...)
//! ```
//!
//! `scripts/compare-syscalls` feeds it.

use squint_sys::kqueue_plan::{Action, Change, Filter, Plan, Raw};
use squint_sys::{Events, Fd, Interest, Token};
use std::collections::BTreeMap;
use std::io::{BufRead, Error, Write};

/// No token is looked at here.
const TOKEN: Token = Token { index: 0, generation: 0 };

fn main() -> Result<(), Error> {
    let mut kernel = Kernel::default();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        let calls = kernel.answer(&words).ok_or_else(|| Error::other(line.clone()))?;
        writeln!(std::io::stdout(), "{}", calls.join(", "))?;
    }
    Ok(())
}

/// The plan, and what descriptors are called.
#[derive(Default)]
struct Kernel {
    plan: Plan,
    names: BTreeMap<i32, String>,
}

impl Kernel {
    /// The calls in place of one call; `None`: the line is not understood.
    fn answer(&mut self, words: &[&str]) -> Option<Vec<String>> {
        match words {
            ["add", fd, name, bits] => {
                let fd = Fd(fd.parse().ok()?);
                self.names.insert(fd.0, name.replace('_', " "));
                let changes = self.plan.add(fd, TOKEN, interest_of(bits));
                Some(self.calls(fd, &changes))
            }
            ["set", fd, _, bits] => {
                let fd = Fd(fd.parse().ok()?);
                let changes = self.plan.set(fd, TOKEN, interest_of(bits))?;
                Some(self.calls(fd, &changes))
            }
            ["remove", fd] => {
                let fd = Fd(fd.parse().ok()?);
                let changes = self.plan.remove(fd);
                Some(self.calls(fd, &changes))
            }
            ["wait", events @ ..] => self.wait(events),
            _ => None,
        }
    }

    fn calls(&self, fd: Fd, changes: &[Change]) -> Vec<String> {
        changes.iter().map(|change| self.call(fd, *change)).collect()
    }

    fn call(&self, fd: Fd, (filter, action): Change) -> String {
        let name = self.names.get(&fd.0).map_or("?", String::as_str);
        let filter = match filter {
            Filter::Read => "EVFILT_READ",
            Filter::Write => "EVFILT_WRITE",
        };
        let action = match action {
            Action::Arm => "EV_ADD",
            Action::ArmForEndOnly => "EV_ADD NOTE_LOWAT",
            Action::Disarm => "EV_DELETE",
        };
        format!("kevent({name}: {filter} {action})")
    }

    /// The wait, and what has to be taken off because nobody asked for it.
    fn wait(&mut self, words: &[&str]) -> Option<Vec<String>> {
        let mut raw = Vec::new();
        for pair in words.chunks_exact(2) {
            raw.extend(raw_of(Fd(pair[0].parse().ok()?), pair[1]));
        }
        let mut calls = vec![match raw.len() {
            0 => "kevent(wait)".to_string(),
            count => format!("kevent(wait) = {count}"),
        }];
        let mut events = Events::new();
        self.plan.batch_begin();
        for event in raw {
            let change = self.plan.tell(event, &mut events);
            calls.extend(change.map(|change| self.call(event.fd, change)));
        }
        Some(calls)
    }
}

fn interest_of(bits: &str) -> Interest {
    let has = |bit| bits.split('|').any(|word| word == bit);
    Interest { readable: has("IN"), writable: has("OUT"), hangup: has("RDHUP") }
}

/// epoll joins what kqueue tells filter by filter.
fn raw_of(fd: Fd, bits: &str) -> Vec<Raw> {
    let has = |bit| bits.split('|').any(|word| word == bit);
    let error = has("ERR");
    let end = error || has("HUP") || has("RDHUP");
    let mut raw = Vec::new();
    if has("IN") || end {
        raw.push(Raw { fd, filter: Filter::Read, end, error });
    }
    if has("OUT") {
        raw.push(Raw { fd, filter: Filter::Write, end: false, error: false });
    }
    raw
}
