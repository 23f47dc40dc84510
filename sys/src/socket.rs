//! Sockets: made, bound, accepted, read and written. All are non-blocking and close-on-exec from
//! birth (P10).
//!
//! What every connection needs (TCP_NODELAY, keep-alive) is set once, on the listening socket:
//! Linux, FreeBSD and macOS hand it on to accepted connections, so that a connection costs one
//! system call, `accept4`, which tells the peer's address as well. Elsewhere
//! [`abi::NODELAY_INHERITED`] is false and the option is set on each connection.

use crate::calls::{Syscall, count};
use crate::{Address, Errno, Fd, ListenOptions, Verdict, abi};
use nix::sys::socket::{
    AddressFamily, SockaddrLike, SockaddrStorage, UnixAddr, bind, connect, getsockname, sockopt,
};
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmodat, lstat, umask};
use std::io::{IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// What a listening socket takes from the file system at birth: read and write for its owner.
const UMASK_OF_BIRTH: Mode = Mode::S_IXUSR.union(Mode::S_IRWXG).union(Mode::S_IRWXO);

/// Unanswered questions after which a silent peer counts as dead, and the part of the keep-alive
/// time between two of them.
const KEEPALIVE_QUESTIONS: u32 = 3;

/// Binds and listens on a TCP address.
pub fn listen_tcp(address: SocketAddr, options: ListenOptions) -> Result<Fd, Errno> {
    let family = if address.is_ipv6() { AddressFamily::Inet6 } else { AddressFamily::Inet };
    let fd = abi::socket_stream(family)?;
    let done = listen_tcp_on(fd, address, options);
    or_close(fd, done)
}

fn listen_tcp_on(fd: Fd, address: SocketAddr, options: ListenOptions) -> Result<(), Errno> {
    if address.is_ipv6() {
        abi::option_set(fd, sockopt::Ipv6V6Only, &true)?;
    }
    abi::option_set(fd, sockopt::ReuseAddr, &true)?;
    abi::option_set(fd, sockopt::TcpNoDelay, &true)?;
    keepalive_set(fd, options.keepalive_seconds)?;
    count(Syscall::Bind);
    bind(fd.0, &SockaddrStorage::from(address))?;
    listen(fd, options.backlog)
}

/// A dead peer is noticed after the time given and as much again: the questions share out the
/// second half.
fn keepalive_set(fd: Fd, seconds: u32) -> Result<(), Errno> {
    if seconds == 0 {
        return Ok(());
    }
    abi::option_set(fd, sockopt::KeepAlive, &true)?;
    let interval = (seconds / KEEPALIVE_QUESTIONS).max(1);
    abi::keepalive_times_set(fd, seconds, interval, KEEPALIVE_QUESTIONS)
}

/// Changes what connections inherit from now on. A Unix socket has no such times: it refuses, and
/// nothing is lost.
pub fn keepalive_renew(listener: Fd, seconds: u32) {
    let done = match seconds {
        0 => abi::option_set(listener, sockopt::KeepAlive, &false),
        _ => keepalive_set(listener, seconds),
    };
    let _ = done;
}

/// Binds under a umask that lets nobody else in, opens up to `mode`, and only then listens: there
/// is no moment at which the wrong user gets in.
pub fn listen_unix(path: &Path, mode: u32, backlog: u32) -> Result<Fd, Errno> {
    stale_remove(path)?;
    let fd = abi::socket_stream(AddressFamily::Unix)?;
    let done = listen_unix_on(fd, path, mode, backlog);
    or_close(fd, done)
}

fn listen_unix_on(fd: Fd, path: &Path, mode: u32, backlog: u32) -> Result<(), Errno> {
    let address = UnixAddr::new(path)?;
    count(Syscall::Bind);
    if mode == 0 {
        bind(fd.0, &address)?;
        return listen(fd, backlog);
    }
    count(Syscall::Umask);
    let former = umask(UMASK_OF_BIRTH);
    let bound = bind(fd.0, &address);
    count(Syscall::Umask);
    umask(former);
    bound?;
    let mode = Mode::from_bits_truncate(mode as libc::mode_t);
    count(Syscall::Fchmodat);
    fchmodat(nix::fcntl::AT_FDCWD, path, mode, FchmodatFlags::FollowSymlink)?;
    listen(fd, backlog)
}

/// Removes a socket file that nobody listens on any more. Anything else in its place stays, and
/// `bind` will say that the address is in use.
fn stale_remove(path: &Path) -> Result<(), Errno> {
    count(Syscall::Lstat);
    let Ok(status) = lstat(path) else { return Ok(()) };
    let is_socket = SFlag::from_bits_truncate(status.st_mode) & SFlag::S_IFMT == SFlag::S_IFSOCK;
    if is_socket && !somebody_listens(path)? {
        count(Syscall::Unlink);
        nix::unistd::unlink(path)?;
    }
    Ok(())
}

fn somebody_listens(path: &Path) -> Result<bool, Errno> {
    let fd = abi::socket_stream(AddressFamily::Unix)?;
    count(Syscall::Connect);
    let answer = connect(fd.0, &UnixAddr::new(path)?);
    close(fd);
    // EAGAIN: the queue is full, so there is one.
    Ok(matches!(answer, Ok(()) | Err(nix::errno::Errno::EAGAIN)))
}

/// nix would refuse what is above its idea of the maximum; the kernel cuts it to its own instead.
fn listen(fd: Fd, backlog: u32) -> Result<(), Errno> {
    let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
    count(Syscall::Listen);
    // SAFETY: takes two numbers and touches no memory of ours.
    nix::errno::Errno::result(unsafe { libc::listen(fd.0, backlog) })?;
    Ok(())
}

fn or_close(fd: Fd, done: Result<(), Errno>) -> Result<Fd, Errno> {
    if done.is_err() {
        close(fd);
    }
    done.map(|()| fd)
}

/// What a socket is bound to.
pub fn local_address(fd: Fd) -> Result<Address, Errno> {
    count(Syscall::Getsockname);
    let storage = getsockname::<SockaddrStorage>(fd.0)?;
    address_of(&storage).ok_or(Errno(libc::EAFNOSUPPORT))
}

/// A Unix socket without a name (every connected peer) has the empty path.
fn address_of(storage: &SockaddrStorage) -> Option<Address> {
    match storage.family()? {
        AddressFamily::Inet => {
            storage.as_sockaddr_in().map(|address| Address::Tcp(SocketAddr::from(*address)))
        }
        AddressFamily::Inet6 => {
            storage.as_sockaddr_in6().map(|address| Address::Tcp(SocketAddr::from(*address)))
        }
        AddressFamily::Unix => {
            let path = storage.as_unix_addr().and_then(UnixAddr::path);
            Some(Address::Unix(path.map_or_else(PathBuf::new, Path::to_path_buf)))
        }
        _ => None,
    }
}

/// Takes one connection off the queue of a listening socket.
pub fn accept(listener: Fd) -> Result<(Fd, Address), Verdict> {
    let (fd, storage) = abi::accept(listener).map_err(Verdict::of_accept)?;
    // The BSDs tell no address of a connection that was reset in the queue (F04).
    let known = storage.as_ref().and_then(address_of).ok_or(Verdict::PeerGone);
    if !abi::NODELAY_INHERITED && matches!(known, Ok(Address::Tcp(_))) {
        // Fails only on a connection that is dead, and then its first read says so.
        let _ = abi::option_set(fd, sockopt::TcpNoDelay, &true);
    }
    if known.is_err() {
        close(fd);
    }
    known.map(|peer| (fd, peer))
}

/// Reads once, into `first` and then `second`. 0 is the end of the stream.
#[inline]
pub fn read(fd: Fd, first: &mut [u8], second: &mut [u8]) -> Result<usize, Verdict> {
    debug_assert!(!first.is_empty() || !second.is_empty(), "0 would look like the end");
    let answer = if second.is_empty() {
        count(Syscall::Read);
        nix::unistd::read(fd.borrow(), first)
    } else {
        let mut places = [IoSliceMut::new(first), IoSliceMut::new(second)];
        count(Syscall::Readv);
        nix::sys::uio::readv(fd.borrow(), &mut places)
    };
    answer.map_err(verdict)
}

/// Reads once, behind what `bytes` holds: at most `count_max` bytes, and no more than it has
/// capacity for. Half a gigabyte so is written once, by the kernel, and not zeroed before.
pub fn read_append(fd: Fd, bytes: &mut Vec<u8>, count_max: usize) -> Result<usize, Verdict> {
    let spare = bytes.spare_capacity_mut();
    let room = spare.len().min(count_max);
    debug_assert!(room > 0, "0 would look like the end");
    count(Syscall::Read);
    // SAFETY: `spare` is memory of the vector, exclusively borrowed and at least `room` bytes long;
    // the kernel writes up to `room` bytes there and reads none, so they need not be initialized.
    let answer = unsafe { libc::read(fd.0, spare.as_mut_ptr().cast(), room) };
    let answer = nix::errno::Errno::result(answer).map_err(verdict)?;
    let read = usize::try_from(answer).expect("an answer that is no error is a count");
    assert!(read <= room, "the kernel cannot bring more than it was asked for");
    // SAFETY: the kernel has just written `read` bytes from the vector's former end on, and they
    // lie within its capacity.
    unsafe { bytes.set_len(bytes.len() + read) };
    Ok(read)
}

/// Writes once. SIGPIPE is ignored ([`crate::signal`]), so this is `write` as in Redis's traces,
/// and not `send` with a flag.
#[inline]
pub fn write(fd: Fd, bytes: &[u8]) -> Result<usize, Verdict> {
    count(Syscall::Write);
    nix::unistd::write(fd.borrow(), bytes).map_err(verdict)
}

/// Writes once from several places; the kernel takes at most 1,024 of them.
pub fn write_vectored(fd: Fd, pieces: &[IoSlice<'_>]) -> Result<usize, Verdict> {
    count(Syscall::Writev);
    nix::sys::uio::writev(fd.borrow(), pieces).map_err(verdict)
}

fn verdict(errno: nix::errno::Errno) -> Verdict {
    Verdict::of_io(errno.into())
}

/// Closes. After EINTR or EIO the descriptor is gone as well: asking again could close a stranger's
/// that got the number meanwhile (F17).
pub fn close(fd: Fd) {
    count(Syscall::Close);
    let answer = nix::unistd::close(fd.0);
    debug_assert_ne!(answer, Err(nix::errno::Errno::EBADF), "closed twice");
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
    use nix::sys::socket::{getsockopt, sockopt};
    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixStream;

    const OPTIONS: ListenOptions = ListenOptions { backlog: 16, keepalive_seconds: 300 };

    fn listen_anywhere() -> (Fd, SocketAddr) {
        let fd = listen_tcp("127.0.0.1:0".parse().unwrap(), OPTIONS).unwrap();
        match local_address(fd).unwrap() {
            Address::Tcp(address) => (fd, address),
            Address::Unix(_) => panic!("not a TCP address"),
        }
    }

    fn accept_soon(listener: Fd) -> (Fd, Address) {
        loop {
            match accept(listener) {
                Err(Verdict::WouldBlock) => std::thread::yield_now(),
                other => return other.unwrap(),
            }
        }
    }

    fn scratch(name: &str) -> PathBuf {
        let name = format!("squint-socket-{name}-{}", std::process::id());
        std::env::temp_dir().join(name)
    }

    #[test]
    fn p10_flags_are_there_from_birth_and_options_are_inherited() {
        let (listener, address) = listen_anywhere();
        let client = TcpStream::connect(address).unwrap();
        let (fd, peer) = accept_soon(listener);
        assert_eq!(peer, Address::Tcp(client.local_addr().unwrap()));
        for fd in [listener, fd] {
            let status = OFlag::from_bits_retain(fcntl(fd.borrow(), FcntlArg::F_GETFL).unwrap());
            assert!(status.contains(OFlag::O_NONBLOCK));
            let flags = fcntl(fd.borrow(), FcntlArg::F_GETFD).unwrap();
            assert_eq!(flags, FdFlag::FD_CLOEXEC.bits());
            assert!(getsockopt(&fd.borrow(), sockopt::TcpNoDelay).unwrap());
            assert!(getsockopt(&fd.borrow(), sockopt::KeepAlive).unwrap());
            assert_eq!(getsockopt(&fd.borrow(), sockopt::TcpKeepInterval).unwrap(), 100);
            assert_eq!(getsockopt(&fd.borrow(), sockopt::TcpKeepCount).unwrap(), 3);
        }
        close(fd);
        close(listener);
    }

    #[test]
    fn bytes_go_both_ways_in_pieces() {
        let (listener, address) = listen_anywhere();
        let mut client = TcpStream::connect(address).unwrap();
        let (fd, _) = accept_soon(listener);
        let mut first = [0; 3];
        assert_eq!(read(fd, &mut first, &mut []), Err(Verdict::WouldBlock));
        client.write_all(b"hello").unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        let mut second = [0; 8];
        assert_eq!(read(fd, &mut first, &mut second), Ok(5));
        assert_eq!((&first, &second[..2]), (b"hel", &b"lo"[..]));
        assert_eq!(write_vectored(fd, &[IoSlice::new(b"wor"), IoSlice::new(b"ld")]), Ok(5));
        assert_eq!(write(fd, b"!"), Ok(1));
        let mut reply = [0; 6];
        client.read_exact(&mut reply).unwrap();
        assert_eq!(&reply, b"world!");
        drop(client);
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert_eq!(read(fd, &mut first, &mut []), Ok(0));
        close(fd);
        close(listener);
    }

    #[test]
    fn a_taken_port_is_told_by_name() {
        let (listener, address) = listen_anywhere();
        assert_eq!(listen_tcp(address, OPTIONS).unwrap_err().name(), "EADDRINUSE");
        close(listener);
    }

    #[test]
    fn an_ipv6_listener_leaves_ipv4_alone() {
        let Ok(listener) = listen_tcp("[::]:0".parse().unwrap(), OPTIONS) else {
            return; // A machine without IPv6.
        };
        assert!(getsockopt(&listener.borrow(), sockopt::Ipv6V6Only).unwrap());
        close(listener);
    }

    #[test]
    fn a_unix_socket_has_its_mode_and_replaces_a_stale_one() {
        let path = scratch("stale");
        let first = listen_unix(&path, 0o640, 16).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(listen_unix(&path, 0o600, 16).unwrap_err().name(), "EADDRINUSE");
        close(first);
        let second = listen_unix(&path, 0o600, 16).unwrap();
        assert_eq!(local_address(second).unwrap(), Address::Unix(path.clone()));
        let _client = UnixStream::connect(&path).unwrap();
        let (fd, peer) = accept_soon(second);
        assert!(peer.is_local());
        close(fd);
        close(second);
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_file_that_is_no_socket_is_not_removed() {
        let path = scratch("file");
        std::fs::write(&path, b"precious").unwrap();
        assert_eq!(listen_unix(&path, 0o600, 16).unwrap_err().name(), "EADDRINUSE");
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_path_too_long_for_a_socket_is_an_error() {
        let path = PathBuf::from(format!("/tmp/{}", "x".repeat(200)));
        assert!(listen_unix(&path, 0o600, 16).is_err());
    }
}
