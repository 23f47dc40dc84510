//! errno becomes a verdict at the border: callers match five cases, not a hundred numbers.

/// An errno as the kernel gave it, kept for messages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Errno(pub i32);

/// What a failed call means to the one who made it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Nothing to do now; the poller will tell. (EAGAIN)
    WouldBlock,
    /// A signal came first; ask again. (EINTR)
    Interrupted,
    /// The other side is gone: a quiet close. (ECONNRESET, EPIPE, ETIMEDOUT, ...)
    PeerGone,
    /// The process or the system has no room for one more: back off. (EMFILE, ENFILE, ENOBUFS, ENOMEM)
    OutOfResources,
    /// Our own mistake. (EBADF, EINVAL, EFAULT, ...)
    Bug(Errno),
}
