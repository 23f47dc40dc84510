//! How values are distributed: a count for each of a few hundred ranges, narrow where values are
//! small and wider the larger they are.
//!
//! Every doubling of the value is divided into sixteen ranges of one width ("log-linear"):
//!
//! ```text
//!   value    0  1  2  ...  31 | 32-33  34-35  ...  62-63 | 64-67  68-71  ...  124-127 | 128-135
//!   bucket   0  1  2  ...  31 |   32     33   ...    47  |   48     49   ...     63   |    64
//! ```
//!
//! So a value is known to a sixteenth of itself, whatever its size, and its bucket takes a shift
//! and an addition to find. To count allocates nothing, and nothing is ever sorted. 4 KiB, of which
//! a histogram touches the few hundred bytes around the values that occur.

use static_assertions::{const_assert, const_assert_eq};
use std::ops::RangeInclusive;

/// Ranges of one width in every doubling.
const STEPS: usize = 16;
const STEPS_BITS: u32 = STEPS.ilog2();
const VALUE_BITS: u32 = Histogram::VALUE_BITS;
const VALUE_MAX: u64 = (1 << VALUE_BITS) - 1;
const BUCKETS: usize = (VALUE_BITS - STEPS_BITS + 1) as usize * STEPS;

const_assert_eq!(bucket_of(0), 0);
const_assert_eq!(bucket_of(VALUE_MAX), BUCKETS - 1);
const_assert!(BUCKETS.is_power_of_two()); // so that to stay within them costs no test

/// Counts of values; see the module's page.
#[derive(Clone, Debug)]
pub struct Histogram {
    /// Allocated once, at zero: the system gives it memory where values are counted.
    buckets: Box<[u64; BUCKETS]>,
    sum: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        let buckets = vec![0; BUCKETS].try_into().expect("there are as many as asked for");
        Self { buckets, sum: 0, max: 0 }
    }
}

const fn bucket_of(value: u64) -> usize {
    let value = if value > VALUE_MAX { VALUE_MAX } else { value };
    let doubling = (value | (2 * STEPS as u64 - 1)).ilog2() - STEPS_BITS;
    (doubling as usize * STEPS + (value >> doubling) as usize) % BUCKETS
}

/// The values that share a bucket; what is above [`VALUE_MAX`] counts as that.
fn range_of(bucket: usize) -> RangeInclusive<u64> {
    let doubling = (bucket / STEPS).saturating_sub(1);
    let first = ((bucket - doubling * STEPS) as u64) << doubling;
    first..=first + (1 << doubling) - 1
}

impl Histogram {
    /// Values of more bits, 32 GiB or half a minute in nanoseconds, share the last bucket.
    pub const VALUE_BITS: u32 = 35;

    /// Counts a value.
    #[inline]
    pub fn record(&mut self, value: u64) {
        self.record_many(value, 1);
    }

    /// Counts a value `times` times.
    #[inline]
    pub fn record_many(&mut self, value: u64, times: u64) {
        let count = &mut self.buckets[bucket_of(value)];
        *count = count.wrapping_add(times);
        self.sum = self.sum.wrapping_add(value.wrapping_mul(times));
        self.max = self.max.max(value);
    }

    /// Counts many values.
    pub fn record_all(&mut self, values: impl Iterator<Item = u64>) {
        let (mut sum, mut max) = (self.sum, self.max);
        let buckets = &mut *self.buckets;
        for value in values {
            let count = &mut buckets[bucket_of(value)];
            *count = count.wrapping_add(1);
            (sum, max) = (sum.wrapping_add(value), max.max(value));
        }
        (self.sum, self.max) = (sum, max);
    }

    /// How many values were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Their sum.
    #[must_use]
    pub const fn sum(&self) -> u64 {
        self.sum
    }

    /// The largest of them, exactly; 0 if there are none.
    #[must_use]
    pub const fn max(&self) -> u64 {
        self.max
    }

    /// The values among which the one is that `percent` of all do not exceed: the range of its
    /// bucket, cut off at the largest value there was. 0 if there are none.
    #[must_use]
    pub fn percentile(&self, percent: f64) -> RangeInclusive<u64> {
        let wanted = rank(self.count(), percent);
        let mut seen = 0;
        for (range, count) in self.iter() {
            seen += count;
            if seen >= wanted {
                return *range.start()..=(*range.end()).min(self.max);
            }
        }
        0..=0
    }

    /// How many of the values are smaller than `limit`. Exact if that is where a bucket begins, as
    /// it is for every power of two.
    #[must_use]
    pub fn count_below(&self, limit: u64) -> u64 {
        self.iter().take_while(|(range, _)| *range.end() < limit).map(|(_, count)| count).sum()
    }

    /// The ranges in which there are values, in order, and how many.
    pub fn iter(&self) -> impl Iterator<Item = (RangeInclusive<u64>, u64)> + '_ {
        let filled = self.buckets.iter().enumerate().filter(|(_, count)| **count > 0);
        filled.map(|(bucket, count)| (range_of(bucket), *count))
    }
}

/// The place, from 1, of the percentile among `count` values in order.
fn rank(count: u64, percent: f64) -> u64 {
    ((percent / 100.0 * count as f64).round() as u64).clamp(1, count.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every value, kept and sorted.
    #[derive(Default)]
    struct Naive(Vec<u64>);

    impl Naive {
        fn percentile(&self, percent: f64) -> u64 {
            let count = self.0.len() as u64;
            self.0.get(rank(count, percent) as usize - 1).copied().unwrap_or(0)
        }
    }

    /// Small ones, any, and those around a power of two.
    fn value(u: &mut arbtest::arbitrary::Unstructured<'_>) -> arbtest::arbitrary::Result<u64> {
        Ok(match u.int_in_range(0..=3)? {
            0 => u.int_in_range(0..=40)?,
            1 => u.arbitrary()?,
            2 => u.int_in_range(0..=VALUE_MAX)?,
            _ => (1_u64 << u.int_in_range(0..=36)?).wrapping_add_signed(u.int_in_range(-2..=2)?),
        })
    }

    #[test]
    fn it_knows_what_a_sorted_list_knows_to_a_sixteenth() {
        arbtest::arbtest(|u| {
            let (mut histogram, mut naive) = (Histogram::default(), Naive::default());
            for _ in 0..u.int_in_range(0..=60)? {
                let (value, times) = (value(u)?, u.int_in_range(1..=3_u64)?);
                histogram.record_many(value, times - 1);
                histogram.record_all(std::iter::once(value));
                naive.0.extend(std::iter::repeat_n(value, times as usize));
            }
            naive.0.sort_unstable();
            assert_eq!(histogram.count(), naive.0.len() as u64);
            assert_eq!(histogram.max(), naive.0.last().copied().unwrap_or(0));
            let sum = naive.0.iter().fold(0_u64, |sum, value| sum.wrapping_add(*value));
            assert_eq!(histogram.sum(), sum);
            for percent in [0.0, 0.1, 25.0, 50.0, 99.0, 99.9, 100.0] {
                let (range, exact) = (histogram.percentile(percent), naive.percentile(percent));
                assert!(range.contains(&exact.min(VALUE_MAX)), "p{percent}: {exact} in {range:?}");
                assert!(range.end() - range.start() <= exact / STEPS as u64, "{range:?}");
            }
            for shift in 0..VALUE_BITS {
                let below = naive.0.iter().filter(|value| **value < 1 << shift).count();
                assert_eq!(histogram.count_below(1 << shift), below as u64);
            }
            Ok(())
        });
    }

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        let mut next = 0;
        for bucket in 0..BUCKETS {
            let range = range_of(bucket);
            assert_eq!(*range.start(), next);
            assert_eq!((bucket_of(*range.start()), bucket_of(*range.end())), (bucket, bucket));
            next = range.end() + 1;
        }
        assert_eq!(next, 1 << VALUE_BITS);
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn none_is_nothing() {
        let empty = Histogram::default();
        assert_eq!((empty.count(), empty.sum(), empty.max()), (0, 0, 0));
        assert_eq!(empty.percentile(99.0), 0..=0);
        assert_eq!(empty.iter().count(), 0);
    }
}
