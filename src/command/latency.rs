//! How long things take. LATENCY LATEST | HISTORY event | GRAPH event | DOCTOR | RESET
//! \[event ...\] are about what took longer than `latency-monitor-threshold`; LATENCY HISTOGRAM
//! \[command ...\] tells how the times of all executions are distributed (`latency-tracking`).
//!
//! No clock is read for a command. What counts as the time of one is its share of the time of the
//! group it ran in (`src/server/group.rs`); while there is a threshold a group is one request, and
//! then the time is its own. docs/introspection.md says which events there are.

use super::Request;
use super::commands::find_by_full_name;
use super::context::{CommandResult, Context};
use super::error_reply::ErrorReply;
use super::table::{COMMANDS, Command};
use crate::histogram::Histogram;
use crate::resp::writer::Writer;
use crate::stats::spikes::{Event, Sample};
use crate::text::sparkline::{self, Column};
use std::fmt::Write;

/// Samples side by side in a graph.
const GRAPH_COLUMNS: usize = 80;

const NOBODY_WATCHES: &str = "Nothing is noted: latency-monitor-threshold is 0. Whatever takes so \
many milliseconds or more is noted after CONFIG SET latency-monitor-threshold <milliseconds>.\n";

const NO_SPIKES: &str = "Since somebody watches, nothing has taken as long as \
latency-monitor-threshold says.\n";

/// What may be done about an event.
const ADVICE: [(&str, &str); 3] = [
    (
        "command",
        "Some requests are large: KEYS, LRANGE of everything, a value of many megabytes. \
         LATENCY HISTOGRAM shows whose times reach that far; ask for less at a time.",
    ),
    (
        "fast-command",
        "Commands that are done in no time had to wait for the processor. Look at what else this \
         machine does, whether it swaps, and at the virtual machine's host.",
    ),
    (
        "expire-cycle",
        "Many keys or many waits came to their end in one moment. Let times to live differ a \
         little.",
    ),
];

const ADVICE_ON_TICKS: &str = "A part of the loop was slow that belongs to no command. SQUINT \
TICKS shows the last turns of the loop part by part.";

/// LATENCY DOCTOR
pub fn latency_doctor(ctx: &mut Context<'_>, _: Request<'_>) -> CommandResult {
    let spikes = &ctx.stats.spikes;
    let mut text = String::new();
    if spikes.iter().len() > 0 {
        text.push_str("What took longer than it should, by event:\n\n");
        for (number, (name, event)) in (1..).zip(spikes.iter()) {
            let _ = writeln!(text, "{number}. {name}: {}", findings(event));
        }
        text.push_str("\nWhat may be done:\n\n");
        for advice in advice(spikes.iter().map(|(name, _)| name)) {
            let _ = writeln!(text, "- {advice}");
        }
    } else if spikes.is_on() {
        text.push_str(NO_SPIKES);
    } else {
        text.push_str(NOBODY_WATCHES);
    }
    ctx.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// Advice on these events, each once.
fn advice(names: impl Iterator<Item = &'static str> + Clone) -> Vec<&'static str> {
    let known = ADVICE.iter().filter(|(name, _)| names.clone().any(|event| event == *name));
    let mut advice: Vec<&str> = known.map(|(_, advice)| *advice).collect();
    if names.clone().any(|event| event.starts_with("tick-")) {
        advice.push(ADVICE_ON_TICKS);
    }
    advice
}

/// How often, how long, how different, how far apart.
fn findings(event: &Event) -> String {
    let samples: Vec<Sample> = event.samples().collect();
    let count = samples.len() as u64;
    let mean = samples.iter().map(|sample| sample.ms).sum::<u64>() / count;
    let deviation = samples.iter().map(|sample| sample.ms.abs_diff(mean)).sum::<u64>() / count;
    let span_s = samples[samples.len() - 1].wall_s.abs_diff(samples[0].wall_s);
    let mut text = format!("{count} times, {mean} ms on average, {deviation} ms off it on average");
    if count > 1 {
        let _ = write!(text, ", once in {:.1} s", span_s as f64 / (count - 1) as f64);
    }
    let _ = write!(text, "; {} ms at the worst.", event.max_ms());
    text
}

/// LATENCY GRAPH event
pub fn latency_graph(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let name = request.at(2);
    let Some((name, event)) = ctx.stats.spikes.find(name) else {
        return Err(ErrorReply::quoting(&[b"ERR No samples available for event '", name, b"'"]));
    };
    let text = graph(name, event, ctx.now.wall_us.div_euclid(1_000_000));
    ctx.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

fn graph(name: &str, event: &Event, now_s: i64) -> String {
    let values = || event.samples().map(|sample| sample.ms);
    let (high, low) = (values().max().unwrap_or(0), values().min().unwrap_or(0));
    let mut text =
        format!("{name} - high {high} ms, low {low} ms (all time high {} ms)\n", event.max_ms());
    text.push_str(&"-".repeat(GRAPH_COLUMNS));
    text.push('\n');
    let columns: Vec<Column> = event
        .samples()
        .map(|sample| Column { value: sample.ms, label: age(now_s.saturating_sub(sample.wall_s)) })
        .collect();
    sparkline::draw(&columns, GRAPH_COLUMNS, &mut text);
    text
}

/// How long ago, in the largest unit of which there is one.
fn age(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// LATENCY HISTOGRAM \[command ...\]
pub fn latency_histogram(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    if request.len() == 2 {
        write_histograms(ctx, COMMANDS.iter());
    } else {
        let named = request.iter().skip(2).filter_map(find_by_full_name);
        // A container's are those of its sub-commands.
        write_histograms(ctx, named.flat_map(|row| std::iter::once(row).chain(row.subcommands())));
    }
    Ok(())
}

/// Those of `rows` that have been executed.
fn write_histograms(ctx: &mut Context<'_>, rows: impl Iterator<Item = &'static Command>) {
    let map = ctx.reply.deferred();
    let mut count = 0;
    for row in rows {
        if let Some(histogram) = &ctx.stats.commands[usize::from(row.index)].latency_ns {
            ctx.reply.bulk(row.name.as_bytes());
            write_histogram(&mut ctx.reply, histogram);
            count += 1;
        }
    }
    ctx.reply.finish_map(map, count);
}

/// How many executions took up to so many microseconds, for limits that double; those are left out
/// at which nothing is added.
fn write_histogram(reply: &mut Writer<'_>, histogram: &Histogram) {
    let count = histogram.count();
    reply.map(2);
    reply.named("calls", count as i64);
    reply.bulk(b"histogram_usec");
    let map = reply.deferred();
    let (mut seen, mut pairs) = (0, 0);
    for doubling in 0..LIMITS {
        let below = histogram.count_below(LIMIT_FIRST_NS << doubling);
        if below > seen {
            reply.integer(limit_us(doubling) as i64);
            reply.integer(below as i64);
            (seen, pairs) = (below, pairs + 1);
        }
        if seen == count {
            break;
        }
    }
    reply.finish_map(map, pairs);
}

/// The first limit: a microsecond, nearly.
const LIMIT_FIRST_NS: u64 = 1_024;
/// How many there are: the last is where the histogram ends.
const LIMITS: u32 = Histogram::VALUE_BITS - LIMIT_FIRST_NS.ilog2() + 1;

/// A limit as Redis writes it: its buckets are a 128th wide, and the one that begins at the limit
/// still belongs to it.
fn limit_us(doubling: u32) -> u64 {
    let limit_ns = LIMIT_FIRST_NS << doubling;
    (limit_ns + limit_ns / 128 - 1) / 1_000
}

/// LATENCY HISTORY event
pub fn latency_history(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let Some((_, event)) = ctx.stats.spikes.find(request.at(2)) else {
        ctx.reply.array(0);
        return Ok(());
    };
    let samples = event.samples();
    ctx.reply.array(samples.len());
    for sample in samples {
        ctx.reply.array(2);
        write_sample(&mut ctx.reply, sample);
    }
    Ok(())
}

fn write_sample(reply: &mut Writer<'_>, sample: Sample) {
    reply.integer(sample.wall_s);
    reply.integer(sample.ms as i64);
}

/// LATENCY LATEST
pub fn latency_latest(ctx: &mut Context<'_>, _: Request<'_>) -> CommandResult {
    let events = ctx.stats.spikes.iter();
    ctx.reply.array(events.len());
    for (name, event) in events {
        let latest = event.samples().last().expect("an event has a sample");
        ctx.reply.array(4);
        ctx.reply.bulk(name.as_bytes());
        write_sample(&mut ctx.reply, latest);
        ctx.reply.integer(event.max_ms() as i64);
    }
    Ok(())
}

/// LATENCY RESET \[event ...\]
pub fn latency_reset(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let is_named = |event: &str| request.iter().skip(2).any(|name| name == event.as_bytes());
    let forgotten = ctx.stats.spikes.forget(|event| request.len() == 2 || is_named(event));
    ctx.reply.integer(forgotten as i64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::spikes::Spikes;

    fn spikes(samples: &[(i64, u64)]) -> Spikes {
        let mut spikes = Spikes::default();
        for &(wall_s, ms) in samples {
            spikes.add("command", wall_s, ms);
        }
        spikes
    }

    /// What redis-server 7.0.15 printed of the same samples.
    #[test]
    fn a_graph_is_drawn_as_redis_does() {
        let spikes = spikes(&[(100, 50), (101, 30)]);
        let (name, event) = spikes.find(b"command").expect("an event");
        let line = "-".repeat(80);
        let expected = format!(
            "command - high 50 ms, low 30 ms (all time high 50 ms)\n{line}\n# \n| \n| \n|_\n  \n\
             21\nss\n"
        );
        assert_eq!(graph(name, event, 102), expected);
    }

    #[test]
    fn ages_have_one_unit() {
        let ages = [0, 59, 60, 3_599, 3_600, 86_399, 86_400, 1_000_000].map(age);
        assert_eq!(ages, ["0s", "59s", "1m", "59m", "1h", "23h", "1d", "11d"]);
    }

    #[test]
    fn limits_are_written_as_redis_writes_them() {
        let limits: Vec<u64> = (0..=16).map(limit_us).collect();
        assert_eq!(limits[..8], [1, 2, 4, 8, 16, 33, 66, 132]);
        assert_eq!((limits[10], limits[15], limits[16]), (1_056, 33_816, 67_633));
        assert_eq!(LIMIT_FIRST_NS << (LIMITS - 1), 1 << Histogram::VALUE_BITS);
    }

    #[test]
    fn a_doctor_tells_what_the_samples_say() {
        let spikes = spikes(&[(100, 50), (104, 30)]);
        let (_, event) = spikes.find(b"command").expect("an event");
        let expected = "2 times, 40 ms on average, 10 ms off it on average, once in 4.0 s; \
                        50 ms at the worst.";
        assert_eq!(findings(event), expected);
        assert_eq!(advice(["tick-read", "tick-write"].into_iter()), [ADVICE_ON_TICKS]);
        assert_eq!(advice(["command", "expire-cycle"].into_iter()), [ADVICE[0].1, ADVICE[2].1]);
    }
}
