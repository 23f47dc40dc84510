//! Bytes that several hold at once: a large argument, the value it becomes, the replies it is in.
//!
//! ```text
//!   request's argument ──┐
//!   value of a key ──────┼──► Rc ──► Vec<u8>            one allocation, however many hold it
//!   reply on its way ────┘             │
//!                                      │ the last holder lets go, and it is large
//!                                      v
//!                        SPENT: [ Vec, Vec, ... ] ──► free_some(), a slice a turn
//! ```
//!
//! Nobody changes bytes that somebody else holds: [`SharedBytes::make_mut`] makes a copy first.
//! Whoever passes bytes on without knowing what for (an argument, an element) passes a
//! [`BytesRef`], which says whether they can be held.
//!
//! To give half a gigabyte back to the system takes it some 70 ms, and the last holder may be
//! anyone: a key, a reply, a client that left halfway through sending. So whoever it is merely lays
//! large bytes aside, and the loop frees them piecemeal. The place where they lie belongs to the
//! thread, as the allocator itself does: it holds no data, only memory on its way out.

use squint_sys::allocator::SPARE_BYTES_MAX;
use static_assertions::const_assert_eq;
use std::cell::RefCell;
use std::ops::Deref;
use std::rc::Rc;

/// Allocations up to here go in one piece even if they are longer than the budget, for the
/// allocator keeps such pieces for the next, and would be left a stump otherwise. To give one back
/// takes the system three milliseconds at most.
const FREED_WHOLE_BYTES_MAX: usize = SPARE_BYTES_MAX;

/// Larger allocations are freed piecemeal; this much is freed in some ten microseconds.
const FREED_AT_ONCE_BYTES_MAX: usize = 64 * 1024;

thread_local! {
    /// Large bytes that nobody holds any more.
    static SPENT: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Bytes with any number of holders.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SharedBytes(Rc<Vec<u8>>);

impl SharedBytes {
    /// The first holder of these bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Rc::new(bytes))
    }

    /// How many hold them.
    #[must_use]
    pub fn holders(&self) -> usize {
        Rc::strong_count(&self.0)
    }

    /// The same bytes in the same place?
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// The bytes, to change them; `None` when somebody else holds them too.
    pub fn get_mut(&mut self) -> Option<&mut Vec<u8>> {
        Rc::get_mut(&mut self.0)
    }

    /// The bytes, to change them; those of this holder alone from now on.
    pub fn make_mut(&mut self) -> &mut Vec<u8> {
        Rc::make_mut(&mut self.0)
    }

    /// Bytes of heap behind each holder: the same ones, however many there are.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        /// Two counts of holders, and the vector itself.
        const COUNTED_BYTES: usize = 2 * size_of::<usize>() + size_of::<Vec<u8>>();
        COUNTED_BYTES + self.0.capacity()
    }

    /// The bytes of the last holder, or a copy.
    #[must_use]
    pub fn into_vec(mut self) -> Vec<u8> {
        std::mem::take(self.make_mut())
    }
}

impl Deref for SharedBytes {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for SharedBytes {
    fn drop(&mut self) {
        if self.0.capacity() > FREED_AT_ONCE_BYTES_MAX
            && let Some(bytes) = self.get_mut()
        {
            let bytes = std::mem::take(bytes);
            // Without the list, for the thread is ending, they are freed here and now.
            let _ = SPENT.try_with(|spent| spent.borrow_mut().push(bytes));
        }
    }
}

/// Bytes to look at, and where they lie.
#[derive(Clone, Copy, Debug)]
pub enum BytesRef<'a> {
    /// Among others, in a buffer or in a block: to keep them is to copy them.
    Near(&'a [u8]),
    /// In an allocation of their own, to be held on to.
    Apart(&'a SharedBytes),
}

const_assert_eq!(size_of::<BytesRef<'_>>(), size_of::<&[u8]>());

impl<'a> BytesRef<'a> {
    /// The bytes, wherever they lie.
    #[inline]
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        match self {
            Self::Near(bytes) => bytes,
            Self::Apart(bytes) => bytes,
        }
    }

    /// Holds on to them; those that lie near are copied.
    #[must_use]
    pub fn to_shared(self) -> SharedBytes {
        match self {
            Self::Near(bytes) => SharedBytes::new(bytes.to_vec()),
            Self::Apart(bytes) => bytes.clone(),
        }
    }
}

impl Deref for BytesRef<'_> {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.bytes()
    }
}

impl<'a, T: AsRef<[u8]> + ?Sized> From<&'a T> for BytesRef<'a> {
    #[inline]
    fn from(bytes: &'a T) -> Self {
        Self::Near(bytes.as_ref())
    }
}

impl<T: AsRef<[u8]>> PartialEq<T> for BytesRef<'_> {
    fn eq(&self, other: &T) -> bool {
        self.bytes() == other.as_ref()
    }
}

/// Whether large bytes wait to be freed.
#[must_use]
pub fn has_spent() -> bool {
    SPENT.with_borrow(|spent| !spent.is_empty())
}

/// Frees large bytes, `budget_bytes` of them and what belongs in one piece with the last; returns
/// how many, less than the budget when nothing is left.
pub fn free_some(budget_bytes: usize) -> usize {
    SPENT.with_borrow_mut(|spent| {
        let mut freed = 0;
        while freed < budget_bytes
            && let Some(bytes) = spent.last_mut()
        {
            let rest = match bytes.capacity() {
                ..=FREED_WHOLE_BYTES_MAX => 0,
                capacity => capacity.saturating_sub(budget_bytes - freed),
            };
            freed += bytes.capacity() - rest;
            if rest == 0 {
                spent.pop();
                continue;
            }
            // The allocator gives the end of a long allocation back where it stands.
            bytes.truncate(rest);
            bytes.shrink_to(rest);
        }
        if spent.is_empty() {
            *spent = Vec::new();
        }
        freed
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    #[test]
    fn what_is_held_does_not_change() {
        let mut bytes = SharedBytes::new(b"old".to_vec());
        let held = bytes.clone();
        assert_eq!((bytes.get_mut(), held.holders()), (None, 2));
        assert!(held.is_same(&bytes));
        bytes.make_mut().extend_from_slice(b" and new");
        assert_eq!((&bytes[..], &held[..]), (&b"old and new"[..], &b"old"[..]));
        assert_eq!(held.holders(), 1);
        assert_eq!(held.into_vec(), b"old");
    }

    #[test]
    fn what_is_small_is_freed_at_once() {
        drop(SharedBytes::new(vec![0; FREED_AT_ONCE_BYTES_MAX]));
        assert!(!has_spent());
        assert_eq!(free_some(MIB), 0);
    }

    #[test]
    fn what_is_large_is_freed_by_the_last_holder_in_slices() {
        let bytes = SharedBytes::new(vec![0; FREED_WHOLE_BYTES_MAX + 10 * MIB]);
        drop(bytes.clone());
        assert!(!has_spent());
        drop(bytes);
        assert!(has_spent());
        assert_eq!(free_some(4 * MIB), 4 * MIB);
        assert_eq!(free_some(4 * MIB), 4 * MIB);
        assert_eq!(free_some(4 * MIB), 4 * MIB);
        assert_eq!(free_some(4 * MIB), FREED_WHOLE_BYTES_MAX - 2 * MIB, "it is short enough now");
        assert_eq!((has_spent(), free_some(1)), (false, 0));
    }

    #[test]
    fn what_the_allocator_may_keep_is_freed_whole() {
        (0..3).for_each(|_| drop(SharedBytes::new(vec![0; 3 * MIB])));
        assert_eq!(free_some(4 * MIB), 6 * MIB);
        assert_eq!(free_some(4 * MIB), 3 * MIB);
        assert!(!has_spent());
    }

    #[test]
    fn what_lies_apart_is_held_and_what_lies_near_is_copied() {
        let bytes = SharedBytes::new(b"bytes".to_vec());
        assert!(BytesRef::Apart(&bytes).to_shared().is_same(&bytes));
        assert_eq!(BytesRef::Apart(&bytes), b"bytes");
        let near = BytesRef::from(b"bytes");
        assert_eq!((near.len(), near.to_shared() == bytes), (5, true));
        assert!(!near.to_shared().is_same(&bytes));
    }

    #[test]
    fn bytes_taken_out_leave_nothing_to_free() {
        let bytes = SharedBytes::new(vec![7; MIB]).into_vec();
        assert_eq!((bytes.len(), has_spent()), (MIB, false));
    }
}
