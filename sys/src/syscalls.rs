//! Every system call that the server makes on Linux, with the phase that makes it and why.
//!
//! One list, three uses: `docs/syscalls.md` shows it (a test compares them), the tests fail when
//! `strace` sees a call that is not here, and the filter of [`crate::seccomp`] is built from it. A
//! call that no row of a phase after the start names kills the process there, so a row is missing
//! the moment that a new call is made.
//!
//! The loader and the C library make calls of their own; those seen with glibc and with the static
//! binary are here as well.

/// When a call is made. The words of the tick are those of `docs/tick.md`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Phase {
    /// Before `main`: the loader, and the standard library.
    Load,
    /// From the arguments to the first sleep.
    Start,
    /// The loop sleeps, or reads a clock.
    Wait,
    /// A client comes.
    Accept,
    /// A client speaks.
    Read,
    /// A command asks for the outside; most never do.
    Execute,
    /// A client is answered.
    Write,
    /// A client leaves.
    Close,
    /// Any phase needs memory, or gives it back.
    Memory,
    /// Any phase writes a line of the log.
    Log,
    /// The server ends as it should.
    End,
    /// The server ends as it should not: a failed assertion says where, and aborts.
    Abort,
}

impl Phase {
    /// The word for it in the documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Start => "start",
            Self::Wait => "wait",
            Self::Accept => "accept",
            Self::Read => "read",
            Self::Execute => "execute",
            Self::Write => "write",
            Self::Close => "close",
            Self::Memory => "memory",
            Self::Log => "log",
            Self::End => "end",
            Self::Abort => "abort",
        }
    }

    /// Whether the phase may come once clients are served.
    #[must_use]
    pub const fn is_after_start(self) -> bool {
        !matches!(self, Self::Load | Self::Start)
    }
}

/// One reason for one call: a row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The name that `strace` shows.
    pub name: &'static str,
    /// What newer architectures have in its place; they never got the older calls.
    pub newer: Option<&'static str>,
    /// When it is made.
    pub phase: Phase,
    /// What for.
    pub why: &'static str,
    /// What Redis does there.
    pub redis: &'static str,
    /// The numbers by which this architecture's kernel knows it; none where it does not exist.
    #[cfg(seccomp)]
    pub(crate) numbers: &'static [libc::c_long],
}

impl Row {
    /// Whether a trace may show it under this name.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.newer == Some(name)
    }
}

/// `SYS_read` is `read`.
const fn without_prefix(constant: &'static str) -> &'static str {
    constant.split_at("SYS_".len()).1
}

/// What `SYS_epoll_wait` or `SYS_epoll_pwait` stands for in a row: the older call exists on x86-64
/// alone, and there a program may use either. `none`: nothing took its place.
macro_rules! syscalls {
    ($($phase:ident $older:ident $(| $newer:ident)? : $why:literal, $redis:literal;)+) => {
        &[$(Row {
            name: without_prefix(stringify!($older)),
            newer: syscalls!(@newer $($newer)?),
            phase: Phase::$phase,
            why: $why,
            redis: $redis,
            #[cfg(seccomp)]
            numbers: syscalls!(@numbers $older $($newer)?),
        }),+]
    };
    (@newer) => { None };
    (@newer none) => { None };
    (@newer $newer:ident) => { Some(without_prefix(stringify!($newer))) };
    (@numbers $every:ident) => { &[libc::$every] };
    (@numbers $older:ident none) => { &[#[cfg(target_arch = "x86_64")] libc::$older] };
    (@numbers $older:ident $newer:ident) => {
        &[#[cfg(target_arch = "x86_64")] libc::$older, libc::$newer]
    };
}

/// The list, phase by phase; within a phase the most frequent first.
#[rustfmt::skip]
pub const SYSCALLS: &[Row] = syscalls! {
    Load SYS_execve: "the program begins", "the same";
    Load SYS_brk: "the heap's start", "the same";
    Load SYS_access | SYS_faccessat:
        "the loader looks for a list of libraries to load first",
        "the same";
    Load SYS_openat:
        "the loader opens libgcc_s and libc; the start of `main` reads the stack's place from \
         `/proc/self/maps`",
        "eighteen libraries";
    Load SYS_newfstatat: "how long an opened file is", "the same";
    Load SYS_fstat: "the same, in other versions of libc", "the same";
    Load SYS_read: "heads of libraries", "the same";
    Load SYS_pread64: "program headers of libc", "the same";
    Load SYS_mmap: "libraries, and the stack for signal handlers", "the same";
    Load SYS_mprotect: "what was relocated becomes read-only", "the same";
    Load SYS_munmap: "the loader's cache, when it is done", "the same";
    Load SYS_close: "opened files", "the same";
    Load SYS_arch_prctl | none: "where the thread's own variables are", "the same";
    Load SYS_set_tid_address: "the thread knows itself", "the same";
    Load SYS_set_robust_list: "the same", "the same, and for each of four threads";
    Load SYS_rseq: "the same", "the same, and for each of four threads";
    Load SYS_prlimit64: "how large the stack may grow", "the same";
    Load SYS_sched_getaffinity:
        "libc, asked for the stack's place, looks at all attributes of the thread",
        "for jemalloc";
    Load SYS_getrandom: "a secret of malloc's", "the same";
    Load SYS_poll | SYS_ppoll: "descriptors 0 to 2 must be open", "not asked";
    Load SYS_rt_sigaction: "stack overflow shall say so", "its own report of a crash";
    Load SYS_sigaltstack: "the stack on which that is said", "none";
    Load SYS_gettid: "who overflowed", "none";
    Load SYS_readlink | SYS_readlinkat: "the binary's path, for INFO", "for restarting itself";
    Load SYS_uname: "a static binary asks which kernel it runs on", "for a warning";

    Start SYS_openat:
        "a configuration file, `/etc/localtime`",
        "the same, and `/proc` and `/sys` for warnings";
    Start SYS_newfstatat: "their lengths; what stands where a Unix socket shall be", "the same";
    Start SYS_fstat: "the same, in other versions of libc", "the same";
    Start SYS_statx: "how long a configuration file is", "none";
    Start SYS_getdents64: "`include` with a wildcard", "glob, which does the same";
    Start SYS_lseek: "the second half of `/etc/localtime`", "the same";
    Start SYS_chdir: "`dir`", "the same, if it is set";
    Start SYS_getrandom: "the seed of the hash, the run id", "reads `/dev/urandom`";
    Start SYS_getpid: "for the log and INFO", "for each line of the log, twice";
    Start SYS_epoll_create1: "the poller", "epoll_create, then fcntl";
    Start SYS_pipe2: "signals reach the loop through it", "one for modules' threads";
    Start SYS_rt_sigaction:
        "SIGTERM and SIGINT end the server, SIGPIPE and SIGHUP are ignored",
        "the same, and a report for crashes";
    Start SYS_prlimit64: "room for `maxclients` descriptors", "the same";
    Start SYS_socket: "listening sockets", "the same, then fcntl twice";
    Start SYS_setsockopt:
        "what connections will inherit: TCP_NODELAY and keep-alive",
        "SO_REUSEADDR only; the others for each connection";
    Start SYS_bind: "their addresses", "the same";
    Start SYS_listen: "they listen", "the same";
    Start SYS_getsockname: "which port the system chose", "not asked";
    Start SYS_epoll_ctl: "the signal pipe and each listening socket", "the same";
    Start SYS_umask: "a Unix socket is born closed to others", "the same";
    Start SYS_fchmodat: "`unixsocketperm`", "chmod";
    Start SYS_connect:
        "does anybody listen on the Unix socket that is there?",
        "removes it unasked";
    Start SYS_unlink | SYS_unlinkat: "if not, it goes", "the same";
    Start SYS_clone: "`daemonize`", "the same; and clone3 for four threads";
    Start SYS_setsid: "`daemonize`", "the same";
    Start SYS_dup2 | SYS_dup3: "`daemonize`: nothing on descriptors 0 to 2", "the same";
    Start SYS_fcntl: "`daemonize`: they stay open in children", "for each socket";
    Start SYS_futex: "libc loads what resolves a name", "its threads";
    Start SYS_sendto: "a name in `bind` is looked up", "the same";
    Start SYS_sendmmsg: "the same, both families at once", "the same";
    Start SYS_recvfrom: "the answer", "the same";
    Start SYS_recvmsg: "which addresses this machine has", "the same";
    Start SYS_ioctl: "how long the answer is", "the same";
    Start SYS_prctl:
        "`seccomp yes`: no new privileges; the allocator names a mapping",
        "names its threads";
    Start SYS_seccomp: "`seccomp yes`: from here on this list is the law", "none";

    Wait SYS_epoll_wait | SYS_epoll_pwait:
        "sleeps until a descriptor is ready or the nearest deadline; with neither, for ever",
        "the same, but never longer than 100 ms";
    Wait SYS_clock_gettime:
        "the clocks, where they cannot be read without the kernel (no vDSO, or a slow clock \
         source)",
        "the same, more often";
    Wait SYS_restart_syscall:
        "the kernel goes on with a sleep that SIGSTOP and SIGCONT cut in two",
        "the same";
    Wait SYS_rt_sigreturn: "the end of the signal handler", "the same";

    Accept SYS_accept4:
        "a client, non-blocking from birth, with its address",
        "the same, and once more until it says EAGAIN; then getpeername";
    Accept SYS_epoll_ctl: "watches it (ADD)", "the same, after five setsockopt";

    Read SYS_read: "what a ready client has sent, once; a signal, out of its pipe", "the same";
    Read SYS_readv: "the same, where the ring wraps around its end", "none: its buffer grows";

    Execute SYS_getrusage: "INFO: processor time", "the same";
    Execute SYS_openat: "INFO: `/proc/self/statm`", "ten times a second, asked or not";
    Execute SYS_statx: "INFO: how long it is", "none";
    Execute SYS_read: "INFO: resident memory", "ten times a second, asked or not";
    Execute SYS_close: "INFO: done", "ten times a second, asked or not";
    Execute SYS_sysinfo: "INFO: memory of the machine", "at the start";
    Execute SYS_newfstatat:
        "the same, in older versions of libc, which read `/proc/meminfo`",
        "the same";
    Execute SYS_fstat: "the same", "the same";
    Execute SYS_clock_nanosleep: "DEBUG SLEEP", "the same";
    Execute SYS_prlimit64: "CONFIG SET maxclients", "the same";
    Execute SYS_chdir: "CONFIG SET dir", "the same";
    Execute SYS_socket: "CONFIG SET port, CONFIG SET bind", "the same";
    Execute SYS_setsockopt:
        "the same; CONFIG SET tcp-keepalive",
        "the same; the latter on each connection";
    Execute SYS_bind: "CONFIG SET port, CONFIG SET bind", "the same";
    Execute SYS_listen: "the same", "the same";
    Execute SYS_getsockname: "the same", "not asked";
    Execute SYS_epoll_ctl:
        "the same; interest that changes when a client blocks with much sent ahead (MOD)",
        "the same";

    Write SYS_write: "all replies of a client, once a tick", "the same";
    Write SYS_writev: "the same, where they lie in pieces", "the same";
    Write SYS_epoll_ctl:
        "the socket took less than it was given: tell when it has room (MOD), and no longer (MOD)",
        "the same";

    Close SYS_close:
        "the client's descriptor, which leaves the poller by itself",
        "the same, after epoll_ctl(DEL)";

    Memory SYS_mmap:
        "regions of the store and of the allocator, buffers of connections, large values",
        "jemalloc, in larger pieces";
    Memory SYS_munmap: "they go back", "seldom: jemalloc keeps them";
    Memory SYS_madvise: "no huge pages unasked; pages go back, or come at once", "the same";
    Memory SYS_mremap: "a large value grows without being copied", "copies";
    Memory SYS_brk: "small things of the allocator", "none";

    Log SYS_poll | SYS_ppoll:
        "may standard output take a line without blocking the loop?",
        "not asked: a full pipe stops Redis";
    Log SYS_write: "the line", "the same";
    Log SYS_openat:
        "`logfile`, opened for each line so that it may be rotated; `/etc/localtime` at the first",
        "the same";
    Log SYS_newfstatat: "whether `/etc/localtime` has changed", "none";
    Log SYS_fstat: "the same, in other versions of libc", "none";
    Log SYS_lseek: "its second half", "none";
    Log SYS_read: "the time zone", "none";
    Log SYS_close: "the file again", "the same";

    End SYS_close: "listening sockets, the poller", "the same";
    End SYS_unlink | SYS_unlinkat: "the pid file, the Unix socket", "the same";
    End SYS_socket: "to the service manager: stopping", "the same";
    End SYS_ioctl: "nobody waits for a service manager that does not listen", "none";
    End SYS_sendto: "the word", "sendmsg";
    End SYS_fcntl:
        "a development build asks whether the poller is open before it closes it",
        "none";
    End SYS_sigaltstack: "the stack for signal handlers is not needed any more", "none";
    End SYS_munmap: "and goes back", "none";
    End SYS_exit_group: "with 0; after a second SIGTERM with 1", "the same";

    Abort SYS_write: "the message", "the same, and a long report";
    Abort SYS_futex: "locks around standard error, if somebody holds them", "for its threads";
    Abort SYS_readlink | SYS_readlinkat: "with RUST_BACKTRACE: the binary's path", "none";
    Abort SYS_getcwd: "the same: paths are shown from here", "none";
    Abort SYS_openat: "the same: its debug information", "none";
    Abort SYS_statx: "the same", "none";
    Abort SYS_lseek: "the same", "none";
    Abort SYS_mmap: "the same", "none";
    Abort SYS_munmap: "the same", "none";
    Abort SYS_close: "the same", "none";
    Abort SYS_rt_sigprocmask: "abort lets SIGABRT through", "the same";
    Abort SYS_gettid: "abort: whom to signal", "the same";
    Abort SYS_getpid: "the same", "the same";
    Abort SYS_tgkill: "SIGABRT to itself", "kill";
    Abort SYS_rt_sigaction:
        "abort once more, without a handler; a crash that was no stack overflow",
        "the same";
};

/// Whether a trace of the server may show a call of this name.
#[must_use]
pub fn is_known(name: &str) -> bool {
    SYSCALLS.iter().any(|syscall| syscall.is_called(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_by_phase_and_once() {
        let phases: Vec<Phase> = SYSCALLS.iter().map(|syscall| syscall.phase).collect();
        assert!(phases.is_sorted());
        for (index, one) in SYSCALLS.iter().enumerate() {
            let twin = |other: &&Row| other.name == one.name && other.phase == one.phase;
            assert_eq!(SYSCALLS[index + 1..].iter().find(twin).map(|other| other.name), None);
        }
    }

    #[test]
    fn names_are_those_of_traces() {
        assert!(is_known("epoll_wait") && is_known("epoll_pwait") && is_known("read"));
        assert!(!is_known("SYS_read") && !is_known("ptrace"));
    }
}
