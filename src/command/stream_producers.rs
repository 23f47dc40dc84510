//! Messages that are added once however often they are sent: XADD key IDMP producer message ... and
//! XADD key IDMPAUTO producer ..., XCFGSET key [IDMP-DURATION seconds] [IDMP-MAXSIZE n].

use super::Request;
use super::args::Arguments;
use super::context::{CommandResult, Context};
use super::error_reply::{self, ErrorReply};
use super::stream_options::Origin;
use super::streams::{self, Addition};
use crate::data_store::UnixMs;
use crate::data_store::stream::Stream;
use crate::data_store::stream_id::StreamId;
use crate::data_store::stream_producers::Memory;

const NO_SUCH_KEY: ErrorReply = ErrorReply::fixed("ERR no such key");
const INVALID_DURATION: ErrorReply = ErrorReply::fixed("ERR invalid duration");
const INVALID_MAXSIZE: ErrorReply = ErrorReply::fixed("ERR invalid maxsize");

/// The longest time for which names are known, seconds.
const DURATION_MAX: i64 = 86_400;
/// Names of one producer, at most.
const NAMES_MAX: i64 = 10_000;

/// A message with an origin: what it is called, and what becomes of it if it is new.
struct Message<'a> {
    producer: &'a [u8],
    name: Vec<u8>,
    addition: Addition<'a>,
    memory: Memory,
    now_ms: UnixMs,
}

impl Message<'_> {
    /// The id under which the stream has the message; if it has been added only now, also how many
    /// entries went for it.
    fn add_once(&self, stream: &mut Stream) -> Result<(StreamId, Option<u64>), ErrorReply> {
        let known = stream.known_producers();
        let known = known.and_then(|known| known.find(self.producer, &self.name, self.now_ms));
        if let Some(id) = known {
            return Ok((id, None));
        }
        let (id, trimmed) = self.addition.append(stream)?;
        stream.producers(self.memory).add(self.producer, &self.name, id, self.now_ms);
        Ok((id, Some(trimmed)))
    }
}

/// XADD of a message with an origin: whoever sends it again gets the id of the first time.
pub fn add(
    ctx: &mut Context<'_>,
    request: Request<'_>,
    origin: Origin,
    addition: Addition<'_>,
) -> CommandResult {
    let key = ctx.key(request, 1);
    let message = Message {
        producer: request.at(origin.producer),
        name: message_name(ctx, request, origin, addition.fields),
        addition,
        memory: usual_memory(ctx),
        now_ms: ctx.store.now_ms,
    };
    match streams::change_or_make(ctx, key, addition.options, |stream| message.add_once(stream))? {
        Some((id, trimmed)) => {
            streams::write_id(&mut ctx.reply, id);
            if let Some(trimmed) = trimmed {
                streams::added(ctx, key, trimmed);
            }
        }
        None => ctx.reply.null(),
    }
    Ok(())
}

/// How much is known of the producers of a stream that has not been told.
fn usual_memory(ctx: &Context<'_>) -> Memory {
    let settings = ctx.config.settings();
    Memory {
        duration_ms: i64::from(settings.stream_idmp_duration_s) * 1000,
        names_max: usize::try_from(settings.stream_idmp_names_max).unwrap_or(usize::MAX),
    }
}

/// What the message is called. Without a name of its own that is 16 bytes made from its fields with
/// a secret: nobody can make two messages of one name.
fn message_name(
    ctx: &Context<'_>,
    request: Request<'_>,
    origin: Origin,
    fields: Request<'_>,
) -> Vec<u8> {
    if let Some(index) = origin.message {
        return request.at(index).to_vec();
    }
    let mut content = Vec::new();
    for field in fields.iter() {
        content.extend_from_slice(&field.len().to_le_bytes());
        content.extend_from_slice(field);
    }
    let low = ctx.hash(&content).hash;
    content.push(1);
    let high = ctx.hash(&content).hash;
    [low.to_le_bytes(), high.to_le_bytes()].concat()
}

/// XCFGSET key [IDMP-DURATION seconds] [IDMP-MAXSIZE count]
pub fn xcfgset(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let (duration_ms, names_max) = parse_memory(request)?;
    let key = ctx.key(request, 1);
    let memory = usual_memory(ctx);
    let producers = ctx.store.stream(key)?.ok_or(NO_SUCH_KEY)?.producers(memory);
    let mut memory = producers.memory();
    memory.duration_ms = duration_ms.unwrap_or(memory.duration_ms);
    memory.names_max = names_max.unwrap_or(memory.names_max);
    producers.set_memory(memory);
    ctx.reply.ok();
    Ok(())
}

fn parse_memory(request: Request<'_>) -> Result<(Option<i64>, Option<usize>), ErrorReply> {
    let (mut duration_ms, mut names_max, mut index) = (None, None, 2);
    while index < request.len() {
        let value = request.value_after(index)?;
        if request.is(index, "IDMP-DURATION") {
            let seconds = number_within(request, value, DURATION_MAX, INVALID_DURATION)?;
            duration_ms = Some(seconds * 1000);
        } else if request.is(index, "IDMP-MAXSIZE") {
            let number = number_within(request, value, NAMES_MAX, INVALID_MAXSIZE)?;
            names_max = usize::try_from(number).ok();
        } else {
            return Err(error_reply::SYNTAX);
        }
        index = value + 1;
    }
    if duration_ms.is_none() && names_max.is_none() {
        return Err(error_reply::SYNTAX);
    }
    Ok((duration_ms, names_max))
}

/// A number from 1 to `max`.
fn number_within(
    request: Request<'_>,
    index: usize,
    max: i64,
    error: ErrorReply,
) -> Result<i64, ErrorReply> {
    let number = request.integer(index)?;
    if (1..=max).contains(&number) { Ok(number) } else { Err(error) }
}
