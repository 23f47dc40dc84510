//! Descriptor numbers.

use std::os::fd::BorrowedFd;

/// A descriptor number, as the kernel handed it out.
///
/// It is a name, not an owner: whoever holds the connection closes it, exactly once, through
/// [`crate::Sys::close`]. An owning type would close from its destructor, behind the back of a
/// simulated system.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Fd(pub i32);

impl Fd {
    /// Lends the number to nix for one call.
    pub(crate) fn borrow(&self) -> BorrowedFd<'_> {
        assert!(self.0 >= 0, "a descriptor that was never handed out");
        // SAFETY: the number is not -1, which was just checked. That it stays open during the call
        // is the rule of the type: its holder closes it, and the loop has one thread. The calls
        // made with it answer EBADF to a number that is not open; none of them touches memory
        // through it.
        unsafe { BorrowedFd::borrow_raw(self.0) }
    }
}
