//! The settings the server reads, typed and with their units. Made from the table's values
//! after every change, so the two never disagree.
use super::directive::find;
use super::keyspace_events::KeyspaceEvents;
use super::value::{OutputLimits, Value};
use crate::logging::Level;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Everything the server itself looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `port`; 0 = no TCP.
    pub port: u16,
    /// `bind`: where to listen. Empty = nowhere.
    pub bind: Vec<BindAddress>,
    /// `unixsocket`: a path to listen on as well.
    pub unixsocket: Option<PathBuf>,
    /// `unixsocketperm`: the socket's mode; 0 = as the umask has it.
    pub unixsocketperm: u32,
    /// `tcp-backlog`: connections the kernel may hold before they are accepted.
    pub tcp_backlog: u32,
    /// `timeout`: seconds after which an idle client is disconnected; 0 = never.
    pub timeout_s: u32,
    /// `tcp-keepalive`: seconds between keep-alive probes; 0 = none.
    pub tcp_keepalive_s: u32,
    /// `protected-mode`: without a password, refuse clients from elsewhere.
    pub protected_mode: bool,
    /// `maxclients`.
    pub clients_max: u32,
    /// `proto-max-bulk-len`: the longest argument of a request.
    pub bulk_bytes_max: u64,
    /// `client-query-buffer-limit`: the most a client may have sent that has not run yet.
    pub query_buffer_bytes_max: u64,
    /// `client-output-buffer-limit`.
    pub output_limits: OutputLimits,
    /// `maxmemory-clients`: the most that all clients may use together; 0 = no limit.
    pub clients_bytes_max: u64,
    /// `databases`.
    pub databases: u32,
    /// `daemonize`: leave the terminal.
    pub daemonize: bool,
    /// `seccomp`: no system call but those that serving needs. Not a directive of Redis.
    pub seccomp: bool,
    /// `supervised`: whom to tell that the server is ready.
    pub supervised: Supervised,
    /// `pidfile`.
    pub pidfile: Option<PathBuf>,
    /// `dir`: the working directory.
    pub dir: PathBuf,
    /// `loglevel`: the least important message that is still written.
    pub loglevel: Level,
    /// `logfile`; nothing = standard output.
    pub logfile: Option<PathBuf>,
    /// `requirepass`; nothing = no password.
    pub requirepass: Option<Vec<u8>>,
    /// `enable-debug-command`.
    pub debug_command: Permission,
    /// `enable-protected-configs`.
    pub protected_configs: Permission,
    /// `stream-node-max-bytes`; 0 = no limit.
    pub stream_node_bytes_max: u64,
    /// `stream-node-max-entries`; 0 = no limit.
    pub stream_node_entries_max: u64,
    /// `stream-idmp-duration`: how long messages of producers are known, seconds, if a stream says
    /// nothing else.
    pub stream_idmp_duration_s: u32,
    /// `stream-idmp-maxsize`: how many of each producer.
    pub stream_idmp_names_max: u64,
    /// `latency-monitor-threshold`: what takes so long is noted for LATENCY; 0 = nothing is.
    pub latency_threshold_ms: u64,
    /// `latency-tracking`: how the time of each command is distributed is kept.
    pub latency_tracking: bool,
    /// `latency-tracking-info-percentiles`: numbers from 0 to 100, written as INFO shows them.
    pub latency_percentiles: Vec<String>,
    /// `notify-keyspace-events`: what is published when keys change.
    pub keyspace_events: KeyspaceEvents,
}

/// One word of `bind`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindAddress {
    /// An address, a name, `*` (every IPv4 address) or `::*` (every IPv6 address).
    pub host: String,
    /// Written with a leading `-`: no error when this address is not available here.
    pub optional: bool,
}

/// `supervised`: how the service manager is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supervised {
    /// Nobody is told.
    No,
    /// Stop with SIGSTOP when ready.
    Upstart,
    /// Write READY=1 to NOTIFY_SOCKET.
    Systemd,
    /// Whichever of the two the environment names.
    Auto,
}

/// Who may do something dangerous.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Nobody.
    No,
    /// Everybody.
    Yes,
    /// Clients on this machine.
    Local,
}

/// Where a client sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientPlace {
    /// On this machine: loopback or a Unix socket.
    Local,
    /// Elsewhere.
    Remote,
}

impl Permission {
    /// Whether a client there is allowed.
    pub fn allows(self, place: ClientPlace) -> bool {
        match self {
            Permission::No => false,
            Permission::Yes => true,
            Permission::Local => place == ClientPlace::Local,
        }
    }
}

impl Settings {
    /// Reads the table's values. Ranges were checked when the values were parsed.
    pub(super) fn of(values: &[Value]) -> Settings {
        let from = Reader(values);
        Settings {
            port: u16::try_from(from.integer("port")).expect("the table ends ports at 65535"),
            bind: from.addresses("bind"),
            unixsocket: from.path("unixsocket"),
            unixsocketperm: from.octal("unixsocketperm"),
            tcp_backlog: from.integer("tcp-backlog"),
            timeout_s: from.integer("timeout"),
            tcp_keepalive_s: from.integer("tcp-keepalive"),
            protected_mode: from.bool("protected-mode"),
            clients_max: from.integer("maxclients"),
            bulk_bytes_max: from.memory("proto-max-bulk-len"),
            query_buffer_bytes_max: from.memory("client-query-buffer-limit"),
            output_limits: from.output_limits("client-output-buffer-limit"),
            clients_bytes_max: from.share("maxmemory-clients", "maxmemory"),
            databases: from.integer("databases"),
            daemonize: from.bool("daemonize"),
            seccomp: from.bool("seccomp"),
            supervised: supervised_of(from.choice("supervised")),
            pidfile: from.path("pidfile"),
            dir: from.path("dir").unwrap_or_else(|| PathBuf::from(".")),
            loglevel: Level::from_name(from.choice("loglevel")).expect("both name the same levels"),
            logfile: from.path("logfile"),
            requirepass: Some(from.bytes("requirepass").to_vec()).filter(|pass| !pass.is_empty()),
            debug_command: permission_of(from.choice("enable-debug-command")),
            protected_configs: permission_of(from.choice("enable-protected-configs")),
            stream_node_bytes_max: from.memory("stream-node-max-bytes"),
            stream_node_entries_max: from.count("stream-node-max-entries"),
            stream_idmp_duration_s: from.integer("stream-idmp-duration"),
            stream_idmp_names_max: from.count("stream-idmp-maxsize"),
            latency_threshold_ms: from.count("latency-monitor-threshold"),
            latency_tracking: from.bool("latency-tracking"),
            latency_percentiles: from.words("latency-tracking-info-percentiles"),
            keyspace_events: from.keyspace_events("notify-keyspace-events"),
        }
    }
}

fn supervised_of(word: &str) -> Supervised {
    match word {
        "upstart" => Supervised::Upstart,
        "systemd" => Supervised::Systemd,
        "auto" => Supervised::Auto,
        _ => Supervised::No,
    }
}

fn permission_of(word: &str) -> Permission {
    match word {
        "yes" => Permission::Yes,
        "local" => Permission::Local,
        _ => Permission::No,
    }
}

/// Values by name. A name or a kind that the table does not have is our own mistake.
struct Reader<'a>(&'a [Value]);

impl Reader<'_> {
    fn value(&self, name: &str) -> &Value {
        let found = find(name.as_bytes()).expect("the settings are named as in the table");
        &self.0[found.index]
    }

    fn bool(&self, name: &str) -> bool {
        matches!(self.value(name), Value::Bool(true))
    }

    fn integer(&self, name: &str) -> u32 {
        u32::try_from(self.count(name)).expect("the table ends this range below 2^32")
    }

    fn count(&self, name: &str) -> u64 {
        match self.value(name) {
            Value::Integer(number) => number.unsigned_abs(),
            other => unreachable!("{name} is an integer, not {other:?}"),
        }
    }

    fn memory(&self, name: &str) -> u64 {
        match self.value(name) {
            Value::Memory(bytes) => *bytes,
            other => unreachable!("{name} is in bytes, not {other:?}"),
        }
    }

    /// Bytes, or a percentage of another setting. Of more than there can be it is one all the same.
    fn share(&self, name: &str, whole: &str) -> u64 {
        match self.value(name) {
            Value::Percent(percent) => {
                let bytes = u128::from(self.memory(whole)) * u128::from(*percent) / 100;
                u64::try_from(bytes).unwrap_or(u64::MAX)
            }
            _ => self.memory(name),
        }
    }

    fn octal(&self, name: &str) -> u32 {
        match self.value(name) {
            Value::Octal(mode) => *mode,
            other => unreachable!("{name} is a file mode, not {other:?}"),
        }
    }

    fn choice(&self, name: &str) -> &'static str {
        match self.value(name) {
            Value::Choice(word) => word,
            other => unreachable!("{name} is a choice, not {other:?}"),
        }
    }

    fn bytes(&self, name: &str) -> &[u8] {
        match self.value(name) {
            Value::Text(bytes) => bytes,
            other => unreachable!("{name} is a text, not {other:?}"),
        }
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        let bytes = Some(self.bytes(name)).filter(|bytes| !bytes.is_empty());
        bytes.map(|bytes| PathBuf::from(OsStr::from_bytes(bytes)))
    }

    fn output_limits(&self, name: &str) -> OutputLimits {
        match self.value(name) {
            Value::OutputLimits(limits) => *limits,
            other => unreachable!("{name} is a limit per class, not {other:?}"),
        }
    }

    fn keyspace_events(&self, name: &str) -> KeyspaceEvents {
        match self.value(name) {
            Value::KeyspaceEvents(events) => *events,
            other => unreachable!("{name} is a set of events, not {other:?}"),
        }
    }

    fn words(&self, name: &str) -> Vec<String> {
        match self.value(name) {
            Value::Words(words) => {
                words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect()
            }
            other => unreachable!("{name} is a list, not {other:?}"),
        }
    }

    fn addresses(&self, name: &str) -> Vec<BindAddress> {
        match self.value(name) {
            Value::Words(words) => words.iter().map(|word| address_of(word)).collect(),
            other => unreachable!("{name} is a list, not {other:?}"),
        }
    }
}

fn address_of(word: &[u8]) -> BindAddress {
    let host = word.strip_prefix(b"-").unwrap_or(word);
    let optional = host.len() < word.len();
    BindAddress { host: String::from_utf8_lossy(host).into_owned(), optional }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leading_minus_makes_an_address_optional() {
        let address = address_of(b"-::1");
        assert_eq!(address, BindAddress { host: "::1".into(), optional: true });
        assert_eq!(address_of(b"*"), BindAddress { host: "*".into(), optional: false });
        assert_eq!(address_of(b"-::*"), BindAddress { host: "::*".into(), optional: true });
    }

    #[test]
    fn permission_by_place() {
        use ClientPlace::{Local, Remote};
        assert!(!Permission::No.allows(Local));
        assert!(Permission::Local.allows(Local) && !Permission::Local.allows(Remote));
        assert!(Permission::Yes.allows(Remote));
    }
}
