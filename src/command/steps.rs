//! Requests of one client as they were found ahead of time: parsed, looked up, their keys hashed.
//!
//! ```text
//!   steps    [ GET, 2 arguments, 1 key, 22 bytes ][ PING, 1 argument, 0 keys, 14 bytes ] ...
//!   spans    [ GET ][ key ]                        [ PING ]                              ...
//!   hashes          [ key ]
//!   input    *2 $3 GET $3 key                      *1 $4 PING                            ...
//! ```
//!
//! They are taken off from the front, each with its share of everything.

use super::Request;
use super::table::Command;
use crate::resp::Span;
use crate::shared_bytes::SharedBytes;

/// A request that has been parsed and not yet executed.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Its row; `None`: there is no such command.
    pub command: Option<&'static Command>,
    /// Bytes of the client's input to drop afterwards.
    pub length: usize,
    /// How many arguments it has, the name included; [`Step::SAME_LAYOUT`]: as many as the step
    /// before it, and in the same places.
    pub arguments: u32,
    /// How many of its keys have been hashed.
    pub keys: u32,
}

impl Step {
    /// Instead of a number of arguments, of which there is always one at least.
    pub const SAME_LAYOUT: u32 = 0;
}

/// A client's steps that are still to be executed, and what they consist of, but for the input.
#[derive(Clone, Copy, Debug)]
pub struct Steps<'s> {
    /// Themselves.
    pub steps: &'s [Step],
    /// Their arguments, perhaps followed by those of others.
    pub spans: &'s [Span],
    /// The arguments of the step taken off last.
    pub layout: &'s [Span],
    /// Those of all arguments that lie apart from the input.
    pub bulks: &'s [SharedBytes],
    /// Databases and hashes of their leading keys, perhaps followed by those of others.
    pub hashes: &'s [(usize, u64)],
}

/// A step that has been taken off.
#[derive(Clone, Copy, Debug)]
pub struct Taken<'a> {
    /// Its row; `None`: there is no such command.
    pub command: Option<&'static Command>,
    /// Its arguments.
    pub request: Request<'a>,
    /// Databases and hashes of its leading keys.
    pub hashes: &'a [(usize, u64)],
}

impl<'s> Steps<'s> {
    /// Takes the next step off, and its bytes off the client's input.
    #[inline(always)] // where little is inlined too, for all it takes off then stays in registers
    pub fn take<'a, 'i: 'a>(&mut self, input: &mut &'i [u8]) -> Option<Taken<'a>>
    where
        's: 'a,
    {
        let (step, steps) = self.steps.split_first()?;
        if step.arguments != Step::SAME_LAYOUT {
            (self.layout, self.spans) = self.spans.split_at(step.arguments as usize);
        }
        let (hashes, hashes_left) = self.hashes.split_at(step.keys as usize);
        let request = Request::new(input, self.layout, self.bulks);
        (self.steps, self.hashes) = (steps, hashes_left);
        *input = &input[step.length..];
        Some(Taken { command: step.command, request, hashes })
    }
}
