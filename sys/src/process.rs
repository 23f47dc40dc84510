//! Facts about this process, and its life away from a terminal.

use crate::calls::{Syscall, count};
use crate::{Errno, Process, abi};
use nix::fcntl::{OFlag, open};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::stat::Mode;
use nix::sys::time::TimeVal;
use nix::unistd::{ForkResult, dup2_stderr, dup2_stdin, dup2_stdout, fork, getpid, setsid};

/// Memory and CPU time, for INFO. A fact that the system does not tell is 0.
pub fn facts() -> Process {
    count(Syscall::Getrusage);
    let usage = getrusage(UsageWho::RUSAGE_SELF).ok();
    Process {
        resident_bytes: abi::resident_bytes(usage.as_ref()),
        cpu_system_us: usage.map_or(0, |usage| microseconds(usage.system_time())),
        cpu_user_us: usage.map_or(0, |usage| microseconds(usage.user_time())),
        system_memory_bytes: system_memory_bytes(),
    }
}

/// Keeps the standard library from printing a stack after a panic, whatever the environment says.
/// For binaries that lack the code for that (`scripts/build-release`); to be called first of all.
pub fn print_no_stacks() {
    for name in ["RUST_BACKTRACE", "RUST_LIB_BACKTRACE"] {
        // SAFETY: nobody reads the environment meanwhile, for the process has this one thread.
        unsafe { std::env::remove_var(name) };
    }
}

fn microseconds(time: TimeVal) -> u64 {
    let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
    seconds * 1_000_000 + u64::try_from(time.tv_usec()).unwrap_or(0)
}

fn system_memory_bytes() -> u64 {
    count(Syscall::Sysinfo); // so does the C library find out, on Linux
    system_number(libc::_SC_PHYS_PAGES).saturating_mul(page_bytes())
}

/// Bytes in a page of memory.
pub fn page_bytes() -> u64 {
    system_number(libc::_SC_PAGESIZE)
}

fn system_number(name: i32) -> u64 {
    // SAFETY: the call takes a number, answers a number and touches no memory of ours.
    let answer = unsafe { libc::sysconf(name) };
    u64::try_from(answer).unwrap_or(0)
}

/// The process id.
pub fn id() -> u32 {
    count(Syscall::Getpid);
    u32::try_from(getpid().as_raw()).expect("process ids are positive")
}

/// The caller goes on in a child without a terminal; the parent ends with status 0.
pub fn daemonize() -> Result<(), Errno> {
    count(Syscall::Fork);
    // SAFETY: Squint starts its helper threads, if any, after this point, so the child is a whole
    // copy: no lock is held by a thread that the fork left behind.
    match unsafe { fork() }? {
        // SAFETY: ends the process; nothing runs after it. Unlike `exit` it runs no handlers and
        // flushes nothing, for all of that lives on in the child.
        ForkResult::Parent { .. } => unsafe { libc::_exit(0) },
        ForkResult::Child => detach(),
    }
}

fn detach() -> Result<(), Errno> {
    count(Syscall::Setsid);
    setsid()?;
    count(Syscall::Openat);
    let nothing = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())?;
    count(Syscall::Dup2);
    dup2_stdin(&nothing)?;
    count(Syscall::Dup2);
    dup2_stdout(&nothing)?;
    count(Syscall::Dup2);
    dup2_stderr(&nothing)?;
    count(Syscall::Close); // of `nothing`, as it is dropped
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_plausible() {
        let facts = facts();
        assert!(facts.resident_bytes > 100_000);
        assert!(facts.system_memory_bytes > facts.resident_bytes);
        assert!(facts.cpu_system_us + facts.cpu_user_us > 0);
        assert_eq!(id(), std::process::id());
    }
}
