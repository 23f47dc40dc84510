//! Counts what searches in a stream do, so that a test can say how much that is. Outside of tests
//! nothing is counted and nothing is left of the calls.

#[cfg(test)]
thread_local! {
    static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// One comparison with a block or a place, or one entry leapt over.
#[inline]
pub(super) fn count() {
    #[cfg(test)]
    STEPS.with(|steps| steps.set(steps.get() + 1));
}

/// The steps of this thread since the last call.
#[cfg(test)]
pub(super) fn take() -> usize {
    STEPS.with(|steps| steps.take())
}
