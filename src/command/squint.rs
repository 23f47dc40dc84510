//! The server looked at from inside: SQUINT TICKS \[count\] | SYSCALLS |
//! CONNECTIONS \[count \[first-slot\]\] | WHEEL | TABLE key. Ours; no other server has it.
//! docs/introspection.md explains each with an example.
//!
//! Every answer is a map for people at redis-cli to read and for programs to take apart: names of
//! fields are words with dashes, and end in their unit.

use super::Request;
use super::args::Arguments;
use super::context::{CommandResult, Context};
use super::error_reply::{self, ErrorReply};
use super::table::COMMANDS;
use crate::data_store::{EntryFigures, Probe};
use crate::event_loop::connection::Connection;
use crate::event_loop::timer_wheel::SlotFigures;
use crate::limits::{CONNECTIONS_SHOWN_MAX, TICKS_KEPT};
use crate::resp::writer::Writer;
use crate::stats::tick_times::Tick;
use squint_sys::Token;

/// Ticks that TICKS shows if nobody says how many.
const TICKS_SHOWN: usize = 10;
/// Connections that CONNECTIONS shows if nobody says how many.
const CONNECTIONS_SHOWN: usize = 100;

/// SQUINT TICKS \[count\]: the last ticks, the latest first.
pub fn squint_ticks(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let count = match request.len() {
        ..=3 => count_or(request, 2, TICKS_SHOWN)?,
        _ => return Err(error_reply::SYNTAX),
    };
    let ticks = ctx.stats.tick_times.recent().take(count.min(TICKS_KEPT));
    let ticks: Vec<(u64, Tick)> = ticks.map(|(number, tick)| (number, *tick)).collect();
    ctx.reply.array(ticks.len());
    for (number, tick) in ticks {
        write_tick(&mut ctx.reply, number, &tick);
    }
    Ok(())
}

/// The count at `index`, or `unsaid` if the request ends before it.
fn count_or(request: Request<'_>, index: usize, unsaid: usize) -> Result<usize, ErrorReply> {
    if request.len() <= index {
        return Ok(unsaid);
    }
    usize::try_from(request.integer(index)?).map_err(|_| error_reply::NOT_AN_INTEGER)
}

fn write_tick(reply: &mut Writer<'_>, number: u64, tick: &Tick) {
    let work = tick.work;
    let counts = [
        ("tick", number),
        ("woken-at-usec", tick.woken_ns / 1_000),
        ("events", work.events),
        ("reads", work.reads),
        ("writes", work.writes),
        ("commands", work.commands),
    ];
    reply.map(counts.len() + 2);
    for (name, count) in counts {
        write_count(reply, name, count);
    }
    write_double(reply, "busy-usec", microseconds(tick.busy_ns));
    reply.bulk(b"phases-usec");
    reply.map(tick.phases().count());
    for (phase, ns) in tick.phases() {
        write_double(reply, phase.name(), microseconds(ns));
    }
}

fn microseconds(ns: u64) -> f64 {
    ns as f64 / 1e3
}

/// SQUINT SYSCALLS: how often each was made, and what a command costs.
pub fn squint_syscalls(ctx: &mut Context<'_>, _: Request<'_>) -> CommandResult {
    let stats = &*ctx.stats;
    let made = ctx.host.syscalls().since(&stats.syscalls_before);
    let commands = stats.commands_processed;
    let per_command = stats.traffic_calls() as f64 / commands.max(1) as f64;
    let rows = COMMANDS.iter().map(|row| (row.name, &stats.commands[usize::from(row.index)]));
    let executed = rows.filter(|(_, stats)| stats.calls() > 0);
    let reply = &mut ctx.reply;
    reply.map(5);
    write_count(reply, "total", made.total());
    reply.bulk(b"by-name");
    reply.map(made.iter().count());
    for (call, count) in made.iter() {
        write_count(reply, call.name(), count);
    }
    write_count(reply, "commands", commands);
    write_double(reply, "per-command", per_command);
    reply.bulk(b"by-command");
    reply.map(executed.clone().count());
    for (name, stats) in executed {
        reply.bulk(name.as_bytes());
        reply.map(2);
        write_count(reply, "calls", stats.calls());
        write_double(reply, "syscalls-per-call", stats.syscalls_per_call());
    }
    Ok(())
}

/// SQUINT CONNECTIONS \[count \[first-slot\]\]: the slab, the buffers that nobody uses, and so many
/// connections from a slot on.
pub fn squint_connections(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    if request.len() > 4 {
        return Err(error_reply::SYNTAX);
    }
    let count = count_or(request, 2, CONNECTIONS_SHOWN)?.min(CONNECTIONS_SHOWN_MAX);
    let first_slot = count_or(request, 3, 0)?;
    let now_ms = ctx.now.monotonic_ms;
    let figures = ctx.host.pools();
    let slab = ctx.host.connections();
    let counts = [
        ("slots", slab.slots() as u64),
        ("slots-used", slab.len() as u64),
        ("input-buffers-spare", figures.input_buffers as u64),
        ("output-buffers-spare", figures.output_buffers as u64),
    ];
    let mut rest = slab.iter().skip_while(|(token, _)| (token.index as usize) < first_slot);
    let shown: Vec<_> = rest.by_ref().take(count).collect();
    let reply = &mut ctx.reply;
    reply.map(counts.len() + 2);
    for (name, count) in counts {
        write_count(reply, name, count);
    }
    reply.named_or_null("next-slot", rest.next().map(|(token, _)| i64::from(token.index)));
    reply.bulk(b"connections");
    reply.array(shown.len());
    for (token, connection) in shown {
        let number = ctx.clients.find(token).map_or(0, |client| client.number);
        write_connection(reply, token, number, connection, now_ms);
    }
    Ok(())
}

fn write_connection(
    reply: &mut Writer<'_>,
    token: Token,
    number: u64,
    connection: &Connection,
    now_ms: u64,
) {
    let (input, output) = (&connection.input, &connection.output);
    let counts = [
        ("client-id", number),
        ("slot", u64::from(token.index)),
        ("generation", u64::from(token.generation)),
        ("fd", u64::from(connection.fd.0.unsigned_abs())),
        ("input-bytes", input.len() as u64),
        ("input-memory-bytes", input.capacity() as u64),
        ("output-bytes", output.len() as u64),
        ("output-memory-bytes", output.heap_bytes() as u64),
        ("output-pieces", output.chunk_count() as u64),
    ];
    reply.map(counts.len() + 2);
    for (name, count) in counts {
        write_count(reply, name, count);
    }
    let deadline_ms = connection.timer.deadline_ms();
    let left_ms = deadline_ms.map(|deadline_ms| deadline_ms.saturating_sub(now_ms) as i64);
    reply.named_or_null("timer-in-msec", left_ms);
    reply.bulk(b"state");
    let state = state_of(connection);
    reply.array(state.len());
    for word in state {
        reply.bulk(word.as_bytes());
    }
}

/// What holds for a connection, in words.
fn state_of(connection: &Connection) -> Vec<&'static str> {
    let (timer, interest) = (&connection.timer, connection.interest);
    let words = [
        (interest.readable, "watched-for-reading"),
        (interest.writable, "watched-for-writing"),
        (interest.hangup, "watched-for-hangup"),
        (connection.ready.is_linked(), "ready"),
        (connection.is_to_be_written, "to-be-written"),
        (connection.closing.is_linked(), "to-be-closed"),
        (connection.is_clogged, "clogged"),
        (connection.is_paused, "paused"),
        (connection.has_unparsed, "has-unparsed"),
        (connection.is_at_end, "at-end"),
        (connection.closes_when_written, "closes-when-written"),
        (timer.is_armed(), "timed"),
    ];
    words.into_iter().filter(|(holds, _)| *holds).map(|(_, word)| word).collect()
}

/// SQUINT WHEEL: the timers of connections, slot by slot.
pub fn squint_wheel(ctx: &mut Context<'_>, _: Request<'_>) -> CommandResult {
    let slots = ctx.host.timers();
    let now_ms = ctx.now.monotonic_ms;
    let timers = slots.iter().map(|slot| slot.timers as u64).sum();
    let reply = &mut ctx.reply;
    reply.map(3);
    write_count(reply, "now-msec", now_ms);
    write_count(reply, "timers", timers);
    reply.bulk(b"slots");
    reply.array(slots.len());
    for slot in slots {
        write_slot(reply, slot, now_ms);
    }
    Ok(())
}

fn write_slot(reply: &mut Writer<'_>, slot: SlotFigures, now_ms: u64) {
    reply.map(5);
    for (name, place) in
        [("level", slot.place.map(|(level, _)| level)), ("slot", slot.place.map(|(_, slot)| slot))]
    {
        // A slot without a place holds what is due, or was armed too late.
        reply.named_or_null(name, place.map(|number| number as i64));
    }
    write_count(reply, "spans-msec", slot.span_ms);
    write_count(reply, "timers", slot.timers as u64);
    write_count(reply, "earliest-in-msec", slot.earliest_ms.saturating_sub(now_ms));
}

/// SQUINT TABLE key: the way to the entry of a key.
pub fn squint_table(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let key = ctx.hash(request.at(2));
    let (now_ms, index) = (ctx.store.now_ms, ctx.store.index);
    let keyspace = ctx.store.keyspace();
    let (keys, probe) = (keyspace.len(), keyspace.probe(key));
    write_probe(&mut ctx.reply, index, keys, &probe);
    ctx.reply.bulk(b"entry");
    match &probe.entry {
        Some(entry) => write_entry(&mut ctx.reply, entry, now_ms),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// Everything but the entry.
fn write_probe(reply: &mut Writer<'_>, database: usize, keys: usize, probe: &Probe) {
    let counts = [
        ("database", database),
        ("keys", keys),
        ("groups", probe.groups()),
        ("lines", probe.lines),
        ("overflow-lines", probe.overflow_lines),
    ];
    reply.map(counts.len() + 6);
    for (name, count) in counts {
        write_count(reply, name, count as u64);
    }
    reply.named_bulk("hash", format!("{:016x}", probe.hash).as_bytes());
    reply.named_bulk("tag", format!("{:02x}", probe.tag).as_bytes());
    for (name, place) in [("group", probe.group()), ("line", probe.home)] {
        reply.named_or_null(name, place.map(|number| number as i64));
    }
    reply.bulk(b"path");
    reply.array(probe.path.len());
    for line in &probe.path {
        reply.map(2);
        write_count(reply, "slots-filled", line.filled as u64);
        write_count(reply, "tags-equal", line.equal_tags as u64);
    }
}

fn write_entry(reply: &mut Writer<'_>, entry: &EntryFigures, now_ms: i64) {
    reply.map(6);
    write_count(reply, "slot", entry.slot as u64);
    write_count(reply, "displacement", entry.displacement as u64);
    write_count(reply, "bytes", entry.bytes as u64);
    write_count(reply, "block-bytes", entry.block_bytes as u64);
    reply.named_bulk("value", entry.form.as_bytes());
    let left_ms = entry.deadline.map(|deadline| deadline.saturating_sub(now_ms));
    reply.named_or_null("expires-in-msec", left_ms);
}

fn write_count(reply: &mut Writer<'_>, name: &str, count: u64) {
    reply.named(name, i64::try_from(count).unwrap_or(i64::MAX));
}

fn write_double(reply: &mut Writer<'_>, name: &str, value: f64) {
    reply.bulk(name.as_bytes());
    reply.double((value * 1e3).round() / 1e3);
}
