//! Counters for INFO. Plain fields: whoever does the work counts it. Where the time of ticks goes
//! is in [`tick_times`], what took too long in [`spikes`].

pub mod spikes;
pub mod tick_times;

use crate::histogram::Histogram;
use spikes::Spikes;
use squint_sys::SyscallCounts;
use tick_times::{Phase, Tick, TickTimes, Work};

/// What one command has cost.
#[derive(Clone, Debug, Default)]
pub struct CommandStats {
    /// Executions whose time is known.
    timed_calls: u64,
    /// Executions since [`Stats::share_time`].
    recent: u64,
    /// Executions in this tick whose time is known.
    in_tick: u64,
    /// Its share of the time of the groups it ran in, nanoseconds.
    pub nanoseconds: u64,
    /// Its share of the waits, reads and writes of the ticks it ran in, in millionths.
    microcalls: u64,
    /// Those shares of time one by one, if anybody wants to know (`latency-tracking`): made at the
    /// first execution, for most commands are never sent.
    pub latency_ns: Option<Histogram>,
    /// Refused before it ran (arity, password, context).
    pub rejected_calls: u64,
    /// Ran and answered an error.
    pub failed_calls: u64,
}

impl CommandStats {
    /// Executions.
    #[must_use]
    pub const fn calls(&self) -> u64 {
        self.timed_calls + self.recent
    }

    /// Waits, reads and writes that one execution has cost on average.
    #[must_use]
    pub fn syscalls_per_call(&self) -> f64 {
        self.microcalls as f64 / 1e6 / self.calls().max(1) as f64
    }
}

/// Everything counted since the start or CONFIG RESETSTAT.
#[derive(Debug, Default)]
pub struct Stats {
    /// Connections accepted.
    pub connections_received: u64,
    /// Connections refused for `maxclients` or protected mode.
    pub connections_rejected: u64,
    /// Commands executed.
    pub commands_processed: u64,
    /// Bytes that each read brought, if it brought any.
    pub read_bytes: Histogram,
    /// Bytes that each write took, if it took any.
    pub write_bytes: Histogram,
    /// Reads from sockets.
    pub reads: u64,
    /// Writes to sockets.
    pub writes: u64,
    /// Turns of the event loop.
    pub ticks: u64,
    /// Keys removed because their time was over.
    pub expired_keys: u64,
    /// Error replies.
    pub error_replies: u64,
    /// Clients closed for `client-query-buffer-limit`.
    pub query_limit_disconnections: u64,
    /// Clients closed for `client-output-buffer-limit`.
    pub output_limit_disconnections: u64,
    /// Connections closed because all clients together used more than they may.
    pub evicted_clients: u64,
    /// Events that named a client that was gone: dropped.
    pub stale_events: u64,
    /// Log lines that could not be written without waiting: dropped.
    pub log_lines_dropped: u64,
    /// Failures to accept for want of descriptors or memory.
    pub accept_backoffs: u64,
    /// Wrong passwords, and names of users that there are not.
    pub login_failures: u64,
    /// Largest number of clients at once.
    pub clients_peak: usize,
    /// By command number (`Command::index`).
    pub commands: Vec<CommandStats>,
    /// Blocked clients looked at because a key of theirs was signalled.
    pub waiters_asked: u64,
    /// How long after their deadlines the timers of clients fired, nanoseconds.
    pub timer_lateness_ns: Histogram,
    /// Where the time of the ticks went.
    pub tick_times: TickTimes,
    /// The shares of time of each command are kept one by one (`latency-tracking`).
    pub tracks_latency: bool,
    /// What took longer than `latency-monitor-threshold`; CONFIG RESETSTAT leaves it.
    pub spikes: Spikes,
    /// System calls made before the counters were last set to zero.
    pub syscalls_before: SyscallCounts,
    /// Commands executed in this tick, by number, each once.
    in_tick: Vec<u16>,
    /// How many of the commands executed have had their share of time.
    commands_timed: u64,
    /// Events that the wait of this tick brought.
    pub events: u64,
    /// The counters when this tick began, and the waits, reads and writes that have been shared.
    at_start: Work,
    shared_calls: u64,
    /// Error replies by their first word, in order: few, and counted more often than added.
    pub errors: Vec<(Box<[u8]>, u64)>,
    lately: Lately,
}

/// How fast things go, per second.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rates {
    /// Commands executed.
    pub commands_per_second: u64,
    /// Bytes read from clients.
    pub input_bytes_per_second: u64,
    /// Bytes written to clients.
    pub output_bytes_per_second: u64,
}

/// What the rates are told from: the counters at a moment, and the rates up to that moment.
#[derive(Clone, Copy, Debug, Default)]
struct Lately {
    /// Monotonic milliseconds; `None` until somebody has asked.
    since_ms: Option<u64>,
    commands: u64,
    input_bytes: u64,
    output_bytes: u64,
    rates: Rates,
}

/// Shortest time that a rate is told from, milliseconds: over less it would only jump about.
const RATE_MS_MIN: u64 = 1_000;

/// Error words counted apart; more than these are counted in the sum only, so that no client fills
/// memory with words of its own.
const ERROR_WORDS_MAX: usize = 128;

impl Stats {
    /// Counters at zero, for `commands` commands.
    #[must_use]
    pub fn new(commands: usize) -> Self {
        Self { commands: vec![CommandStats::default(); commands], ..Self::default() }
    }

    /// CONFIG RESETSTAT.
    pub fn reset(&mut self) {
        let fresh = Self::new(self.commands.len());
        let before = std::mem::replace(self, fresh);
        (self.tracks_latency, self.events) = (before.tracks_latency, before.events);
        (self.tick_times, self.spikes) = (before.tick_times, before.spikes);
        self.tick_times.reset();
    }

    /// Waits, reads and writes: what the traffic of clients costs in system calls.
    #[must_use]
    #[inline]
    pub const fn traffic_calls(&self) -> u64 {
        self.ticks + self.reads + self.writes
    }

    /// How fast things have gone since somebody last asked, at least a second before: nothing is
    /// counted on a timer, so whoever asks every few seconds sees those seconds.
    pub fn rates(&mut self, now_ms: u64) -> Rates {
        let before = self.lately;
        let elapsed_ms = before.since_ms.map(|since_ms| now_ms.saturating_sub(since_ms));
        if elapsed_ms.is_some_and(|elapsed_ms| elapsed_ms < RATE_MS_MIN) {
            return before.rates;
        }
        let rate = |now: u64, before: u64| match elapsed_ms {
            Some(ms) => now.saturating_sub(before).saturating_mul(1000) / ms,
            None => 0,
        };
        let rates = Rates {
            commands_per_second: rate(self.commands_processed, before.commands),
            input_bytes_per_second: rate(self.read_bytes.sum(), before.input_bytes),
            output_bytes_per_second: rate(self.write_bytes.sum(), before.output_bytes),
        };
        self.lately = Lately {
            since_ms: Some(now_ms),
            commands: self.commands_processed,
            input_bytes: self.read_bytes.sum(),
            output_bytes: self.write_bytes.sum(),
            rates,
        };
        rates
    }

    /// Counts an execution of the command number `index`.
    #[inline(always)] // where little is inlined it would be a call for every request
    pub fn count_call(&mut self, index: u16) {
        self.commands_processed += 1;
        let command = &mut self.commands[usize::from(index)];
        if (command.recent | command.in_tick) == 0 {
            self.in_tick.push(index);
        }
        command.recent += 1;
    }

    /// Counts an execution of the command number `index` that ended with an error.
    pub fn count_failure(&mut self, index: u16, error: &[u8]) {
        self.commands[usize::from(index)].failed_calls += 1;
        self.count_error(error);
    }

    /// Shares the time of a group of commands among them: a border of phases is all the time that
    /// is taken, whatever the number of commands.
    pub fn share_time(&mut self, nanoseconds: u64) {
        let all = self.commands_processed - self.commands_timed;
        self.commands_timed = self.commands_processed;
        let one_ns = if all > 1 { nanoseconds / all } else { nanoseconds };
        for index in &self.in_tick {
            let command = &mut self.commands[usize::from(*index)];
            let calls = std::mem::take(&mut command.recent);
            command.timed_calls += calls;
            command.in_tick += calls;
            command.nanoseconds += share(nanoseconds, calls, all);
            if self.tracks_latency && calls > 0 {
                command.latency_ns.get_or_insert_default().record_many(one_ns, calls);
            }
        }
    }

    /// Shares the waits, reads and writes since the last tick that executed a command among those
    /// of this one. So they add up: what came in pieces counts for the command that they made.
    fn share_calls(&mut self) {
        if self.commands_timed < self.commands_processed {
            self.share_time(0); // they ended outside of any phase that took time
        }
        let all = self.commands_processed - self.at_start.commands;
        let made = self.traffic_calls();
        let microcalls = made.saturating_sub(self.shared_calls) * 1_000_000;
        self.shared_calls = made;
        for index in &self.in_tick {
            let command = &mut self.commands[usize::from(*index)];
            let calls = std::mem::take(&mut command.in_tick);
            command.microcalls += share(microcalls, calls, all);
        }
        self.in_tick.clear();
    }

    /// A phase of the tick ends that had something to do. How long it took, nanoseconds.
    #[inline]
    pub fn lap(&mut self, phase: Phase, cycles: u64) -> u64 {
        let ns = self.tick_times.lap(phase, cycles);
        if matches!(phase, Phase::Execute | Phase::Wake | Phase::Expire) {
            self.share_time(ns);
        }
        ns
    }

    /// The tick is over.
    #[inline]
    pub fn end_tick(&mut self) -> &Tick {
        if !self.in_tick.is_empty() {
            self.share_calls();
        }
        let now = Work {
            events: self.events,
            reads: self.reads,
            writes: self.writes,
            commands: self.commands_processed,
        };
        let before = std::mem::replace(&mut self.at_start, now);
        self.tick_times.end(Work {
            events: now.events,
            // Less than before if CONFIG RESETSTAT was executed in this tick.
            reads: now.reads.saturating_sub(before.reads),
            writes: now.writes.saturating_sub(before.writes),
            commands: now.commands.saturating_sub(before.commands),
        })
    }

    /// Counts an error reply by the first word of `message` (`ERR`, `WRONGTYPE`, ...).
    pub fn count_error(&mut self, message: &[u8]) {
        self.error_replies += 1;
        let word = message.split(|&byte| byte == b' ').next().unwrap_or(message);
        match self.errors.binary_search_by(|(known, _)| (**known).cmp(word)) {
            Ok(at) => self.errors[at].1 += 1,
            Err(at) if self.errors.len() < ERROR_WORDS_MAX => {
                self.errors.insert(at, (word.into(), 1));
            }
            Err(_) => {}
        }
    }
}

/// What `part` of `whole` has of `sum`. Where all of it belongs to one, as nearly always, nothing
/// is divided.
#[inline]
fn share(sum: u64, part: u64, whole: u64) -> u64 {
    if part == whole { sum } else { sum.saturating_mul(part) / whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_counted_by_their_first_word() {
        let mut stats = Stats::new(0);
        stats.count_error(b"ERR syntax error");
        stats.count_error(b"ERR no such key");
        stats.count_error(b"WRONGTYPE Operation");
        assert_eq!(stats.errors, [(b"ERR"[..].into(), 2), (b"WRONGTYPE"[..].into(), 1)]);
        assert_eq!(stats.error_replies, 3);
    }

    #[test]
    fn rates_are_told_between_two_questions() {
        let mut stats = Stats::new(0);
        stats.commands_processed = 500;
        assert_eq!(stats.rates(7_000), Rates::default(), "nothing to compare with");
        stats.commands_processed = 800;
        stats.read_bytes.record(9_000);
        let rates = stats.rates(10_000);
        assert_eq!((rates.commands_per_second, rates.input_bytes_per_second), (100, 3_000));
        stats.commands_processed = 10_000;
        assert_eq!(stats.rates(10_500), rates, "too soon to tell");
        assert_eq!(stats.rates(11_000).commands_per_second, 9_200);
    }
}
