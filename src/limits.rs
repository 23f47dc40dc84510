//! Every limit: a name, a unit and a reason.
//!
//! A limit that a user can set is only a default here and lives in the configuration; what stands
//! in this file is what nobody can turn off.

use static_assertions::const_assert;

// --- Reading requests ------------------------------------------------------------------------

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

// --- Writing replies -------------------------------------------------------------------------

/// A reply chunk that has grown to this many bytes is closed and the next one begun, so growing
/// never moves more than this.
pub const REPLY_CHUNK_BYTES_MAX: usize = 64 * 1024;

/// First allocation of a reply chunk, in bytes: one ordinary reply without growing.
pub const REPLY_CHUNK_BYTES_MIN: usize = 512;

/// Shared bytes from this length on travel by reference; below it a copy is cheaper than one more
/// chunk and one more slice for the kernel to walk.
pub const REPLY_SHARED_BYTES_MIN: usize = 4 * 1024;

/// Most slices handed to one `writev`: far below every kernel's own limit (1024), and 64 chunks
/// are more than any socket buffer takes at once.
pub const REPLY_SLICES_MAX: usize = 64;

/// Most bytes of a client's data that an error text repeats.
pub const ERROR_EXCERPT_BYTES_MAX: usize = 128;

const_assert!(REPLY_CHUNK_BYTES_MIN <= REPLY_CHUNK_BYTES_MAX);
const_assert!(REPLY_SHARED_BYTES_MIN <= REPLY_CHUNK_BYTES_MAX);
const_assert!(UNAUTHENTICATED_BULK_BYTES_MAX < REQUEST_BYTES_MAX);
