//! An allocator that counts, for tests that claim "this allocates nothing".
//!
//! A test binary installs it as its `#[global_allocator]`; nothing else ever does. Only threads
//! that ask for it are counted, so that the test's own strings do not matter:
//!
//! ```text
//!   thread of the server   counted()  ─►  allocate ─► COUNT + 1
//!   thread of the test                    allocate ─► nothing
//!                                         allocations() reads COUNT
//! ```
//!
//! Bytes are counted as well: of an allocation that grows, those that come on top.
//!
//! Growing counts as allocating, for it may move bytes. Freeing is counted apart, for tests that
//! claim "this frees only so much at a time".

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

static COUNT: AtomicU64 = AtomicU64::new(0);
static FREED_COUNT: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);
/// How many more allocations shall print where they come from.
static TRACES: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// Constant, and without a destructor: to touch it neither allocates nor can come too late.
    static IS_COUNTED: Cell<bool> = const { Cell::new(false) };
}

/// The system's allocator, which also counts.
#[derive(Debug)]
pub struct CountingAllocator;

/// From now on the calling thread is counted.
pub fn count_this_thread() {
    IS_COUNTED.set(true);
}

/// Allocations of all counted threads so far, growing included.
#[must_use]
pub fn allocations() -> u64 {
    COUNT.load(Ordering::SeqCst)
}

/// What all counted threads have given back so far.
#[must_use]
pub fn frees() -> u64 {
    FREED_COUNT.load(Ordering::SeqCst)
}

/// Bytes that these allocations asked for; of one that grew, what it grew by.
#[must_use]
pub fn allocated_bytes() -> u64 {
    BYTES.load(Ordering::SeqCst)
}

/// The next so many allocations of counted threads print their backtraces to standard error.
pub fn trace_allocations(count: u64) {
    TRACES.store(count, Ordering::SeqCst);
}

fn note(layout: Layout, bytes: usize) {
    if !IS_COUNTED.get() {
        return;
    }
    COUNT.fetch_add(1, Ordering::SeqCst);
    BYTES.fetch_add(bytes as u64, Ordering::SeqCst);
    let one_less = |left: u64| left.checked_sub(1);
    if TRACES.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok() {
        // Taking and printing a backtrace allocates; that is nobody's fault.
        IS_COUNTED.set(false);
        trace(layout);
        IS_COUNTED.set(true);
    }
}

/// Says where the calling thread is, in this workspace's own functions.
fn trace(layout: Layout) {
    let trace = Backtrace::force_capture().to_string();
    let is_ours = |line: &&str| line.contains(" at ./src/") || line.contains(" at ./sys/src/");
    let lines = trace.lines().filter(is_ours).filter(|line| !line.contains(file!()));
    let lines: Vec<&str> = lines.map(str::trim).collect();
    eprintln!("{} bytes allocated\n  {}", layout.size(), lines.join("\n  "));
}

// SAFETY: every method hands its arguments on to `System`, unchanged, and its answer back. What
// `note` does beside may allocate, but only while its own thread is not counted, so it comes back
// here at most once; and it never unwinds, for printing is its only step that could fail, and
// standard error of a test is open.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout, layout.size());
        // SAFETY: the caller keeps `GlobalAlloc::alloc`'s promises, which are the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout, layout.size());
        // SAFETY: the caller keeps `GlobalAlloc::alloc_zeroed`'s promises, which are the same.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(layout, size.saturating_sub(layout.size()));
        // SAFETY: the caller keeps `GlobalAlloc::realloc`'s promises; `pointer` came from `System`,
        // for every method here allocates there.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if IS_COUNTED.get() {
            FREED_COUNT.fetch_add(1, Ordering::SeqCst);
        }
        // SAFETY: as for `realloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}
