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
    /// Look-ups that found a key.
    pub keyspace_hits: u64,
    /// Look-ups that did not.
    pub keyspace_misses: u64,
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
    /// Largest number of clients at once.
    pub clients_peak: usize,
    /// By command number (`Command::index`).
    pub commands: Vec<CommandStats>,
    /// Error replies by their first word.
    pub errors: BTreeMap<Box<[u8]>, u64>,
}

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
}
