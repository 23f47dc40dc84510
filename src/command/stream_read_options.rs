//! The options of XREAD and XREADGROUP: what is wanted of which streams, from where on, and how
//! much of it fits into a reply.

use super::args::Arguments;
use super::context::Now;
use super::error_reply::{self, ErrorReply};
use super::{Request, timeout};
use crate::data_store::stream_id::StreamId;
use crate::resp::writer::Writer;
use std::ops::Range;

const MAXCOUNT_NOT_POSITIVE: ErrorReply =
    ErrorReply::fixed("ERR MAXCOUNT must be a positive integer");
const MAXSIZE_NOT_POSITIVE: ErrorReply =
    ErrorReply::fixed("ERR MAXSIZE must be a positive integer");
const MAXCOUNT_BELOW_COUNT: ErrorReply =
    ErrorReply::fixed("ERR MAXCOUNT must be greater than or equal to COUNT");
const CLAIM_NOT_A_TIME: ErrorReply =
    ErrorReply::fixed("ERR min-idle-time is not an integer or is negative");
const GROUP_IS_MISSING: ErrorReply = ErrorReply::fixed("ERR Missing GROUP option for XREADGROUP");

/// Who reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reader {
    /// XREAD: a client for itself.
    Alone,
    /// XREADGROUP: a consumer of a group.
    Consumer,
}

/// What a client asked for beside streams and ids.
#[derive(Debug)]
pub struct ReadOptions {
    reader: Reader,
    /// Entries of each stream, at most.
    pub count: usize,
    /// Entries of all streams together, at most (MAXCOUNT).
    pub count_max: usize,
    /// Bytes of the reply, at most, unless the first entry alone has more (MAXSIZE).
    pub bytes_max: usize,
    /// Entries that others have had for so many milliseconds are handed out first (CLAIM).
    pub claim_idle_ms: Option<i64>,
    /// `Some(None)`: block for ever.
    pub block_ms: Option<Option<u64>>,
    /// Where the names of group and consumer stand (XREADGROUP).
    pub group: Option<(usize, usize)>,
    /// What is handed out counts as acknowledged (NOACK).
    pub is_acknowledged: bool,
    /// Where the keys begin; as many ids stand behind them.
    keys_index: usize,
    streams: usize,
}

impl ReadOptions {
    /// Reads all up to the ids.
    pub fn parse(request: Request<'_>, reader: Reader, now: Now) -> Result<Self, ErrorReply> {
        let mut options = Self {
            reader,
            count: usize::MAX,
            count_max: usize::MAX,
            bytes_max: usize::MAX,
            claim_idle_ms: None,
            block_ms: None,
            group: None,
            is_acknowledged: false,
            keys_index: 0,
            streams: 0,
        };
        let mut index = 1;
        while index < request.len() && options.keys_index == 0 {
            index += options.read(request, index, now)?;
        }
        options.check()?;
        Ok(options)
    }

    /// Reads the option at `index`; says how many words it has.
    fn read(&mut self, request: Request<'_>, index: usize, now: Now) -> Result<usize, ErrorReply> {
        let values = request.len() - index - 1;
        if values >= 1 && request.is(index, "STREAMS") {
            self.streams = balanced(values, self.reader)?;
            self.keys_index = index + 1;
            return Ok(1 + values);
        }
        if values >= 1 && self.read_limit(request, index, now)? {
            return Ok(2);
        }
        self.read_group_option(request, index)
    }

    /// Reads an option of one number that XREAD and XREADGROUP share. `false`: it is none.
    fn read_limit(
        &mut self,
        request: Request<'_>,
        index: usize,
        now: Now,
    ) -> Result<bool, ErrorReply> {
        let value = index + 1;
        if request.is(index, "COUNT") {
            self.count = match request.integer(value)? {
                ..=0 => usize::MAX,
                count => usize::try_from(count).unwrap_or(usize::MAX),
            };
        } else if request.is(index, "MAXCOUNT") {
            self.count_max = positive(request, value, MAXCOUNT_NOT_POSITIVE)?;
        } else if request.is(index, "MAXSIZE") {
            self.bytes_max = positive(request, value, MAXSIZE_NOT_POSITIVE)?;
        } else if request.is(index, "BLOCK") {
            self.block_ms = Some(timeout::milliseconds(request.at(value), now)?);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Reads an option of XREADGROUP alone; says how many words it has.
    fn read_group_option(
        &mut self,
        request: Request<'_>,
        index: usize,
    ) -> Result<usize, ErrorReply> {
        let values = request.len() - index - 1;
        let is_for_group = self.reader == Reader::Consumer;
        if values >= 2 && request.is(index, "GROUP") {
            self.refuse_alone("GROUP")?;
            self.group = Some((index + 1, index + 2));
            Ok(3)
        } else if values >= 1 && request.is(index, "CLAIM") && is_for_group {
            let idle_ms = request.integer_or(index + 1, CLAIM_NOT_A_TIME)?;
            let idle_ms = Some(idle_ms).filter(|idle_ms| *idle_ms >= 0);
            self.claim_idle_ms = Some(idle_ms.ok_or(CLAIM_NOT_A_TIME)?);
            Ok(2)
        } else if request.is(index, "NOACK") {
            self.refuse_alone("NOACK")?;
            self.is_acknowledged = true;
            Ok(1)
        } else {
            Err(error_reply::SYNTAX)
        }
    }

    /// An option that XREAD knows only to say that it has it not.
    fn refuse_alone(&self, option: &str) -> Result<(), ErrorReply> {
        match self.reader {
            Reader::Consumer => Ok(()),
            Reader::Alone => Err(ErrorReply::made(format!(
                "ERR The {option} option is only supported by XREADGROUP. You called XREAD \
                 instead."
            ))),
        }
    }

    /// What is wrong with the options together.
    fn check(&self) -> Result<(), ErrorReply> {
        if self.keys_index == 0 {
            return Err(error_reply::SYNTAX);
        }
        if self.reader == Reader::Consumer && self.group.is_none() {
            return Err(GROUP_IS_MISSING);
        }
        if self.count < usize::MAX && self.count_max < self.count {
            return Err(MAXCOUNT_BELOW_COUNT);
        }
        Ok(())
    }

    /// Where the keys stand.
    pub fn keys(&self) -> Range<usize> {
        self.keys_index..self.keys_index + self.streams
    }

    /// Where the id for the key at `key_index` stands.
    pub fn id_of(&self, key_index: usize) -> usize {
        key_index + self.streams
    }
}

fn positive(request: Request<'_>, index: usize, error: ErrorReply) -> Result<usize, ErrorReply> {
    let number = request.integer_or(index, error.clone())?;
    usize::try_from(number).ok().filter(|&number| number > 0).ok_or(error)
}

/// Half of what stands behind STREAMS are keys, the other half ids.
fn balanced(words: usize, reader: Reader) -> Result<usize, ErrorReply> {
    if words.is_multiple_of(2) {
        return Ok(words / 2);
    }
    let (name, sign) = match reader {
        Reader::Alone => ("xread", '$'),
        Reader::Consumer => ("xreadgroup", '>'),
    };
    Err(ErrorReply::made(format!(
        "ERR Unbalanced '{name}' list of streams: for each stream key an ID or '{sign}' must be \
         specified."
    )))
}

/// Where reading a stream starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// Above this id.
    After(StreamId),
    /// `>`: above what the group was handed.
    Undelivered,
}

/// Is there anything to show of a stream? A key named twice has handed out all the first time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wrote {
    /// Entries, or that a consumer has none of its own.
    Entries,
    /// Nothing: the stream is left out.
    Nothing,
}

/// What a whole reply may still hold.
pub struct Budget {
    /// Entries.
    pub entries: usize,
    /// The reply may be so long.
    bytes_end: usize,
    is_empty: bool,
}

impl Budget {
    /// What the options allow, from here on in the reply.
    pub fn new(options: &ReadOptions, reply: &Writer<'_>) -> Self {
        let bytes_end = reply.out.len().saturating_add(options.bytes_max);
        Self { entries: options.count_max, bytes_end, is_empty: true }
    }

    /// Writes an entry, if there is room for it. The first one is written in any case, so that
    /// whoever reads gets on.
    pub fn write(&mut self, reply: &mut Writer<'_>, write: impl FnOnce(&mut Writer<'_>)) -> bool {
        if self.entries == 0 {
            return false;
        }
        let mark = reply.out.mark();
        write(reply);
        if reply.out.len() > self.bytes_end && !self.is_empty {
            reply.out.rollback(mark);
            self.entries = 0;
            return false;
        }
        self.entries -= 1;
        self.is_empty = false;
        true
    }
}
