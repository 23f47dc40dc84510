//! Asking for memory ahead: a hint to the processor, and no more than that.
//!
//! A cache miss costs about a hundred nanoseconds, and taken one after another they are most of
//! what a look-up in a large table costs. Whoever knows several addresses ahead asks for all of
//! them first; the misses then overlap.

/// Starts to load the cache line in which `target` begins, if the processor has a way to say so.
/// Changes nothing that a program can see.
#[inline(always)]
pub fn prefetch_read<T: ?Sized>(target: &T) {
    let address: *const u8 = std::ptr::from_ref(target).cast();
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the instruction belongs to SSE, which every x86-64 processor has; it never
        // faults, whatever the address, and this one comes from a reference.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
    #[cfg(target_arch = "aarch64")]
    {
        // SAFETY: PRFM is a hint: it never faults, writes no register and no memory, and changes
        // no flags, which is what the options say.
        unsafe {
            std::arch::asm!(
                "prfm pldl1keep, [{address}]",
                address = in(reg) address,
                options(nostack, preserves_flags, readonly)
            );
        }
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = address;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_changes() {
        let values = [7_u64; 100];
        for value in &values {
            prefetch_read(value);
        }
        prefetch_read::<[u8]>(&[]);
        assert_eq!(values, [7; 100]);
    }
}
