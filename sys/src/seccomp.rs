//! The filter that lets only the calls of the list through; any other one kills the process.
//!
//! A filter is a program for the kernel's little machine (classic BPF), which runs at the entry of
//! every system call with the call's number before it:
//!
//! ```text
//!        load   architecture of the call
//!        equal  ours?                      no ──► KILL     a number means another call there
//!        load   number of the call
//!        equal  epoll_wait?                yes ─► ALLOW
//!        equal  accept4?                   yes ─► ALLOW
//!        ...    one comparison a row, in the order of the list
//!  KILL  the process ends as by SIGSYS
//!  ALLOW the call is made
//! ```
//!
//! For the same number the kernel need not run it again: since 5.11 it knows which numbers a filter
//! allows whatever their arguments.
//!
//! The numbers of x86-64's other face (x32) carry a bit that no number of ours has, so they find
//! no row.

use crate::Errno;
use crate::calls::{Syscall, count};
use crate::syscalls::SYSCALLS;
use libc::{BPF_ABS, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, sock_filter};
use nix::errno::Errno as NixErrno;
use static_assertions::const_assert;
use std::mem::offset_of;

/// 64 bits and little-endian, as `linux/audit.h` says it.
const AUDIT_64BIT_LITTLE: u32 = 0xc000_0000;

#[cfg(target_arch = "x86_64")]
const AUDIT_MACHINE: u32 = libc::EM_X86_64 as u32;
#[cfg(target_arch = "aarch64")]
const AUDIT_MACHINE: u32 = libc::EM_AARCH64 as u32;
#[cfg(target_arch = "riscv64")]
const AUDIT_MACHINE: u32 = libc::EM_RISCV as u32;

/// The word by which the kernel tells for which architecture a call is meant.
const ARCHITECTURE: u32 = AUDIT_MACHINE | AUDIT_64BIT_LITTLE;

const LOAD: u16 = (BPF_LD | BPF_W | BPF_ABS) as u16;
const IS_EQUAL: u16 = (BPF_JMP | BPF_JEQ | BPF_K) as u16;
const ANSWER: u16 = (BPF_RET | BPF_K) as u16;

const ARCHITECTURE_AT: u32 = offset_of!(libc::seccomp_data, arch) as u32;
const NUMBER_AT: u32 = offset_of!(libc::seccomp_data, nr) as u32;

/// A jump goes over at most 255 instructions.
const ROWS_MAX: usize = 250;
const_assert!(SYSCALLS.len() < ROWS_MAX);

/// The numbers that may be called once the server is up, each once, in the order of the list.
pub(crate) fn numbers() -> Vec<u32> {
    let mut numbers = Vec::new();
    for syscall in SYSCALLS.iter().filter(|syscall| syscall.phase.is_after_start()) {
        for &number in syscall.numbers {
            let number = u32::try_from(number).expect("the kernel counts its calls from 0");
            if !numbers.contains(&number) {
                numbers.push(number);
            }
        }
    }
    numbers
}

/// The program that allows these calls.
pub(crate) fn program(numbers: &[u32]) -> Vec<sock_filter> {
    assert!(numbers.len() < ROWS_MAX, "a jump would not reach");
    let step = |code, value, if_so, if_not| sock_filter { code, jt: if_so, jf: if_not, k: value };
    // Over the rows and the load before them, to KILL.
    let to_kill = u8::try_from(numbers.len() + 1).expect("fewer rows than a jump reaches");
    let mut program = vec![
        step(LOAD, ARCHITECTURE_AT, 0, 0),
        step(IS_EQUAL, ARCHITECTURE, 0, to_kill),
        step(LOAD, NUMBER_AT, 0, 0),
    ];
    for (index, &number) in numbers.iter().enumerate() {
        // Over the rows that follow and KILL.
        let to_allow = u8::try_from(numbers.len() - index).expect("fewer rows than a jump reaches");
        program.push(step(IS_EQUAL, number, to_allow, 0));
    }
    program.push(step(ANSWER, libc::SECCOMP_RET_KILL_PROCESS, 0, 0));
    program.push(step(ANSWER, libc::SECCOMP_RET_ALLOW, 0, 0));
    program
}

/// Whether the kernel knows filters that kill a process (Linux 4.14, unless built without).
pub fn is_supported() -> bool {
    let action = libc::SECCOMP_RET_KILL_PROCESS;
    let asked = libc::SECCOMP_GET_ACTION_AVAIL;
    count(Syscall::Seccomp);
    // SAFETY: the kernel reads one number through the pointer, which is to a live local.
    let answer = unsafe { libc::syscall(libc::SYS_seccomp, asked, 0, &raw const action) };
    answer == 0
}

/// From now on this thread, and all that it starts, can make only the calls of the list. There is
/// no way back.
pub fn confine() -> Result<(), Errno> {
    install(&program(&numbers()))
}

/// Without the promise that no program it starts gains privileges, only root may install a filter.
fn install(program: &[sock_filter]) -> Result<(), Errno> {
    count(Syscall::Prctl);
    nix::sys::prctl::set_no_new_privs()?;
    let length = u16::try_from(program.len()).expect("a program of at most 255 instructions");
    let filter = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut() };
    let mode = libc::SECCOMP_SET_MODE_FILTER;
    count(Syscall::Seccomp);
    // SAFETY: `filter` is a live local that names `length` instructions, which live as long as
    // `program`; the kernel copies them, checks them, and writes to none.
    let answer = unsafe { libc::syscall(libc::SYS_seccomp, mode, 0, &raw const filter) };
    NixErrno::result(answer)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::Signal;
    use nix::sys::wait::{WaitStatus, waitpid};
    use nix::unistd::{ForkResult, fork};
    use std::ffi::CStr;

    /// The kernel's little machine, as far as this program needs it.
    fn verdict(program: &[sock_filter], architecture: u32, number: u32) -> u32 {
        let (mut at, mut loaded) = (0, 0);
        loop {
            let step = &program[at];
            at += 1;
            match step.code {
                LOAD if step.k == NUMBER_AT => loaded = number,
                LOAD => loaded = architecture,
                IS_EQUAL => at += usize::from(if loaded == step.k { step.jt } else { step.jf }),
                _ => return step.k,
            }
        }
    }

    #[test]
    fn the_program_allows_the_list_and_nothing_else() {
        let numbers = numbers();
        let program = program(&numbers);
        for number in (0..2_000).chain([1 << 30, u32::MAX]) {
            let is_allowed = verdict(&program, ARCHITECTURE, number) == libc::SECCOMP_RET_ALLOW;
            assert_eq!(is_allowed, numbers.contains(&number), "{number}");
            let elsewhere = verdict(&program, ARCHITECTURE ^ 1, number);
            assert_eq!(elsewhere, libc::SECCOMP_RET_KILL_PROCESS);
        }
    }

    #[test]
    fn what_only_the_start_needs_is_not_allowed() {
        let numbers = numbers();
        for number in [libc::SYS_execve, libc::SYS_clone, libc::SYS_mprotect, libc::SYS_connect] {
            assert!(!numbers.contains(&u32::try_from(number).unwrap()), "{number}");
        }
    }

    /// What becomes of a child that confines itself and then does `action`.
    fn end_of_child(action: fn()) -> WaitStatus {
        let program = program(&numbers());
        // SAFETY: the child makes system calls and nothing else: it allocates nothing, takes no
        // lock, and ends without running what other threads of the tests have set up.
        match unsafe { fork() }.unwrap() {
            ForkResult::Parent { child } => waitpid(child, None).unwrap(),
            ForkResult::Child => {
                let code = if install(&program).is_ok() { 7 } else { 8 };
                action();
                // SAFETY: ends the process at once.
                unsafe { libc::_exit(code) }
            }
        }
    }

    #[test]
    fn a_call_of_the_list_is_made() {
        assert!(is_supported());
        let ended = end_of_child(|| {
            // Nothing is open there; what counts is that the process is alive to be told so.
            assert!(nix::unistd::close(10_000).is_err());
        });
        assert!(matches!(ended, WaitStatus::Exited(_, 7)), "{ended:?}");
    }

    #[test]
    fn any_other_call_kills_the_process() {
        let forbidden: [fn(); 3] = [
            || assert!(nix::unistd::getppid().as_raw() > 0),
            || drop(nix::unistd::pipe()),
            || assert!(nix::unistd::execve::<&CStr, &CStr>(c"/", &[], &[]).is_err()),
        ];
        for action in forbidden {
            let ended = end_of_child(action);
            assert!(matches!(ended, WaitStatus::Signaled(_, Signal::SIGSYS, _)), "{ended:?}");
        }
    }
}
