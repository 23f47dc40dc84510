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

/// Unread bytes of a request that comes slowly are kept in memory of their own size up to here:
/// thousands of clients may send so, and a page each would be most of what they cost. It is half a
/// page, as more would need one anyhow.
pub const INPUT_PARKED_BYTES_MAX: usize = 2 * 1024;

/// Bulks from this length on that have not come whole are received into an allocation of their
/// own, which then becomes the value: no buffer from the pool would hold them, and what they save
/// in copying is more than an allocation costs.
pub const INPUT_BULK_APART_BYTES_MIN: usize = 32 * 1024;

/// What such an allocation begins with, bytes, unless the bulk is shorter: all that somebody gets
/// who announces more and sends little. Redis allocates the whole of what is announced.
pub const INPUT_BULK_BYTES_FIRST: usize = 1024 * 1024;

/// How many times its length such an allocation becomes at most when it is full: values of some
/// megabytes get all their memory in one step then, which may be that of one that has gone. The
/// system gives memory only where bytes have come.
pub const INPUT_BULK_GROWTH: usize = 16;

/// Most bytes of such a bulk that one read takes, and of a reply that one write takes: a peer that
/// is as fast as the loop would hold it for as long as its bytes last. About what the kernel keeps
/// for a socket, a millisecond's copying: with less, a large value would cost more calls than in
/// Redis, which has no such limit.
pub const TRANSFER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Input buffers the pool keeps while nobody uses them: one for each request of a group, 1 MiB in
/// all. What a burst used beyond goes back to the system.
pub const INPUT_BUFFERS_SPARE_MAX: usize = 64;

/// Largest output buffer the pool keeps, bytes: one chunk of a reply ([`REPLY_CHUNK_BYTES_MAX`]).
pub const OUTPUT_SPARE_BYTES_MAX: usize = 64 * 1024;

/// Output buffers the pool keeps: one for each client of a group. Most have some hundred bytes; at
/// the worst they are 4 MiB in all.
pub const OUTPUT_SPARES_MAX: usize = 64;

/// Input of a blocked client that is read ahead, bytes. Past it the client is not read until it
/// goes on: back-pressure instead of memory.
pub const INPUT_PAUSED_BYTES_MAX: usize = 1024 * 1024;

/// How long the listeners rest when there are no descriptors left, milliseconds: long enough to
/// cost nothing, short enough to recover within a second.
pub const ACCEPT_RETRY_MS: u64 = 100;

/// How long a client that sends no more may take to fetch its replies, milliseconds.
pub const LINGER_MS: u64 = 10_000;

/// How long a shutdown waits for clients to fetch their replies, milliseconds.
pub const SHUTDOWN_FLUSH_MS: u64 = 1_000;

// --- the tick

/// Requests parsed, and then executed, together: enough to overlap their cache misses, few enough
/// that their arguments still are in the cache when they execute.
pub const GROUP_REQUESTS_MAX: usize = 64;

/// Arguments for which a group keeps room, 128 KiB: a request may have a million, and what it took
/// to note them is given back with it.
pub const GROUP_SPANS_KEPT_MAX: usize = 16 * 1024;

/// Requests of one client in one tick: a deep pipeline must not starve the others. Above what one
/// read of the smallest usual requests holds (16 KiB of 14-byte PINGs), so that no pipeline costs
/// more system calls than with Redis.
pub const REQUESTS_PER_TICK_MAX: u32 = 1_200;

/// What the execution of a group should take at most, nanoseconds: if one takes longer, the next
/// has half as many requests. More than what 64 usual ones take by far.
pub const EXECUTION_PER_GROUP_NS_MAX: u64 = 2_000_000;

/// After how much execution a tick takes no further group, nanoseconds: so long each of those who
/// send slow requests may hold up the others, one after the other. What the counted limits let
/// through of usual requests takes less, so that their number of system calls is what it is.
pub const EXECUTION_PER_TICK_NS_MAX: u64 = 10_000_000;

/// Keys of one request that are hashed and prefetched ahead: the first ones hide the misses of the
/// rest.
pub const KEYS_PREFETCHED_MAX: usize = 64;

/// Steps in one tick towards removing expired keys, of which each takes one to four: the rest waits
/// for the next, so that a million keys expiring in one second stall nobody.
pub const EXPIRIES_PER_TICK_MAX: usize = 1_024;

/// Pieces, some 4 KiB each, of large values that have gone, freed in one tick: 8 MiB, which takes
/// the system less than a millisecond, or what is freed whole, which takes it three.
pub const FREES_PER_TICK_MAX: usize = 2 * 1_024;

/// Regions of a store that ask in one tick to become huge pages: each is a call of the system, a
/// microsecond or less.
pub const HUGE_PAGES_ASKED_PER_TICK_MAX: usize = 64;

/// For how long it is watched whether a store grows before its regions ask to become huge pages,
/// milliseconds: a pause in the middle of loading one is seldom as long.
pub const GROWTH_WATCHED_MS: u64 = 1_000;

/// Regions that a store may gain meanwhile without being said to grow, 4 MiB: one that gains a
/// little all the time would wait for its huge pages for ever, and seldom asks for memory.
pub const GROWTH_REGIONS_MAX: usize = 2;

/// Entries that a trim with ACKED looks at without removing them; the next one goes on behind them.
/// Takes the system a few milliseconds.
pub const TRIM_LOOKS_IN_VAIN_MAX: u64 = 64 * 1024;

/// Entries that a consumer group notes as acknowledged for the next trim with ACKED, some 400 KiB;
/// if there are more, that one looks at all entries again.
pub const LET_GO_NOTED_MAX: usize = 16 * 1024;

/// Deleted entries that a search for what is pending for long passes and forgets: whoever searches
/// next goes on behind them.
pub const DELETED_PASSED_MAX: usize = 16 * 1024;

/// Ticks of which each is remembered, 16 KiB: enough to see what led to a slow one, and their
/// distributions are brought up to date once for so many.
pub const TICKS_KEPT: usize = 128;

/// Connections that one SQUINT CONNECTIONS describes, 300 KB of reply: with all of a full slab the
/// loop would stand still for whoever looks at it.
pub const CONNECTIONS_SHOWN_MAX: usize = 1_000;

/// Descriptors kept for other things than clients: listeners, poller, signals, log, pid file.
pub const DESCRIPTORS_RESERVED: u64 = 32;

// --- reading requests

/// Longest line of a request: an inline command, or the header of an aggregate or of a bulk, in
/// bytes before its line end. Without it a peer that never sends one would be buffered for ever.
pub const REQUEST_LINE_BYTES_MAX: usize = 64 * 1024;

/// Most arguments in one request: the count is an `int` in every client library.
pub const REQUEST_ARGUMENTS_MAX: i64 = i32::MAX as i64;

/// Most bytes in one whole request. Spans are 32 bits wide, which halves the memory of a request
/// of many small arguments; nobody sends four gigabytes in one command.
pub const REQUEST_BYTES_MAX: u64 = u32::MAX as u64;

/// Most arguments of a request before the client has authenticated: AUTH and HELLO need fewer.
pub const UNAUTHENTICATED_ARGUMENTS_MAX: i64 = 10;

/// Longest argument before the client has authenticated: strangers get no memory.
pub const UNAUTHENTICATED_BULK_BYTES_MAX: u64 = 16 * 1024;

/// Longest number written as a float, in bytes. A number of this length is an attack on the
/// parser, not a number; Redis draws the line at the same place.
pub const FLOAT_BYTES_MAX: usize = 5 * 1024 - 1;

// --- writing replies

/// A reply chunk that has grown to this many bytes is closed and the next one begun, so growing
/// never moves more than this.
pub const REPLY_CHUNK_BYTES_MAX: usize = 64 * 1024;

/// First allocation of a reply chunk, in bytes: one ordinary reply without growing.
pub const REPLY_CHUNK_BYTES_MIN: usize = 512;

/// Room for many small pieces of a reply is made for about so many bytes at a time: often enough
/// that a tail which has grown large retires.
pub const REPLY_PORTION_BYTES: usize = 4 * 1024;

/// Shared bytes from this length on travel by reference; below it a copy is cheaper than one more
/// chunk and one more slice for the kernel to walk: `docs/pubsub.md` has the counts.
pub const REPLY_SHARED_BYTES_MIN: usize = 4 * 1024;

/// Values from this length on travel by reference: unlike a message for many, a value has one
/// reader, and up to here the copy is cheaper than the chunks around it.
pub const REPLY_VALUE_SHARED_BYTES_MIN: usize = 16 * 1024;

/// A client with so many unsent bytes has its output checked against its limit after every request,
/// and not only after a run of them: sixty-four large replies must not pile up unseen.
pub const REPLY_UNCHECKED_BYTES_MAX: usize = 1024 * 1024;

/// Most slices handed to one `writev`: far below every kernel's own limit (1024), and 64 chunks
/// are more than any socket buffer takes at once.
pub const REPLY_SLICES_MAX: usize = 64;

/// Most bytes of a client's data that an error text repeats.
pub const ERROR_EXCERPT_BYTES_MAX: usize = 128;

// --- lists

/// Most bytes of a node of packed list elements, its header included: with the 8 bytes that a
/// general allocator may add that is 4 KiB, little enough that moving half of it costs less than a
/// cache miss or two, and enough that what a node costs beside its elements is lost among them.
pub const LIST_NODE_BYTES_MAX: usize = 4 * 1024 - 8;

/// Steps in which a small node grows, bytes: those of the C library, which hands out 16 n + 8 bytes
/// whatever is asked for.
pub const LIST_NODE_STEP_BYTES: usize = 16;

/// Up to this size a node grows step by step, so that small lists waste nothing, bytes.
pub const LIST_NODE_EXACT_BYTES_MAX: usize = 128;

/// A larger node that grows takes this part of its size for what comes next, and a node gives up
/// free space only past this part: one eighth.
pub const LIST_NODE_SLACK_PART: usize = 8;

/// A list that a node of this many bytes can hold lies packed in the entry of its key, bytes. What
/// a longer one pays for an allocation of its own is lost among its elements, and a shorter one is
/// copied whole, out and in, in less time than it takes to find another allocation.
pub const LIST_PACKED_BYTES_MAX: usize = 256;

/// Most elements in a node: empty elements take no bytes and would never fill one.
pub const LIST_NODE_ELEMENTS_MAX: usize = 4 * 1024;

/// Neighbouring nodes that together need no more bytes than this become one. Half a node: a merged
/// one has room to grow, so that changes around the limit do not split and merge for ever.
pub const LIST_MERGE_BYTES_MAX: usize = LIST_NODE_BYTES_MAX / 2;

/// A list with this many nodes between its ends takes whole nodes at its ends; a shorter one lets
/// them grow, so that free space stays a small part of it.
pub const LIST_WHOLE_NODES_MIN: usize = 8;

/// Most children of a branch in the tree of a long list: a million 16-byte elements are three
/// branches deep, and looking through one branch costs a few cache lines in a row.
pub const LIST_BRANCH_CHILDREN_MAX: usize = 60;

// --- streams

/// Fields of a stream's entry from this length on lie in allocations of their own, bytes: replies
/// refer to them from here on.
pub const STREAM_VALUE_APART_BYTES_MIN: usize = REPLY_VALUE_SHARED_BYTES_MIN;

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
const_assert!(INPUT_BULK_APART_BYTES_MIN > INPUT_BUFFER_BYTES);
const_assert!(INPUT_BULK_APART_BYTES_MIN as u64 > UNAUTHENTICATED_BULK_BYTES_MAX);
const_assert!(INPUT_PAUSED_BYTES_MAX >= INPUT_BUFFER_BYTES);
const_assert!(REQUESTS_PER_TICK_MAX as usize >= GROUP_REQUESTS_MAX);
const_assert!(EXECUTION_PER_TICK_NS_MAX >= EXECUTION_PER_GROUP_NS_MAX);

/// Addresses that `bind` takes: each is a listening socket.
pub const BIND_ADDRESSES_MAX: usize = 16;

/// Configuration files open at once: a chain of `include` longer than this is a loop.
pub const INCLUDE_DEPTH_MAX: usize = 16;

/// Configuration files read in all: two files that include each other's siblings end here.
pub const INCLUDE_FILES_MAX: usize = 1000;
const_assert!(REPLY_CHUNK_BYTES_MIN <= REPLY_CHUNK_BYTES_MAX);
const_assert!(REPLY_PORTION_BYTES <= REPLY_CHUNK_BYTES_MAX / 2);
const_assert!(REPLY_CHUNK_BYTES_MAX < REPLY_UNCHECKED_BYTES_MAX);
const_assert!(REPLY_SHARED_BYTES_MIN <= REPLY_VALUE_SHARED_BYTES_MIN);
const_assert!(REPLY_VALUE_SHARED_BYTES_MIN <= REPLY_CHUNK_BYTES_MAX);
const_assert!(UNAUTHENTICATED_BULK_BYTES_MAX < REQUEST_BYTES_MAX);
const_assert!(LIST_NODE_BYTES_MAX % LIST_NODE_STEP_BYTES == 8);
const_assert!(LIST_PACKED_BYTES_MAX < LIST_NODE_BYTES_MAX / 4);
const_assert!(LIST_NODE_EXACT_BYTES_MAX < LIST_MERGE_BYTES_MAX);
const_assert!(LIST_NODE_BYTES_MAX < 1 << 16 && LIST_NODE_ELEMENTS_MAX < 1 << 14);
