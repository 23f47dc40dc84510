//! The running machine behind the trait [`Sys`]. Every method is one call into the file of its
//! noun.

use crate::system::{Accepted, Address, ListenOptions, Process, Signal, Sys};
use crate::{
    Errno, Fd, SyscallCounts, Verdict, calls, clock, cycles, entropy, file, hosts, process, rlimit,
    signal, socket,
};
use std::io::IoSlice;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// The poller of this machine. The one place that picks a backend; `build.rs` coined the words.
#[cfg(poller_epoll)]
pub type NativePoller = crate::epoll::Epoll;
/// The poller of this machine. The one place that picks a backend; `build.rs` coined the words.
#[cfg(poller_kqueue)]
pub type NativePoller = crate::kqueue::Kqueue;

/// What keeps the process to its own calls.
#[cfg(seccomp)]
use crate::seccomp as confinement;
#[cfg(not(seccomp))]
mod confinement {
    //! Nothing: the BSDs have pledge, Capsicum and sandboxes, each with rules of its own, and we
    //! have no machine to try them on.

    pub fn is_supported() -> bool {
        false
    }

    pub fn confine() -> Result<(), crate::Errno> {
        Err(crate::Errno(libc::ENOSYS))
    }
}

/// The operating system underneath. One per process, for signals belong to the process.
pub struct Native {
    poller: NativePoller,
    signals: Option<Fd>,
    /// A peer on a Unix socket has no address: it is known by the path it came through. One or
    /// none.
    unix_listeners: Vec<(Fd, PathBuf)>,
    is_confined: bool,
}

impl Native {
    /// A system with a poller that watches nothing yet.
    pub fn new() -> Result<Self, Errno> {
        let poller = NativePoller::new()?;
        Ok(Self { poller, signals: None, unix_listeners: Vec::new(), is_confined: false })
    }

    fn unix_path_of(&self, listener: Fd) -> PathBuf {
        let known = self.unix_listeners.iter().find(|(fd, _)| *fd == listener);
        known.map(|(_, path)| path.clone()).unwrap_or_default()
    }
}

impl Sys for Native {
    type Poller = NativePoller;

    fn poller(&mut self) -> &mut NativePoller {
        &mut self.poller
    }

    fn poller_name(&self) -> &'static str {
        NativePoller::NAME
    }

    fn monotonic_ns(&mut self) -> u64 {
        clock::monotonic_ns()
    }

    #[inline]
    fn cycles(&mut self) -> u64 {
        cycles::cycles()
    }

    fn syscalls(&self) -> SyscallCounts {
        calls::counted()
    }

    fn wall_us(&mut self) -> i64 {
        clock::wall_us()
    }

    fn fill_random(&mut self, bytes: &mut [u8]) -> Result<(), Errno> {
        entropy::fill(bytes)
    }

    fn resolve(&mut self, host: &str) -> Option<IpAddr> {
        if self.is_confined { host.parse().ok() } else { hosts::resolve(host) }
    }

    fn listen_tcp(&mut self, address: SocketAddr, options: ListenOptions) -> Result<Fd, Errno> {
        socket::listen_tcp(address, options)
    }

    fn set_keepalive(&mut self, listener: Fd, seconds: u32) {
        socket::keepalive_renew(listener, seconds);
    }

    fn listen_unix(&mut self, path: &Path, mode: u32, backlog: u32) -> Result<Fd, Errno> {
        let fd = socket::listen_unix(path, mode, backlog)?;
        self.unix_listeners.push((fd, path.to_path_buf()));
        Ok(fd)
    }

    fn local_address(&mut self, fd: Fd) -> Result<Address, Errno> {
        socket::local_address(fd)
    }

    fn accept(&mut self, listener: Fd) -> Result<Accepted, Verdict> {
        let (fd, peer) = socket::accept(listener)?;
        let peer = match peer {
            Address::Unix(_) => Address::Unix(self.unix_path_of(listener)),
            tcp => tcp,
        };
        Ok(Accepted { fd, peer })
    }

    #[inline]
    fn read(&mut self, fd: Fd, first: &mut [u8], second: &mut [u8]) -> Result<usize, Verdict> {
        socket::read(fd, first, second)
    }

    fn read_append(
        &mut self,
        fd: Fd,
        bytes: &mut Vec<u8>,
        count_max: usize,
    ) -> Result<usize, Verdict> {
        socket::read_append(fd, bytes, count_max)
    }

    #[inline]
    fn write(&mut self, fd: Fd, bytes: &[u8]) -> Result<usize, Verdict> {
        socket::write(fd, bytes)
    }

    fn write_vectored(&mut self, fd: Fd, pieces: &[IoSlice<'_>]) -> Result<usize, Verdict> {
        socket::write_vectored(fd, pieces)
    }

    fn close(&mut self, fd: Fd) {
        self.unix_listeners.retain(|(listener, _)| *listener != fd);
        socket::close(fd);
    }

    fn install_signals(&mut self) -> Result<Fd, Errno> {
        let fd = signal::install()?;
        self.signals = Some(fd);
        Ok(fd)
    }

    fn take_signal(&mut self) -> Option<Signal> {
        signal::take(self.signals?)
    }

    fn process(&mut self) -> Process {
        process::facts()
    }

    fn process_id(&self) -> u32 {
        process::id()
    }

    fn raise_descriptor_limit(&mut self, wanted: u64) -> u64 {
        rlimit::raise_descriptors(wanted)
    }

    fn log(&mut self, path: Option<&Path>, line: &[u8]) -> bool {
        file::log(path, line)
    }

    fn notify_supervisor(&mut self, state: &str) {
        file::notify_supervisor(state);
    }

    fn sleep_us(&mut self, microseconds: u64) {
        clock::sleep_us(microseconds);
    }

    fn daemonize(&mut self) -> Result<(), Errno> {
        process::daemonize()?;
        self.poller = NativePoller::new()?;
        Ok(())
    }

    fn current_dir_set(&mut self, path: &Path) -> Result<(), Errno> {
        file::current_dir_set(path)
    }

    fn write_file(&mut self, path: &Path, contents: &[u8]) -> Result<(), Errno> {
        file::write_whole(path, contents)
    }

    fn remove_file(&mut self, path: &Path) {
        file::remove(path);
    }

    fn can_confine(&self) -> bool {
        confinement::is_supported()
    }

    fn confine(&mut self) -> Result<(), Errno> {
        confinement::confine()?;
        self.is_confined = true;
        Ok(())
    }

    fn local_offset_seconds(&mut self, wall_seconds: i64) -> i64 {
        clock::local_offset_seconds(wall_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_on_a_unix_socket_is_known_by_the_path_it_came_through() {
        let path = std::env::temp_dir().join(format!("squint-native-{}", std::process::id()));
        let mut sys = Native::new().unwrap();
        let listener = sys.listen_unix(&path, 0o700, 4).unwrap();
        let _client = std::os::unix::net::UnixStream::connect(&path).unwrap();
        let accepted = sys.accept(listener).unwrap();
        assert_eq!(accepted.peer, Address::Unix(path.clone()));
        assert_eq!(accepted.peer.to_string(), format!("{}:0", path.display()));
        sys.close(accepted.fd);
        sys.close(listener);
        assert!(sys.unix_listeners.is_empty());
        sys.remove_file(&path);
    }

    #[test]
    fn facts_and_names() {
        let mut sys = Native::new().unwrap();
        assert!(["epoll", "kqueue"].contains(&sys.poller_name()));
        assert_eq!(sys.process_id(), std::process::id());
        assert_eq!(sys.take_signal(), None);
        assert!(sys.process().resident_bytes > 0);
    }
}
