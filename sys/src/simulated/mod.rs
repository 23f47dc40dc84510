//! The third backend: a machine in memory, with clocks that only move when somebody waits.
//!
//! ```text
//!    test ──────── World ────────────┐         what the test may do: connect, send, close, reset,
//!      │         (a handle)          │         schedule, advance, raise a signal, look
//!      │                        ┌────┴─────┐
//!    Peer ─── Connection ────── │  State   │    clocks, descriptors, registrations, files, agenda
//!             two byte queues   └────┬─────┘
//!    server ────── Simulated ────────┘         what the server may do: the trait Sys
//! ```
//!
//! The same seed and the same actions give the same run, to the byte: nothing here asks the machine
//! underneath for anything. An idle hour costs nothing, for [`Poller::wait`](crate::Poller::wait)
//! jumps to the next thing on the agenda.
//!
//! Faults belong where the kernel's answers are made and nowhere else: in the methods of
//! [`Simulated`], each of which is one system call, and in the poller's `wait`.
//!
//! | file | what it holds |
//! |---|---|
//! | `mod.rs` | [`Simulated`]: the trait, on the state |
//! | `world.rs` | [`World`]: the state, its clocks and agenda, and the test's handle on it |
//! | `connection.rs` | a socket pair as two byte queues; [`Peer`], the client's end |
//! | `poller.rs` | [`SimulatedPoller`]: level-triggered readiness; waiting moves the clock |

mod connection;
mod poller;
mod world;

pub use connection::{Peer, PeerState};
pub use poller::SimulatedPoller;
pub use world::World;

use crate::system::{Accepted, Address, ListenOptions, Process, Signal, Sys};
use crate::{Errno, Fd, Syscall, SyscallCounts, Verdict};
use std::io::IoSlice;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use world::{Descriptor, Listener};

/// The process id of every simulated server.
const PROCESS_ID: u32 = 1;

/// A machine in memory, from a seed.
pub struct Simulated {
    world: World,
    poller: SimulatedPoller,
}

impl Simulated {
    /// A machine on which nothing has happened yet. The seed decides its random bytes.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let world = World::new(seed);
        Self { poller: SimulatedPoller::new(world.clone()), world }
    }

    /// The handle by which a test acts on the machine from outside.
    #[must_use]
    pub fn world(&self) -> World {
        self.world.clone()
    }

    fn listen(&mut self, address: Address, backlog: u32) -> Result<Fd, Errno> {
        let mut state = self.world.state();
        if state.listener_at(&address).is_some() {
            return Err(Errno(libc::EADDRINUSE));
        }
        let listener = Listener { address, backlog: backlog as usize, queue: Default::default() };
        state.open(Descriptor::Listener(listener)).ok_or(Errno(libc::EMFILE))
    }

    fn send(&self, fd: Fd, pieces: &[IoSlice<'_>]) -> Result<usize, Verdict> {
        match self.world.state().descriptor(fd) {
            Some(Descriptor::Stream(connection)) => connection.borrow_mut().write(pieces),
            _ => Err(Verdict::Bug(Errno(libc::EBADF))),
        }
    }
}

impl Sys for Simulated {
    type Poller = SimulatedPoller;

    fn poller(&mut self) -> &mut SimulatedPoller {
        &mut self.poller
    }

    fn poller_name(&self) -> &'static str {
        "simulated"
    }

    fn monotonic_ns(&mut self) -> u64 {
        self.world.state().now_ns
    }

    /// Whoever reads it has done something, which takes no time unless the world is told otherwise
    /// ([`World::work_cost_set`]).
    fn cycles(&mut self) -> u64 {
        let mut state = self.world.state();
        state.now_ns = state.now_ns.saturating_add(state.work_cost_ns);
        state.now_ns
    }

    /// Those that the loop lives from; what is done once or seldom is not counted.
    fn syscalls(&self) -> SyscallCounts {
        self.world.state().calls
    }

    fn wall_us(&mut self) -> i64 {
        self.world.wall_us()
    }

    fn fill_random(&mut self, bytes: &mut [u8]) -> Result<(), Errno> {
        self.world.state().random.fill(bytes);
        Ok(())
    }

    /// There is no name service in this world: only addresses have a meaning.
    fn resolve(&mut self, host: &str) -> Option<IpAddr> {
        host.parse().ok()
    }

    fn listen_tcp(&mut self, address: SocketAddr, options: ListenOptions) -> Result<Fd, Errno> {
        let mut address = address;
        if address.port() == 0 {
            address.set_port(self.world.state().port_next());
        }
        self.listen(Address::Tcp(address), options.backlog)
    }

    /// There are no users in here, so `_mode` keeps nobody out.
    /// Nobody dies in silence here.
    fn set_keepalive(&mut self, _listener: Fd, _seconds: u32) {}

    fn listen_unix(&mut self, path: &Path, _mode: u32, backlog: u32) -> Result<Fd, Errno> {
        self.listen(Address::Unix(path.to_path_buf()), backlog)
    }

    fn local_address(&mut self, fd: Fd) -> Result<Address, Errno> {
        match self.world.state().descriptor(fd) {
            Some(Descriptor::Listener(listener)) => Ok(listener.address.clone()),
            Some(Descriptor::Stream(connection)) => Ok(connection.borrow().local.clone()),
            Some(Descriptor::Signals) => Err(Errno(libc::ENOTSOCK)),
            None => Err(Errno(libc::EBADF)),
        }
    }

    fn accept(&mut self, listener: Fd) -> Result<Accepted, Verdict> {
        let mut state = self.world.state();
        state.calls.add(Syscall::Accept4);
        // As on Linux, the descriptor comes first: without room the queue stays as it is.
        let room = state.has_room();
        let Some(Descriptor::Listener(found)) = state.descriptor_mut(listener) else {
            return Err(Verdict::Bug(Errno(libc::EINVAL)));
        };
        if found.queue.is_empty() {
            return Err(Verdict::WouldBlock);
        }
        if !room {
            return Err(Verdict::OutOfResources);
        }
        let connection = found.queue.pop_front().expect("is not empty");
        let peer = connection.borrow().peer.clone();
        let fd = state.open(Descriptor::Stream(connection)).expect("there is room");
        Ok(Accepted { fd, peer })
    }

    fn read(&mut self, fd: Fd, first: &mut [u8], second: &mut [u8]) -> Result<usize, Verdict> {
        let call = if second.is_empty() { Syscall::Read } else { Syscall::Readv };
        let mut state = self.world.state();
        state.calls.add(call);
        match state.descriptor(fd) {
            Some(Descriptor::Stream(connection)) => connection.borrow_mut().read(first, second),
            _ => Err(Verdict::Bug(Errno(libc::EBADF))),
        }
    }

    fn read_append(
        &mut self,
        fd: Fd,
        bytes: &mut Vec<u8>,
        count_max: usize,
    ) -> Result<usize, Verdict> {
        let start = bytes.len();
        let room = count_max.min(bytes.capacity() - start);
        bytes.resize(start + room, 0);
        let answer = self.read(fd, &mut bytes[start..], &mut []);
        bytes.truncate(start + answer.unwrap_or(0));
        answer
    }

    fn write(&mut self, fd: Fd, bytes: &[u8]) -> Result<usize, Verdict> {
        self.world.state().calls.add(Syscall::Write);
        self.send(fd, &[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, fd: Fd, pieces: &[IoSlice<'_>]) -> Result<usize, Verdict> {
        self.world.state().calls.add(Syscall::Writev);
        self.send(fd, pieces)
    }

    fn close(&mut self, fd: Fd) {
        let mut state = self.world.state();
        state.calls.add(Syscall::Close);
        state.close(fd);
    }

    fn install_signals(&mut self) -> Result<Fd, Errno> {
        self.world.state().open(Descriptor::Signals).ok_or(Errno(libc::EMFILE))
    }

    fn take_signal(&mut self) -> Option<Signal> {
        self.world.state().signal.take()
    }

    fn process(&mut self) -> Process {
        Process::default()
    }

    fn process_id(&self) -> u32 {
        PROCESS_ID
    }

    fn raise_descriptor_limit(&mut self, wanted: u64) -> u64 {
        let mut state = self.world.state();
        state.descriptors_max = state.descriptors_max.max(wanted.min(state.descriptors_ceiling));
        state.descriptors_max
    }

    fn log(&mut self, path: Option<&Path>, line: &[u8]) -> bool {
        self.world.state().log.push((path.map(Path::to_path_buf), line.to_vec()));
        true
    }

    fn notify_supervisor(&mut self, state: &str) {
        self.world.state().notifications.push(state.to_owned());
    }

    /// The server sleeps; the world goes on.
    fn sleep_us(&mut self, microseconds: u64) {
        self.world.advance(std::time::Duration::from_micros(microseconds));
    }

    /// There is no terminal to leave.
    fn daemonize(&mut self) -> Result<(), Errno> {
        Ok(())
    }

    /// There is no kernel that could.
    fn can_confine(&self) -> bool {
        false
    }

    fn confine(&mut self) -> Result<(), Errno> {
        Err(Errno(libc::ENOSYS))
    }

    fn current_dir_set(&mut self, path: &Path) -> Result<(), Errno> {
        self.world.state().current_dir = path.to_path_buf();
        Ok(())
    }

    fn write_file(&mut self, path: &Path, contents: &[u8]) -> Result<(), Errno> {
        self.world.state().files.insert(path.to_path_buf(), contents.to_vec());
        Ok(())
    }

    fn remove_file(&mut self, path: &Path) {
        self.world.state().files.remove(path);
    }

    /// The simulated machine stands in Greenwich, in winter.
    fn local_offset_seconds(&mut self, _wall_seconds: i64) -> i64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Interest, Poller, Token};
    use std::time::Duration;

    const OPTIONS: ListenOptions = ListenOptions { backlog: 2, keepalive_seconds: 0 };

    fn listening() -> (Simulated, World, Fd, Address) {
        let mut sys = Simulated::new(7);
        let fd = sys.listen_tcp("127.0.0.1:0".parse().unwrap(), OPTIONS).unwrap();
        let address = sys.local_address(fd).unwrap();
        let world = sys.world();
        (sys, world, fd, address)
    }

    #[test]
    fn descriptors_are_lowest_first() {
        let (mut sys, world, listener, address) = listening();
        assert_eq!(listener, Fd(3));
        let _peers = [world.connect(&address).unwrap(), world.connect(&address).unwrap()];
        let first = sys.accept(listener).unwrap().fd;
        let second = sys.accept(listener).unwrap().fd;
        assert_eq!((first, second), (Fd(4), Fd(5)));
        sys.close(first);
        let _peer = world.connect(&address).unwrap();
        assert_eq!(sys.accept(listener).unwrap().fd, Fd(4));
        assert_eq!(world.descriptors_open(), 3);
    }

    #[test]
    fn a_full_backlog_and_a_deaf_address_refuse() {
        let (mut sys, world, listener, address) = listening();
        let _peers = [world.connect(&address).unwrap(), world.connect(&address).unwrap()];
        assert_eq!(world.connect(&address).unwrap_err().name(), "ECONNREFUSED");
        sys.close(listener);
        assert_eq!(world.connect(&address).unwrap_err().name(), "ECONNREFUSED");
    }

    #[test]
    fn an_address_is_taken_once() {
        let (mut sys, _, _, address) = listening();
        let Address::Tcp(address) = address else { panic!("not TCP") };
        assert_eq!(sys.listen_tcp(address, OPTIONS).unwrap_err().name(), "EADDRINUSE");
        let path = Path::new("/run/squint.sock");
        sys.listen_unix(path, 0o700, 1).unwrap();
        assert_eq!(sys.listen_unix(path, 0o700, 1).unwrap_err().name(), "EADDRINUSE");
    }

    #[test]
    fn f03_without_room_the_queue_keeps_the_connection() {
        let (mut sys, world, listener, address) = listening();
        world.descriptor_ceiling_set(1);
        let _peer = world.connect(&address).unwrap();
        assert_eq!(sys.accept(listener).unwrap_err(), Verdict::OutOfResources);
        world.descriptor_ceiling_set(8);
        sys.raise_descriptor_limit(8);
        assert!(sys.accept(listener).is_ok());
        assert_eq!(sys.accept(listener).unwrap_err(), Verdict::WouldBlock);
    }

    #[test]
    fn an_idle_hour_passes_at_once_and_scheduled_peers_act_in_it() {
        let (mut sys, world, listener, address) = listening();
        let token = Token::reserved(1);
        sys.poller().add(listener, token, Interest::READ).unwrap();
        let (wall, before) = (sys.wall_us(), sys.monotonic_ns());
        world.after(Duration::from_secs(3_600), move |world| {
            world.connect(&address).unwrap().send(b"hello");
        });
        let mut events = Vec::new();
        sys.poller().wait(&mut events, None).unwrap();
        assert_eq!(events[0].token, token);
        assert_eq!(sys.monotonic_ns() - before, 3_600_000_000_000);
        assert_eq!(sys.wall_us() - wall, 3_600_000_000);
        assert!(!world.stuck());
    }

    #[test]
    fn a_world_in_which_nothing_can_happen_is_stuck() {
        let (mut sys, world, _, _) = listening();
        let mut events = Vec::new();
        sys.poller().wait(&mut events, Some(Duration::from_secs(1))).unwrap();
        assert!(!world.stuck());
        sys.poller().wait(&mut events, None).unwrap();
        assert!(world.stuck() && events.is_empty());
    }

    #[test]
    fn signals_arrive_once_and_the_second_ends_the_process() {
        let (mut sys, world, _, _) = listening();
        let fd = sys.install_signals().unwrap();
        sys.poller().add(fd, Token::reserved(2), Interest::READ).unwrap();
        world.signal_raise(Signal::Terminate);
        let mut events = Vec::new();
        sys.poller().wait(&mut events, None).unwrap();
        assert!(events[0].readable);
        assert_eq!(sys.take_signal(), Some(Signal::Terminate));
        assert_eq!(sys.take_signal(), None);
        assert!(!world.killed());
        world.signal_raise(Signal::Interrupt);
        assert!(world.killed());
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let random = |seed| {
            let mut bytes = [0; 20];
            Simulated::new(seed).fill_random(&mut bytes).unwrap();
            bytes
        };
        assert_eq!(random(1), random(1));
        assert_ne!(random(1), random(2));
    }

    #[test]
    fn what_the_server_leaves_behind_can_be_seen() {
        let (mut sys, world, _, _) = listening();
        sys.write_file(Path::new("/run/squint.pid"), b"1\n").unwrap();
        assert_eq!(world.file(Path::new("/run/squint.pid")).unwrap(), b"1\n");
        sys.remove_file(Path::new("/run/squint.pid"));
        assert_eq!(world.file(Path::new("/run/squint.pid")), None);
        sys.notify_supervisor("READY=1");
        assert_eq!(world.notifications(), ["READY=1"]);
        assert!(sys.log(None, b"line\n"));
        assert_eq!(world.log_lines(), [(None, b"line\n".to_vec())]);
        sys.current_dir_set(Path::new("/var/lib")).unwrap();
        assert_eq!(world.current_dir(), Path::new("/var/lib"));
    }

    #[test]
    fn f21_the_wall_clock_jumps_alone() {
        let (mut sys, world, _, _) = listening();
        let (wall, monotonic) = (sys.wall_us(), sys.monotonic_ns());
        world.wall_jump_us(-5_000_000);
        assert_eq!(sys.wall_us(), wall - 5_000_000);
        assert_eq!(sys.monotonic_ns(), monotonic);
        sys.sleep_us(10);
        assert_eq!(sys.monotonic_ns(), monotonic + 10_000);
    }
}
