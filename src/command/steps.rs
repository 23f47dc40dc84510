//! Requests of one client as they were found ahead of time: parsed, looked up, their keys hashed.
//!
//! ```text
//!   steps    [ GET, 2 spans, 1 hash, 22 bytes ][ PING, 1 span, 0 hashes, 14 bytes ] ...
//!   input    *2 $3 GET $3 key                   *1 $4 PING                          ...
//! ```

use super::Request;
use super::table::Command;
use crate::resp::Span;
use crate::shared_bytes::SharedBytes;
use std::ops::Range;

/// A request that has been parsed and not yet executed.
#[derive(Debug)]
pub struct Step {
    /// Its row; `None`: there is no such command.
    pub command: Option<&'static Command>,
    /// Where its arguments are noted, among the [`Findings::spans`].
    pub spans: Range<usize>,
    /// Where the hashes of its keys are noted, among the [`Findings::hashes`].
    pub hashes: Range<usize>,
    /// Bytes of the client's input to drop afterwards.
    pub length: usize,
}

/// What steps were found to consist of.
#[derive(Clone, Copy, Debug)]
pub struct Findings<'a> {
    /// Arguments.
    pub spans: &'a [Span],
    /// Those of them that lie apart from the input.
    pub bulks: &'a [SharedBytes],
    /// Databases and hashes of leading keys.
    pub hashes: &'a [(usize, u64)],
}

/// A client's steps one after another, and how far they have come.
#[derive(Debug)]
pub struct Steps<'a> {
    steps: &'a [Step],
    findings: Findings<'a>,
    /// From the next step on.
    input: &'a [u8],
    /// Steps that have been taken off.
    pub taken: usize,
    /// Bytes of input that belong to those.
    pub consumed: usize,
}

impl<'a> Steps<'a> {
    /// Steps, the first of which lies at the start of `input`.
    #[inline]
    #[must_use]
    pub const fn new(steps: &'a [Step], findings: Findings<'a>, input: &'a [u8]) -> Self {
        Self { steps, findings, input, taken: 0, consumed: 0 }
    }

    /// Takes the next step off.
    #[inline]
    pub fn take(&mut self) -> Option<&'a Step> {
        let step = self.steps.get(self.taken)?;
        self.taken += 1;
        Some(step)
    }

    /// The request of a step that has just been taken off.
    #[inline]
    pub fn request(&mut self, step: &Step) -> Request<'a> {
        let Findings { spans, bulks, .. } = self.findings;
        let request = Request::new(self.input, &spans[step.spans.clone()], bulks);
        self.input = &self.input[step.length..];
        self.consumed += step.length;
        request
    }

    /// Databases and hashes of its leading keys.
    #[inline]
    #[must_use]
    pub fn hashes(&self, step: &Step) -> &'a [(usize, u64)] {
        &self.findings.hashes[step.hashes.clone()]
    }
}
