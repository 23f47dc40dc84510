//! Memory straight from the system: large pieces whose parts can be given back.
//!
//! The general allocator keeps what is freed in the middle of its heap, so a store that has been
//! emptied would stay as large as it was. A region is mapped once and keeps its addresses; what
//! nobody needs any more of its content goes back page by page.

use std::alloc::{Layout, handle_alloc_error};
use std::ops::{Deref, DerefMut, Range};
use std::ptr::NonNull;

/// Bytes of a region. A multiple of every page size in use.
pub const REGION_BYTES: usize = 1024 * 1024;

/// One mapping of [`REGION_BYTES`]. Memory is used only where it has been written to.
#[derive(Debug)]
pub struct Region {
    bytes: NonNull<[u8; REGION_BYTES]>,
}

impl Region {
    /// Maps a region; all of it is zero. Without memory the process ends, as with any allocation.
    #[allow(clippy::new_without_default, reason = "it is not cheap, and nothing like a default")]
    pub fn new() -> Region {
        let (access, kind) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANON);
        // SAFETY: no address is asked for, so no mapping that exists is touched; an anonymous
        // mapping needs no descriptor.
        let address =
            unsafe { libc::mmap(std::ptr::null_mut(), REGION_BYTES, access, kind, -1, 0) };
        match NonNull::new(address.cast()) {
            Some(bytes) if address != libc::MAP_FAILED => Region { bytes },
            _ => handle_alloc_error(Layout::new::<[u8; REGION_BYTES]>()),
        }
    }

    /// Gives the memory of a part back. Its bytes are then either what they were or zero, and
    /// using them takes new memory. Part of a page at either end stays.
    pub fn discard(&mut self, part: Range<usize>) {
        let part = &mut self[part];
        let (address, length) = (part.as_mut_ptr(), part.len());
        // SAFETY: the range lies in this mapping, which is private and anonymous and borrowed by
        // nobody else; all that can happen to its bytes is that they become zero. The system
        // refuses an address that is no page's start, and then nothing happens.
        unsafe { libc::madvise(address.cast(), length, ADVICE) };
    }
}

/// Where the system promises to take the memory at once, that is asked for.
#[cfg(poller_epoll)]
const ADVICE: i32 = libc::MADV_DONTNEED;
#[cfg(poller_kqueue)]
const ADVICE: i32 = libc::MADV_FREE;

impl Deref for Region {
    type Target = [u8; REGION_BYTES];

    #[inline]
    fn deref(&self) -> &Self::Target {
        // SAFETY: the mapping is as long as the array, lives as long as `self`, is initialised by
        // the system, and is reached through `self` alone.
        unsafe { self.bytes.as_ref() }
    }
}

impl DerefMut for Region {
    #[inline]
    fn deref_mut(&mut self) -> &mut Self::Target {
        // SAFETY: as for `deref`, and `self` is borrowed exclusively.
        unsafe { self.bytes.as_mut() }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `new` with this length, and nobody reaches it any more.
        unsafe { libc::munmap(self.bytes.as_ptr().cast(), REGION_BYTES) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_zero_then_what_was_written() {
        let mut region = Region::new();
        assert!(region.iter().all(|&byte| byte == 0));
        region[REGION_BYTES - 1] = 7;
        region[0] = 8;
        assert_eq!((region[0], region[REGION_BYTES - 1]), (8, 7));
    }

    #[test]
    fn what_is_discarded_can_be_used_again() {
        let mut region = Region::new();
        region.fill(1);
        region.discard(0..REGION_BYTES / 2);
        assert!(region[..REGION_BYTES / 2].iter().all(|&byte| byte <= 1));
        assert!(region[REGION_BYTES / 2..].iter().all(|&byte| byte == 1));
        region.fill(2);
        assert!(region.iter().all(|&byte| byte == 2));
        region.discard(5..5);
    }

    #[cfg(poller_epoll)]
    #[test]
    fn discarding_gives_the_memory_back() {
        let mut region = Region::new();
        region.fill(1);
        region.discard(0..REGION_BYTES);
        assert!(region.iter().all(|&byte| byte == 0), "fresh pages are zero");
    }
}
