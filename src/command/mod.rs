//! Commands: one row and one function each.
//!
//! ```text
//!  to find a command and run it
//!    rows/                               one row per command, a file per family
//!    flags  key_spec  syntax             what rows are written in
//!    table  name_hash                    the rows as a table, and the look-up by name
//!    steps                               requests of a client, parsed and looked up ahead of time
//!    dispatcher                          from a request to its function; the queue of MULTI
//!    context                             what a function is given
//!    args  timeout  error_reply          reading arguments, saying what is wrong with them
//!    effects                             what commands leave for the server to do
//!    waking                              serving blocked clients after a command
//!    events  fan_out                     a change of a key, published; one message to many
//!
//!  the functions
//!    strings  expiry_options             strings
//!    lists  list_...                     lists, and waiting for them
//!    streams  stream_...  radix_nodes    streams and consumer groups
//!    keys  scan_options                  keys, whatever they hold
//!    pubsub                              pub/sub
//!    transactions  watches               MULTI and WATCH
//!    connection  authentication  pause   connections: this one,
//!    client_list  client_kill            and the others
//!    server  info  debug                 the server
//!    latency  squint                     the server looked at from inside
//!    commands                            COMMAND and every HELP: the table about itself
//! ```
//!
//! Pure: given the time, a request and a reply buffer; never a descriptor, never a clock.

pub mod args;
pub mod authentication;
pub mod client_kill;
pub mod client_list;
pub mod commands;
pub mod connection;
pub mod context;
pub mod debug;
pub mod dispatcher;
pub mod effects;
pub mod error_reply;
pub mod events;
pub mod expiry_options;
pub mod fan_out;
pub mod flags;
pub mod info;
pub mod key_spec;
pub mod keys;
pub mod latency;
pub mod list_moves;
pub mod list_options;
pub mod list_pops;
pub mod lists;
mod name_hash;
pub mod pause;
pub mod pubsub;
mod radix_nodes;
pub mod scan_options;
pub mod server;
pub mod squint;
pub mod steps;
pub mod stream_claims;
pub mod stream_groups;
pub mod stream_hand_outs;
pub mod stream_info;
pub mod stream_options;
pub mod stream_pending;
pub mod stream_producers;
pub mod stream_read_options;
pub mod stream_reads;
pub mod stream_references;
pub mod streams;
pub mod strings;
pub mod syntax;
pub mod table;
pub mod timeout;
pub mod transactions;
pub mod waking;
pub mod watches;

pub use crate::resp::request::Request;
pub use context::{Absence, Call, Change, CommandResult, Context, Now, Wait};
pub use events::Event;

use crate::blocking::Blocking;
use crate::client::{ClientId, Clients};
use crate::config::{Config, EventClass, Settings};
use crate::data_store::{DataStore, UnixMs};
use crate::event_loop::connection::Connection;
use crate::event_loop::slab::Slab;
use crate::event_loop::timer_wheel::SlotFigures;
use crate::pubsub::PubSub;
use crate::reply_buffer::ReplyBuffer;
use crate::resp::writer::Writer;
use crate::stats::Stats;
use crate::text::keyed_hash::KeyedState;
use context::{Lent, Selected};
use effects::Effects;
use pause::Pause;
use squint_sys::{Address, Process, SyscallCounts};
use table::Command;
use watches::Watches;

/// The Redis that this server answers like: clients switch features on it (HELLO, INFO).
pub const REDIS_VERSION: &str = "7.2.4";

/// Facts about the running server, fixed at the start.
#[derive(Clone, Debug)]
pub struct Facts {
    /// 40 hexadecimal digits drawn at the start.
    pub run_id: String,
    /// The process.
    pub process_id: u32,
    /// `epoll`, `kqueue` or `simulated`.
    pub poller_name: &'static str,
    /// Path of the executable, as far as it is known.
    pub executable: String,
    /// Path of the configuration file, or empty.
    pub config_file: String,
    /// When it started, wall clock microseconds.
    pub started_us: i64,
}

/// What CLIENT LIST tells of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConnectionFigures {
    /// Descriptor number.
    pub fd: i32,
    /// When bytes last came or went, or the client has last waited, monotonic milliseconds.
    pub active_ms: u64,
    /// Unread input, bytes.
    pub query_bytes: usize,
    /// Room left in the input buffer, bytes.
    pub query_free_bytes: usize,
    /// Unsent output, bytes.
    pub output_bytes: usize,
    /// Pieces of unsent output.
    pub output_chunks: usize,
    /// Memory that is kept for the output, bytes: what it shares with others included.
    pub output_held_bytes: usize,
    /// Waits until it can write.
    pub is_write_pending: bool,
}

/// Memory that connections lend each other.
#[derive(Clone, Copy, Debug, Default)]
pub struct PoolFigures {
    /// Input buffers that nobody uses.
    pub input_buffers: usize,
    /// Output buffers that nobody uses.
    pub output_buffers: usize,
}

/// What a command may ask of the world outside: asked rarely, so a virtual call is no matter.
pub trait Host {
    /// What CLIENT LIST tells of a connection.
    fn figures(&self, client: ClientId) -> ConnectionFigures;
    /// The address that a client connected to.
    fn local_address(&mut self, client: ClientId) -> Option<Address>;
    /// Memory and CPU time of the process.
    fn process(&mut self) -> Process;
    /// Listens where `port` and `bind` say now; an error leaves all as it was.
    fn move_listeners(&mut self, settings: &Settings) -> Result<(), String>;
    /// Makes `dir` the working directory.
    fn change_directory(&mut self, settings: &Settings) -> Result<(), String>;
    /// The port that is listened on; 0: none.
    fn port(&self) -> u16;
    /// The system calls made so far, by name.
    fn syscalls(&self) -> SyscallCounts;
    /// Every connection. The one whose command runs has its buffers elsewhere meanwhile.
    fn connections(&self) -> &Slab<Connection>;
    /// The memory that connections lend each other.
    fn pools(&self) -> PoolFigures;
    /// The slots of the timer wheel that have timers.
    fn timers(&mut self) -> Vec<SlotFigures>;
}

/// The command layer's whole state: data, clients as commands see them, who waits, who listens.
#[derive(Debug)]
pub struct Engine {
    /// Data.
    pub store: DataStore,
    /// Everybody.
    pub clients: Clients,
    /// Who waits on which keys.
    pub blocking: Blocking,
    /// Who listens to what.
    pub pubsub: PubSub,
    /// Who guards which keys.
    pub watches: Watches,
    /// Which commands wait.
    pub pause: Pause,
    /// Settings.
    pub config: Config,
    /// Counters.
    pub stats: Stats,
    /// What the server shall do after the command.
    pub effects: Effects,
    /// Facts that do not change.
    pub facts: Facts,
    /// Keys go when their time is over, and not only when somebody asks for them. DEBUG
    /// SET-ACTIVE-EXPIRE turns it off for tests.
    pub active_expire: bool,
}

impl Engine {
    /// An empty server. `seed` is the secret of every keyed hash.
    #[must_use]
    pub fn new(config: Config, facts: Facts, seed: [u8; 16]) -> Self {
        let (state, settings) = (KeyedState::new(seed), config.settings());
        let mut store = DataStore::new(settings.databases as usize, seed);
        let mut stats = Stats::new(table::COMMANDS.len());
        follow_settings(settings, &mut store, &mut stats);
        Self {
            store,
            clients: Clients::default(),
            blocking: Blocking::new(state),
            pubsub: PubSub::new(state),
            watches: Watches::new(state),
            pause: Pause::default(),
            config,
            stats,
            effects: Effects::default(),
            facts,
            active_expire: true,
        }
    }

    /// Welcomes a connection.
    pub fn connect(&mut self, client: ClientId, peer: Address, now: Now) {
        let authenticated = self.config.settings().requirepass.is_none();
        self.clients.connect(client, peer, now.monotonic_ms).authenticated = authenticated;
        self.stats.clients_peak = self.stats.clients_peak.max(self.clients.len());
    }

    /// Forgets a client: it waits on nothing, listens to nothing, guards nothing.
    pub fn disconnect(&mut self, client: ClientId) {
        let keeps_time = self.clients.find(client).is_some_and(|state| state.keeps_time());
        self.blocking.leave(client, keeps_time);
        self.pubsub.leave(client);
        self.watches.leave(client);
        self.clients.disconnect(client);
    }

    /// When the next key's time is over, if it shall go then.
    #[must_use]
    pub fn next_expiry(&self) -> Option<UnixMs> {
        self.store.next_expiry().filter(|_| self.active_expire)
    }

    /// Removes keys whose time has come, in `budget` steps at most.
    #[inline]
    pub fn expire_keys(&mut self, now: Now, budget: usize) {
        if self.active_expire && self.store.has_expiries() {
            self.expire_due(now, budget);
        }
    }

    fn expire_due(&mut self, now: Now, budget: usize) {
        let mut left = budget;
        for index in 0..self.store.reached() {
            if !self.store.database_ref(index).has_expiries() {
                continue;
            }
            left -= self.store.database(index).expire_due(now.wall_ms(), left);
            self.tell_expired(index);
        }
    }

    /// Borrows everything for one command of `client`.
    #[inline]
    fn context<'a>(&'a mut self, ask: Ask<'a>) -> Context<'a> {
        let client = self.clients.get(ask.client);
        let (database, protocol) = (client.database, client.protocol);
        let now_ms = ask.now.wall_ms();
        Context {
            store: Selected { all: &mut self.store, index: database, now_ms },
            reply: Writer { out: ask.reply, protocol },
            id: ask.client,
            clients: Lent::new(&mut self.clients),
            blocking: Lent::new(&mut self.blocking),
            pubsub: &mut self.pubsub,
            watches: &mut self.watches,
            pause: &mut self.pause,
            effects: Lent::new(&mut self.effects),
            config: &mut self.config,
            stats: &mut self.stats,
            facts: &self.facts,
            active_expire: &mut self.active_expire,
            host: ask.host,
            now: ask.now,
            call: ask.call,
            command: ask.command,
            hashes: ask.hashes,
            is_blocked: false,
            retry_ms: None,
            is_push: false,
            held: None,
        }
    }
}

/// Tells those who know no settings what these say now.
fn follow_settings(settings: &Settings, store: &mut DataStore, stats: &mut Stats) {
    store.notes_misses = settings.keyspace_events.has(EventClass::Missed);
    stats.tracks_latency = settings.latency_tracking;
    stats.spikes.set_threshold(settings.latency_threshold_ms);
}

/// What it takes to run one command.
struct Ask<'a> {
    client: ClientId,
    command: &'static Command,
    call: Call<'a>,
    hashes: &'a [(usize, u64)],
    reply: &'a mut ReplyBuffer,
    now: Now,
    host: &'a mut dyn Host,
}
