//! The server: joins the event loop and the commands. Bytes become requests, requests become
//! replies, replies become bytes.
//!
//! | file | phase of the tick |
//! |---|---|
//! | `server.rs` | the tick, as a list |
//! | `server/admission.rs` | accept: who may come in |
//! | `server/requests.rs` | read, parse, execute |
//! | `server/group.rs` | what is parsed and executed together |
//! | `server/pace.rs` | how much is done at once |
//! | `server/outcome.rs` | what commands asked to be done; wake, expire, close |
//! | `server/eviction.rs` | what clients use, and who is closed for it |
//! | `server/growth.rs` | whether the store grows, and huge pages when it does no more |
//! | `server/life.rs` | start, log, shut down |
//! | `server/listening.rs` | listening sockets |
//! | `server/host.rs` | what commands may ask |

mod admission;
mod eviction;
mod group;
mod growth;
mod host;
mod life;
mod listening;
mod outcome;
mod pace;
mod requests;

use crate::client::ClientId;
use crate::command::{Engine, Now};
use crate::event_loop::EventLoop;
use crate::stats::tick_times::Phase;
use eviction::Eviction;
use group::Group;
use growth::Growth;
use squint_sys::{Accepted, Errno, Sys};

pub use life::StartError;

/// A whole server on the system `S`: the kernel, or a simulated one.
#[derive(Debug)]
pub struct Server<S: Sys> {
    event_loop: EventLoop<S>,
    engine: Engine,
    now: Now,
    /// The same moment, nanoseconds of the clock that never goes back.
    now_ns: u64,
    accepted: Vec<Accepted>,
    eviction: Eviction,
    growth: Growth,
    shutdown: Option<life::Ending>,
    last_warning_ms: Option<u64>,
}

impl<S: Sys> Server<S> {
    /// Turns the loop until the server is told to end; gives the exit code.
    pub fn run(mut self) -> Result<u8, Errno> {
        let mut group = Group::default();
        while !self.is_over() {
            self.tick(&mut group)?;
        }
        self.end();
        Ok(0)
    }

    /// One turn of the loop:
    /// `wait -> accept -> read -> parse -> execute -> wake -> expire -> write -> close`.
    fn tick(&mut self, group: &mut Group) -> Result<(), Errno> {
        self.wait()?;
        self.accept();
        while self.read(group) {
            self.parse(group);
            self.execute(group);
        }
        self.wake();
        self.expire();
        self.write();
        self.close();
        self.engine.stats.end_tick();
        Ok(())
    }

    /// Sleeps until there is something to do, then reads the clocks, once for the tick.
    fn wait(&mut self) -> Result<(), Errno> {
        let deadline_ns = self.nearest_deadline_ns();
        self.event_loop.wait(deadline_ns, &mut self.engine.stats)?;
        self.read_clocks();
        let cycles = self.event_loop.sys.cycles();
        self.engine.stats.tick_times.wake(cycles, self.now_ns);
        self.obey_signals();
        self.end_pause_in_time();
        Ok(())
    }

    fn read_clocks(&mut self) {
        let sys = &mut self.event_loop.sys;
        self.now_ns = sys.monotonic_ns();
        self.now = Now { wall_us: sys.wall_us(), monotonic_ms: self.now_ns / 1_000_000 };
        self.event_loop.now_ms = self.now.monotonic_ms;
    }

    /// A phase ends that had something to do: its time is noted. Gives it, nanoseconds.
    #[inline]
    fn lap(&mut self, phase: Phase) -> u64 {
        self.lap_as(phase, || phase.event())
    }

    /// The same for a phase whose spikes have a name of their own.
    #[inline]
    fn lap_as(&mut self, phase: Phase, event: impl FnOnce() -> &'static str) -> u64 {
        let cycles = self.event_loop.sys.cycles();
        let ns = self.engine.stats.lap(phase, cycles);
        if self.engine.stats.spikes.is_one(ns) {
            self.note_spike(event(), ns);
        }
        ns
    }

    /// Somebody wants to know what takes as long as this has (`latency-monitor-threshold`).
    #[cold]
    fn note_spike(&mut self, event: &'static str, ns: u64) {
        let wall_s = self.now.wall_us.div_euclid(1_000_000);
        self.engine.stats.spikes.add(event, wall_s, ns / 1_000_000);
    }

    /// The nearest moment at which something must happen that is not a connection's timer.
    fn nearest_deadline_ns(&mut self) -> Option<u64> {
        // While large values are being freed, a tick is due at once; so it is if somebody has left
        // who kept time for others.
        if self.engine.store.has_garbage() || self.engine.blocking.has_signals() {
            return Some(0);
        }
        let expiry_ns = self.engine.next_expiry().map(|expiry_ms| {
            let ahead_ms = expiry_ms.saturating_sub(self.now.wall_ms()).max(0).unsigned_abs();
            self.now.monotonic_ms.saturating_add(ahead_ms).saturating_mul(1_000_000)
        });
        let ending_ns = self.shutdown.as_ref().map(life::Ending::deadline_ns);
        let times_ms = [self.engine.pause.end_ms(), self.growth.ends_ms()];
        let times_ns = times_ms.into_iter().flatten().map(|ms| ms.saturating_mul(1_000_000));
        expiry_ns.into_iter().chain(ending_ns).chain(times_ns).min()
    }

    /// Sends what there is to send.
    fn write(&mut self) {
        let writes_before = self.engine.stats.writes;
        if self.eviction.is_on() {
            self.note_writers();
        }
        self.event_loop.write(&mut self.engine.stats);
        if self.eviction.is_on() {
            self.measure_writers();
        }
        if self.engine.stats.writes > writes_before {
            self.lap(Phase::Write);
        }
    }

    /// The connection will be closed at the end of the tick; until then nothing more is done for
    /// it, above all nobody's element is handed to it.
    fn condemn(&mut self, client: ClientId) {
        if self.event_loop.connections.get(client).is_none() {
            return;
        }
        self.event_loop.queue_close(client.index);
        if let Some(state) = self.engine.clients.find_mut(client) {
            state.closing = true;
        }
    }
}
