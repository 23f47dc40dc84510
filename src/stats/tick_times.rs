//! Where the time of a tick goes, phase by phase: the last ticks one by one, and all of them as
//! distributions.
//!
//! Each border of two phases is one reading of the processor's counter; a phase lasts from the
//! border before it to its own. A phase that has found nothing to do has no border: the few
//! nanoseconds in which it found out count with the phase behind it.
//!
//! ```text
//!        wait         read   parse   execute           write        wait
//!   ─────────────────┤──────┤───────┤─────────────────┤────────────┤──────────
//!     asleep, then   │      │       │     │           │
//!     the clocks     lap    lap     lap   wake, expire:  lap
//!                                         nothing to do
//! ```
//!
//! A tick that has ended is a line in a ring. When the ring is full its lines are added to the
//! distributions, all at once: that disturbs the caches of the other ticks less, and whoever asks
//! before gets the same answer, for asking adds what is there.
//!
//! What the counter counts is told by the clock that the tick reads anyway: both are read at the
//! start, and again at the beginning of every ring.

use crate::histogram::Histogram;
use crate::limits::TICKS_KEPT;

/// A part of the tick, in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Asleep until something is ready; then the clocks are read.
    Wait,
    /// Connections are welcomed.
    Accept,
    /// Bytes come in.
    Read,
    /// Bytes become requests.
    Parse,
    /// Requests are answered.
    Execute,
    /// Clients signalled by other causes than a command are served.
    Wake,
    /// Timers fire, keys whose time is over go, large values are freed.
    Expire,
    /// Bytes go out.
    Write,
    /// Connections end.
    Close,
}

const PHASES: usize = Phase::ALL.len();

impl Phase {
    /// All of them, in order.
    pub const ALL: &'static [Self] = &[
        Self::Wait,
        Self::Accept,
        Self::Read,
        Self::Parse,
        Self::Execute,
        Self::Wake,
        Self::Expire,
        Self::Write,
        Self::Close,
    ];

    /// As the documentation calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Accept => "accept",
            Self::Read => "read",
            Self::Parse => "parse",
            Self::Execute => "execute",
            Self::Wake => "wake",
            Self::Expire => "expire",
            Self::Write => "write",
            Self::Close => "close",
        }
    }

    /// As LATENCY calls it when it takes long. (Sleep is no delay: nobody asks for its name.)
    #[must_use]
    pub const fn event(self) -> &'static str {
        match self {
            Self::Wait => "tick-wait",
            Self::Accept => "tick-accept",
            Self::Read => "tick-read",
            Self::Parse => "tick-parse",
            Self::Execute => "command",
            Self::Wake => "tick-wake",
            Self::Expire => "expire-cycle",
            Self::Write => "tick-write",
            Self::Close => "tick-close",
        }
    }
}

/// What a tick has done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Work {
    /// Events that the wait brought.
    pub events: u64,
    /// Reads from sockets.
    pub reads: u64,
    /// Writes to sockets.
    pub writes: u64,
    /// Commands executed.
    pub commands: u64,
}

/// A turn of the loop.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tick {
    /// When its wait was over, nanoseconds of the monotonic clock.
    pub woken_ns: u64,
    /// What it has done.
    pub work: Work,
    /// How long it took without its wait, nanoseconds.
    pub busy_ns: u64,
    /// Bit `p`: phase `p` had something to do.
    ran: u16,
    phases_ns: [u64; PHASES],
}

impl Tick {
    /// The phases that had something to do, and how long each took, nanoseconds.
    pub fn phases(&self) -> impl Iterator<Item = (Phase, u64)> + Clone + '_ {
        let mut left = self.ran;
        std::iter::from_fn(move || {
            let phase = *Phase::ALL.get(left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some((phase, self.phases_ns[phase as usize]))
        })
    }
}

/// What a step of the counter is in nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Scale {
    /// The counter and the clock, read together at the start.
    start: (u64, u64),
    /// Nanoseconds in a step, times 2^32.
    ns_shifted: u64,
}

impl Scale {
    /// Reads both once more. Over a time too short to tell anything all stays as it is.
    fn adjust(&mut self, cycles: u64, monotonic_ns: u64) {
        let counted = cycles.saturating_sub(self.start.0);
        let elapsed_ns = monotonic_ns.saturating_sub(self.start.1);
        if counted > 0 && elapsed_ns > 0 {
            let shifted = (u128::from(elapsed_ns) << 32) / u128::from(counted);
            self.ns_shifted = u64::try_from(shifted).unwrap_or(u64::MAX);
        }
    }

    #[inline]
    fn ns(self, cycles: u64) -> u64 {
        ((u128::from(cycles) * u128::from(self.ns_shifted)) >> 32) as u64
    }
}

/// The last ticks, and the distributions of all of them. See the module's page.
#[derive(Debug)]
pub struct TickTimes {
    scale: Scale,
    /// The counter at the last border, and at that behind the wait.
    border: u64,
    woken: u64,
    /// The tick under way.
    current: Tick,
    /// Line `n % TICKS_KEPT` is tick `n`.
    ring: Box<[Tick]>,
    /// Ticks that have ended.
    ended: u64,
    /// How many of them are in the distributions.
    added: u64,
    /// Nanoseconds, by phase.
    phases: Box<[Histogram]>,
    /// Nanoseconds of all phases but the wait.
    busy: Histogram,
    /// Events that a wait brought.
    events: Histogram,
}

impl Default for TickTimes {
    fn default() -> Self {
        Self {
            scale: Scale { start: (0, 0), ns_shifted: 1 << 32 },
            border: 0,
            woken: 0,
            current: Tick::default(),
            ring: vec![Tick::default(); TICKS_KEPT].into_boxed_slice(),
            ended: 0,
            added: 0,
            phases: Phase::ALL.iter().map(|_| Histogram::default()).collect(),
            busy: Histogram::default(),
            events: Histogram::default(),
        }
    }
}

impl TickTimes {
    /// The loop begins to turn: both clocks, read together.
    pub fn start(&mut self, cycles: u64, monotonic_ns: u64) {
        self.scale.start = (cycles, monotonic_ns);
        self.border = cycles;
    }

    /// The wait is over, and the clock of the tick has been read.
    #[inline]
    pub fn wake(&mut self, cycles: u64, monotonic_ns: u64) {
        if self.ended.is_multiple_of(TICKS_KEPT as u64) {
            self.scale.adjust(cycles, monotonic_ns);
        }
        self.current.woken_ns = monotonic_ns;
        self.woken = cycles;
        self.lap(Phase::Wait, cycles);
    }

    /// A phase ends that had something to do. How long it took, nanoseconds.
    #[inline]
    pub fn lap(&mut self, phase: Phase, cycles: u64) -> u64 {
        // The counters of two cores may differ by some steps: that is no time at all.
        let ns = self.scale.ns(cycles.saturating_sub(self.border));
        self.border = cycles;
        let sum_ns = &mut self.current.phases_ns[phase as usize];
        *sum_ns = sum_ns.wrapping_add(ns);
        self.current.ran |= 1 << phase as u16;
        ns
    }

    /// The tick is over, and has done so much.
    #[inline]
    pub fn end(&mut self, work: Work) -> &Tick {
        let line = (self.ended % TICKS_KEPT as u64) as usize;
        let busy_ns = self.scale.ns(self.border.saturating_sub(self.woken));
        self.ring[line] = Tick { work, busy_ns, ..self.current };
        self.current = Tick::default();
        self.ended += 1;
        if line + 1 == TICKS_KEPT {
            self.add();
        }
        &self.ring[line]
    }

    /// Adds ticks that have ended to the distributions.
    #[inline(never)]
    fn add(&mut self) {
        // They stand side by side: what was in the ring before its end was added at its end.
        let first = (self.added % TICKS_KEPT as u64) as usize;
        let ticks = &self.ring[first..first + (self.ended - self.added) as usize];
        // Most phases have had nothing to do in any of them.
        let ran_ever = ticks.iter().fold(0, |ran, tick| ran | tick.ran);
        for (phase, histogram) in self.phases.iter_mut().enumerate() {
            let bit = 1 << phase;
            if ran_ever & bit != 0 {
                let ran = ticks.iter().filter(|tick| tick.ran & bit != 0);
                histogram.record_all(ran.map(|tick| tick.phases_ns[phase % PHASES]));
            }
        }
        self.busy.record_all(ticks.iter().map(|tick| tick.busy_ns));
        self.events.record_all(ticks.iter().map(|tick| tick.work.events));
        self.added = self.ended;
    }

    /// Ticks so far; the one under way has this number.
    #[must_use]
    pub const fn ended(&self) -> u64 {
        self.ended
    }

    /// The last ticks and their numbers, the latest first.
    pub fn recent(&self) -> impl Iterator<Item = (u64, &Tick)> + '_ {
        let oldest = self.ended.saturating_sub(TICKS_KEPT as u64);
        let numbers = (oldest..self.ended).rev();
        numbers.map(|number| (number, &self.ring[(number % TICKS_KEPT as u64) as usize]))
    }

    /// What has been gathered of all ticks that have ended.
    pub fn distributions(&mut self) -> Distributions<'_> {
        self.add();
        Distributions { phases: &self.phases, busy: &self.busy, events: &self.events }
    }

    /// Forgets the distributions; the last ticks stay.
    pub fn reset(&mut self) {
        let fresh = Self::default();
        (self.phases, self.busy, self.events) = (fresh.phases, fresh.busy, fresh.events);
        self.added = self.ended;
    }
}

/// How ticks were.
#[derive(Clone, Copy, Debug)]
pub struct Distributions<'a> {
    phases: &'a [Histogram],
    /// Nanoseconds of a tick without its wait.
    pub busy: &'a Histogram,
    /// Events that a wait brought.
    pub events: &'a Histogram,
}

impl<'a> Distributions<'a> {
    /// Nanoseconds of a phase.
    #[must_use]
    pub fn of(self, phase: Phase) -> &'a Histogram {
        &self.phases[phase as usize]
    }

    /// Nanoseconds by phase, in order.
    pub fn phases(self) -> impl Iterator<Item = (Phase, &'a Histogram)> {
        Phase::ALL.iter().copied().zip(self.phases)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A counter that makes two steps in three nanoseconds.
    fn cycles(ns: u64) -> u64 {
        1_000 + ns * 2 / 3
    }

    fn times() -> TickTimes {
        let mut times = TickTimes::default();
        times.start(cycles(0), 0);
        times
    }

    #[test]
    fn a_tick_is_told_phase_by_phase() {
        let mut times = times();
        times.wake(cycles(3_000_000), 3_000_000);
        assert_eq!(times.lap(Phase::Read, cycles(3_003_000)), 3_000);
        times.lap(Phase::Execute, cycles(3_009_000));
        times.lap(Phase::Execute, cycles(3_012_000)); // the next group
        let work = Work { events: 2, reads: 2, writes: 1, commands: 5 };
        times.end(work);
        let (number, tick) = times.recent().next().expect("a tick");
        assert_eq!((number, tick.woken_ns, tick.work), (0, 3_000_000, work));
        let phases: Vec<_> = tick.phases().collect();
        assert_eq!(
            phases,
            [(Phase::Wait, 3_000_000), (Phase::Read, 3_000), (Phase::Execute, 9_000)]
        );
        assert_eq!(tick.busy_ns, 12_000);
    }

    #[test]
    fn whoever_asks_early_gets_the_same_distributions() {
        let run = |asks: bool| {
            let mut times = times();
            for number in 1..=3 * TICKS_KEPT as u64 + 7 {
                times.wake(cycles(number * 30_000), number * 30_000);
                times.lap(Phase::Write, cycles(number * 30_000 + 3 * number));
                times.end(Work { events: number % 5, ..Work::default() });
                if asks && number % 50 == 0 {
                    times.distributions();
                }
            }
            let told = times.distributions();
            assert_eq!(told.events.count(), 3 * TICKS_KEPT as u64 + 7);
            let phases: Vec<_> =
                told.phases().map(|(phase, told)| (phase, told.count(), told.sum())).collect();
            (phases, told.busy.sum(), told.events.sum())
        };
        assert_eq!(run(false), run(true));
        assert_eq!(run(false).0[Phase::Accept as usize].1, 0, "it never had anything to do");
    }

    #[test]
    fn the_last_ticks_stay_when_the_distributions_go() {
        let mut times = times();
        for number in 1..=200 {
            times.wake(cycles(number * 3_000), number * 3_000);
            times.end(Work::default());
        }
        times.reset();
        assert_eq!(times.distributions().busy.count(), 0);
        let numbers: Vec<u64> = times.recent().map(|(number, _)| number).collect();
        assert_eq!(numbers, (200 - TICKS_KEPT as u64..200).rev().collect::<Vec<_>>());
    }

    #[test]
    fn a_counter_that_goes_back_is_no_time() {
        let mut times = times();
        times.wake(cycles(3_000), 3_000);
        assert_eq!(times.lap(Phase::Read, cycles(2_000)), 0);
        assert_eq!(times.lap(Phase::Write, cycles(3_500)), 1_500);
    }
}
