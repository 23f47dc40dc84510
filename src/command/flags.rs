//! The words that describe a command: flags, ACL categories, key flags, groups.
//!
//! Each set of words is listed once, in the order in which COMMAND INFO prints it. A word that is
//! nobody else's business has no name and is not printed.

/// Defines a set of words: the type, its constants, the same constants as plain bits for the rows
/// of the command table, and the printed names.
macro_rules! words {
    ($(#[$doc:meta])* $set:ident, $bits:ident:
     $($(#[$word_doc:meta])* $word:ident = $name:literal,)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        pub struct $set(pub u32);

        impl $set {
            $($(#[$word_doc])* pub const $word: Self = Self($bits::$word);)*

            /// Is any of `words` in the set?
            #[must_use]
            pub const fn contains(self, words: Self) -> bool {
                self.0 & words.0 != 0
            }

            /// Both sets together.
            #[must_use]
            pub const fn with(self, words: Self) -> Self {
                Self(self.0 | words.0)
            }

            /// The names of the words in the set, in their order.
            pub fn names(self) -> impl Iterator<Item = &'static str> + Clone {
                let names = [$(($bits::$word, $name)),*];
                names
                    .into_iter()
                    .filter(move |&(bit, name)| self.0 & bit != 0 && !name.is_empty())
                    .map(|(_, name)| name)
            }

            /// The set of the one word that `name` names, in any case.
            #[must_use]
            pub fn named(name: &[u8]) -> Option<Self> {
                [$((Self::$word, $name)),*]
                    .into_iter()
                    .filter(|(_, known)| !known.is_empty())
                    .find(|(_, known)| known.as_bytes().eq_ignore_ascii_case(name))
                    .map(|(word, _)| word)
            }
        }

        /// The words as plain bits, so that rows can join them with `|` at compile time.
        #[allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "they count the words")]
        pub mod $bits {
            enum Position { $($word),* }
            $($(#[$word_doc])* pub const $word: u32 = 1 << Position::$word as u32;)*
        }
    };
}

words! {
    /// What the dispatcher, clients and proxies must know of a command.
    Flags, flag_bits:
    /// May change data.
    WRITE = "write",
    /// Reads data only.
    READONLY = "readonly",
    /// May need memory: refused when there is none.
    DENYOOM = "denyoom",
    /// For administrators.
    ADMIN = "admin",
    /// Belongs to pub/sub.
    PUBSUB = "pubsub",
    /// Not for scripts.
    NOSCRIPT = "noscript",
    /// May block its client.
    BLOCKING = "blocking",
    /// Allowed while data is being loaded.
    LOADING = "loading",
    /// Allowed on a replica without its master.
    STALE = "stale",
    /// Not shown to MONITOR.
    SKIP_MONITOR = "skip_monitor",
    /// Not logged when slow.
    SKIP_SLOWLOG = "skip_slowlog",
    /// Takes constant or logarithmic time.
    FAST = "fast",
    /// Allowed before the password.
    NO_AUTH = "no_auth",
    /// May have no key at all.
    NO_MANDATORY_KEYS = "no_mandatory_keys",
    /// Not while data is loaded in the background.
    NO_ASYNC_LOADING = "no_async_loading",
    /// Not inside MULTI.
    NO_MULTI = "no_multi",
    /// Its keys are not at fixed positions.
    MOVABLEKEYS = "movablekeys",
    /// Allowed while a script runs too long.
    ALLOW_BUSY = "allow_busy",
    /// It changes what the next bytes mean, or when they run: parsing its client stops behind it
    /// until it has run. Whatever may block is one.
    BARRIER = "",
    /// Changes no data, and yet replicas would have to be told, if there were any.
    MAY_REPLICATE = "",
    /// Does nothing itself: it is there for its sub-commands.
    CONTAINER = "",
    /// For debugging only: its documentation says so.
    SYSTEM = "",
    /// Runs at once inside MULTI; everything else is queued.
    NOT_QUEUED = "",
    /// Runs what MULTI has queued: it writes if that writes, and its refusal ends the transaction.
    RUNS_QUEUE = "",
    /// Allowed to a client that is subscribed and cannot tell pushes from replies.
    TO_SUBSCRIBERS = "",
}

words! {
    /// What an access list can allow or forbid as one.
    AclCategories, acl_bits:
    /// Keys of any type.
    KEYSPACE = "keyspace",
    /// Reads.
    READ = "read",
    /// Writes.
    WRITE = "write",
    /// Lists.
    LIST = "list",
    /// Strings.
    STRING = "string",
    /// Streams.
    STREAM = "stream",
    /// Pub/sub.
    PUBSUB = "pubsub",
    /// Administration.
    ADMIN = "admin",
    /// Constant or logarithmic time.
    FAST = "fast",
    /// Anything that is not fast.
    SLOW = "slow",
    /// May block.
    BLOCKING = "blocking",
    /// Can do harm, to data or to other clients.
    DANGEROUS = "dangerous",
    /// The connection itself.
    CONNECTION = "connection",
    /// Transactions.
    TRANSACTION = "transaction",
}

words! {
    /// What a command does with a key.
    KeyFlags, key_bits:
    /// Reads the value.
    RO = "RO",
    /// Reads and changes the value.
    RW = "RW",
    /// Overwrites the value, whatever it was.
    OW = "OW",
    /// Removes the key.
    RM = "RM",
    /// The value's data is shown to the client, or copied.
    ACCESS = "access",
    /// Data is changed.
    UPDATE = "update",
    /// Data is added, none is changed or lost.
    INSERT = "insert",
    /// Data is removed.
    DELETE = "delete",
    /// It is no key, but looks like one: what a cluster must find all the same.
    NOT_KEY = "not_key",
    /// The flags depend on the arguments.
    VARIABLE = "variable_flags",
}

/// The family of a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Group {
    /// Strings.
    String,
    /// Lists.
    List,
    /// Streams.
    Stream,
    /// Pub/sub.
    PubSub,
    /// MULTI and its company.
    Transactions,
    /// Keys of any type.
    Generic,
    /// The connection.
    Connection,
    /// The server.
    Server,
}

impl Group {
    /// As COMMAND DOCS calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::List => "list",
            Self::Stream => "stream",
            Self::PubSub => "pubsub",
            Self::Transactions => "transactions",
            Self::Generic => "generic",
            Self::Connection => "connection",
            Self::Server => "server",
        }
    }

    /// The ACL category that a whole family belongs to. PUBLISH and its like have theirs from their
    /// flag, and what belongs to the server has little in common.
    const fn category(self) -> AclCategories {
        match self {
            Self::String => AclCategories::STRING,
            Self::List => AclCategories::LIST,
            Self::Stream => AclCategories::STREAM,
            Self::Transactions => AclCategories::TRANSACTION,
            Self::Generic => AclCategories::KEYSPACE,
            Self::Connection => AclCategories::CONNECTION,
            Self::PubSub | Self::Server => AclCategories(0),
        }
    }
}

/// The ACL categories that follow from flags and family.
#[must_use]
pub const fn implied_categories(flags: Flags, group: Group) -> AclCategories {
    let speed = if flags.contains(Flags::FAST) { AclCategories::FAST } else { AclCategories::SLOW };
    let mut categories = speed;
    if !flags.contains(Flags::CONTAINER) {
        categories = categories.with(group.category());
    }
    let implied = [
        (Flags::READONLY, AclCategories::READ),
        (Flags::WRITE, AclCategories::WRITE),
        (Flags::PUBSUB, AclCategories::PUBSUB),
        (Flags::ADMIN, AclCategories::ADMIN.with(AclCategories::DANGEROUS)),
        (Flags::BLOCKING, AclCategories::BLOCKING),
    ];
    let mut index = 0;
    while index < implied.len() {
        let (flag, category) = implied[index];
        if flags.contains(flag) {
            categories = categories.with(category);
        }
        index += 1;
    }
    categories
}
