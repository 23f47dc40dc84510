//! The options of XREAD and XREADGROUP.

use super::args::Arguments;
use super::context::Context;
use super::error_reply::{self, ErrorReply};
use super::{Request, timeout};
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

/// What a client asked for beside streams and ids.
#[derive(Debug)]
pub struct ReadOptions {
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
    pub fn parse(ctx: &Context<'_>, request: Request<'_>) -> Result<Self, ErrorReply> {
        let is_for_group = ctx.command.name == "xreadgroup";
        let mut options = Self {
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
            index = options.read(ctx, request, index, is_for_group)?;
        }
        if options.keys_index == 0 {
            return Err(error_reply::SYNTAX);
        }
        if is_for_group && options.group.is_none() {
            return Err(GROUP_IS_MISSING);
        }
        if options.count < usize::MAX && options.count_max < options.count {
            return Err(MAXCOUNT_BELOW_COUNT);
        }
        Ok(options)
    }

    /// Reads the option at `index`; says where the next one stands.
    fn read(
        &mut self,
        ctx: &Context<'_>,
        request: Request<'_>,
        index: usize,
        is_for_group: bool,
    ) -> Result<usize, ErrorReply> {
        let values = request.len() - index - 1;
        if request.is(index, "COUNT") && values >= 1 {
            self.count = match request.integer(index + 1)? {
                ..=0 => usize::MAX,
                count => usize::try_from(count).unwrap_or(usize::MAX),
            };
            return Ok(index + 2);
        }
        if request.is(index, "MAXCOUNT") && values >= 1 {
            self.count_max = positive(request, index + 1, MAXCOUNT_NOT_POSITIVE)?;
            return Ok(index + 2);
        }
        if request.is(index, "MAXSIZE") && values >= 1 {
            self.bytes_max = positive(request, index + 1, MAXSIZE_NOT_POSITIVE)?;
            return Ok(index + 2);
        }
        if request.is(index, "BLOCK") && values >= 1 {
            self.block_ms = Some(timeout::milliseconds(request.at(index + 1), ctx.now)?);
            return Ok(index + 2);
        }
        if request.is(index, "STREAMS") && values >= 1 {
            self.streams = balanced(values, is_for_group)?;
            self.keys_index = index + 1;
            return Ok(request.len());
        }
        if request.is(index, "GROUP") && values >= 2 {
            if !is_for_group {
                return Err(only_for_groups("GROUP"));
            }
            self.group = Some((index + 1, index + 2));
            return Ok(index + 3);
        }
        if request.is(index, "CLAIM") && values >= 1 && is_for_group {
            let idle_ms = request.integer_or(index + 1, CLAIM_NOT_A_TIME)?;
            self.claim_idle_ms = Some(idle_ms).filter(|idle_ms| *idle_ms >= 0);
            self.claim_idle_ms.ok_or(CLAIM_NOT_A_TIME)?;
            return Ok(index + 2);
        }
        if request.is(index, "NOACK") {
            if !is_for_group {
                return Err(only_for_groups("NOACK"));
            }
            self.is_acknowledged = true;
            return Ok(index + 1);
        }
        Err(error_reply::SYNTAX)
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
fn balanced(words: usize, is_for_group: bool) -> Result<usize, ErrorReply> {
    if words.is_multiple_of(2) {
        return Ok(words / 2);
    }
    let (name, sign) = if is_for_group { ("xreadgroup", '>') } else { ("xread", '$') };
    Err(ErrorReply::made(format!(
        "ERR Unbalanced '{name}' list of streams: for each stream key an ID or '{sign}' must be \
         specified."
    )))
}

fn only_for_groups(option: &str) -> ErrorReply {
    ErrorReply::made(format!(
        "ERR The {option} option is only supported by XREADGROUP. You called XREAD instead."
    ))
}
