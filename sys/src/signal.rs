//! Requests to end, carried from the handler to the loop through a pipe to ourselves.
//!
//! ```text
//!   SIGTERM -> handler: FIRST = number, one byte -> pipe -> poller -> loop -> take
//!   again   -> handler: _exit(1)
//! ```
//!
//! The handler does only what POSIX allows in one: atomics, `write` and `_exit`. Signals belong to
//! the process, so this state does too.

use crate::calls::{Syscall, count};
use crate::{Errno, Fd, Signal, abi};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, sigaction};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// The writing end, -1 before there is one.
static PIPE_WRITER: AtomicI32 = AtomicI32::new(-1);
/// The number that the loop has not taken yet, 0 for none.
static FIRST: AtomicI32 = AtomicI32::new(0);
/// A request to end has come; the next one ends us on the spot.
static ENDING: AtomicBool = AtomicBool::new(false);

extern "C" fn handle(number: libc::c_int) {
    if ENDING.swap(true, Ordering::SeqCst) {
        // SAFETY: ends the process and is allowed in a handler.
        unsafe { libc::_exit(1) };
    }
    FIRST.store(number, Ordering::SeqCst);
    let errno = nix::errno::Errno::last_raw(); // The interrupted code may be about to read it.
    let byte = 0_u8;
    // SAFETY: one byte of a live local is read; `write` is allowed in a handler.
    unsafe { libc::write(PIPE_WRITER.load(Ordering::SeqCst), (&raw const byte).cast(), 1) };
    nix::errno::Errno::set_raw(errno);
}

/// Installs the handlers; the answer becomes readable with the first request to end.
pub fn install() -> Result<Fd, Errno> {
    let (reader, writer) = abi::pipe()?;
    let former = PIPE_WRITER.swap(writer.0, Ordering::SeqCst);
    assert_eq!(former, -1, "handlers are installed once");
    handle_with(nix::sys::signal::SIGTERM, SigHandler::Handler(handle))?;
    handle_with(nix::sys::signal::SIGINT, SigHandler::Handler(handle))?;
    handle_with(nix::sys::signal::SIGPIPE, SigHandler::SigIgn)?;
    handle_with(nix::sys::signal::SIGHUP, SigHandler::SigIgn)?;
    Ok(reader)
}

fn handle_with(signal: nix::sys::signal::Signal, handler: SigHandler) -> Result<(), Errno> {
    let action = SigAction::new(handler, SaFlags::SA_RESTART, SigSet::empty());
    count(Syscall::Sigaction);
    // SAFETY: `handle` calls nothing but what is allowed in a handler (see there), and ignoring a
    // signal runs no code at all.
    unsafe { sigaction(signal, &action) }?;
    Ok(())
}

/// Reads once: how many bytes there were, 0 if none.
fn read(reader: Fd, bytes: &mut [u8]) -> usize {
    count(Syscall::Read);
    nix::unistd::read(reader.borrow(), bytes).unwrap_or(0)
}

/// The request, once; empties the pipe.
pub fn take(reader: Fd) -> Option<Signal> {
    let mut bytes = [0; 8];
    // A read that is not full has emptied the pipe: no second one has to say so.
    while read(reader, &mut bytes) == bytes.len() {}
    match FIRST.swap(0, Ordering::SeqCst) {
        libc::SIGTERM => Some(Signal::Terminate),
        libc::SIGINT => Some(Signal::Interrupt),
        _ => None,
    }
}
