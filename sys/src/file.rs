//! Small files: log lines, the pid file, the service manager's mailbox.

use crate::calls::{Syscall, count};
use crate::{Errno, Fd, abi};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

/// A pipe that is writable takes at least this much without blocking.
const PIECE_BYTES_MAX: usize = libc::PIPE_BUF;

const STANDARD_OUTPUT: Fd = Fd(1);

/// Appends one line; `false` when it was dropped, in part or whole.
pub fn log(path: Option<&Path>, line: &[u8]) -> bool {
    match path {
        Some(path) => append(path, line).is_ok(),
        None => line.chunks(PIECE_BYTES_MAX).all(|piece| write_if_room(STANDARD_OUTPUT, piece)),
    }
}

/// The file is opened for every line, so a log that was rotated away is followed by a new one.
/// Non-blocking matters for a named pipe that nobody reads: opening it fails instead of waiting.
fn append(path: &Path, line: &[u8]) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
    count(Syscall::Openat);
    let mut file = options.open(path)?;
    count(Syscall::Close); // as it is dropped
    write_all(&mut file, line)
}

/// Writes a whole line, unless it is empty: that is how a log is tried out.
fn write_all(file: &mut File, line: &[u8]) -> std::io::Result<()> {
    if !line.is_empty() {
        count(Syscall::Write);
    }
    file.write_all(line)
}

/// Standard output may be shared with a shell or a pager, and the non-blocking flag belongs to the
/// description that all of them share: setting it would break them. So we ask first instead.
fn write_if_room(fd: Fd, piece: &[u8]) -> bool {
    let mut asked = [PollFd::new(fd.borrow(), PollFlags::POLLOUT)];
    count(Syscall::Poll);
    let answered = poll(&mut asked, PollTimeout::ZERO);
    let writable = asked[0].revents().is_some_and(|revents| revents.contains(PollFlags::POLLOUT));
    if answered.is_err() || !writable {
        return false;
    }
    count(Syscall::Write);
    nix::unistd::write(fd.borrow(), piece) == Ok(piece.len())
}

/// Writes a whole file.
pub fn write_whole(path: &Path, contents: &[u8]) -> Result<(), Errno> {
    count(Syscall::Openat);
    let mut file = File::create(path).map_err(|error| Errno::of(&error))?;
    count(Syscall::Close); // as it is dropped
    write_all(&mut file, contents).map_err(|error| Errno::of(&error))
}

/// Removes a file; a failure is a file left behind, about which nothing can be done.
pub fn remove(path: &Path) {
    count(Syscall::Unlink);
    drop(std::fs::remove_file(path));
}

/// Makes `path` the current directory.
pub fn current_dir_set(path: &Path) -> Result<(), Errno> {
    count(Syscall::Chdir);
    std::env::set_current_dir(path).map_err(|error| Errno::of(&error))
}

/// Tells the service manager, if there is one that listens. Losing the message is not an error of
/// ours, and waiting for a full mailbox would be.
pub fn notify_supervisor(state: &str) {
    if let Some(mailbox) = std::env::var_os("NOTIFY_SOCKET") {
        drop(send_datagram(&mailbox, state.as_bytes()));
    }
}

fn send_datagram(mailbox: &std::ffi::OsStr, bytes: &[u8]) -> std::io::Result<usize> {
    let address = abi::mailbox_address(mailbox)?;
    count(Syscall::Socket);
    let socket = UnixDatagram::unbound()?;
    count(Syscall::Ioctl);
    socket.set_nonblocking(true)?;
    count(Syscall::Close); // as it is dropped
    count(Syscall::Sendto);
    socket.send_to_addr(bytes, &address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::{AsFd, AsRawFd};

    fn scratch(name: &str) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("squint-file-{name}-{}", std::process::id()));
        remove(&path);
        path
    }

    #[test]
    fn a_log_file_survives_rotation() {
        let (path, old) = (scratch("log"), scratch("log-old"));
        assert!(log(Some(&path), b"one\n"));
        std::fs::rename(&path, &old).unwrap();
        assert!(log(Some(&path), b"two\n"));
        assert_eq!(std::fs::read(&old).unwrap(), b"one\n");
        assert_eq!(std::fs::read(&path).unwrap(), b"two\n");
        remove(&path);
        remove(&old);
    }

    #[test]
    fn f26_a_log_that_cannot_be_written_is_dropped() {
        assert!(!log(Some(Path::new("/nowhere/at/all")), b"line\n"));
        let path = scratch("fifo");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(!log(Some(&path), b"line\n"), "must not wait for a reader");
        remove(&path);
    }

    #[test]
    fn f26_a_full_pipe_drops_instead_of_blocking() {
        let (_reader, writer) = nix::unistd::pipe().unwrap();
        let fd = Fd(writer.as_fd().as_raw_fd());
        let mut written = 0;
        while write_if_room(fd, &[b'x'; 4096]) {
            written += 4096;
        }
        assert!(written >= 4096);
    }

    #[test]
    fn the_supervisor_gets_one_datagram() {
        let path = scratch("notify");
        let mailbox = UnixDatagram::bind(&path).unwrap();
        send_datagram(path.as_os_str(), b"READY=1").unwrap();
        let mut bytes = [0; 16];
        assert_eq!(mailbox.recv(&mut bytes).unwrap(), 7);
        assert_eq!(&bytes[..7], b"READY=1");
        remove(&path);
        assert!(send_datagram(path.as_os_str(), b"READY=1").is_err());
    }

    #[test]
    fn write_and_remove() {
        let path = scratch("pid");
        write_whole(&path, b"42\n").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"42\n");
        remove(&path);
        remove(&path);
        assert_eq!(write_whole(Path::new("/nowhere/at/all"), b"").unwrap_err().name(), "ENOENT");
    }
}
