//! Every limit: a name, a unit and a reason. Relations between them are asserted here.

use static_assertions::const_assert;

// --- event loop

/// Slots of one page of a slab. To bring one page into memory, some 100 KB of connections, is the
/// most that a new connection can cost.
pub const SLAB_PAGE_SLOTS: usize = 256;

/// How many later timers a new one may be sorted in front of. Out-of-order timeouts beyond this
/// cost a needless wake now and then, and never a search.
pub const TIMER_SORT_STEPS_MAX: usize = 16;

/// Size of an input buffer from the pool, bytes: what Redis reads at once, so that nobody pays more
/// reads than there.
pub const INPUT_BUFFER_BYTES: usize = 16 * 1024;

/// Room that a read must find at least, bytes: less would make many reads of one pipeline.
pub const INPUT_READ_BYTES_MIN: usize = 4 * 1024;

/// Input buffers the pool keeps while nobody uses them: one for each request of a group, 1 MiB in
/// all. What a burst used beyond goes back to the allocator.
pub const INPUT_BUFFERS_SPARE_MAX: usize = 64;

/// Largest output buffer the pool keeps, bytes.
pub const OUTPUT_SPARE_BYTES_MAX: usize = 64 * 1024;

/// Output buffers the pool keeps.
pub const OUTPUT_SPARES_MAX: usize = 128;

/// Input of a blocked client that is read ahead, bytes. Past it the client is not read until it
/// goes on: back-pressure instead of memory.
pub const INPUT_PAUSED_BYTES_MAX: usize = 1024 * 1024;

/// How long the listeners rest when there are no descriptors left, milliseconds: long enough to cost
/// nothing, short enough to recover within a second.
pub const ACCEPT_RETRY_MS: u64 = 100;

/// How long a client that sends no more may take to fetch its replies, milliseconds.
pub const LINGER_MS: u64 = 10_000;

/// How long a shutdown waits for clients to fetch their replies, milliseconds.
pub const SHUTDOWN_FLUSH_MS: u64 = 1_000;

// --- the tick

/// Requests parsed, and then executed, together: enough to overlap their cache misses, few enough
/// that their arguments still are in the cache when they execute.
pub const GROUP_REQUESTS_MAX: usize = 64;

/// Requests of one client in one tick: a deep pipeline must not starve the others. Above what one
/// read of the smallest usual requests holds (16 KiB of 14-byte PINGs), so that no pipeline costs
/// more system calls than with Redis.
pub const REQUESTS_PER_TICK_MAX: u32 = 1_200;

/// Keys expired in one tick: the rest waits for the next, so that a million keys expiring in one
/// second stall nobody.
pub const EXPIRIES_PER_TICK_MAX: usize = 1_024;

/// Descriptors kept for other things than clients: listeners, poller, signals, log, pid file.
pub const DESCRIPTORS_RESERVED: u64 = 32;

// --- clients

/// Wrong passwords in a row until the client is closed.
pub const LOGIN_FAILURES_MAX: u32 = 10;

/// Unsent output of a client that has not said the password, bytes: it gets errors, and reads them
/// or leaves.
pub const OUTPUT_UNAUTHENTICATED_BYTES_MAX: usize = 16 * 1024;

/// Unexecuted input of a client that has not said the password, bytes.
pub const QUERY_UNAUTHENTICATED_BYTES_MAX: usize = 1024 * 1024;

const_assert!(SLAB_PAGE_SLOTS < u16::MAX as usize);
const_assert!(INPUT_READ_BYTES_MIN < INPUT_BUFFER_BYTES);
const_assert!(INPUT_BUFFER_BYTES.is_power_of_two());
const_assert!(INPUT_PAUSED_BYTES_MAX >= INPUT_BUFFER_BYTES);
const_assert!(REQUESTS_PER_TICK_MAX as usize >= GROUP_REQUESTS_MAX);

/// Addresses that `bind` takes: each is a listening socket.
pub const BIND_ADDRESSES_MAX: usize = 16;

/// Configuration files open at once: a chain of `include` longer than this is a loop.
pub const INCLUDE_DEPTH_MAX: usize = 16;

/// Configuration files read in all: two files that include each other's siblings end here.
pub const INCLUDE_FILES_MAX: usize = 1000;
