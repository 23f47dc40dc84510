//! What differs between systems that share a poller. No other file names a system; `build.rs` names
//! the poller.

use crate::calls::{Syscall, count};
use crate::{Errno, Fd};
use nix::errno::Errno as NixErrno;
use nix::sys::resource::Usage;
use nix::sys::socket::{
    AddressFamily, SetSockOpt, SockFlag, SockType, SockaddrLike, SockaddrStorage, setsockopt,
    socket, sockopt,
};
use static_assertions::{const_assert, const_assert_eq};
use std::ffi::OsStr;
use std::mem::MaybeUninit;
#[cfg(target_vendor = "apple")]
use std::os::fd::AsRawFd;
use std::os::fd::{FromRawFd, IntoRawFd, OwnedFd};

// A length of any address fits the type in which the kernel tells it.
const_assert!(size_of::<libc::sockaddr_storage>() < u16::MAX as usize);
// 64-bit systems only: a token travels through kqueue in a pointer, and time does not end in 2038.
const_assert_eq!(size_of::<usize>(), size_of::<u64>());
const_assert_eq!(size_of::<libc::time_t>(), size_of::<i64>());

/// Whether accepted connections have TCP_NODELAY when the listening socket has it.
pub const NODELAY_INHERITED: bool =
    cfg!(any(target_os = "linux", target_os = "freebsd", target_vendor = "apple"));

/// Linux has an errno of its own for "not on the network".
#[cfg(any(target_os = "linux", target_os = "android"))]
pub const MACHINE_OFF_THE_NETWORK: Option<i32> = Some(libc::ENONET);
/// Linux has an errno of its own for "not on the network".
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub const MACHINE_OFF_THE_NETWORK: Option<i32> = None;

/// A stream socket, non-blocking and close-on-exec from birth.
#[cfg(not(target_vendor = "apple"))]
pub fn socket_stream(family: AddressFamily) -> Result<Fd, Errno> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    count(Syscall::Socket);
    Ok(Fd(socket(family, SockType::Stream, flags, None)?.into_raw_fd()))
}

/// A stream socket; Apple's has to be told afterwards.
#[cfg(target_vendor = "apple")]
pub fn socket_stream(family: AddressFamily) -> Result<Fd, Errno> {
    count(Syscall::Socket);
    nonblocking(socket(family, SockType::Stream, SockFlag::empty(), None)?)
}

/// Takes a connection and the address of its peer in one call. No address: it is dead already.
#[cfg(not(target_vendor = "apple"))]
pub fn accept(listener: Fd) -> Result<(Fd, Option<SockaddrStorage>), Errno> {
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    count(Syscall::Accept4);
    let (fd, peer) = with_peer_address(|address, length| {
        // SAFETY: `address` has room for `length` bytes, as `with_peer_address` promises.
        unsafe { libc::accept4(listener.0, address, length, flags) }
    })?;
    Ok((Fd(fd.into_raw_fd()), peer))
}

/// Takes a connection and the address of its peer; Apple's has to be told its flags afterwards.
#[cfg(target_vendor = "apple")]
pub fn accept(listener: Fd) -> Result<(Fd, Option<SockaddrStorage>), Errno> {
    count(Syscall::Accept);
    let (fd, peer) = with_peer_address(|address, length| {
        // SAFETY: `address` has room for `length` bytes, as `with_peer_address` promises.
        unsafe { libc::accept(listener.0, address, length) }
    })?;
    Ok((nonblocking(fd)?, peer))
}

/// Gives `call` a place for an address and its size, and reads back what it left there.
fn with_peer_address(
    call: impl FnOnce(*mut libc::sockaddr, *mut libc::socklen_t) -> i32,
) -> Result<(OwnedFd, Option<SockaddrStorage>), Errno> {
    let mut storage = MaybeUninit::<libc::sockaddr_storage>::zeroed();
    let mut length = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    let number = NixErrno::result(call(storage.as_mut_ptr().cast(), &raw mut length))?;
    // SAFETY: the call succeeded, so the number is a new descriptor that nobody else knows of.
    let fd = unsafe { OwnedFd::from_raw_fd(number) };
    // SAFETY: the storage was zeroed, so all of it is initialised, whatever the kernel wrote; nix
    // refuses a length that is larger than the storage.
    let peer = unsafe { SockaddrStorage::from_raw(storage.as_ptr().cast(), Some(length)) };
    Ok((fd, peer))
}

/// A pipe whose ends are non-blocking and close-on-exec from birth: reader, writer.
#[cfg(not(target_vendor = "apple"))]
pub fn pipe() -> Result<(Fd, Fd), Errno> {
    use nix::fcntl::OFlag;
    count(Syscall::Pipe);
    let (reader, writer) = nix::unistd::pipe2(OFlag::O_NONBLOCK | OFlag::O_CLOEXEC)?;
    Ok((Fd(reader.into_raw_fd()), Fd(writer.into_raw_fd())))
}

/// A pipe whose ends are non-blocking and close-on-exec; Apple's have to be told afterwards.
#[cfg(target_vendor = "apple")]
pub fn pipe() -> Result<(Fd, Fd), Errno> {
    count(Syscall::Pipe);
    let (reader, writer) = nix::unistd::pipe()?;
    Ok((nonblocking(reader)?, nonblocking(writer)?))
}

/// Sets both flags on a descriptor that could not have them from birth.
#[cfg(target_vendor = "apple")]
fn nonblocking(fd: OwnedFd) -> Result<Fd, Errno> {
    use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
    count(Syscall::Fcntl);
    let flags = OFlag::from_bits_retain(fcntl(&fd, FcntlArg::F_GETFL)?);
    count(Syscall::Fcntl);
    fcntl(&fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    count(Syscall::Fcntl);
    fcntl(&fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    debug_assert!(fd.as_raw_fd() >= 0);
    Ok(Fd(fd.into_raw_fd()))
}

/// Sets an option of a socket.
pub fn option_set<O: SetSockOpt>(fd: Fd, option: O, value: &O::Val) -> Result<(), Errno> {
    count(Syscall::Setsockopt);
    Ok(setsockopt(&fd.borrow(), option, value)?)
}

/// When to ask a silent peer whether it lives, how often, and how many times.
#[cfg(not(target_os = "openbsd"))]
pub fn keepalive_times_set(fd: Fd, idle: u32, interval: u32, questions: u32) -> Result<(), Errno> {
    #[cfg(target_vendor = "apple")]
    option_set(fd, sockopt::TcpKeepAlive, &idle)?;
    #[cfg(not(target_vendor = "apple"))]
    option_set(fd, sockopt::TcpKeepIdle, &idle)?;
    option_set(fd, sockopt::TcpKeepInterval, &interval)?;
    option_set(fd, sockopt::TcpKeepCount, &questions)
}

/// OpenBSD has these times for the whole machine only.
#[cfg(target_os = "openbsd")]
pub fn keepalive_times_set(_: Fd, _: u32, _: u32, _: u32) -> Result<(), Errno> {
    Ok(())
}

/// Fills `request`, of at most 256 bytes, with unpredictable bytes.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn random_request(request: &mut [u8]) -> Result<(), Errno> {
    count(Syscall::Getrandom);
    // SAFETY: `request` is writable for its length.
    let answer = unsafe { libc::getrandom(request.as_mut_ptr().cast(), request.len(), 0) };
    let filled = NixErrno::result(answer)?;
    // Up to 256 bytes come whole once the kernel's pool is ready, and before that it waits.
    if usize::try_from(filled) == Ok(request.len()) { Ok(()) } else { Err(Errno(libc::EIO)) }
}

/// Fills `request`, of at most 256 bytes, with unpredictable bytes.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn random_request(request: &mut [u8]) -> Result<(), Errno> {
    count(Syscall::Getrandom);
    // SAFETY: `request` is writable for its length.
    let answer = unsafe { libc::getentropy(request.as_mut_ptr().cast(), request.len()) };
    NixErrno::result(answer)?;
    Ok(())
}

/// What one read brings of a file of the kernel's, which makes it anew for each: nothing, if there
/// is no such file.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn read_start<'b>(path: &str, bytes: &'b mut [u8]) -> &'b [u8] {
    use std::io::Read;
    count(Syscall::Openat);
    let Ok(mut file) = std::fs::File::open(path) else { return &[] };
    count(Syscall::Close); // as it is dropped
    count(Syscall::Read);
    let length = file.read(bytes).unwrap_or(0);
    &bytes[..length]
}

/// Resident memory now. The second field of `statm` counts pages.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn resident_bytes(_: Option<&Usage>) -> u64 {
    let mut bytes = [0; 128]; // seven numbers
    let statm = std::str::from_utf8(read_start("/proc/self/statm", &mut bytes)).unwrap_or_default();
    let pages: u64 = statm.split(' ').nth(1).and_then(|field| field.parse().ok()).unwrap_or(0);
    pages.saturating_mul(crate::process::page_bytes())
}

/// The highest resident memory so far, the nearest thing that needs no library beyond libc. Apple
/// counts in bytes, the BSDs in KiB.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn resident_bytes(usage: Option<&Usage>) -> u64 {
    let unit = if cfg!(target_vendor = "apple") { 1 } else { 1024 };
    usage.map_or(0, |usage| u64::try_from(usage.max_rss()).unwrap_or(0).saturating_mul(unit))
}

/// The address of a service manager's mailbox: a path, or on Linux `@` and an abstract name.
pub fn mailbox_address(name: &OsStr) -> std::io::Result<std::os::unix::net::SocketAddr> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Some(name) = name.as_encoded_bytes().strip_prefix(b"@") {
        return abstract_address(name);
    }
    std::os::unix::net::SocketAddr::from_pathname(name)
}

#[cfg(target_os = "android")]
use std::os::android::net::SocketAddrExt;
#[cfg(target_os = "linux")]
use std::os::linux::net::SocketAddrExt;

#[cfg(any(target_os = "linux", target_os = "android"))]
fn abstract_address(name: &[u8]) -> std::io::Result<std::os::unix::net::SocketAddr> {
    std::os::unix::net::SocketAddr::from_abstract_name(name)
}
