//! Descriptor numbers.

/// A descriptor number, as the kernel handed it out.
///
/// It is a name, not an owner: whoever holds the connection closes it, exactly once, through
/// [`crate::Sys::close`]. An owning type would close from its destructor, behind the back of a
/// simulated system.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Fd(pub i32);
