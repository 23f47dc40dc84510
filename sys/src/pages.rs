//! Memory of any length straight from the system, which has it back the moment it is dropped.
//!
//! A general allocator gives back what nobody else shares a page with. Buffers that thousands of
//! clients need in one second and none in the next shall not depend on that.
//!
//! The system gives whole pages. So what needs less than half of one comes from the general
//! allocator all the same.

use crate::calls::{Syscall, count};
use std::alloc::{Layout, handle_alloc_error};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// Lengths up to here come from the general allocator.
const SHORT_BYTES_MAX: usize = 2048;

/// Bytes that begin at a page of their own, unless they are few. Memory is used only where it has
/// been written to.
#[derive(Debug)]
pub struct Pages {
    bytes: NonNull<[u8]>,
}

impl Pages {
    /// No bytes, and no memory.
    #[must_use]
    pub const fn new() -> Pages {
        Pages { bytes: NonNull::slice_from_raw_parts(NonNull::dangling(), 0) }
    }

    /// So many bytes, at least one, all of them zero. Without memory the process ends, as with any
    /// allocation.
    #[must_use]
    pub fn zeroed(length: usize) -> Pages {
        assert!(length > 0 && length <= isize::MAX as usize, "{length} bytes in one piece");
        if length <= SHORT_BYTES_MAX {
            return Pages { bytes: NonNull::from(Box::leak(vec![0; length].into_boxed_slice())) };
        }
        let (access, kind) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANON);
        count(Syscall::Mmap);
        // SAFETY: no address is asked for, so no mapping that exists is touched; an anonymous
        // mapping needs no descriptor.
        let address = unsafe { libc::mmap(std::ptr::null_mut(), length, access, kind, -1, 0) };
        match NonNull::new(address.cast()) {
            Some(start) if address != libc::MAP_FAILED => {
                Pages { bytes: NonNull::slice_from_raw_parts(start, length) }
            }
            _ => handle_alloc_error(Layout::array::<u8>(length).unwrap_or(Layout::new::<u8>())),
        }
    }
}

impl Default for Pages {
    fn default() -> Pages {
        Pages::new()
    }
}

impl Deref for Pages {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: the slice is empty, or a box or a mapping of just its length, which lives as long
        // as `self`, is initialised, and is reached through `self` alone.
        unsafe { self.bytes.as_ref() }
    }
}

impl DerefMut for Pages {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as for `deref`, and `self` is borrowed exclusively.
        unsafe { self.bytes.as_mut() }
    }
}

impl Drop for Pages {
    #[inline]
    fn drop(&mut self) {
        if self.bytes.is_empty() {
            return;
        }
        let (start, length) = (self.bytes.cast::<libc::c_void>(), self.bytes.len());
        if length <= SHORT_BYTES_MAX {
            // SAFETY: such a length means a box that `zeroed` has leaked; nobody reaches it any
            // more.
            return drop(unsafe { Box::from_raw(self.bytes.as_ptr()) });
        }
        count(Syscall::Munmap);
        // SAFETY: a length above that means a mapping, made by `zeroed` with this length; nobody
        // reaches it any more.
        unsafe { libc::munmap(start.as_ptr(), length) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_zero_then_what_was_written() {
        let mut pages = Pages::zeroed(10_000);
        assert_eq!(pages.len(), 10_000);
        assert!(pages.iter().all(|&byte| byte == 0));
        pages[9_999] = 7;
        assert_eq!((pages[0], pages[9_999]), (0, 7));
    }

    #[test]
    fn few_bytes_are_like_many() {
        for length in [1, SHORT_BYTES_MAX - 1, SHORT_BYTES_MAX, SHORT_BYTES_MAX + 1, 5_000] {
            let mut pages = Pages::zeroed(length);
            assert!(pages.len() == length && pages.iter().all(|&byte| byte == 0));
            pages[length - 1] = 7;
            assert_eq!(pages.iter().map(|&byte| usize::from(byte)).sum::<usize>(), 7);
        }
    }

    #[test]
    fn none_is_as_good_as_an_empty_slice() {
        let mut none = Pages::default();
        assert!(none.is_empty() && none.iter_mut().next().is_none());
        drop(std::mem::replace(&mut none, Pages::zeroed(1)));
        assert_eq!(*none, [0]);
    }
}
