//! System calls, counted by name where they are made.
//!
//! Every function of this package that calls the system says so here, in the line before: what
//! `strace` shows of a server that serves is what is counted. Not seen are calls that the C library
//! makes on its own account (memory for the general allocator, the resolver, the time zone), the
//! start of the process, and the byte that a signal handler writes. Clocks are read without a call.
//!
//! ```text
//!   socket.rs   count(Syscall::Read);  nix::unistd::read(...)
//!                     │
//!   COUNTS of the thread:  | read 17 | readv 0 | write 17 | ... |   one addition, no lock
//!                     │
//!   Sys::syscalls     └──► SyscallCounts, a copy
//! ```
//!
//! The counts belong to the thread, not to a [`crate::Native`]: so a leaf need not be handed the
//! way to them, and servers of several tests in one process do not count each other's.

use std::cell::Cell;

/// Names a system call, as `strace` does on Linux.
macro_rules! syscalls {
    ($($call:ident = $name:literal,)*) => {
        /// A system call that this package makes.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Syscall {
            $(#[doc = concat!("`", $name, "`")] $call,)*
        }

        impl Syscall {
            /// All of them, in the order in which they are listed.
            pub const ALL: &'static [Self] = &[$(Self::$call),*];

            /// What `strace` calls it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$call => $name,)*
                }
            }
        }
    };
}

syscalls! {
    // What serving takes.
    EpollWait = "epoll_wait",
    EpollCtl = "epoll_ctl",
    Kevent = "kevent",
    Accept4 = "accept4",
    Accept = "accept",
    Read = "read",
    Readv = "readv",
    Write = "write",
    Writev = "writev",
    Close = "close",
    // Memory for keys and for large replies.
    Mmap = "mmap",
    Munmap = "munmap",
    Mremap = "mremap",
    Madvise = "madvise",
    // What few commands ask for: INFO, CLIENT LIST, CONFIG SET, DEBUG SLEEP; and the log.
    Sysinfo = "sysinfo",
    Getrusage = "getrusage",
    Getsockname = "getsockname",
    Openat = "openat",
    Poll = "poll",
    ClockNanosleep = "clock_nanosleep",
    Prlimit64 = "prlimit64",
    Chdir = "chdir",
    // Start and end.
    EpollCreate1 = "epoll_create1",
    Kqueue = "kqueue",
    Socket = "socket",
    Setsockopt = "setsockopt",
    Bind = "bind",
    Listen = "listen",
    Connect = "connect",
    Ioctl = "ioctl",
    Sendto = "sendto",
    Umask = "umask",
    Fchmodat = "fchmodat",
    Lstat = "newfstatat",
    Unlink = "unlink",
    Pipe = "pipe2",
    Getpid = "getpid",
    Fcntl = "fcntl",
    Sigaction = "rt_sigaction",
    Getrandom = "getrandom",
    Fork = "clone",
    Setsid = "setsid",
    Dup2 = "dup2",
    Prctl = "prctl",
    Seccomp = "seccomp",
}

const CALLS: usize = Syscall::ALL.len();

/// How often each system call was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SyscallCounts([u64; CALLS]);

impl Default for SyscallCounts {
    fn default() -> Self {
        Self([0; CALLS])
    }
}

impl SyscallCounts {
    /// How often this one.
    #[must_use]
    pub fn of(&self, call: Syscall) -> u64 {
        self.0[call as usize]
    }

    /// One more of these.
    pub fn add(&mut self, call: Syscall) {
        self.0[call as usize] += 1;
    }

    /// All together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Those that were made at all, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (Syscall, u64)> + Clone + '_ {
        let all = Syscall::ALL.iter().map(|&call| (call, self.of(call)));
        all.filter(|&(_, count)| count > 0)
    }

    /// What was made since `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let mut counts = *self;
        for (count, before) in counts.0.iter_mut().zip(&before.0) {
            *count = count.saturating_sub(*before);
        }
        counts
    }
}

thread_local! {
    /// Constant, and without a destructor: to count is one addition.
    static COUNTS: [Cell<u64>; CALLS] = const { [const { Cell::new(0) }; CALLS] };
}

/// Counts a call that is about to be made.
#[inline(always)]
pub(crate) fn count(call: Syscall) {
    COUNTS.with(|counts| {
        let count = &counts[call as usize];
        count.set(count.get() + 1);
    });
}

/// What the calling thread has made so far.
pub(crate) fn counted() -> SyscallCounts {
    COUNTS.with(|counts| SyscallCounts(std::array::from_fn(|index| counts[index].get())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_counted_is_in_the_list_of_calls() {
        // Other systems have these, or Linux has a better one.
        let elsewhere = ["kevent", "kqueue", "accept", "fcntl"];
        for call in Syscall::ALL.iter().filter(|call| !elsewhere.contains(&call.name())) {
            assert!(crate::syscalls::is_known(call.name()), "{} is not in SYSCALLS", call.name());
        }
    }

    #[test]
    fn a_count_is_the_thread_s_own() {
        let before = counted();
        count(Syscall::Read);
        count(Syscall::Read);
        std::thread::spawn(|| count(Syscall::Read)).join().unwrap();
        let made = counted().since(&before);
        assert_eq!(made.iter().collect::<Vec<_>>(), [(Syscall::Read, 2)]);
        assert_eq!((made.of(Syscall::Write), made.total()), (0, 2));
    }

    #[test]
    fn every_call_has_a_name_of_its_own() {
        let mut names: Vec<_> = Syscall::ALL.iter().map(|call| call.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Syscall::ALL.len());
        for (index, call) in Syscall::ALL.iter().enumerate() {
            assert_eq!(*call as usize, index);
        }
    }
}
