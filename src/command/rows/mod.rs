//! One row per command, in a file per family: everything about it that is not its function.
//!
//! ```text
//!   "llen" => lists::llen {                          name, and function in src/command/lists.rs
//!       arity: 2, flags: READONLY | FAST,            how it may be called
//!       keys: [one(RO)], since: "1.0.0",             where keys stand, and what becomes of them
//!       complexity: "O(1)", summary: "Returns ...",  for people: COMMAND DOCS
//!       arguments: "key",                            its syntax, as `syntax.rs` reads it
//!   }
//! ```
//!
//! `table.rs` makes the table of commands from these rows, `build.rs` the look-up by name. A
//! sub-command is called `container|word` and stands behind its container's row. Fields that a row
//! leaves out: no keys, no arguments, no tips, and the group that its file names; `acl` adds
//! categories to those that follow from flags and group. COMMAND lists the families in this order.

families! { strings lists streams pubsub transactions keys connection server }
