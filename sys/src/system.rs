//! The trait [`Sys`]: everything non-deterministic that the server asks for.
//!
//! [`crate::Native`] is the running machine and costs nothing; [`crate::Simulated`] has virtual
//! clocks, sockets and poller, and runs the whole server from a seed. Nothing in the server touches
//! the outside world but through here.

use crate::{Errno, Fd, Poller, SyscallCounts, Verdict};
use std::fmt;
use std::io::IoSlice;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// Where a socket is bound or who is at its other end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Address {
    /// An IPv4 or IPv6 address and port.
    Tcp(SocketAddr),
    /// The path of a listening Unix socket (a connected peer has none: the path is the listener's).
    Unix(PathBuf),
}

impl Address {
    /// Loopback or Unix socket: protected mode lets these in.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

/// As Redis prints it: `127.0.0.1:6379`, `[::1]:6379`, `/path:0`.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "{}:0", path.display()),
        }
    }
}

/// A connection as `accept` brought it: non-blocking and close-on-exec from birth (P10).
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The new descriptor.
    pub fd: Fd,
    /// Who is there.
    pub peer: Address,
}

/// Options set once on the listening socket; accepted connections inherit them where the system
/// does so (Linux and the BSDs; see `socket.rs` for the exceptions), and cost no call of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListenOptions {
    /// Length of the queue of connections not yet accepted.
    pub backlog: u32,
    /// Seconds of silence before the kernel asks whether the peer still lives. 0: never.
    pub keepalive_seconds: u32,
}

/// A request to end, as a signal brought it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// SIGTERM: the service manager.
    Terminate,
    /// SIGINT: Ctrl-C.
    Interrupt,
}

/// Facts about the process for INFO.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Process {
    /// Resident memory, bytes.
    pub resident_bytes: u64,
    /// CPU time in the kernel, microseconds.
    pub cpu_system_us: u64,
    /// CPU time outside, microseconds.
    pub cpu_user_us: u64,
    /// Physical memory of the machine, bytes.
    pub system_memory_bytes: u64,
}

/// The operating system, as far as the server knows it.
pub trait Sys {
    /// epoll, kqueue or the simulated one.
    type Poller: Poller;

    /// The poller of this system.
    fn poller(&mut self) -> &mut Self::Poller;

    /// Name of the poller, for the start-up line and INFO: `epoll`, `kqueue` or `simulated`.
    fn poller_name(&self) -> &'static str;

    /// Nanoseconds of a clock that never goes back. Timers and blocking use it.
    fn monotonic_ns(&mut self) -> u64;

    /// A count that grows at one rate, in a unit of its own: the cheapest way to tell how long
    /// something took. What its unit is, [`Sys::monotonic_ns`] tells whoever reads both twice.
    fn cycles(&mut self) -> u64;

    /// The system calls made so far, by name.
    fn syscalls(&self) -> SyscallCounts;

    /// Microseconds since 1970 of a clock that may jump. Expiry, stream ids and TIME use it.
    fn wall_us(&mut self) -> i64;

    /// Unpredictable bytes. A server without them would have a guessable hash seed: it does not
    /// start.
    fn fill_random(&mut self, bytes: &mut [u8]) -> Result<(), Errno>;

    /// The first address that a host name stands for, or the address that the text is.
    fn resolve(&mut self, host: &str) -> Option<IpAddr>;

    /// Binds and listens; port 0 lets the system choose (see [`Sys::local_address`]).
    fn listen_tcp(&mut self, address: SocketAddr, options: ListenOptions) -> Result<Fd, Errno>;

    /// Changes what connections of a listening socket inherit from now on; see [`ListenOptions`].
    /// Without an effect on a Unix socket.
    fn set_keepalive(&mut self, listener: Fd, seconds: u32);

    /// Binds under a umask that lets nobody in, sets `mode`, and only then listens; 0 leaves the
    /// mode to the umask. A stale socket file at `path` is replaced.
    fn listen_unix(&mut self, path: &Path, mode: u32, backlog: u32) -> Result<Fd, Errno>;

    /// What a descriptor is bound to.
    fn local_address(&mut self, fd: Fd) -> Result<Address, Errno>;

    /// Takes one connection off the queue.
    fn accept(&mut self, listener: Fd) -> Result<Accepted, Verdict>;

    /// Reads once, into `first` and what does not fit there into `second` (which may be empty).
    /// `Ok(0)` is the end of the stream.
    fn read(&mut self, fd: Fd, first: &mut [u8], second: &mut [u8]) -> Result<usize, Verdict>;

    /// Reads once, behind what `bytes` holds: at most `count_max` bytes, and no more than it has
    /// capacity for. `Ok(0)` is the end of the stream.
    fn read_append(
        &mut self,
        fd: Fd,
        bytes: &mut Vec<u8>,
        count_max: usize,
    ) -> Result<usize, Verdict>;

    /// Writes once; fewer bytes than given is not an error. Never raises SIGPIPE.
    fn write(&mut self, fd: Fd, bytes: &[u8]) -> Result<usize, Verdict>;

    /// Writes once from several places.
    fn write_vectored(&mut self, fd: Fd, pieces: &[IoSlice<'_>]) -> Result<usize, Verdict>;

    /// Closes. The descriptor is gone whatever the kernel answers; never called twice.
    fn close(&mut self, fd: Fd);

    /// Installs handlers: SIGTERM and SIGINT make the returned descriptor readable, a second one
    /// ends the process at once with status 1; SIGPIPE and SIGHUP are ignored.
    fn install_signals(&mut self) -> Result<Fd, Errno>;

    /// The signal that made the descriptor readable, once.
    fn take_signal(&mut self) -> Option<Signal>;

    /// Facts for INFO.
    fn process(&mut self) -> Process;

    /// The process id.
    fn process_id(&self) -> u32;

    /// Raises the limit of open descriptors to `wanted` if it can, and says what it is now.
    fn raise_descriptor_limit(&mut self, wanted: u64) -> u64;

    /// Appends one log line to `path`, or to standard output (`None`), without ever blocking the
    /// loop: `false` when the line was dropped.
    fn log(&mut self, path: Option<&Path>, line: &[u8]) -> bool;

    /// Sends one datagram to the service manager's `NOTIFY_SOCKET`; silently nothing without one.
    fn notify_supervisor(&mut self, state: &str);

    /// Sleeps. Only for DEBUG SLEEP: it stops the loop, on purpose.
    fn sleep_us(&mut self, microseconds: u64);

    /// Goes on in a child of no terminal, with nothing on descriptors 0, 1 and 2; the parent ends
    /// with status 0. To be called before anything is added to the poller: the child gets a new
    /// one, for a kqueue does not survive a fork.
    fn daemonize(&mut self) -> Result<(), Errno>;

    /// Makes `path` the directory that relative paths start from (`dir`).
    fn current_dir_set(&mut self, path: &Path) -> Result<(), Errno>;

    /// Writes a whole small file (the pid file).
    fn write_file(&mut self, path: &Path, contents: &[u8]) -> Result<(), Errno>;

    /// Removes a file; absent is fine.
    fn remove_file(&mut self, path: &Path);

    /// Whether [`Sys::confine`] can do what it promises here.
    fn can_confine(&self) -> bool;

    /// From now on any system call that is not needed to serve ends the process on the spot
    /// ([`crate::syscalls`] has those that are). Names of hosts are not looked up any more:
    /// whatever the system has set up for that may call anything.
    fn confine(&mut self) -> Result<(), Errno>;

    /// Seconds that local time is ahead of UTC at `wall_seconds`, for the log.
    fn local_offset_seconds(&mut self, wall_seconds: i64) -> i64;
}
