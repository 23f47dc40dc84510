//! [`World`]: the state of the machine in memory, its clocks and agenda, and the test's handle on
//! it.

use super::connection::{Connection, Peer};
use crate::system::{Address, Signal};
use crate::{Errno, Fd, Interest, SyscallCounts, Token};
use std::cell::{RefCell, RefMut};
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

/// Numbers below are standard input, output and error.
const FD_FIRST: i32 = 3;
/// What a process usually may open before it asks for more.
const DESCRIPTORS_MAX: u64 = 1_024;
/// What it may ask for.
const DESCRIPTORS_CEILING: u64 = 1 << 20;
/// Where the system starts to hand out ports.
const PORT_FIRST: u16 = 32_768;
/// The simulated machine is switched on at the first second of 2024.
const WALL_START_US: i64 = 1_704_067_200_000_000;

/// What a descriptor number stands for.
pub enum Descriptor {
    /// A listening socket.
    Listener(Listener),
    /// The server's end of a connection.
    Stream(Rc<RefCell<Connection>>),
    /// Readable while a signal waits.
    Signals,
}

/// A listening socket and those who knocked.
pub struct Listener {
    /// Where it listens.
    pub address: Address,
    /// How many may wait.
    pub backlog: usize,
    /// Not yet accepted, oldest first.
    pub queue: VecDeque<Rc<RefCell<Connection>>>,
}

/// What the poller was told about a descriptor.
#[derive(Clone, Copy)]
pub struct Registration {
    /// Comes back with each event.
    pub token: Token,
    /// What is watched for.
    pub interest: Interest,
}

/// SplitMix64: eight lines, full period, good enough to make every run of a seed the same.
pub struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Fills `bytes` with what follows from the seed.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for piece in bytes.chunks_mut(8) {
            piece.copy_from_slice(&self.next().to_le_bytes()[..piece.len()]);
        }
    }
}

type Action = Box<dyn FnOnce(&World)>;

/// Everything there is. [`super::Simulated`] acts on it for the server, [`World`] for the test.
pub struct State {
    /// The monotonic clock.
    pub now_ns: u64,
    /// What the wall clock is ahead of the monotonic one.
    wall_offset_us: i64,
    /// Source of random bytes.
    pub random: Random,
    /// Index + `FD_FIRST` is the number.
    descriptors: Vec<Option<Descriptor>>,
    /// How many may be open.
    pub descriptors_max: u64,
    /// How far that may be raised.
    pub descriptors_ceiling: u64,
    /// What the poller watches, by descriptor number.
    pub registrations: BTreeMap<i32, Registration>,
    /// Where the next wait starts to look: with more ready than a wait brings, all get their turn.
    pub fd_next: i32,
    /// By instant, then in the order in which they were written down.
    agenda: BTreeMap<(u64, u64), Action>,
    agenda_count: u64,
    ports_given: u16,
    /// A signal that the server has not taken yet.
    pub signal: Option<Signal>,
    signals_raised: u32,
    /// The next wait is interrupted.
    pub interrupted: bool,
    /// Someone waits for what can never come.
    pub stuck: bool,
    /// What passes from one reading of the processor's counter to the next.
    pub work_cost_ns: u64,
    /// Log lines and where they went.
    pub log: Vec<(Option<PathBuf>, Vec<u8>)>,
    /// What the service manager was told.
    pub notifications: Vec<String>,
    /// Whole files.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
    /// Where relative paths start.
    pub current_dir: PathBuf,
    /// System calls, named as on Linux.
    pub calls: SyscallCounts,
}

impl State {
    fn new(seed: u64) -> Self {
        Self {
            now_ns: 0,
            wall_offset_us: WALL_START_US,
            random: Random(seed),
            descriptors: Vec::new(),
            descriptors_max: DESCRIPTORS_MAX,
            descriptors_ceiling: DESCRIPTORS_CEILING,
            registrations: BTreeMap::new(),
            fd_next: 0,
            agenda: BTreeMap::new(),
            agenda_count: 0,
            ports_given: 0,
            signal: None,
            signals_raised: 0,
            interrupted: false,
            stuck: false,
            work_cost_ns: 0,
            log: Vec::new(),
            notifications: Vec::new(),
            files: BTreeMap::new(),
            current_dir: PathBuf::from("/"),
            calls: SyscallCounts::default(),
        }
    }

    /// The instant of the next thing on the agenda.
    pub fn agenda_next_ns(&self) -> Option<u64> {
        self.agenda.first_key_value().map(|((instant_ns, _), _)| *instant_ns)
    }

    fn due_take(&mut self) -> Option<Action> {
        let due = self.agenda_next_ns()? <= self.now_ns;
        due.then(|| self.agenda.pop_first())?.map(|(_, action)| action)
    }

    /// A port that was not given out lately.
    pub fn port_next(&mut self) -> u16 {
        let port = PORT_FIRST + self.ports_given % (u16::MAX - PORT_FIRST);
        self.ports_given = self.ports_given.wrapping_add(1);
        port
    }

    fn descriptors_open(&self) -> usize {
        self.descriptors.iter().flatten().count()
    }

    /// Whether one more descriptor may be opened.
    pub fn has_room(&self) -> bool {
        (self.descriptors_open() as u64) < self.descriptors_max
    }

    /// Gives the lowest free number, as POSIX demands: re-use happens all the time in here.
    pub fn open(&mut self, descriptor: Descriptor) -> Option<Fd> {
        if !self.has_room() {
            return None;
        }
        let free = self.descriptors.iter().position(Option::is_none);
        let index = free.unwrap_or(self.descriptors.len());
        if free.is_none() {
            self.descriptors.push(None);
        }
        self.descriptors[index] = Some(descriptor);
        Some(Fd(FD_FIRST + i32::try_from(index).expect("the ceiling is far below")))
    }

    /// Closes; the poller forgets the number by itself (P8). Panics if it is not open: that is a
    /// descriptor closed twice, which on a real machine may be a stranger's.
    pub fn close(&mut self, fd: Fd) {
        self.registrations.remove(&fd.0);
        let open = index_of(fd).and_then(|index| self.descriptors.get_mut(index)?.take());
        match open.expect("closed twice, or never opened") {
            Descriptor::Listener(listener) => {
                listener.queue.iter().for_each(|waiting| waiting.borrow_mut().close_by_server());
            }
            Descriptor::Stream(connection) => connection.borrow_mut().close_by_server(),
            Descriptor::Signals => {}
        }
    }

    /// What a number stands for, if it is open.
    pub fn descriptor(&self, fd: Fd) -> Option<&Descriptor> {
        self.descriptors.get(index_of(fd)?)?.as_ref()
    }

    /// What a number stands for, if it is open.
    pub fn descriptor_mut(&mut self, fd: Fd) -> Option<&mut Descriptor> {
        self.descriptors.get_mut(index_of(fd)?)?.as_mut()
    }

    /// Who listens at an address.
    pub fn listener_at(&mut self, address: &Address) -> Option<&mut Listener> {
        self.descriptors.iter_mut().flatten().find_map(|descriptor| match descriptor {
            Descriptor::Listener(listener) if listener.address == *address => Some(listener),
            _ => None,
        })
    }
}

fn index_of(fd: Fd) -> Option<usize> {
    usize::try_from(fd.0.checked_sub(FD_FIRST)?).ok()
}

/// A handle on the simulated machine, from outside. Clones are the same machine.
#[derive(Clone)]
pub struct World(Rc<RefCell<State>>);

impl World {
    pub(super) fn new(seed: u64) -> Self {
        Self(Rc::new(RefCell::new(State::new(seed))))
    }

    pub(super) fn state(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }

    /// A client knocks. ECONNREFUSED: nobody listens there, or too many wait already.
    pub fn connect(&self, to: &Address) -> Result<Peer, Errno> {
        let mut state = self.state();
        let from = match to {
            Address::Tcp(server) => Address::Tcp((server.ip(), state.port_next()).into()),
            Address::Unix(_) => to.clone(),
        };
        let refused = Errno(libc::ECONNREFUSED);
        let listener = state.listener_at(to).ok_or(refused)?;
        if listener.queue.len() >= listener.backlog {
            return Err(refused);
        }
        let connection = Rc::new(RefCell::new(Connection::new(to.clone(), from)));
        listener.queue.push_back(connection.clone());
        Ok(Peer(connection))
    }

    /// Puts `action` on the agenda. It runs while the server waits or sleeps, at its instant, and
    /// may do all that a test may do.
    pub fn after(&self, delay: Duration, action: impl FnOnce(&World) + 'static) {
        let mut state = self.state();
        let instant_ns = state.now_ns.saturating_add(nanoseconds(delay));
        let order = state.agenda_count;
        state.agenda_count += 1;
        state.agenda.insert((instant_ns, order), Box::new(action));
    }

    /// Moves the clocks, stopping at each thing on the agenda.
    pub fn advance(&self, time: Duration) {
        let target_ns = self.now_ns().saturating_add(nanoseconds(time));
        self.due_run();
        while let Some(next_ns) = self.agenda_next_ns().filter(|next_ns| *next_ns <= target_ns) {
            self.state().now_ns = next_ns;
            self.due_run();
        }
        self.state().now_ns = target_ns;
    }

    /// Runs what is due. The state is not borrowed meanwhile, so actions may do anything.
    pub(super) fn due_run(&self) {
        loop {
            let due = self.state().due_take();
            let Some(action) = due else { return };
            action(self);
        }
    }

    fn agenda_next_ns(&self) -> Option<u64> {
        self.state().agenda_next_ns()
    }

    /// The monotonic clock.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.state().now_ns
    }

    /// The wall clock.
    #[must_use]
    pub fn wall_us(&self) -> i64 {
        let state = self.state();
        state.wall_offset_us.saturating_add_unsigned(state.now_ns / 1_000)
    }

    /// Sets the wall clock forward or, with a negative number, back (F21).
    pub fn wall_jump_us(&self, by: i64) {
        let mut state = self.state();
        state.wall_offset_us = state.wall_offset_us.saturating_add(by);
    }

    /// Raises a signal. The second one ends the process: see [`World::killed`].
    pub fn signal_raise(&self, signal: Signal) {
        let mut state = self.state();
        state.signals_raised += 1;
        if state.signals_raised == 1 {
            state.signal = Some(signal);
        }
    }

    /// The process has been ended on the spot by a second signal: the harness drops the server.
    #[must_use]
    pub fn killed(&self) -> bool {
        self.state().signals_raised > 1
    }

    /// The next wait is interrupted (P6).
    pub fn wait_interrupt(&self) {
        self.state().interrupted = true;
    }

    /// The server waits for ever, and nothing is on the agenda: no event can come unless the test
    /// acts. The harness stops here.
    #[must_use]
    pub fn stuck(&self) -> bool {
        self.state().stuck
    }

    /// Makes the processor a slow one: from now on so much time passes before each reading of its
    /// counter, which stands for what has been done since the reading before.
    pub fn work_cost_set(&self, cost: Duration) {
        self.state().work_cost_ns = nanoseconds(cost);
    }

    /// Limits how far the server may raise its limit of descriptors, and the limit itself.
    pub fn descriptor_ceiling_set(&self, ceiling: u64) {
        let mut state = self.state();
        state.descriptors_ceiling = ceiling;
        state.descriptors_max = state.descriptors_max.min(ceiling);
    }

    /// How many descriptors the server holds. A leak shows here.
    #[must_use]
    pub fn descriptors_open(&self) -> usize {
        self.state().descriptors_open()
    }

    /// What the server logged: where to (`None` is standard output), and the line.
    #[must_use]
    pub fn log_lines(&self) -> Vec<(Option<PathBuf>, Vec<u8>)> {
        self.state().log.clone()
    }

    /// What the server told the service manager.
    #[must_use]
    pub fn notifications(&self) -> Vec<String> {
        self.state().notifications.clone()
    }

    /// A file that the server wrote and has not removed.
    #[must_use]
    pub fn file(&self, path: &Path) -> Option<Vec<u8>> {
        self.state().files.get(path).cloned()
    }

    /// The server's current directory.
    #[must_use]
    pub fn current_dir(&self) -> PathBuf {
        self.state().current_dir.clone()
    }
}

/// Longer than five centuries is as good as for ever.
pub fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_agenda_runs_in_order_and_at_its_instants() {
        let world = World::new(1);
        let seen = Rc::new(RefCell::new(Vec::new()));
        for (name, delay_ns) in [("late", 20), ("early", 10), ("early too", 10), ("never", 99)] {
            let seen = seen.clone();
            world.after(Duration::from_nanos(delay_ns), move |world| {
                seen.borrow_mut().push((name, world.now_ns()));
            });
        }
        world.advance(Duration::from_nanos(50));
        assert_eq!(*seen.borrow(), [("early", 10), ("early too", 10), ("late", 20)]);
        assert_eq!(world.now_ns(), 50);
    }

    #[test]
    fn an_action_may_schedule_the_next() {
        let world = World::new(1);
        world.after(Duration::from_nanos(5), |world| {
            world.after(Duration::from_nanos(5), |world| world.wall_jump_us(1));
        });
        let wall = world.wall_us();
        world.advance(Duration::from_nanos(10));
        assert_eq!(world.wall_us(), wall + 1);
    }

    #[test]
    fn time_saturates() {
        let world = World::new(1);
        world.advance(Duration::MAX);
        world.after(Duration::from_secs(1), |_| {});
        world.advance(Duration::from_secs(1));
        assert_eq!(world.now_ns(), u64::MAX);
    }
}
