//! Every directive of redis-server 7.2 (and the few of 2024 that files already name), one row
//! each: name, kind, default, who may change it, what it does here. Data only.
//!
//! `Ignored` rows exist so that a file written for Redis starts this server too. A row whose
//! value would promise what is not kept here (a file on disk, a replica, encryption) refuses to
//! start, and says what to write instead: silence would lose somebody's data.
use super::directive::Access::{Fixed, Hidden, Live, Protected};
use super::directive::Effect::{DefaultOnly, Ignored, Used, WithoutWord};
use super::directive::{Directive, row};
use super::value::Kind::{self, *};

const I31: Kind = Integer(0, i32::MAX as i64);
const POSITIVE: Kind = Integer(1, i32::MAX as i64);
const I32: Kind = Integer(i32::MIN as i64, i32::MAX as i64);
const I63: Kind = Integer(0, i64::MAX);
const PORT: Kind = Integer(0, 65535);
const MEMORY: Kind = Memory(0, i64::MAX as u64);
const MEMORY_FROM_1: Kind = Memory(1, i64::MAX as u64);
const MEMORY_FROM_1MB: Kind = Memory(1 << 20, i64::MAX as u64);
const MEMORY_U64: Kind = Memory(0, u64::MAX);
const PERMISSION: Kind = Choice(&["no", "yes", "local"]);

const LOG_LEVELS: Kind = Choice(&["debug", "verbose", "notice", "warning", "nothing"]);
const SUPERVISORS: Kind = Choice(&["upstart", "systemd", "auto", "no"]);
const SYSLOG: Kind = Choice(&[
    "user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
]);
const EVICTION: Kind = Choice(&[
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "noeviction",
]);
const ENDPOINT: Kind = Choice(&["ip", "hostname", "unknown-endpoint"]);
const ON_PROPAGATION: Kind = Choice(&["ignore", "panic", "panic-on-replicas"]);

const ACL_CHANNELS: Kind = Choice(&["allchannels", "resetchannels"]);
const DISKLESS_LOAD: Kind = Choice(&["disabled", "on-empty-db", "swapdb"]);
const LOAD_INTERVAL: Kind = Integer(1024, i32::MAX as i64);

const DB_NAME: Kind = FileName("dbfilename can't be a path, just a filename");
const AOF_NAME: Kind = FileName("appendfilename can't be a path, just a filename");
const AOF_DIRECTORY: Kind = FileName("appenddirname can't be a path, just a dirname");

const NO_AOF: &str = "this server keeps data in memory only: write 'appendonly no'";
const NO_RDB: &str = "this server keeps data in memory only: write 'save \"\"'";
const NO_SAVE: &str = "this server keeps data in memory only: leave out 'save'";
const NO_REPLICA: &str = "this server does not replicate: remove this line (or write 'no one')";
const NO_QUORUM: &str = "this server has no replicas to wait for: write 0";
const NO_CLUSTER: &str = "this server is not a cluster node: write 'cluster-enabled no'";
const NO_TLS: &str = "this server does not speak TLS: write 'tls-port 0' and put a proxy before it";
const NO_ACL: &str = "this server has no ACL: write 'aclfile \"\"' and use requirepass";

/// The table, by theme. CONFIG GET answers in this order.
#[rustfmt::skip]
pub static DIRECTIVES: &[Directive] = &[
    // Network
    row("port", PORT, "6379", Live, Used),
    row("bind", Addresses, "127.0.0.1 -::1", Live, Used),
    row("unixsocket", Text, "", Fixed, Used),
    row("unixsocketperm", Octal(0o777), "0", Fixed, Used),
    row("tcp-backlog", I31, "511", Fixed, Used),
    row("timeout", I31, "0", Live, Used),
    row("tcp-keepalive", I31, "300", Live, Used),
    row("protected-mode", Bool, "yes", Live, Used),
    row("bind-source-addr", Text, "", Live, Ignored),
    row("socket-mark-id", Integer(0, u32::MAX as i64), "0", Fixed, Ignored),
    row("max-new-connections-per-cycle", Integer(1, 1000), "10", Live, Ignored),
    row("max-new-tls-connections-per-cycle", Integer(1, 1000), "1", Live, Ignored),

    // Clients and their limits
    row("maxclients", Integer(1, u32::MAX as i64), "10000", Live, Used),
    row("proto-max-bulk-len", MEMORY_FROM_1MB, "512mb", Live, Used),
    row("client-query-buffer-limit", MEMORY_FROM_1MB, "1gb", Live, Used),
    row("client-output-buffer-limit", OutputLimits, OUTPUT_LIMITS, Live, Used),
    row("maxmemory-clients", MemoryOrPercent, "0", Live, Used),
    row("tracking-table-max-keys", I63, "1000000", Live, Ignored),
    row("client-default-resp", Integer(2, 3), "2", Hidden, Ignored),

    // Process
    row("daemonize", Bool, "no", Fixed, Used),
    row("seccomp", Bool, "no", Fixed, Used),
    row("supervised", SUPERVISORS, "no", Fixed, Used),
    row("pidfile", Text, "", Fixed, Used),
    row("dir", Text, ".", Protected, Used),
    row("databases", POSITIVE, "16", Fixed, Used),
    row("loglevel", LOG_LEVELS, "notice", Live, Used),
    row("logfile", Text, "", Fixed, Used),
    row("syslog-enabled", Bool, "no", Fixed, Ignored),
    row("syslog-ident", Text, "redis", Fixed, Ignored),
    row("syslog-facility", SYSLOG, "local0", Fixed, Ignored),
    row("always-show-logo", Bool, "no", Fixed, Ignored),
    row("set-proc-title", Bool, "yes", Fixed, Ignored),
    row("proc-title-template", Text, "{title} {listen-addr} {server-mode}", Live, Ignored),
    row("locale-collate", Text, "", Live, Ignored),
    row("hide-user-data-from-log", Bool, "no", Live, Ignored),
    row("ignore-warnings", Text, "", Live, Ignored),
    row("disable-thp", Bool, "yes", Fixed, Ignored),
    row("oom-score-adj", Choice(&["no", "yes", "relative", "absolute"]), "no", Live, Ignored),
    row("oom-score-adj-values", OomScores, "0 200 800", Live, Ignored),
    row("server-cpulist", Text, "", Fixed, Ignored).alias("server_cpulist"),
    row("bio-cpulist", Text, "", Fixed, Ignored).alias("bio_cpulist"),
    row("aof-rewrite-cpulist", Text, "", Fixed, Ignored).alias("aof_rewrite_cpulist"),
    row("bgsave-cpulist", Text, "", Fixed, Ignored).alias("bgsave_cpulist"),
    row("crash-log-enabled", Bool, "yes", Live, Ignored),
    row("crash-memcheck-enabled", Bool, "yes", Live, Ignored),
    row("use-exit-on-panic", Bool, "no", Hidden, Ignored),
    row("watchdog-period", I31, "0", Hidden, Ignored),
    row("shutdown-timeout", I31, "10", Live, Ignored),
    row("shutdown-on-sigint", ShutdownFlags, "default", Live, WithoutWord("save", NO_SAVE)),
    row("shutdown-on-sigterm", ShutdownFlags, "default", Live, WithoutWord("save", NO_SAVE)),
    row("req-res-logfile", Text, "", Fixed, Ignored),

    // Security
    row("requirepass", Text, "", Live, Used),
    row("enable-protected-configs", PERMISSION, "no", Fixed, Used),
    row("enable-debug-command", PERMISSION, "no", Fixed, Used),
    row("enable-module-command", PERMISSION, "no", Fixed, Ignored),
    row("aclfile", Text, "", Fixed, DefaultOnly(NO_ACL)),
    row("acllog-max-len", I63, "128", Live, Ignored),
    row("acl-pubsub-default", ACL_CHANNELS, "resetchannels", Live, Ignored),

    // Timers and threads
    row("hz", I31, "10", Live, Ignored),
    row("dynamic-hz", Bool, "yes", Live, Ignored),
    row("io-threads", Integer(1, 128), "1", Fixed, Ignored),
    row("io-threads-do-reads", Bool, "no", Fixed, Ignored),
    row("active-expire-effort", Integer(1, 10), "1", Live, Ignored),
    row("activerehashing", Bool, "yes", Live, Ignored),
    row("busy-reply-threshold", I63, "5000", Live, Ignored).alias("lua-time-limit"),

    // Observing
    row("slowlog-log-slower-than", Integer(-1, i64::MAX), "10000", Live, Ignored),
    row("slowlog-max-len", I63, "128", Live, Ignored),
    row("latency-monitor-threshold", I63, "0", Live, Used),
    row("latency-tracking", Bool, "yes", Live, Used),
    row("latency-tracking-info-percentiles", Percentiles, "50 99 99.9", Live, Used),
    row("notify-keyspace-events", KeyspaceEvents, "", Live, Used),

    // Memory
    row("maxmemory", MEMORY_U64, "0", Live, Ignored),
    row("maxmemory-policy", EVICTION, "noeviction", Live, Ignored),
    row("maxmemory-samples", POSITIVE, "5", Live, Ignored),
    row("maxmemory-eviction-tenacity", Integer(0, 100), "10", Live, Ignored),
    row("lfu-log-factor", I31, "10", Live, Ignored),
    row("lfu-decay-time", I31, "1", Live, Ignored),
    row("lazyfree-lazy-eviction", Bool, "no", Live, Ignored),
    row("lazyfree-lazy-expire", Bool, "no", Live, Ignored),
    row("lazyfree-lazy-server-del", Bool, "no", Live, Ignored),
    row("lazyfree-lazy-user-del", Bool, "no", Live, Ignored),
    row("lazyfree-lazy-user-flush", Bool, "no", Live, Ignored),
    row("jemalloc-bg-thread", Bool, "yes", Live, Ignored),
    row("activedefrag", Bool, "no", Live, Ignored),
    row("active-defrag-cycle-min", Integer(1, 99), "1", Live, Ignored),
    row("active-defrag-cycle-max", Integer(1, 99), "25", Live, Ignored),
    row("active-defrag-threshold-lower", Integer(0, 1000), "10", Live, Ignored),
    row("active-defrag-threshold-upper", Integer(0, 1000), "100", Live, Ignored),
    row("active-defrag-ignore-bytes", MEMORY_FROM_1, "100mb", Live, Ignored),
    row("active-defrag-max-scan-fields", Integer(1, i64::MAX), "1000", Live, Ignored),

    // Encodings
    row("stream-node-max-bytes", MEMORY, "4096", Live, Used),
    row("stream-node-max-entries", I63, "100", Live, Used),
    row("stream-idmp-duration", Integer(1, 86_400), "100", Live, Used),
    row("stream-idmp-maxsize", Integer(1, 10_000), "100", Live, Used),
    row("hash-max-listpack-entries", I63, "512", Live, Ignored).alias("hash-max-ziplist-entries"),
    row("hash-max-listpack-value", MEMORY, "64", Live, Ignored).alias("hash-max-ziplist-value"),
    row("list-max-listpack-size", I32, "-2", Live, Ignored).alias("list-max-ziplist-size"),
    row("list-compress-depth", I31, "0", Live, Ignored),
    row("set-max-intset-entries", I63, "512", Live, Ignored),
    row("set-max-listpack-entries", I63, "128", Live, Ignored),
    row("set-max-listpack-value", MEMORY, "64", Live, Ignored),
    row("zset-max-listpack-entries", I63, "128", Live, Ignored).alias("zset-max-ziplist-entries"),
    row("zset-max-listpack-value", MEMORY, "64", Live, Ignored).alias("zset-max-ziplist-value"),
    row("hll-sparse-max-bytes", MEMORY, "3000", Live, Ignored),
    row("sanitize-dump-payload", Choice(&["no", "yes", "clients"]), "no", Live, Ignored),

    // Persistence
    row("save", SavePoints, "", Live, DefaultOnly(NO_RDB)),
    row("appendonly", Bool, "no", Live, DefaultOnly(NO_AOF)),
    row("dbfilename", DB_NAME, "dump.rdb", Protected, Ignored),
    row("rdbcompression", Bool, "yes", Live, Ignored),
    row("rdbchecksum", Bool, "yes", Fixed, Ignored),
    row("rdb-del-sync-files", Bool, "no", Live, Ignored),
    row("rdb-save-incremental-fsync", Bool, "yes", Live, Ignored),
    row("rdb-key-save-delay", I32, "0", Hidden, Ignored),
    row("key-load-delay", I32, "0", Hidden, Ignored),
    row("loading-process-events-interval-bytes", LOAD_INTERVAL, "2097152", Hidden, Ignored),
    row("stop-writes-on-bgsave-error", Bool, "yes", Live, Ignored),
    row("appendfilename", AOF_NAME, "appendonly.aof", Fixed, Ignored),
    row("appenddirname", AOF_DIRECTORY, "appendonlydir", Fixed, Ignored),
    row("appendfsync", Choice(&["everysec", "always", "no"]), "everysec", Live, Ignored),
    row("no-appendfsync-on-rewrite", Bool, "no", Live, Ignored),
    row("auto-aof-rewrite-percentage", I31, "100", Live, Ignored),
    row("auto-aof-rewrite-min-size", MEMORY, "64mb", Live, Ignored),
    row("aof-load-truncated", Bool, "yes", Live, Ignored),
    row("aof-use-rdb-preamble", Bool, "yes", Live, Ignored),
    row("aof-timestamp-enabled", Bool, "no", Live, Ignored),
    row("aof-rewrite-incremental-fsync", Bool, "yes", Live, Ignored),
    row("aof-disable-auto-gc", Bool, "no", Live, Ignored),

    // Replication
    row("replicaof", ReplicaOf, "", Fixed, DefaultOnly(NO_REPLICA)).alias("slaveof"),
    row("masterauth", Text, "", Live, Ignored),
    row("masteruser", Text, "", Live, Ignored),
    row("replica-serve-stale-data", Bool, "yes", Live, Ignored).alias("slave-serve-stale-data"),
    row("replica-read-only", Bool, "yes", Live, Ignored).alias("slave-read-only"),
    row("replica-ignore-maxmemory", Bool, "yes", Live, Ignored).alias("slave-ignore-maxmemory"),
    row("replica-ignore-disk-write-errors", Bool, "no", Live, Ignored),
    row("replica-lazy-flush", Bool, "no", Live, Ignored).alias("slave-lazy-flush"),
    row("replica-priority", I31, "100", Live, Ignored).alias("slave-priority"),
    row("replica-announced", Bool, "yes", Live, Ignored),
    row("replica-announce-ip", Text, "", Live, Ignored).alias("slave-announce-ip"),
    row("replica-announce-port", PORT, "0", Live, Ignored).alias("slave-announce-port"),
    row("min-replicas-to-write", I31, "0", Live, DefaultOnly(NO_QUORUM))
        .alias("min-slaves-to-write"),
    row("min-replicas-max-lag", I31, "10", Live, Ignored).alias("min-slaves-max-lag"),
    row("repl-ping-replica-period", POSITIVE, "10", Live, Ignored).alias("repl-ping-slave-period"),
    row("repl-timeout", POSITIVE, "60", Live, Ignored),
    row("repl-backlog-size", MEMORY_FROM_1, "1mb", Live, Ignored),
    row("repl-backlog-ttl", I63, "3600", Live, Ignored),
    row("repl-disable-tcp-nodelay", Bool, "no", Live, Ignored),
    row("repl-diskless-sync", Bool, "yes", Live, Ignored),
    row("repl-diskless-sync-delay", I31, "5", Live, Ignored),
    row("repl-diskless-sync-max-replicas", I31, "0", Live, Ignored),
    row("repl-diskless-load", DISKLESS_LOAD, "disabled", Live, Ignored),
    row("propagation-error-behavior", ON_PROPAGATION, "ignore", Live, Ignored),

    // Cluster
    row("cluster-enabled", Bool, "no", Fixed, DefaultOnly(NO_CLUSTER)),
    row("cluster-config-file", Text, "nodes.conf", Fixed, Ignored),
    row("cluster-port", PORT, "0", Fixed, Ignored),
    row("cluster-node-timeout", I63, "15000", Live, Ignored),
    row("cluster-ping-interval", I31, "1000", Hidden, Ignored),
    row("cluster-migration-barrier", I31, "1", Live, Ignored),
    row("cluster-replica-validity-factor", I31, "10", Live, Ignored)
        .alias("cluster-slave-validity-factor"),
    row("cluster-replica-no-failover", Bool, "no", Live, Ignored)
        .alias("cluster-slave-no-failover"),
    row("cluster-allow-replica-migration", Bool, "yes", Live, Ignored),
    row("cluster-require-full-coverage", Bool, "yes", Live, Ignored),
    row("cluster-allow-reads-when-down", Bool, "no", Live, Ignored),
    row("cluster-allow-pubsubshard-when-down", Bool, "yes", Live, Ignored),
    row("cluster-link-sendbuf-limit", MEMORY_U64, "0", Live, Ignored),
    row("cluster-announce-ip", Text, "", Live, Ignored),
    row("cluster-announce-hostname", Hostname, "", Live, Ignored),
    row("cluster-announce-human-nodename", Hostname, "", Live, Ignored),
    row("cluster-announce-port", PORT, "0", Live, Ignored),
    row("cluster-announce-tls-port", PORT, "0", Live, Ignored),
    row("cluster-announce-bus-port", PORT, "0", Live, Ignored),
    row("cluster-preferred-endpoint-type", ENDPOINT, "ip", Live, Ignored),

    // TLS
    row("tls-port", PORT, "0", Live, DefaultOnly(NO_TLS)),
    row("tls-cluster", Bool, "no", Live, Ignored),
    row("tls-replication", Bool, "no", Live, Ignored),
    row("tls-auth-clients", Choice(&["no", "yes", "optional"]), "yes", Live, Ignored),
    row("tls-prefer-server-ciphers", Bool, "no", Live, Ignored),
    row("tls-session-caching", Bool, "yes", Live, Ignored),
    row("tls-session-cache-size", I31, "20480", Live, Ignored),
    row("tls-session-cache-timeout", I31, "300", Live, Ignored),
    row("tls-cert-file", Text, "", Live, Ignored),
    row("tls-key-file", Text, "", Live, Ignored),
    row("tls-key-file-pass", Text, "", Live, Ignored),
    row("tls-client-cert-file", Text, "", Live, Ignored),
    row("tls-client-key-file", Text, "", Live, Ignored),
    row("tls-client-key-file-pass", Text, "", Live, Ignored),
    row("tls-dh-params-file", Text, "", Live, Ignored),
    row("tls-ca-cert-file", Text, "", Live, Ignored),
    row("tls-ca-cert-dir", Text, "", Live, Ignored),
    row("tls-protocols", Text, "", Live, Ignored),
    row("tls-ciphers", Text, "", Live, Ignored),
    row("tls-ciphersuites", Text, "", Live, Ignored),
];

const OUTPUT_LIMITS: &str = "normal 0 0 0 replica 256mb 64mb 60 pubsub 32mb 8mb 60";

/// Directives that are no settings and ask for what this server does not do, with what to
/// write instead.
pub(super) const REFUSED: &[(&str, &str)] = &[
    ("rename-command", "commands keep their names here: remove this line and use requirepass"),
    ("user", "this server has no ACL: remove this line and use requirepass"),
    ("loadmodule", "this server loads no modules: remove this line"),
    ("sentinel", "this server is not a sentinel: start redis-sentinel with this file"),
];

/// Directives that Redis once had, and now skips without a word when one value follows.
pub(super) const FORGOTTEN: &[&str] =
    &["list-max-ziplist-entries", "list-max-ziplist-value", "lua-replicate-commands"];

/// Settings whose values are never shown in errors or logs.
pub(super) const SECRET: &[&str] =
    &["requirepass", "masterauth", "tls-key-file-pass", "tls-client-key-file-pass", "user"];
