//! The processor's own counter: the cheapest clock there is, in a unit that only it knows.
//!
//! Reading it costs a third of what reading the monotonic clock does, for the latter begins with
//! the former and goes on. What its unit is worth in nanoseconds is for the caller to find out, by
//! reading both clocks twice. It runs at one rate on all cores of every machine of the last
//! fifteen years; where it does not, an interval may come out wrong, or below zero.
//!
//! It is not a barrier: the processor may read it some instructions earlier or later than where it
//! stands. For intervals of a hundred nanoseconds and more that is no matter.

/// The counter now.
#[cfg(target_arch = "x86_64")]
#[inline]
pub fn cycles() -> u64 {
    // SAFETY: every x86-64 processor has the instruction; it reads a register and touches no
    // memory. (Systems can forbid it to a process, which then gets SIGSEGV; none does unasked.)
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// The counter now.
#[cfg(target_arch = "aarch64")]
#[inline]
pub fn cycles() -> u64 {
    let count: u64;
    // SAFETY: the instruction reads a register that every system of ours lets programs read, and
    // touches neither memory nor flags.
    unsafe { core::arch::asm!("mrs {}, cntvct_el0", out(reg) count, options(nomem, nostack)) };
    count
}

/// No such counter is known: the monotonic clock, in nanoseconds.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
#[inline]
pub fn cycles() -> u64 {
    crate::clock::monotonic_ns()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{monotonic_ns, sleep_us};

    #[test]
    fn it_counts_at_one_rate() {
        let rate = || {
            let (before, start_ns) = (cycles(), monotonic_ns());
            sleep_us(20_000);
            let (after, end_ns) = (cycles(), monotonic_ns());
            (after - before) as f64 / (end_ns - start_ns) as f64
        };
        // A stall between two readings that belong together spoils a rate, and seldom two of three.
        let mut rates = [rate(), rate(), rate()];
        rates.sort_by(f64::total_cmp);
        let spread = (rates[1] / rates[0]).min(rates[2] / rates[1]);
        assert!(rates[1] > 0.0 && spread < 1.05, "{rates:?}");
    }
}
