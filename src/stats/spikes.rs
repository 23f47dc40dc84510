//! What took longer than `latency-monitor-threshold`, by the kind of event: what LATENCY tells.
//!
//! Nothing is noted while the threshold is 0. An event keeps its last 160 samples, one a second: of
//! several in one second the worst.

use std::collections::VecDeque;

/// Samples that an event keeps, as in Redis.
const SAMPLES_MAX: usize = 160;

/// The worst of a second.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sample {
    /// Which second: Unix time.
    pub wall_s: i64,
    /// How long it took, milliseconds.
    pub ms: u64,
}

/// One kind of event.
#[derive(Debug, Default)]
pub struct Event {
    /// From the oldest to the latest.
    samples: VecDeque<Sample>,
    /// The worst since the event began to be noted, milliseconds.
    max_ms: u64,
}

impl Event {
    /// Its samples, the oldest first; there is one at least.
    pub fn samples(&self) -> impl ExactSizeIterator<Item = Sample> + Clone + '_ {
        self.samples.iter().copied()
    }

    /// The worst ever, milliseconds: also of what has been forgotten since.
    #[must_use]
    pub const fn max_ms(&self) -> u64 {
        self.max_ms
    }

    fn add(&mut self, sample: Sample) {
        self.max_ms = self.max_ms.max(sample.ms);
        match self.samples.back_mut() {
            Some(last) if last.wall_s == sample.wall_s => last.ms = last.ms.max(sample.ms),
            _ => self.samples.push_back(sample),
        }
        if self.samples.len() > SAMPLES_MAX {
            self.samples.pop_front();
        }
    }
}

/// All kinds of events that have taken too long.
#[derive(Debug)]
pub struct Spikes {
    /// `u64::MAX` while nobody wants to know.
    threshold_ns: u64,
    /// By name, in order: there are few kinds.
    events: Vec<(&'static str, Event)>,
}

impl Default for Spikes {
    fn default() -> Self {
        Self { threshold_ns: u64::MAX, events: Vec::new() }
    }
}

impl Spikes {
    /// From now on what takes so long is noted; 0: nothing.
    pub fn set_threshold(&mut self, threshold_ms: u64) {
        self.threshold_ns = match threshold_ms {
            0 => u64::MAX,
            ms => ms.saturating_mul(1_000_000).min(u64::MAX - 1),
        };
    }

    /// Does anybody want to know?
    #[inline]
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.threshold_ns != u64::MAX
    }

    /// Is what took so long to be noted?
    #[inline]
    #[must_use]
    pub const fn is_one(&self, ns: u64) -> bool {
        ns >= self.threshold_ns
    }

    /// Notes it.
    pub fn add(&mut self, event: &'static str, wall_s: i64, ms: u64) {
        let found = self.events.binary_search_by_key(&event, |(name, _)| name);
        let at = found.unwrap_or_else(|at| {
            self.events.insert(at, (event, Event::default()));
            at
        });
        self.events[at].1.add(Sample { wall_s, ms });
    }

    /// All events that have samples, by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'static str, &Event)> + Clone {
        self.events.iter().map(|(name, event)| (*name, event))
    }

    /// An event by its name, in exactly these letters.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<(&'static str, &Event)> {
        self.iter().find(|(known, _)| known.as_bytes() == name)
    }

    /// Forgets all events that `is_meant` says yes to, and tells how many there were.
    pub fn forget(&mut self, is_meant: impl Fn(&str) -> bool) -> usize {
        let before = self.events.len();
        self.events.retain(|(name, _)| !is_meant(name));
        before - self.events.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shorter_than_the_threshold_is_none() {
        let mut spikes = Spikes::default();
        assert!(!spikes.is_on() && !spikes.is_one(u64::MAX - 1));
        spikes.set_threshold(20);
        assert!(spikes.is_on() && spikes.is_one(20_000_000) && !spikes.is_one(19_999_999));
        spikes.set_threshold(i64::MAX as u64);
        assert!(spikes.is_on());
        spikes.set_threshold(0);
        assert!(!spikes.is_on());
    }

    #[test]
    fn of_a_second_the_worst_is_kept_and_of_all_the_last() {
        let mut spikes = Spikes::default();
        for (wall_s, ms) in [(7, 50), (7, 90), (7, 60), (8, 30)] {
            spikes.add("command", wall_s, ms);
        }
        let (_, event) = spikes.find(b"command").expect("an event");
        let samples: Vec<_> = event.samples().map(|sample| (sample.wall_s, sample.ms)).collect();
        assert_eq!((samples, event.max_ms()), (vec![(7, 90), (8, 30)], 90));
        for wall_s in 9..9 + SAMPLES_MAX as i64 {
            spikes.add("command", wall_s, 21);
        }
        let (_, event) = spikes.find(b"command").expect("an event");
        assert_eq!((event.samples().len(), event.max_ms()), (SAMPLES_MAX, 90));
        assert!(event.samples().all(|sample| sample.ms == 21));
    }

    #[test]
    fn events_are_forgotten_by_name() {
        let mut spikes = Spikes::default();
        for event in ["tick-read", "command", "fast-command"] {
            spikes.add(event, 1, 100);
        }
        assert_eq!(spikes.forget(|name| name == "command"), 1);
        let names: Vec<_> = spikes.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["fast-command", "tick-read"]);
        assert!(spikes.find(b"Fast-Command").is_none());
        assert_eq!(spikes.forget(|_| true), 2);
    }
}
