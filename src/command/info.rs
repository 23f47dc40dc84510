//! INFO \[section ...\]: facts and figures, in the names that monitoring looks for.
//!
//! Fields that mean nothing here are left out rather than filled with inventions; a 0 that stands
//! here is true. Memory is what the system says is resident, for nobody else counts it.
//!
//! ```text
//!   # Server                section, in the order of SECTIONS
//!   redis_version:7.2.4     field:value
//!                           a blank line between sections
//!   # Clients
//! ```

use super::Request;
use super::client_list::memory_bytes;
use super::context::{CommandResult, Context};
use super::table::COMMANDS;
use crate::histogram::Histogram;
use crate::stats::tick_times::Phase;
use std::fmt::{Display, Write as _};

/// The text under way.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    /// A line `name:value`.
    fn field(&mut self, name: &str, value: impl Display) {
        write!(self.text, "{name}:{value}\r\n").expect("a string takes every text");
    }

    /// Such lines, one for each of these.
    fn fields(&mut self, fields: &[(&str, impl Display)]) {
        for (name, value) in fields {
            self.field(name, value);
        }
    }

    /// Bytes twice: as a number, and for people.
    fn memory(&mut self, name: &str, bytes: u64) {
        self.field(name, bytes);
        self.field(&format!("{name}_human"), human(bytes));
    }
}

/// Who writes a section.
type Write = fn(&mut Page, &mut Context<'_>);

/// A section: its name, whether INFO without words shows it, and who writes it.
struct Section {
    title: &'static str,
    is_default: bool,
    write: Write,
}

const fn section(title: &'static str, is_default: bool, write: Write) -> Section {
    Section { title, is_default, write }
}

const SECTIONS: [Section; 15] = [
    section("Server", true, server),
    section("Clients", true, clients),
    section("Memory", true, memory),
    section("Persistence", true, persistence),
    section("Stats", true, stats),
    section("Replication", true, replication),
    section("CPU", true, cpu),
    // There are no modules.
    section("Modules", true, |_, _| {}),
    section("Commandstats", false, command_stats),
    section("Errorstats", true, error_stats),
    section("Latencystats", false, latency_stats),
    section("Cluster", true, cluster),
    section("Keyspace", true, keyspace),
    // Ours: behind all that Redis has, and only where somebody asks.
    section("Ticks", false, ticks),
    section("Syscalls", false, syscalls),
];

/// INFO \[section ...\]
pub fn info(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let mut page = Page::default();
    for section in SECTIONS.iter().filter(|section| section.is_wanted(request)) {
        if !page.text.is_empty() {
            page.text.push_str("\r\n");
        }
        page.text.push_str(&format!("# {}\r\n", section.title));
        (section.write)(&mut page, ctx);
    }
    ctx.reply.verbatim("txt", page.text.as_bytes());
    Ok(())
}

impl Section {
    fn is_wanted(&self, request: Request<'_>) -> bool {
        if request.len() == 1 {
            return self.is_default;
        }
        request.iter().skip(1).any(|word| match word.to_ascii_lowercase().as_slice() {
            b"default" => self.is_default,
            // They differ in what modules would have to say.
            b"all" | b"everything" => true,
            word => word == self.title.to_ascii_lowercase().as_bytes(),
        })
    }
}

fn server(page: &mut Page, ctx: &mut Context<'_>) {
    let facts = ctx.facts;
    let now_us = ctx.now.wall_us;
    let uptime_s = now_us.saturating_sub(facts.started_us).max(0) / 1_000_000;
    page.field("redis_version", super::REDIS_VERSION);
    page.field("server_name", "squint");
    page.field("squint_version", env!("CARGO_PKG_VERSION"));
    page.field("redis_mode", "standalone");
    page.field("os", format_args!("{} {}", std::env::consts::OS, std::env::consts::ARCH));
    page.field("arch_bits", usize::BITS);
    page.field("multiplexing_api", facts.poller_name);
    page.field("process_id", facts.process_id);
    page.field("run_id", &facts.run_id);
    page.field("tcp_port", ctx.host.port());
    page.field("server_time_usec", now_us);
    page.field("uptime_in_seconds", uptime_s);
    page.field("uptime_in_days", uptime_s / 86_400);
    let hz = setting(ctx, "hz");
    page.field("hz", &hz);
    page.field("configured_hz", hz);
    page.field("executable", &facts.executable);
    page.field("config_file", &facts.config_file);
    page.field("io_threads_active", 0);
}

fn setting(ctx: &Context<'_>, name: &'static str) -> String {
    let pairs = ctx.config.get([name.as_bytes()]);
    pairs.first().map(|(_, value)| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
}

fn clients(page: &mut Page, ctx: &mut Context<'_>) {
    page.fields(&[
        ("connected_clients", ctx.clients.len()),
        ("cluster_connections", 0),
        ("maxclients", ctx.config.settings().clients_max as usize),
        ("blocked_clients", ctx.blocking.client_count() + ctx.pause.client_count(&ctx.clients)),
        ("tracking_clients", 0),
        ("pubsub_clients", ctx.pubsub.client_count()),
        ("watching_clients", ctx.watches.client_count()),
        ("clients_in_timeout_table", waiting_with_deadline(ctx)),
        ("total_watched_keys", ctx.watches.key_count()),
        ("total_blocking_keys", ctx.blocking.key_count()),
        ("total_blocking_keys_on_nokey", 0),
    ]);
}

fn waiting_with_deadline(ctx: &Context<'_>) -> usize {
    let waits = ctx.clients.iter().filter_map(|client| client.blocked.as_ref());
    waits.filter(|blocked| blocked.deadline_ms.is_some()).count()
}

fn memory(page: &mut Page, ctx: &mut Context<'_>) {
    let process = ctx.host.process();
    let clients_bytes: usize = ctx
        .clients
        .iter()
        .map(|client| memory_bytes(client, &ctx.host.figures(client.token)))
        .sum();
    page.memory("used_memory", process.resident_bytes);
    page.memory("used_memory_rss", process.resident_bytes);
    page.memory("total_system_memory", process.system_memory_bytes);
    page.fields(&[
        ("maxmemory", "0"),
        ("maxmemory_human", "0B"),
        ("maxmemory_policy", "noeviction"),
        ("mem_fragmentation_ratio", "1.00"),
        ("mem_fragmentation_bytes", "0"),
        ("mem_not_counted_for_evict", "0"),
        ("mem_replication_backlog", "0"),
        ("mem_total_replication_buffers", "0"),
        ("mem_clients_slaves", "0"),
    ]);
    page.field("mem_clients_normal", clients_bytes);
    page.fields(&[
        ("mem_cluster_links", "0"),
        ("mem_aof_buffer", "0"),
        ("mem_allocator", "libc"),
        ("active_defrag_running", "0"),
    ]);
}

/// Nothing is ever loaded or saved.
fn persistence(page: &mut Page, _: &mut Context<'_>) {
    page.fields(&[
        ("loading", "0"),
        ("async_loading", "0"),
        ("rdb_bgsave_in_progress", "0"),
        ("rdb_last_bgsave_status", "ok"),
        ("rdb_last_bgsave_time_sec", "-1"),
        ("rdb_current_bgsave_time_sec", "-1"),
        ("rdb_saves", "0"),
        ("aof_enabled", "0"),
        ("aof_rewrite_in_progress", "0"),
        ("aof_rewrite_scheduled", "0"),
        ("aof_last_rewrite_time_sec", "-1"),
        ("aof_current_rewrite_time_sec", "-1"),
        ("aof_last_bgrewrite_status", "ok"),
        ("aof_rewrites", "0"),
        ("aof_last_write_status", "ok"),
    ]);
}

fn stats(page: &mut Page, ctx: &mut Context<'_>) {
    traffic(page, ctx);
    let told = ctx.stats.tick_times.distributions();
    let duration_us = told.busy.sum() / 1_000;
    let commands_us = told.of(Phase::Execute).sum() / 1_000;
    let stats = &*ctx.stats;
    page.fields(&[
        ("rejected_connections", stats.connections_rejected),
        ("sync_full", 0),
        ("sync_partial_ok", 0),
        ("sync_partial_err", 0),
        ("expired_keys", stats.expired_keys),
        ("evicted_keys", 0),
        ("evicted_clients", stats.evicted_clients),
        ("keyspace_hits", ctx.store.all.look_ups.hits),
        ("keyspace_misses", ctx.store.all.look_ups.misses),
        ("pubsub_channels", ctx.pubsub.channels.name_count() as u64),
        ("pubsub_patterns", ctx.pubsub.patterns.name_count() as u64),
        ("pubsubshard_channels", ctx.pubsub.shard_channels.name_count() as u64),
        ("latest_fork_usec", 0),
        ("total_forks", 0),
        ("tracking_total_keys", 0),
        ("tracking_total_items", 0),
        ("tracking_total_prefixes", 0),
        ("unexpected_error_replies", 0),
        ("total_error_replies", stats.error_replies),
        ("total_reads_processed", stats.reads),
        ("total_writes_processed", stats.writes),
        ("io_threaded_reads_processed", 0),
        ("io_threaded_writes_processed", 0),
        ("client_query_buffer_limit_disconnections", stats.query_limit_disconnections),
        ("client_output_buffer_limit_disconnections", stats.output_limit_disconnections),
        ("eventloop_cycles", stats.ticks),
        ("eventloop_duration_sum", duration_us),
        ("eventloop_duration_cmd_sum", commands_us),
        ("acl_access_denied_auth", stats.login_failures),
        // From here on our own.
        ("clients_peak", stats.clients_peak as u64),
        ("stale_events", stats.stale_events),
        ("log_lines_dropped", stats.log_lines_dropped),
        ("accept_backoffs", stats.accept_backoffs),
        ("waiters_asked", stats.waiters_asked),
    ]);
}

/// What went through, and how fast lately.
fn traffic(page: &mut Page, ctx: &mut Context<'_>) {
    let rates = ctx.stats.rates(ctx.now.monotonic_ms);
    let stats = &*ctx.stats;
    page.field("total_connections_received", stats.connections_received);
    page.field("total_commands_processed", stats.commands_processed);
    page.field("instantaneous_ops_per_sec", rates.commands_per_second);
    page.field("total_net_input_bytes", stats.read_bytes.sum());
    page.field("total_net_output_bytes", stats.write_bytes.sum());
    page.field("total_net_repl_input_bytes", 0);
    page.field("total_net_repl_output_bytes", 0);
    page.field("instantaneous_input_kbps", kibibytes(rates.input_bytes_per_second));
    page.field("instantaneous_output_kbps", kibibytes(rates.output_bytes_per_second));
    page.field("instantaneous_input_repl_kbps", "0.00");
    page.field("instantaneous_output_repl_kbps", "0.00");
}

fn kibibytes(bytes: u64) -> String {
    format!("{:.2}", bytes as f64 / 1024.0)
}

/// A master without replicas, whose history began when it started.
fn replication(page: &mut Page, ctx: &mut Context<'_>) {
    page.fields(&[
        ("role", "master"),
        ("connected_slaves", "0"),
        ("master_failover_state", "no-failover"),
    ]);
    page.field("master_replid", &ctx.facts.run_id);
    page.field("master_replid2", "0".repeat(40));
    page.fields(&[
        ("master_repl_offset", "0"),
        ("second_repl_offset", "-1"),
        ("repl_backlog_active", "0"),
        ("repl_backlog_first_byte_offset", "0"),
        ("repl_backlog_histlen", "0"),
    ]);
}

fn cpu(page: &mut Page, ctx: &mut Context<'_>) {
    let process = ctx.host.process();
    let seconds = |us: u64| format!("{}.{:06}", us / 1_000_000, us % 1_000_000);
    page.field("used_cpu_sys", seconds(process.cpu_system_us));
    page.field("used_cpu_user", seconds(process.cpu_user_us));
    page.field("used_cpu_sys_children", seconds(0));
    page.field("used_cpu_user_children", seconds(0));
}

fn command_stats(page: &mut Page, ctx: &mut Context<'_>) {
    for command in &COMMANDS {
        let stats = &ctx.stats.commands[usize::from(command.index)];
        let calls = stats.calls();
        if calls + stats.rejected_calls + stats.failed_calls == 0 {
            continue;
        }
        let us = stats.nanoseconds as f64 / 1e3;
        let value = format!(
            "calls={},usec={:.0},usec_per_call={:.2},rejected_calls={},failed_calls={}",
            calls,
            us.floor(),
            us / calls.max(1) as f64,
            stats.rejected_calls,
            stats.failed_calls,
        );
        page.field(&format!("cmdstat_{}", command.name), value);
    }
}

fn latency_stats(page: &mut Page, ctx: &mut Context<'_>) {
    let settings = ctx.config.settings();
    if !settings.latency_tracking {
        return;
    }
    for command in &COMMANDS {
        let stats = &ctx.stats.commands[usize::from(command.index)];
        let Some(histogram) = &stats.latency_ns else { continue };
        let value = percentiles(histogram, &settings.latency_percentiles);
        page.field(&format!("latency_percentiles_usec_{}", command.name), value);
    }
}

/// `p50=1.023,p99.9=4.095`: each is where its range ends, but `p0`, which is where the first
/// begins.
fn percentiles(histogram: &Histogram, percents: &[String]) -> String {
    let values = percents.iter().map(|percent| {
        let number = percent.parse().expect("the settings hold numbers only");
        let range = histogram.percentile(number);
        let ns = if number == 0.0 { range.start() } else { range.end() };
        format!("p{percent}={}", microseconds(*ns))
    });
    values.collect::<Vec<_>>().join(",")
}

fn microseconds(ns: u64) -> String {
    format!("{}.{:03}", ns / 1_000, ns % 1_000)
}

/// How the turns of the loop were, part by part.
fn ticks(page: &mut Page, ctx: &mut Context<'_>) {
    let stats = &mut *ctx.stats;
    let told = stats.tick_times.distributions();
    let phases = told.phases().map(|(phase, histogram)| (phase.name(), histogram));
    page.field("ticks", stats.ticks);
    for (name, histogram) in phases.chain([("busy", told.busy)]) {
        page.field(&format!("tick_{name}_usec"), distribution(histogram, microseconds));
    }
    page.field("timer_lateness_usec", distribution(&stats.timer_lateness_ns, microseconds));
    let counts = [
        ("events_per_wait", told.events),
        ("bytes_per_read", &stats.read_bytes),
        ("bytes_per_write", &stats.write_bytes),
    ];
    for (name, histogram) in counts {
        page.field(name, distribution(histogram, |value| value.to_string()));
    }
}

/// `count=9,sum=120,p50=12,p99=30,p99.9=30,max=30`, in what `show` makes of a value.
fn distribution(histogram: &Histogram, show: impl Fn(u64) -> String) -> String {
    let at = |percent| show(*histogram.percentile(percent).end());
    format!(
        "count={},sum={},p50={},p99={},p99.9={},max={}",
        histogram.count(),
        show(histogram.sum()),
        at(50.0),
        at(99.0),
        at(99.9),
        show(histogram.max()),
    )
}

/// System calls by name; and those that traffic takes (wait, read, write) by command.
fn syscalls(page: &mut Page, ctx: &mut Context<'_>) {
    let stats = &*ctx.stats;
    let made = ctx.host.syscalls().since(&stats.syscalls_before);
    let commands = stats.commands_processed.max(1);
    let per_command = stats.traffic_calls() as f64 / commands as f64;
    page.field("syscalls_total", made.total());
    for (call, count) in made.iter() {
        page.field(&format!("syscall_{}", call.name()), count);
    }
    page.field("syscalls_per_command", format_args!("{per_command:.3}"));
    for command in &COMMANDS {
        let stats = &ctx.stats.commands[usize::from(command.index)];
        let (calls, per_call) = (stats.calls(), stats.syscalls_per_call());
        if calls > 0 {
            let value = format_args!("calls={calls},syscalls_per_call={per_call:.3}");
            page.field(&format!("cmdsyscalls_{}", command.name), value);
        }
    }
}

fn error_stats(page: &mut Page, ctx: &mut Context<'_>) {
    for (word, count) in &ctx.stats.errors {
        let name = format!("errorstat_{}", String::from_utf8_lossy(word));
        page.field(&name, format_args!("count={count}"));
    }
}

fn cluster(page: &mut Page, _: &mut Context<'_>) {
    page.field("cluster_enabled", 0);
}

/// A line for every database that has keys. How long they have left on average is not known
/// without looking at each: 0, as in Redis before it has looked.
fn keyspace(page: &mut Page, ctx: &mut Context<'_>) {
    for (index, keyspace) in ctx.store.all.iter().enumerate() {
        let (keys, expiring) = (keyspace.len(), keyspace.expiring_len());
        if keys > 0 {
            let value = format_args!("keys={keys},expires={expiring},avg_ttl=0");
            page.field(&format!("db{index}"), value);
        }
    }
}

/// Bytes for people: `512B`, `1.00K`, `23.54G`.
fn human(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["K", "M", "G", "T", "P", "E"];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let mut scaled = bytes as f64 / 1024.0;
    let mut unit = 0;
    while scaled >= 1024.0 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    format!("{scaled:.2}{}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::args::tests::request;

    fn wanted(words: &[&str]) -> String {
        let all: Vec<&str> = ["INFO"].iter().chain(words).copied().collect();
        let request = request(&all);
        let wanted = SECTIONS.iter().filter(|section| section.is_wanted(request.as_request()));
        wanted.map(|section| section.title).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn sections_are_chosen_by_words() {
        let usual = "Server Clients Memory Persistence Stats Replication CPU Modules Errorstats \
                     Cluster Keyspace";
        assert_eq!(wanted(&[]), usual);
        assert_eq!(wanted(&["Default"]), usual);
        assert_eq!(wanted(&["nosuch"]), "");
        assert_eq!(wanted(&["keyspace", "CLUSTER", "nosuch"]), "Cluster Keyspace");
        assert!(wanted(&["all"]).contains("Commandstats Errorstats Latencystats"));
        assert_eq!(wanted(&["everything"]).split(' ').count(), SECTIONS.len());
        assert_eq!(wanted(&["everything"]), wanted(&["ALL"]));
        assert_eq!(wanted(&["default", "commandstats"]).split(' ').count(), 12);
    }

    #[test]
    fn bytes_for_people() {
        let cases = [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1.00K"),
            (926_192, "904.48K"),
            (12_242_944, "11.68M"),
            (25_276_502_016, "23.54G"),
            (u64::MAX, "16.00E"),
        ];
        for (bytes, text) in cases {
            assert_eq!(human(bytes), text);
        }
    }
}
