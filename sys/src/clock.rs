//! The clocks. On Linux both are read without entering the kernel (vDSO).

use crate::calls::{Syscall, count};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};
use std::mem::MaybeUninit;
use std::time::Duration;

/// Nanoseconds since some point in the past, never going back.
pub fn monotonic_ns() -> u64 {
    let now = read(ClockId::CLOCK_MONOTONIC);
    let seconds = u64::try_from(now.tv_sec()).expect("the monotonic clock starts at zero");
    let nanoseconds = u64::try_from(now.tv_nsec()).expect("a part of a second is positive");
    seconds * 1_000_000_000 + nanoseconds
}

/// Microseconds since 1970; may jump.
pub fn wall_us() -> i64 {
    let now = read(ClockId::CLOCK_REALTIME);
    now.tv_sec() * 1_000_000 + now.tv_nsec() / 1_000
}

#[inline]
fn read(clock: ClockId) -> TimeSpec {
    clock_gettime(clock).expect("both clocks exist on every system that Squint runs on")
}

/// Stops the caller for at least so long.
pub fn sleep_us(microseconds: u64) {
    count(Syscall::ClockNanosleep);
    std::thread::sleep(Duration::from_micros(microseconds));
}

/// Seconds that local time is ahead of UTC at `wall_seconds`; 0 where it cannot be known.
pub fn local_offset_seconds(wall_seconds: i64) -> i64 {
    let instant: libc::time_t = wall_seconds;
    let mut broken_down = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are to live locals of the types that the call takes, and the reentrant
    // form keeps nothing of them. Nothing in Squint writes the environment, from which it reads TZ.
    let answer = unsafe { libc::localtime_r(&raw const instant, broken_down.as_mut_ptr()) };
    if answer.is_null() {
        return 0; // The year does not fit.
    }
    // SAFETY: the call succeeded, so it has filled the structure; zeroed bytes are valid before
    // that.
    let broken_down = unsafe { broken_down.assume_init() };
    broken_down.tm_gmtoff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn monotonic_never_goes_back() {
        let mut last = monotonic_ns();
        for _ in 0..1_000 {
            let now = monotonic_ns();
            assert!(now >= last);
            last = now;
        }
    }

    #[test]
    fn wall_is_what_the_standard_library_says() {
        let theirs = std::time::UNIX_EPOCH.elapsed().unwrap().as_micros() as i64;
        assert!((wall_us() - theirs).abs() < 10_000_000);
    }

    #[test]
    fn sleep_is_never_short() {
        let before = monotonic_ns();
        sleep_us(1_500);
        assert!(monotonic_ns() - before >= 1_500_000);
    }

    #[test]
    fn local_offset_is_within_a_day_and_total() {
        assert!(local_offset_seconds(1_700_000_000).abs() <= 26 * 3600);
        assert_eq!(local_offset_seconds(i64::MAX), 0);
    }
}
