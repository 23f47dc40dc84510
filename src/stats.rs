//! Counters for INFO. Plain fields: whoever does the work counts it.

use std::collections::BTreeMap;

/// What one command has cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct CommandStats {
    /// Executions.
    pub calls: u64,
    /// Its share of the time of the groups it ran in, nanoseconds.
    pub nanoseconds: u64,
    /// Refused before it ran (arity, password, context).
    pub rejected_calls: u64,
    /// Ran and answered an error.
    pub failed_calls: u64,
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
    /// Bytes read from clients.
    pub net_input_bytes: u64,
    /// Bytes written to clients.
    pub net_output_bytes: u64,
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
    /// Commands executed since [`Stats::share_time`], by number.
    recent: Vec<u16>,
    /// Error replies by their first word.
    pub errors: BTreeMap<Box<[u8]>, u64>,
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
        *self = Self::new(self.commands.len());
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
            input_bytes_per_second: rate(self.net_input_bytes, before.input_bytes),
            output_bytes_per_second: rate(self.net_output_bytes, before.output_bytes),
        };
        self.lately = Lately {
            since_ms: Some(now_ms),
            commands: self.commands_processed,
            input_bytes: self.net_input_bytes,
            output_bytes: self.net_output_bytes,
            rates,
        };
        rates
    }

    /// Counts an execution of the command number `index`.
    #[inline]
    pub fn count_call(&mut self, index: u16) {
        self.commands_processed += 1;
        self.commands[usize::from(index)].calls += 1;
        self.recent.push(index);
    }

    /// Counts an execution of the command number `index` that ended with an error.
    pub fn count_failure(&mut self, index: u16, error: &[u8]) {
        self.commands[usize::from(index)].failed_calls += 1;
        self.count_error(error);
    }

    /// Shares the time of a group of commands among them: two clock reads a group, none a command.
    pub fn share_time(&mut self, nanoseconds: u64) {
        let share = nanoseconds / (self.recent.len() as u64).max(1);
        for index in self.recent.drain(..) {
            self.commands[usize::from(index)].nanoseconds += share;
        }
    }

    /// Counts an error reply by the first word of `message` (`ERR`, `WRONGTYPE`, ...).
    pub fn count_error(&mut self, message: &[u8]) {
        self.error_replies += 1;
        let word = message.split(|&byte| byte == b' ').next().unwrap_or(message);
        if let Some(count) = self.errors.get_mut(word) {
            *count += 1;
        } else if self.errors.len() < ERROR_WORDS_MAX {
            self.errors.insert(word.into(), 1);
        }
    }
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
        assert_eq!(stats.errors.get(&b"ERR"[..]), Some(&2));
        assert_eq!(stats.error_replies, 3);
    }

    #[test]
    fn rates_are_told_between_two_questions() {
        let mut stats = Stats::new(0);
        stats.commands_processed = 500;
        assert_eq!(stats.rates(7_000), Rates::default(), "nothing to compare with");
        stats.commands_processed = 800;
        stats.net_input_bytes = 9_000;
        let rates = stats.rates(10_000);
        assert_eq!((rates.commands_per_second, rates.input_bytes_per_second), (100, 3_000));
        stats.commands_processed = 10_000;
        assert_eq!(stats.rates(10_500), rates, "too soon to tell");
        assert_eq!(stats.rates(11_000).commands_per_second, 9_200);
    }
}
