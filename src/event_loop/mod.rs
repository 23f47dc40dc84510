//! Readiness to bytes; knows nothing of Redis.
//!
//! | part | what it holds |
//! |---|---|
//! | [`slab`] | connections at stable indices; generations catch late events |
//! | [`intrusive_list`] | who has replies to write, who is to be closed: links inside the members |
//! | [`timer_wheel`] | who times out when: never early, O(1) to arm and to cancel |
//! | [`ring_buffer`] | a connection's unread bytes, and the pool that lends the memory |
//!
//! These four are pure data: they are told the time and are handed bytes, and touch no descriptor.
//! "Intrusive" means slab indices inside the struct, not pointers, so nothing here needs `unsafe`:
//! a list or the wheel is given an accessor that finds the member's link by its index.

pub mod intrusive_list;
pub mod ring_buffer;
pub mod slab;
pub mod timer_wheel;
