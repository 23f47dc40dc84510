//! errno becomes a verdict at the border: callers match five cases, not a hundred numbers.
//!
//! The same number can mean different things to different calls, so there is a function per kind of
//! call: a broken network is the end of a connection that is read, but for `accept` it is the end
//! of one connection in the queue and no reason to stop taking the others.

use std::fmt;

/// An errno as the kernel gave it, kept for messages. Displays as the system's own text:
/// `Address already in use`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Errno(pub i32);

/// Why an address cannot be listened on.
impl Errno {
    /// Somebody else listens there.
    pub const IN_USE: Self = Self(libc::EADDRINUSE);
    /// It is for others than us.
    pub const NOT_ALLOWED: Self = Self(libc::EACCES);
    /// No address of this machine.
    pub const NOT_OURS: Self = Self(libc::EADDRNOTAVAIL);
}

/// What a failed call means to the one who made it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Nothing to do now; the poller will tell. (EAGAIN)
    WouldBlock,
    /// A signal came first; ask again. (EINTR)
    Interrupted,
    /// The other side is gone: a quiet close. (ECONNRESET, EPIPE, ETIMEDOUT, ...) From `accept`:
    /// one connection died in the queue; go on with the next.
    PeerGone,
    /// The process or the system has no room for one more: back off. (EMFILE, ENFILE, ENOBUFS,
    /// ENOMEM)
    OutOfResources,
    /// Our own mistake. (EBADF, EINVAL, EFAULT, ...)
    Bug(Errno),
}

impl Verdict {
    /// What a failed read or write means.
    #[must_use]
    pub fn of_io(errno: Errno) -> Self {
        match errno.0 {
            libc::EPIPE | libc::EIO | libc::ENOTCONN | libc::ESHUTDOWN => Self::PeerGone,
            _ => Self::of_either(errno),
        }
    }

    /// What a failed accept means. Linux hands errors of the network, already pending on the new
    /// connection, to whoever accepts it: taking them for errors of the listener has stopped
    /// servers (CVE-2025-48367).
    #[must_use]
    pub fn of_accept(errno: Errno) -> Self {
        match errno.0 {
            libc::EPROTO | libc::ENOPROTOOPT | libc::EOPNOTSUPP | libc::EPERM => Self::PeerGone,
            _ => Self::of_either(errno),
        }
    }

    fn of_either(errno: Errno) -> Self {
        match errno.0 {
            libc::EAGAIN => Self::WouldBlock,
            libc::EINTR => Self::Interrupted,
            libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM => Self::OutOfResources,
            libc::ECONNRESET | libc::ECONNABORTED | libc::ECONNREFUSED | libc::ETIMEDOUT => {
                Self::PeerGone
            }
            libc::ENETDOWN | libc::ENETUNREACH | libc::ENETRESET => Self::PeerGone,
            libc::EHOSTDOWN | libc::EHOSTUNREACH => Self::PeerGone,
            other if Some(other) == crate::abi::MACHINE_OFF_THE_NETWORK => Self::PeerGone,
            _ => Self::Bug(errno),
        }
    }
}

/// One arm per name: the number and the word cannot drift apart.
macro_rules! name_of {
    ($number:expr, $($name:ident)+) => {
        match $number {
            $(libc::$name => stringify!($name),)+
            _ => "errno",
        }
    };
}

impl Errno {
    /// The name in the manual, `EADDRINUSE`; `errno` for a rare one.
    #[must_use]
    pub fn name(self) -> &'static str {
        name_of!(self.0,
            EACCES EADDRINUSE EADDRNOTAVAIL EAFNOSUPPORT EAGAIN EBADF EBUSY ECONNABORTED
            ECONNREFUSED ECONNRESET EDQUOT EEXIST EFAULT EFBIG EHOSTDOWN EHOSTUNREACH EINTR
            EINVAL EIO EISDIR ELOOP EMFILE EMSGSIZE ENAMETOOLONG ENETDOWN ENETRESET ENETUNREACH
            ENFILE ENOBUFS ENODEV ENOENT ENOMEM ENOPROTOOPT ENOSPC ENOSYS ENOTCONN ENOTDIR
            ENOTSOCK ENXIO EOPNOTSUPP EPERM EPIPE EPROTO EROFS ESHUTDOWN ETIMEDOUT
        )
    }

    /// The errno inside an error of the standard library. Those without one are complaints about
    /// arguments (a NUL in a path).
    pub(crate) fn of(error: &std::io::Error) -> Self {
        Self(error.raw_os_error().unwrap_or(libc::EINVAL))
    }
}

impl From<nix::errno::Errno> for Errno {
    fn from(errno: nix::errno::Errno) -> Self {
        Self(errno as i32)
    }
}

/// The system's text, without the number that the standard library hangs on.
impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = std::io::Error::from_raw_os_error(self.0).to_string();
        f.write_str(text.rsplit_once(" (os error").map_or(text.as_str(), |(before, _)| before))
    }
}

impl std::error::Error for Errno {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_as_the_system_says_it() {
        assert_eq!(Errno(libc::EADDRINUSE).to_string(), "Address already in use");
        assert_eq!(Errno(libc::EACCES).to_string(), "Permission denied");
        assert_eq!(Errno(libc::EADDRINUSE).name(), "EADDRINUSE");
        assert_eq!(Errno(99_999).name(), "errno");
    }

    #[test]
    fn f02_network_errors_do_not_stop_the_listener() {
        let of_one_connection =
            [libc::ECONNABORTED, libc::EPROTO, libc::ENETDOWN, libc::EHOSTUNREACH, libc::EPERM];
        for number in of_one_connection {
            assert_eq!(Verdict::of_accept(Errno(number)), Verdict::PeerGone, "{number}");
        }
    }

    #[test]
    fn f03_no_room_means_back_off() {
        for number in [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM] {
            assert_eq!(Verdict::of_accept(Errno(number)), Verdict::OutOfResources, "{number}");
        }
        assert_eq!(Verdict::of_io(Errno(libc::ENOBUFS)), Verdict::OutOfResources);
    }

    #[test]
    fn f09_f11_a_broken_connection_is_a_quiet_close() {
        let gone = [libc::ECONNRESET, libc::EPIPE, libc::ETIMEDOUT, libc::ENOTCONN, libc::EIO];
        for number in gone {
            assert_eq!(Verdict::of_io(Errno(number)), Verdict::PeerGone, "{number}");
        }
    }

    #[test]
    fn what_only_we_can_cause_is_a_bug() {
        for number in [libc::EBADF, libc::EINVAL, libc::EFAULT, libc::ENOTSOCK] {
            assert_eq!(Verdict::of_io(Errno(number)), Verdict::Bug(Errno(number)));
            assert_eq!(Verdict::of_accept(Errno(number)), Verdict::Bug(Errno(number)));
        }
        assert_eq!(Verdict::of_io(Errno(libc::EPERM)), Verdict::Bug(Errno(libc::EPERM)));
    }

    #[test]
    fn waiting_is_not_an_error() {
        assert_eq!(Verdict::of_io(Errno(libc::EWOULDBLOCK)), Verdict::WouldBlock);
        assert_eq!(Verdict::of_accept(Errno(libc::EINTR)), Verdict::Interrupted);
    }
}
