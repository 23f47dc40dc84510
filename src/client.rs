//! What the command layer knows of one client: protocol, database, transaction, what it waits for.
//!
//! The bytes of the connection (descriptor, buffers, timer) are the event loop's
//! ([`crate::event_loop::connection`]); both sides name a client by the same [`Token`].

use crate::resp::parser::Parser;
use crate::resp::request::OwnedRequest;
use crate::resp::writer::Protocol;
use squint_sys::{Address, Token};
use static_assertions::const_assert;
use std::collections::BinaryHeap;

/// Names a client: its slot in the slab and the generation of the slot.
pub type ClientId = Token;

/// The one user there is.
pub const DEFAULT_USER: &[u8] = b"default";

/// What CLIENT REPLY chose.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ReplyMode {
    /// Every reply is sent.
    #[default]
    On,
    /// None is, until ON.
    Off,
    /// SKIP was just executed: the next command is the one to be silent.
    SkipNext,
    /// This command is silent.
    Skip,
}

impl ReplyMode {
    /// What holds for the command behind this one.
    #[must_use]
    pub const fn of_next_command(self) -> Self {
        match self {
            Self::SkipNext => Self::Skip,
            Self::Skip => Self::On,
            other => other,
        }
    }
}

/// MULTI's queue.
#[derive(Debug, Default)]
pub struct Transaction {
    /// Commands in order, each with its arguments copied out of the input.
    pub queue: Vec<OwnedRequest>,
    /// Memory of the queue, bytes: it counts towards `client-query-buffer-limit`.
    pub queue_bytes: usize,
    /// A command was refused while queueing: EXEC answers EXECABORT.
    pub refused: bool,
}

/// A key under WATCH.
#[derive(Debug)]
pub struct Watched {
    /// Database the key is in.
    pub database: usize,
    /// The key.
    pub key: Box<[u8]>,
    /// It had a time to live that was over when WATCH came: its removal is no change.
    pub was_expired: bool,
}

/// What a blocked client waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WaitKind {
    /// A list with an element.
    List,
    /// A stream with a newer entry.
    Stream,
    /// A stream with an entry that the client's group was not handed; or the end of that group.
    Group,
    /// The end of CLIENT PAUSE: its command has not run at all.
    Pause,
}

/// A client inside BLPOP or one of its kin.
#[derive(Debug)]
pub struct Blocked {
    /// The command, executed again when one of its keys is signalled. `$` and its kin are already
    /// replaced by what they meant when the client blocked.
    pub request: OwnedRequest,
    /// What type of value can serve it.
    pub kind: WaitKind,
    /// Who began to wait before has a lower number.
    pub arrival: u64,
    /// How long it waits, milliseconds. `None`: for ever.
    pub timeout_ms: Option<u64>,
    /// When it gives up, monotonic milliseconds: set by the server, which has the clock, when the
    /// waiting begins.
    pub deadline_ms: Option<u64>,
    /// After so many milliseconds time alone may serve it or those who wait beside it (XREADGROUP
    /// CLAIM): it keeps time for them.
    pub retry_ms: Option<u64>,
    /// When that is, monotonic milliseconds.
    pub retry_at_ms: Option<u64>,
    /// CLIENT REPLY had silenced the command.
    pub is_silent: bool,
}

impl Blocked {
    /// A client that blocks; the server will say when its time is over.
    #[must_use]
    pub const fn new(
        request: OwnedRequest,
        kind: WaitKind,
        arrival: u64,
        timeout_ms: Option<u64>,
    ) -> Self {
        Self {
            request,
            kind,
            arrival,
            timeout_ms,
            deadline_ms: None,
            retry_ms: None,
            retry_at_ms: None,
            is_silent: false,
        }
    }

    /// Begins to wait, or goes on: the first time counts for the deadline.
    pub fn wait_from(&mut self, now_ms: u64) {
        let after = |ms: u64| now_ms.saturating_add(ms);
        self.deadline_ms = self.deadline_ms.or(self.timeout_ms.map(after));
        self.retry_at_ms = self.retry_ms.map(after);
    }

    /// When something must be done about it, though no key was signalled.
    #[must_use]
    pub fn next_ms(&self) -> Option<u64> {
        [self.deadline_ms, self.retry_at_ms].into_iter().flatten().min()
    }
}

/// What a client calls itself.
#[derive(Debug, Default)]
pub struct Labels {
    /// CLIENT SETNAME.
    pub name: Vec<u8>,
    /// CLIENT SETINFO LIB-NAME.
    pub library_name: Vec<u8>,
    /// CLIENT SETINFO LIB-VER.
    pub library_version: Vec<u8>,
}

/// The labels of a client that has none.
static NO_LABELS: Labels =
    Labels { name: Vec::new(), library_name: Vec::new(), library_version: Vec::new() };

/// One client. Idle ones are most of what a server with many connections holds, so what few of
/// them need is boxed.
#[derive(Debug)]
pub struct Client {
    /// Its slot and generation.
    pub token: Token,
    /// CLIENT ID: grows by one with each connection, never reused.
    pub number: u64,
    /// Who is there.
    pub peer: Address,
    /// How far the request at the head of its input has been parsed.
    pub parser: Parser,
    /// RESP2 until HELLO 3.
    pub protocol: Protocol,
    /// What SELECT chose.
    pub database: usize,
    /// Knows the password, or none is needed.
    pub authenticated: bool,
    /// Wrong passwords in a row.
    pub failed_logins: u32,
    /// What it calls itself; most clients do not.
    labels: Option<Box<Labels>>,
    /// CLIENT REPLY.
    pub reply_mode: ReplyMode,
    /// CLIENT NO-EVICT.
    pub no_evict: bool,
    /// CLIENT NO-TOUCH.
    pub no_touch: bool,
    /// Between MULTI and EXEC.
    pub transaction: Option<Box<Transaction>>,
    /// Keys under WATCH.
    pub watched: Vec<Watched>,
    /// Their names, bytes.
    pub watched_bytes: usize,
    /// A watched key has changed: EXEC answers nil.
    pub watch_broken: bool,
    /// Channels and patterns together; above 0 a RESP2 client may do little else.
    pub subscriptions: usize,
    /// Inside a blocking command.
    pub blocked: Option<Box<Blocked>>,
    /// Its connection is about to be closed: it is served nothing more.
    pub closing: bool,
    /// Its replies so far are delivered, then the connection is closed.
    pub close_after_reply: bool,
    /// Name of the last command, as CLIENT LIST shows it (`client|list`).
    pub last_command: &'static str,
    /// When it connected, monotonic milliseconds.
    pub connected_ms: u64,
}

impl Client {
    /// A client that has just connected.
    #[must_use]
    pub fn new(token: Token, number: u64, peer: Address, now_ms: u64) -> Self {
        Self {
            token,
            number,
            peer,
            parser: Parser::default(),
            protocol: Protocol::Resp2,
            database: 0,
            authenticated: false,
            failed_logins: 0,
            labels: None,
            reply_mode: ReplyMode::On,
            no_evict: false,
            no_touch: false,
            transaction: None,
            watched: Vec::new(),
            watched_bytes: 0,
            watch_broken: false,
            subscriptions: 0,
            blocked: None,
            closing: false,
            close_after_reply: false,
            last_command: "NULL",
            connected_ms: now_ms,
        }
    }

    /// A watched key was removed whose time was over when WATCH came: for the client nothing has
    /// changed. From now on the key is one that does not exist.
    pub fn forgives_removal(&mut self, database: usize, key: &[u8]) -> bool {
        let is_meant =
            |watched: &&mut Watched| watched.database == database && *watched.key == *key;
        let watched = self.watched.iter_mut().find(is_meant);
        watched.is_some_and(|watched| std::mem::take(&mut watched.was_expired))
    }

    /// What is written now is not sent: CLIENT REPLY says so, or the client has been told goodbye.
    #[must_use]
    pub const fn is_silent(&self) -> bool {
        self.is_silenced() || self.close_after_reply
    }

    /// CLIENT REPLY says so.
    #[must_use]
    pub const fn is_silenced(&self) -> bool {
        matches!(self.reply_mode, ReplyMode::Off | ReplyMode::Skip)
    }

    /// Nothing but the number of its arguments decides whether a command of this client runs, and
    /// its reply is sent: the password is known, neither MULTI nor a subscription stands between,
    /// and nobody has asked for silence.
    #[inline]
    #[must_use]
    pub const fn is_at_liberty(&self) -> bool {
        self.authenticated
            & self.transaction.is_none()
            & (self.subscriptions == 0)
            & !self.is_silent()
    }

    /// It waits, and its timer is also that of others: see [`Blocked::retry_ms`].
    #[must_use]
    pub fn keeps_time(&self) -> bool {
        self.blocked.as_ref().is_some_and(|blocked| blocked.retry_ms.is_some())
    }

    /// It waits for the end of CLIENT PAUSE.
    #[must_use]
    pub fn is_postponed(&self) -> bool {
        self.blocked.as_ref().is_some_and(|blocked| blocked.kind == WaitKind::Pause)
    }

    /// The command that waited for the end of CLIENT PAUSE.
    pub fn take_postponed(&mut self) -> Option<OwnedRequest> {
        let blocked = self.blocked.take_if(|blocked| blocked.kind == WaitKind::Pause)?;
        Some(blocked.request)
    }

    /// What it calls itself.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        self.labels.as_deref().unwrap_or(&NO_LABELS)
    }

    /// What it calls itself, to be changed.
    pub fn labels_mut(&mut self) -> &mut Labels {
        self.labels.get_or_insert_default()
    }

    /// Subscribed, and not by RESP3, which can tell pushes from replies.
    #[must_use]
    pub fn is_confined_to_pubsub(&self) -> bool {
        self.subscriptions > 0 && self.protocol == Protocol::Resp2
    }
}

const_assert!(size_of::<Client>() <= 176);

/// All clients, found by token.
#[derive(Debug, Default)]
pub struct Clients {
    slots: Vec<Option<Box<Client>>>,
    count: usize,
    last_number: u64,
}

impl Clients {
    /// Welcomes the connection `token`.
    pub fn connect(&mut self, token: Token, peer: Address, now_ms: u64) -> &mut Client {
        let index = token.index as usize;
        if self.slots.len() <= index {
            self.slots.resize_with(index + 1, || None);
        }
        self.last_number += 1;
        self.count += 1;
        let client = Client::new(token, self.last_number, peer, now_ms);
        let former = self.slots[index].replace(Box::new(client));
        assert!(former.is_none(), "a slot is left before it is taken again");
        self.get_mut(token)
    }

    /// Forgets a client; everything that names it must be gone first.
    pub fn disconnect(&mut self, token: Token) -> Option<Box<Client>> {
        self.find(token)?;
        self.count -= 1;
        self.slots[token.index as usize].take()
    }

    /// The client, if it is still the same one.
    #[inline]
    #[must_use]
    pub fn find(&self, token: Token) -> Option<&Client> {
        let client = self.slots.get(token.index as usize)?.as_deref()?;
        (client.token == token).then_some(client)
    }

    /// The client, if it is still the same one.
    #[inline]
    pub fn find_mut(&mut self, token: Token) -> Option<&mut Client> {
        let client = self.slots.get_mut(token.index as usize)?.as_deref_mut()?;
        (client.token == token).then_some(client)
    }

    /// A client known to be connected.
    #[inline]
    #[must_use]
    pub fn get(&self, token: Token) -> &Client {
        self.find(token).expect("the caller holds a live connection")
    }

    /// The same, to change it.
    #[inline]
    pub fn get_mut(&mut self, token: Token) -> &mut Client {
        self.find_mut(token).expect("the caller holds a live connection")
    }

    /// How many are connected.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Nobody is connected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// All of them, by slot.
    pub fn iter(&self) -> impl Iterator<Item = &Client> {
        self.slots.iter().flatten().map(|client| &**client)
    }

    /// All of them, in the order in which they connected: CLIENT LIST. By a heap: the standard
    /// library's sort would be five thousand bytes of code for each type that is sorted.
    #[must_use]
    pub fn by_number(&self) -> Vec<&Client> {
        let numbers = self.iter().map(|client| (client.number, client.token));
        let numbers: BinaryHeap<(u64, Token)> = numbers.collect();
        let sorted = numbers.into_sorted_vec().into_iter();
        sorted.filter_map(|(_, token)| self.find(token)).collect()
    }

    /// The client with a CLIENT ID.
    #[must_use]
    pub fn with_number(&self, number: u64) -> Option<&Client> {
        self.iter().find(|client| client.number == number)
    }
}
