//! Memory straight from the system: large pieces whose parts can be given back.
//!
//! The C library keeps what is freed in the middle of its heap, so a store that has been emptied
//! would stay as large as it was. A region is mapped once and keeps its addresses; what
//! nobody needs any more of its content goes back page by page.
//!
//! A region is as long as a huge page and begins where one may, so that the system can map all of
//! it by one entry of its page table instead of 512:
//!
//! ```text
//!   512 small pages   [4K][4K][4K][4K] ... [4K]    a look-up in random memory misses the
//!                                                  processor's cache of page entries (TLB)
//!   one huge page     [ 2M                    ]    sixteen of them fit easily
//! ```
//!
//! But one byte written makes all of a huge page resident, and to zero it takes a while; to make
//! one of a region in use, the system copies it, and nobody gets memory meanwhile. So only who has
//! filled many regions asks for it, for those that are full, and when no more are needed
//! ([`Region::ask_for_huge_page`]).

use crate::calls::{Syscall, count};
use std::alloc::{Layout, handle_alloc_error};
use std::ops::{Deref, DerefMut, Range};
use std::ptr::NonNull;

/// Bytes of a region. A multiple of every page size in use, and a huge page where those are 4 KiB.
pub const REGION_BYTES: usize = 2 * 1024 * 1024;

/// Bytes of a piece of a region, which can be given back and used again: no less than any page in
/// use, and few enough that a region has as many as a word has bits.
pub const PIECE_BYTES: usize = REGION_BYTES / u32::BITS as usize;

/// One mapping of [`REGION_BYTES`], which begins at a multiple of them. Memory is used only where
/// it has been written to.
#[derive(Debug)]
pub struct Region {
    bytes: NonNull<[u8; REGION_BYTES]>,
    /// Bit `n`: piece `n` has been given back, and is not in use again.
    holes: u32,
    has_asked: bool,
}

impl Region {
    /// Maps a region; all of it is zero. Without memory the process ends, as with any allocation.
    #[allow(clippy::new_without_default, reason = "it is not cheap, and nothing like a default")]
    pub fn new() -> Region {
        let Some(region) = map_region() else {
            handle_alloc_error(Layout::new::<[u8; REGION_BYTES]>());
        };
        Region { bytes: region.cast(), holes: 0, has_asked: false }
    }

    /// Asks the system to map the region as one page. It does so when it can: at once where nothing
    /// has been written yet, later what is in use. Where the system decides for itself (that is,
    /// elsewhere than on Linux) nothing is asked; nor is it for a region with a hole, whose memory
    /// would be resident once more.
    pub fn ask_for_huge_page(&mut self) {
        if self.holes == 0 && !self.has_asked {
            self.has_asked = true;
            #[cfg(target_os = "linux")]
            self.advise(0..REGION_BYTES, libc::MADV_HUGEPAGE);
        }
    }

    /// Gives the memory of a piece back, by its number. Its bytes are then either what they were or
    /// zero.
    ///
    /// A huge page falls to pieces by that, and asks no more to be one: else the system would put
    /// it together again, the hole as well.
    pub fn discard(&mut self, piece: usize) {
        if std::mem::take(&mut self.has_asked) {
            #[cfg(target_os = "linux")]
            self.advise(0..REGION_BYTES, libc::MADV_NOHUGEPAGE);
        }
        self.holes |= 1 << piece;
        self.advise(piece * PIECE_BYTES..(piece + 1) * PIECE_BYTES, ADVICE);
    }

    /// A piece that may have been given back is used again. `true`: the region was one with holes,
    /// and has none now.
    pub fn reuse(&mut self, piece: usize) -> bool {
        let before = self.holes;
        self.holes &= !(1 << piece);
        before != 0 && self.holes == 0
    }

    fn advise(&mut self, part: Range<usize>, advice: i32) {
        let part = &mut self[part];
        advise(NonNull::from(&mut *part).cast(), part.len(), advice);
    }
}

/// Maps [`REGION_BYTES`] that begin at a multiple of them; all of it is zero. Where the system
/// makes huge pages unasked, it is told not to: the first byte would take all of one. `None`: there
/// is no memory.
pub(crate) fn map_region() -> Option<NonNull<u8>> {
    // Mappings lie side by side, so behind an aligned one the next is mostly aligned too.
    let address = map(REGION_BYTES)?;
    let is_aligned = address.addr().is_multiple_of(REGION_BYTES);
    if !is_aligned {
        unmap(address, REGION_BYTES);
    }
    let region = NonNull::new(if is_aligned { address } else { map_aligned()? })?;
    #[cfg(target_os = "linux")]
    advise(region, REGION_BYTES, libc::MADV_NOHUGEPAGE);
    Some(region)
}

/// Gives back what [`map_region`] has mapped, and nobody refers to any more.
pub(crate) fn unmap_region(region: NonNull<u8>) {
    unmap(region.as_ptr(), REGION_BYTES);
}

/// Gives the memory of a part of a region back that nobody refers to.
pub(crate) fn discard(start: NonNull<u8>, length: usize) {
    advise(start, length, ADVICE);
}

/// Takes memory for a part of a region that will be written to all over: one call, where each page
/// would be a fault of its own. A system that cannot (Linux before 5.14, and others) gives the
/// pages as they are touched.
pub(crate) fn populate(start: NonNull<u8>, length: usize) {
    #[cfg(target_os = "linux")]
    advise(start, length, libc::MADV_POPULATE_WRITE);
    #[cfg(not(target_os = "linux"))]
    let _ = (start, length);
}

/// Tells the system something about a part of a region that is nobody's, or the caller's alone.
fn advise(start: NonNull<u8>, length: usize, advice: i32) {
    count(Syscall::Madvise);
    // SAFETY: the range lies in a mapping that is private and anonymous, and nobody else refers to
    // it; all that can happen to its bytes is that they become zero. The system refuses an address
    // that is no page's start, and then nothing happens.
    unsafe { libc::madvise(start.as_ptr().cast(), length, advice) };
}

/// Maps so many bytes anywhere; all of them are zero. `None`: there is no memory.
pub(crate) fn map(length: usize) -> Option<*mut u8> {
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANON);
    count(Syscall::Mmap);
    // SAFETY: no address is asked for, so no mapping that exists is touched; an anonymous
    // mapping needs no descriptor.
    let address = unsafe { libc::mmap(std::ptr::null_mut(), length, access, kind, -1, 0) };
    (address != libc::MAP_FAILED).then(|| address.cast())
}

/// Makes a mapping longer or shorter; its pages go with it, wherever there is room. `None`: there
/// is no memory, and it is as it was.
#[cfg(target_os = "linux")]
pub(crate) fn remap(address: *mut u8, old: usize, new: usize) -> Option<*mut u8> {
    count(Syscall::Mremap);
    // SAFETY: the callers own all of the mapping, and no reference to it exists.
    let address = unsafe { libc::mremap(address.cast(), old, new, libc::MREMAP_MAYMOVE) };
    (address != libc::MAP_FAILED).then(|| address.cast())
}

/// The same where the system cannot: what is in it is copied.
#[cfg(not(target_os = "linux"))]
pub(crate) fn remap(address: *mut u8, old: usize, new: usize) -> Option<*mut u8> {
    let moved = map(new)?;
    // SAFETY: both are mapped, as long as the shorter one at least, and do not overlap.
    unsafe { std::ptr::copy_nonoverlapping(address, moved, old.min(new)) };
    unmap(address, old);
    Some(moved)
}

/// Maps twice as much as is needed and gives back what lies before and behind the aligned part.
fn map_aligned() -> Option<*mut u8> {
    let start = map(2 * REGION_BYTES)?;
    let before = start.addr().next_multiple_of(REGION_BYTES) - start.addr();
    let region = start.wrapping_add(before);
    unmap(start, before);
    unmap(region.wrapping_add(REGION_BYTES), REGION_BYTES - before);
    Some(region)
}

/// Gives a mapping, or an end of one, back: memory that [`map`] has made and nobody reaches.
pub(crate) fn unmap(address: *mut u8, length: usize) {
    if length > 0 {
        count(Syscall::Munmap);
        // SAFETY: the callers own all of this range, and no reference to it exists.
        unsafe { libc::munmap(address.cast(), length) };
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
        unmap(self.bytes.as_ptr().cast(), REGION_BYTES);
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
        region.discard(0);
        region.discard(2);
        let pieces: Vec<&[u8]> = region.chunks(PIECE_BYTES).collect();
        assert!(pieces[0].iter().chain(pieces[2]).all(|&byte| byte <= 1));
        assert!(pieces[1].iter().chain(pieces[3]).all(|&byte| byte == 1));
        let reused = [2, 1, 0, 0].map(|piece| region.reuse(piece));
        assert_eq!(reused, [false, false, true, false]);
        region.fill(2);
        assert!(region.iter().all(|&byte| byte == 2));
    }

    #[test]
    fn regions_begin_where_a_huge_page_may() {
        let regions: Vec<Region> = (0..9).map(|_| Region::new()).collect();
        assert!(regions.iter().all(|region| region.as_ptr().addr() % REGION_BYTES == 0));
    }

    #[test]
    fn asking_for_a_huge_page_changes_no_byte() {
        let mut region = Region::new();
        region[5] = 1;
        region.ask_for_huge_page();
        region[REGION_BYTES - 1] = 2;
        region.discard(1);
        assert_eq!((region[5], region[65_536], region[REGION_BYTES - 1]), (1, 0, 2));
    }

    /// What the system notes of the mapping that a region is in: `nh` no huge page, `hg` huge ones.
    #[cfg(target_os = "linux")]
    fn flags(region: &Region) -> String {
        let address = region.as_ptr().addr();
        let maps = std::fs::read_to_string("/proc/self/smaps").expect("Linux has this file");
        let is_inside = |line: &str| {
            let bounds = line.split(' ').next().and_then(|bounds| bounds.split_once('-'));
            bounds.is_some_and(|(start, end)| {
                let bound = |text| usize::from_str_radix(text, 16).unwrap_or(0);
                (bound(start)..bound(end)).contains(&address)
            })
        };
        let mut lines = maps.lines().skip_while(|line| !is_inside(line));
        lines.find_map(|line| line.strip_prefix("VmFlags:")).expect("every mapping has").to_string()
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_region_is_huge_only_if_it_asks() {
        if !std::path::Path::new("/sys/kernel/mm/transparent_hugepage").exists() {
            println!("left out: this kernel makes no huge pages");
            return;
        }
        let mut region = Region::new();
        assert!(flags(&region).contains(" nh"));
        region.ask_for_huge_page();
        assert!(flags(&region).contains(" hg") && !flags(&region).contains(" nh"));
        region.discard(31);
        assert!(flags(&region).contains(" nh"));
        region.ask_for_huge_page();
        assert!(flags(&region).contains(" nh"), "what has been given back stays so");
        assert!(region.reuse(31));
        region.ask_for_huge_page();
        assert!(flags(&region).contains(" hg"), "what is whole again may ask again");
    }

    #[cfg(poller_epoll)]
    #[test]
    fn discarding_gives_the_memory_back() {
        let mut region = Region::new();
        region.fill(1);
        (0..REGION_BYTES / PIECE_BYTES).for_each(|piece| region.discard(piece));
        assert!(region.iter().all(|&byte| byte == 0), "fresh pages are zero");
    }
}
