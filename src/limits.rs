//! Every limit: a name, a unit and a reason.

// Event loop: slab, timers, input buffers.

/// Slots of one page of a slab. To bring one page into memory, some 100 KB of connections, is the
/// most that a new connection can cost.
pub const SLAB_PAGE_SLOTS: usize = 256;

/// How many later timers a new one may be sorted in front of. Out-of-order timeouts beyond this
/// cost a needless wake now and then, and never a search.
pub const TIMER_SORT_STEPS_MAX: usize = 16;

/// Bytes of a standard input buffer: what one read takes in at most before a request has shown that
/// it is larger. Redis reads in the same portions.
pub const INPUT_BUFFER_BYTES: usize = 16 * 1024;

/// Standard input buffers kept while nobody uses them: one for each request of a group, 1 MiB in
/// all. What a burst used beyond goes back to the allocator.
pub const INPUT_BUFFERS_SPARE_MAX: usize = 64;

static_assertions::const_assert!(SLAB_PAGE_SLOTS < u16::MAX as usize);
static_assertions::const_assert!(INPUT_BUFFER_BYTES.is_power_of_two());
