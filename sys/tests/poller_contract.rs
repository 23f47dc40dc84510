//! The poller's contract, clause by clause (see `sys/src/poller.rs`), on the native poller and on
//! the simulated one. Each clause is written once, over a [`Fixture`] that can play the other side.

use squint_sys::simulated::{Peer, World};
use squint_sys::{
    Accepted, Address, Event, Events, Fd, Interest, ListenOptions, Native, Poller, Simulated, Sys,
    Token, Verdict,
};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

const OPTIONS: ListenOptions = ListenOptions { backlog: 16, keepalive_seconds: 300 };
const SOON: Option<Duration> = Some(Duration::from_millis(20));
const PATIENTLY: Option<Duration> = Some(Duration::from_secs(10));
const TOKEN: Token = Token { index: 0x1234_5678, generation: 0x9ABC_DEF0 };
const OTHER: Token = Token { index: 5, generation: 6 };

/// A system under test and the means to act on it from outside.
trait Fixture {
    type System: Sys;
    type Client;

    fn new() -> Self;
    fn sys(&mut self) -> &mut Self::System;
    fn connect(&mut self, to: &Address) -> Self::Client;
    fn send(&mut self, client: &mut Self::Client, bytes: &[u8]);
    /// Says that it sends no more, and goes on receiving.
    fn finish(&mut self, client: &mut Self::Client);
    /// Tears the connection down.
    fn reset(&mut self, client: Self::Client);
    /// Takes everything that has arrived.
    fn drain(&mut self, client: &mut Self::Client);
    /// The wait that follows is interrupted by a signal.
    fn interrupt_next_wait(&mut self);
    /// Whether no operation on it blocks and no child inherits it.
    fn is_nonblocking_and_private(&mut self, fd: Fd) -> bool;

    fn listen(&mut self) -> (Fd, Address) {
        let address = "127.0.0.1:0".parse().expect("an address");
        let fd = self.sys().listen_tcp(address, OPTIONS).expect("listens");
        let address = self.sys().local_address(fd).expect("has an address");
        (fd, address)
    }

    /// Both ends of a fresh connection; the listener is closed again.
    fn pair(&mut self) -> (Fd, Self::Client) {
        let (listener, address) = self.listen();
        let client = self.connect(&address);
        let Accepted { fd, .. } = self.accept_soon(listener);
        self.sys().close(listener);
        (fd, client)
    }

    fn accept_soon(&mut self, listener: Fd) -> Accepted {
        loop {
            match self.sys().accept(listener) {
                Err(Verdict::WouldBlock) => std::thread::yield_now(),
                other => return other.expect("accepts"),
            }
        }
    }

    fn watch(&mut self, fd: Fd, token: Token, interest: Interest) {
        self.sys().poller().add(fd, token, interest).expect("adds");
    }

    /// Waits with a list that is not empty: the poller has to clear it.
    fn wait(&mut self, timeout: Option<Duration>) -> Events {
        let mut events = vec![Event { token: OTHER, readable: true, writable: true, hangup: true }];
        self.sys().poller().wait(&mut events, timeout).expect("waits");
        events
    }

    fn read(&mut self, fd: Fd) -> Result<usize, Verdict> {
        self.sys().read(fd, &mut [0; 64], &mut [])
    }

    fn fill(&mut self, fd: Fd) {
        while self.sys().write(fd, &[b'x'; 4096]).is_ok() {}
    }
}

/// The machine underneath.
struct OnNative(Native);

impl Fixture for OnNative {
    type System = Native;
    type Client = TcpStream;

    fn new() -> Self {
        Self(Native::new().expect("a poller"))
    }

    fn sys(&mut self) -> &mut Native {
        &mut self.0
    }

    fn connect(&mut self, to: &Address) -> TcpStream {
        let Address::Tcp(address) = to else { panic!("not TCP") };
        TcpStream::connect(address).expect("connects")
    }

    fn send(&mut self, client: &mut TcpStream, bytes: &[u8]) {
        client.write_all(bytes).expect("sends");
    }

    fn finish(&mut self, client: &mut TcpStream) {
        client.shutdown(Shutdown::Write).expect("finishes");
    }

    fn reset(&mut self, client: TcpStream) {
        let at_once = libc::linger { l_onoff: 1, l_linger: 0 };
        nix::sys::socket::setsockopt(&client, nix::sys::socket::sockopt::Linger, &at_once)
            .expect("sets");
        drop(client);
    }

    fn drain(&mut self, client: &mut TcpStream) {
        client.set_read_timeout(SOON).expect("sets");
        while client.read(&mut [0; 65536]).is_ok_and(|count| count > 0) {}
    }

    fn interrupt_next_wait(&mut self) {
        interruption::in_a_while(Duration::from_millis(50));
    }

    fn is_nonblocking_and_private(&mut self, fd: Fd) -> bool {
        use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
        // SAFETY: the test holds the descriptor open during these calls.
        let fd = unsafe { std::os::fd::BorrowedFd::borrow_raw(fd.0) };
        let status = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL).expect("is open"));
        let flags = FdFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFD).expect("is open"));
        status.contains(OFlag::O_NONBLOCK) && flags.contains(FdFlag::FD_CLOEXEC)
    }
}

mod interruption {
    use nix::sys::pthread::{pthread_kill, pthread_self};
    use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
    use std::time::Duration;

    extern "C" fn ignore(_: libc::c_int) {}

    /// Sends the calling thread a signal that does nothing but interrupt it.
    pub fn in_a_while(delay: Duration) {
        let handler = SigHandler::Handler(ignore);
        let action = SigAction::new(handler, SaFlags::SA_RESTART, SigSet::empty());
        // SAFETY: the handler does nothing.
        unsafe { sigaction(Signal::SIGUSR1, &action) }.expect("installs");
        let caller = pthread_self();
        std::thread::spawn(move || {
            std::thread::sleep(delay);
            pthread_kill(caller, Signal::SIGUSR1).expect("the waiting thread lives");
        });
    }
}

/// The machine in memory.
struct OnSimulated(Simulated, World);

impl Fixture for OnSimulated {
    type System = Simulated;
    type Client = Peer;

    fn new() -> Self {
        let sys = Simulated::new(1);
        let world = sys.world();
        Self(sys, world)
    }

    fn sys(&mut self) -> &mut Simulated {
        &mut self.0
    }

    fn connect(&mut self, to: &Address) -> Peer {
        self.1.connect(to).expect("connects")
    }

    fn send(&mut self, client: &mut Peer, bytes: &[u8]) {
        assert_eq!(client.send(bytes), bytes.len());
    }

    fn finish(&mut self, client: &mut Peer) {
        client.finish();
    }

    fn reset(&mut self, client: Peer) {
        client.reset();
    }

    fn drain(&mut self, client: &mut Peer) {
        assert!(!client.receive().is_empty());
    }

    fn interrupt_next_wait(&mut self) {
        self.1.wait_interrupt();
    }

    /// Nothing in memory is inherited, and an answer at all proves that nothing blocked.
    fn is_nonblocking_and_private(&mut self, fd: Fd) -> bool {
        let accepted = self.0.accept(fd).map(|_| ());
        let read = self.0.read(fd, &mut [0; 1], &mut []).map(|_| ());
        [accepted, read].contains(&Err(Verdict::WouldBlock))
    }
}

fn p1_the_token_comes_back_unchanged<F: Fixture>() {
    let mut system = F::new();
    let tokens = [TOKEN, Token::reserved(u32::MAX), Token { index: 0, generation: 0 }];
    for token in tokens {
        let (fd, mut client) = system.pair();
        system.watch(fd, token, Interest::READ);
        system.send(&mut client, b"x");
        let events = system.wait(PATIENTLY);
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].token, token);
        system.sys().close(fd);
    }
}

fn p2_what_is_still_ready_is_told_again<F: Fixture>() {
    let mut system = F::new();
    let (fd, mut client) = system.pair();
    system.watch(fd, TOKEN, Interest::READ);
    system.send(&mut client, b"x");
    for _ in 0..3 {
        let events = system.wait(PATIENTLY);
        assert!(events[0].readable && !events[0].writable && !events[0].hangup);
    }
    assert_eq!(system.read(fd), Ok(1));
    assert_eq!(system.wait(SOON), []);
}

fn p2_a_half_close_left_armed_is_told_again<F: Fixture>() {
    let mut system = F::new();
    let (fd, mut client) = system.pair();
    system.watch(fd, TOKEN, Interest::HANGUP);
    system.send(&mut client, b"unread");
    assert_eq!(system.wait(SOON), [], "only the end was asked for");
    system.finish(&mut client);
    for _ in 0..3 {
        assert!(system.wait(PATIENTLY)[0].hangup);
    }
}

fn p3_one_event_per_token<F: Fixture>() {
    let mut system = F::new();
    let (first, mut client) = system.pair();
    let (second, _other_client) = system.pair();
    system.watch(first, TOKEN, Interest { hangup: true, ..Interest::READ_WRITE });
    system.watch(second, OTHER, Interest::READ_WRITE);
    system.send(&mut client, b"x");
    system.finish(&mut client);
    std::thread::sleep(Duration::from_millis(20));
    let mut events = system.wait(PATIENTLY);
    events.sort_by_key(|event| event.token);
    let ready = |token, readable| Event { token, readable, writable: true, hangup: readable };
    assert_eq!(events, [ready(OTHER, false), ready(TOKEN, true)]);
}

fn p4_a_reset_shows_as_readable_and_writable<F: Fixture>() {
    for interest in [Interest::READ, Interest::HANGUP, Interest::default()] {
        let mut system = F::new();
        let (fd, client) = system.pair();
        system.fill(fd);
        system.watch(fd, TOKEN, interest);
        system.reset(client);
        let all = Event { token: TOKEN, readable: true, writable: true, hangup: true };
        assert_eq!(system.wait(PATIENTLY), [all], "{interest:?}");
    }
}

fn p4_the_end_of_the_stream_is_readable<F: Fixture>() {
    let mut system = F::new();
    let (fd, mut client) = system.pair();
    system.watch(fd, TOKEN, Interest::READ);
    system.finish(&mut client);
    assert!(system.wait(PATIENTLY)[0].readable);
    assert_eq!(system.read(fd), Ok(0));
}

fn p5_a_wait_never_returns_early<F: Fixture>() {
    let mut system = F::new();
    for nanoseconds in [1, 999, 1_000_001, 2_500_000, 9_999_999] {
        let before = system.sys().monotonic_ns();
        assert_eq!(system.wait(Some(Duration::from_nanos(nanoseconds))), []);
        assert!(system.sys().monotonic_ns() - before >= nanoseconds);
    }
    assert_eq!(system.wait(Some(Duration::ZERO)), []);
}

fn p6_an_interrupted_wait_is_zero_events<F: Fixture>() {
    let mut system = F::new();
    let before = system.sys().monotonic_ns();
    system.interrupt_next_wait();
    assert_eq!(system.wait(PATIENTLY), []);
    assert!(system.sys().monotonic_ns() - before < 5_000_000_000, "was not interrupted");
}

fn p7_interest_is_the_wanted_end_state<F: Fixture>() {
    let mut system = F::new();
    let (fd, mut client) = system.pair();
    system.watch(fd, TOKEN, Interest::READ);
    system.send(&mut client, b"x");
    assert!(system.wait(PATIENTLY)[0].readable);
    let mut told = |interest| {
        system.sys().poller().set(fd, TOKEN, interest).expect("sets");
        let events = system.wait(SOON);
        events.first().map(|event| (event.readable, event.writable))
    };
    let write_only = Interest { readable: false, ..Interest::READ_WRITE };
    assert_eq!(told(Interest::READ_WRITE), Some((true, true)));
    assert_eq!(told(Interest::READ_WRITE), Some((true, true)));
    assert_eq!(told(write_only), Some((false, true)));
    assert_eq!(told(Interest::default()), None);
    assert_eq!(told(Interest::HANGUP), None);
    assert_eq!(told(Interest::READ), Some((true, false)));
    system.sys().poller().set(fd, OTHER, Interest::READ).expect("sets");
    assert_eq!(system.wait(SOON)[0].token, OTHER, "the token is part of the state");
}

fn p7_writable_comes_back_with_room<F: Fixture>() {
    let mut system = F::new();
    let (fd, mut client) = system.pair();
    system.fill(fd);
    system.watch(fd, TOKEN, Interest::READ_WRITE);
    assert_eq!(system.wait(SOON), []);
    system.drain(&mut client);
    assert!(system.wait(PATIENTLY)[0].writable);
}

fn p8_no_wait_names_the_token_after_removal<F: Fixture>() {
    let mut system = F::new();
    let (fd, mut client) = system.pair();
    system.watch(fd, TOKEN, Interest::READ_WRITE);
    system.send(&mut client, b"x");
    assert_eq!(system.wait(PATIENTLY).len(), 1);
    system.sys().poller().remove(fd).expect("removes");
    assert_eq!(system.wait(SOON), []);
    system.watch(fd, OTHER, Interest::READ);
    assert_eq!(system.wait(PATIENTLY)[0].token, OTHER);
}

fn p8_closing_removes_and_the_number_starts_afresh<F: Fixture>() {
    let mut system = F::new();
    let (fd, mut client) = system.pair();
    system.watch(fd, TOKEN, Interest::READ_WRITE);
    system.send(&mut client, b"x");
    system.sys().close(fd);
    assert_eq!(system.wait(SOON), []);
    let (fd, mut client) = system.pair();
    system.watch(fd, OTHER, Interest::READ);
    system.send(&mut client, b"x");
    let events = system.wait(PATIENTLY);
    assert_eq!((events.len(), events[0].token, events[0].writable), (1, OTHER, false));
}

fn p9_removing_what_is_absent_is_fine<F: Fixture>() {
    let mut system = F::new();
    let (fd, _client) = system.pair();
    assert_eq!(system.sys().poller().remove(fd), Ok(()));
    system.watch(fd, TOKEN, Interest::READ);
    assert_eq!(system.sys().poller().remove(fd), Ok(()));
    assert_eq!(system.sys().poller().remove(fd), Ok(()));
    assert_eq!(system.sys().poller().remove(Fd(900_000)), Ok(()));
}

fn p10_descriptors_are_nonblocking_and_close_on_exec<F: Fixture>() {
    let mut system = F::new();
    let (listener, address) = system.listen();
    assert!(system.is_nonblocking_and_private(listener));
    let _client = system.connect(&address);
    let fd = system.accept_soon(listener).fd;
    assert!(system.is_nonblocking_and_private(fd));
    assert_eq!(system.read(fd), Err(Verdict::WouldBlock));
}

fn more_ready_than_a_wait_brings_all_get_their_turn<F: Fixture>() {
    use squint_sys::poller::EVENTS_PER_WAIT_MAX;
    let mut system = F::new();
    system.sys().raise_descriptor_limit(8_192);
    let ready_count = EVENTS_PER_WAIT_MAX as u32 + 10;
    let pairs: Vec<_> = (0..ready_count).map(|_| system.pair()).collect();
    for (index, (fd, _)) in (0..).zip(&pairs) {
        system.watch(*fd, Token { index, generation: 1 }, Interest::READ_WRITE);
    }
    let mut told: Vec<Token> = Vec::new();
    for _ in 0..4 {
        let events = system.wait(PATIENTLY);
        assert!(events.len() <= EVENTS_PER_WAIT_MAX);
        told.extend(events.iter().map(|event| event.token));
    }
    told.sort();
    told.dedup();
    assert_eq!(told.len(), pairs.len());
}

/// Every clause becomes a test in `native` and one in `simulated`.
macro_rules! contract {
    ($backend:ident, $fixture:ident, $($clause:ident)+) => {
        mod $backend {
            $(#[test] fn $clause() { super::$clause::<super::$fixture>(); })+
        }
    };
    ($($clause:ident)+) => {
        contract!(native, OnNative, $($clause)+);
        contract!(simulated, OnSimulated, $($clause)+);
    };
}

contract! {
    p1_the_token_comes_back_unchanged
    p2_what_is_still_ready_is_told_again
    p2_a_half_close_left_armed_is_told_again
    p3_one_event_per_token
    p4_a_reset_shows_as_readable_and_writable
    p4_the_end_of_the_stream_is_readable
    p5_a_wait_never_returns_early
    p6_an_interrupted_wait_is_zero_events
    p7_interest_is_the_wanted_end_state
    p7_writable_comes_back_with_room
    p8_no_wait_names_the_token_after_removal
    p8_closing_removes_and_the_number_starts_afresh
    p9_removing_what_is_absent_is_fine
    p10_descriptors_are_nonblocking_and_close_on_exec
    more_ready_than_a_wait_brings_all_get_their_turn
}
