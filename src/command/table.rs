//! The table of commands, and the look-up by name.
//!
//! `rows/` holds one row per command. From them come, at compile time, the table here and (in
//! `build.rs`) a perfect hash over the names; a sub-command is a row named `client|list` behind
//! its container's row, and shares the hash:
//!
//! ```text
//!   "LPush" ──fold──► four words ──hash──► slot ──► row ──► same words? ──► &COMMANDS[row]
//! ```
//!
//! A look-up allocates nothing and reads no more than the longest name's bytes of its input.

use super::context::{CommandResult, Context};
use super::flags::{AclCategories, KeyFlags, implied_categories};
use super::key_spec::{Begin, Find, InvalidKeys, KeySpec, Keys, LeadingKeys};
use super::name_hash::{self, Folded, NAME_BYTES_MAX};
use super::syntax::{self, Argument};
use crate::resp::request::Request;

pub use super::flags::{Flags, Group};
pub use rows::COMMANDS;

/// A command's function.
pub type Handler = fn(&mut Context<'_>, Request<'_>) -> CommandResult;

/// One command or sub-command: its row.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// Lower case; of a sub-command `client|list`.
    pub name: &'static str,
    /// Its function.
    pub handler: Handler,
    /// Number of arguments, the name included; negative: at least so many.
    pub arity: i32,
    /// What the dispatcher must know.
    pub flags: Flags,
    /// Where its keys stand.
    pub keys: &'static [KeySpec],
    /// Its family.
    pub group: Group,
    /// ACL categories beyond those that follow from flags and family.
    pub acl: u32,
    /// Hints for proxies and for clients of several servers.
    pub tips: &'static [&'static str],
    /// The version of Redis that brought it.
    pub since: &'static str,
    /// Its cost.
    pub complexity: &'static str,
    /// What it does, in one sentence without a full stop.
    pub summary: &'static str,
    /// Its arguments, as `syntax.rs` reads them.
    pub arguments: &'static str,
    /// The version since which it should not be used, and what to use instead.
    pub deprecated: Option<(&'static str, &'static str)>,
    /// The keys that can be told at a glance; the table sets this, like all below.
    pub leading_keys: LeadingKeys,
    /// Position in [`COMMANDS`].
    pub index: u16,
    parent: Option<usize>,
    subcommand_count: usize,
    /// What [`Command::takes`] says, at a glance.
    takes_min: u32,
    takes_max: u32,
    folded: Folded,
}

impl Command {
    /// The row of a command before it is known.
    pub const NONE: &'static Self = &Self::BLANK;

    /// What a row need not say.
    const BLANK: Self = Self {
        name: "",
        handler: super::dispatcher::container,
        arity: 0,
        flags: Flags(0),
        keys: &[],
        group: Group::Server,
        acl: 0,
        tips: &[],
        since: "",
        complexity: "",
        summary: "",
        arguments: "",
        deprecated: None,
        leading_keys: LeadingKeys::NONE,
        index: 0,
        parent: None,
        subcommand_count: 0,
        takes_min: 1,
        takes_max: 0,
        folded: [0; 4],
    };

    /// Has it sub-commands? (COMMAND has, and yet does something without one.)
    #[must_use]
    pub const fn is_container(&self) -> bool {
        self.subcommand_count > 0
    }

    /// Its sub-commands, in the order of the rows.
    #[must_use]
    pub fn subcommands(&self) -> &'static [Self] {
        let first = usize::from(self.index) + 1;
        &COMMANDS[first..first + self.subcommand_count]
    }

    /// The container of a sub-command.
    #[must_use]
    pub fn parent(&self) -> Option<&'static Self> {
        self.parent.map(|index| &COMMANDS[index])
    }

    /// The last word of its name: `list` of `client|list`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        self.name.rsplit('|').next().unwrap_or(self.name)
    }

    /// Does its function take `argc` arguments, the name included? A container's takes none: what
    /// it was given is no sub-command's name.
    #[inline]
    #[must_use]
    pub const fn takes(&self, argc: usize) -> bool {
        self.takes_min as usize <= argc && argc <= self.takes_max as usize
    }

    /// Is `argc`, the name included, a number of arguments that it takes?
    #[inline]
    #[must_use]
    pub const fn arity_ok(&self, argc: usize) -> bool {
        let count = self.arity.unsigned_abs() as usize;
        if self.arity < 0 { argc >= count } else { argc == count }
    }

    /// The keys of a request for this command.
    ///
    /// # Errors
    /// [`InvalidKeys`] if a spec cannot be followed in this request.
    pub fn keys(&self, request: Request<'_>) -> Result<Keys, InvalidKeys> {
        Keys::find(self.keys, request)
    }

    /// Are any of its arguments keys? Names of sharded channels look like some.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        self.keys.iter().any(|spec| !spec.flags.contains(KeyFlags::NOT_KEY))
    }

    /// First key, last key and step, as far as fixed positions can say it; 0, 0, 0 if not. Specs of
    /// keys that follow each other are told as one range.
    #[must_use]
    pub fn key_range(&self) -> (i64, i64, i64) {
        let mut range = (0, 0, 0);
        for spec in self.keys {
            let KeySpec {
                begin: Begin::Index(first), find: Find::Range { last, step, .. }, ..
            } = *spec
            else {
                break;
            };
            let (first, last, step) = (first as i64, last as i64, step as i64);
            let last = if last < 0 { last } else { first + last };
            range = match range {
                (0, ..) => (first, last, step),
                (begin, end, _) if first == end + 1 => (begin, last, step),
                _ => break,
            };
        }
        range
    }

    /// Its ACL categories.
    #[must_use]
    pub const fn categories(&self) -> AclCategories {
        implied_categories(self.flags, self.group).with(AclCategories(self.acl))
    }

    /// Its arguments as a tree.
    #[must_use]
    pub fn arguments(&self) -> Vec<Argument<'static>> {
        syntax::parse(self.arguments)
    }
}

/// The perfect hash: `SEED`, `DISPLACEMENTS`, `SLOTS`.
mod look_up {
    use super::{COMMANDS, Command, Folded, is_same, name_hash};

    include!(concat!(env!("OUT_DIR"), "/command_look_up.rs"));

    /// The row of folded words, commands and sub-commands alike.
    #[inline]
    pub(super) fn find(words: &Folded) -> Option<&'static Command> {
        let hash = name_hash::hash(words, SEED);
        let displacement = DISPLACEMENTS[name_hash::bucket(hash, DISPLACEMENTS.len())];
        let row = SLOTS[name_hash::slot(hash, displacement, SLOTS.len())];
        COMMANDS.get(usize::from(row)).filter(|command| is_same(&command.folded, words))
    }
}

/// Whether two names are the same. Word by word: the words of a short name are in registers, and
/// would have to be written down first to be compared as bytes.
#[inline(always)]
const fn is_same(left: &Folded, right: &Folded) -> bool {
    (left[0] == right[0]) & (left[1] == right[1]) & (left[2] == right[2]) & (left[3] == right[3])
}

/// The command of this name, in any case. Sub-commands are not found here, however they are
/// written.
#[must_use]
pub fn find(name: &[u8]) -> Option<&'static Command> {
    look_up::find(&name_hash::fold(name)?).filter(|command| command.parent.is_none())
}

/// The sub-command of `parent` of this name, in any case.
#[must_use]
pub fn find_subcommand(parent: &Command, name: &[u8]) -> Option<&'static Command> {
    let mut full = [0; NAME_BYTES_MAX];
    let behind = parent.name.len() + 1;
    let end = behind.checked_add(name.len())?;
    full[..behind - 1].copy_from_slice(parent.name.as_bytes());
    full[behind - 1] = b'|';
    full.get_mut(behind..end)?.copy_from_slice(name);
    look_up::find(&name_hash::fold(&full[..end])?).filter(|command| command.parent.is_some())
}

/// The rows of all families, one behind the other.
const fn join<const N: usize>(families: &[&[Command]]) -> [Command; N] {
    let mut rows = [Command::BLANK; N];
    let (mut family, mut index, mut end) = (0, 0, 0);
    while end < N {
        if index == families[family].len() {
            (family, index) = (family + 1, 0);
            continue;
        }
        rows[end] = families[family][index];
        (index, end) = (index + 1, end + 1);
    }
    rows
}

/// Sets what follows from the order of the rows and from each row itself.
const fn complete<const N: usize>(mut rows: [Command; N]) -> [Command; N] {
    let mut container = 0;
    let mut index = 0;
    while index < N {
        rows[index].index = index as u16;
        rows[index].leading_keys = LeadingKeys::of(rows[index].keys);
        rows[index].folded = name_hash::fold(rows[index].name.as_bytes())
            .expect("a command's name has 31 bytes at most");
        if is_child(rows[container].name, rows[index].name) {
            rows[index].parent = Some(container);
            rows[container].subcommand_count += 1;
        } else {
            container = index;
        }
        if rows[index].flags.contains(Flags::BLOCKING) {
            rows[index].flags = rows[index].flags.with(Flags::BARRIER);
        }
        index += 1;
    }
    while index > 0 {
        index -= 1;
        let row = &mut rows[index];
        row.takes_min = row.arity.unsigned_abs();
        row.takes_max = match row.arity {
            _ if row.is_container() => 1,
            at_least if at_least < 0 => u32::MAX,
            count => count.unsigned_abs(),
        };
    }
    rows
}

/// Is `name` "`parent`|something"?
const fn is_child(parent: &str, name: &str) -> bool {
    let (parent, name) = (parent.as_bytes(), name.as_bytes());
    if name.len() <= parent.len() || name[parent.len()] != b'|' {
        return false;
    }
    let mut index = 0;
    while index < parent.len() {
        if parent[index] != name[index] {
            return false;
        }
        index += 1;
    }
    true
}

/// The value of a row's field, from what stands in the row.
macro_rules! field {
    (flags $value:expr) => {
        Flags($value)
    };
    (keys $value:expr) => {
        &$value
    };
    (tips $value:expr) => {
        &$value
    };
    (deprecated $value:expr) => {
        Some($value)
    };
    ($field:ident $value:expr) => {
        $value
    };
}

/// What rows are written in.
mod words {
    pub(super) use super::{Command, Flags, Group::*};
    pub(super) use crate::command::flags::{acl_bits as acl, flag_bits::*, key_bits::*};
    pub(super) use crate::command::key_spec::{all, counted, half_behind, one, range, second};
}

/// The rows of one family.
macro_rules! commands {
    (group: $group:ident, $($name:literal => $module:ident :: $function:ident {
        $($field:ident : $value:expr),* $(,)?
    })*) => {
        use crate::command::table::words::*;

        pub(super) const ROWS: &[Command] = &[$(Command {
            name: $name,
            handler: crate::command::$module::$function,
            $($field: field!($field $value),)*
            ..Command { group: $group, ..Command::BLANK }
        }),*];
    };
}

/// The table of all families.
macro_rules! families {
    ($($family:ident)*) => {
        $(mod $family;)*

        const FAMILIES: &[&[super::Command]] = &[$($family::ROWS),*];
        const COUNT: usize = 0 $(+ $family::ROWS.len())*;

        /// Every command and sub-command; the latter stand behind their containers.
        pub static COMMANDS: [super::Command; COUNT] = super::complete(super::join(FAMILIES));
    };
}

#[path = "rows/mod.rs"]
mod rows;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::syntax::Kind;

    /// A command by its full name, the slow way.
    fn naive(name: &[u8]) -> Option<&'static Command> {
        COMMANDS.iter().find(|command| command.name.as_bytes().eq_ignore_ascii_case(name))
    }

    /// A command or sub-command, the way the dispatcher does it.
    fn found(name: &str) -> Option<&'static Command> {
        match name.split_once('|') {
            None => find(name.as_bytes()),
            Some((parent, word)) => find_subcommand(find(parent.as_bytes())?, word.as_bytes()),
        }
    }

    fn same(left: Option<&Command>, right: Option<&Command>) -> bool {
        left.map(|command| command.index) == right.map(|command| command.index)
    }

    #[test]
    fn what_a_function_takes_follows_from_the_arity_and_the_subcommands() {
        for command in &COMMANDS {
            for argc in 0..40 {
                let is_left_to_parts = command.is_container() && argc > 1;
                let takes = command.arity_ok(argc) && !is_left_to_parts;
                assert_eq!(command.takes(argc), takes, "{} with {argc}", command.name);
            }
        }
    }

    #[test]
    fn leading_keys_are_where_the_key_specs_say() {
        let keys = |line: &[&str]| -> Vec<usize> {
            let leading = find(line[0].as_bytes()).expect("a command").leading_keys;
            (0..leading.count(line.len())).map(|number| leading.position(number)).collect()
        };
        assert_eq!(keys(&["GET", "k"]), [1]);
        assert_eq!(keys(&["MGET", "a", "b", "c"]), [1, 2, 3]);
        assert_eq!(keys(&["MSET", "a", "1", "b", "2"]), [1, 3]);
        assert_eq!(keys(&["BLPOP", "a", "b", "0"]), [1, 2]);
        assert_eq!(keys(&["LMOVE", "a", "b", "LEFT", "LEFT"]), [1, 2]);
        assert_eq!(keys(&["PING", "x"]), [0_usize; 0]);
        assert_eq!(keys(&["XREAD", "STREAMS", "s", "0"]), [0_usize; 0]);
        assert_eq!(keys(&["LMPOP", "1", "k", "LEFT"]), [0_usize; 0]);
        assert_eq!(keys(&["GET"]), [0_usize; 0]);
        assert_eq!(keys(&["SSUBSCRIBE", "a", "b"]), [0_usize; 0]);
    }

    #[test]
    fn key_ranges_are_those_of_command_info() {
        let range = |name| found(name).expect("a row").key_range();
        assert_eq!(range("get"), (1, 1, 1));
        assert_eq!(range("mset"), (1, -1, 2));
        assert_eq!(range("blpop"), (1, -2, 1));
        assert_eq!(range("lmove"), (1, 2, 1));
        assert_eq!(range("lmpop"), (0, 0, 0));
        assert_eq!(range("xread"), (0, 0, 0));
        assert_eq!(range("ping"), (0, 0, 0));
    }

    #[test]
    fn every_row_is_found_by_its_name_in_any_case() {
        for row in &COMMANDS {
            let mixed = |odd: bool| {
                let letters = row.name.char_indices();
                let letter = |(index, letter): (usize, char)| match (index % 2 == 1) == odd {
                    true => letter.to_ascii_uppercase(),
                    false => letter,
                };
                letters.map(letter).collect::<String>()
            };
            for name in [row.name.to_owned(), row.name.to_uppercase(), mixed(true), mixed(false)] {
                assert!(same(found(&name), Some(row)), "{name}");
            }
        }
    }

    #[test]
    fn subcommands_are_not_commands() {
        for name in ["config|get", "CONFIG|GET", "client|", "|", "get|", "|get", "get|get"] {
            assert!(find(name.as_bytes()).is_none(), "{name}");
        }
        let config = found("config").expect("a row");
        for word in ["", "get|get", "|get", "g", "getx", "no such word longer than any name"] {
            assert!(find_subcommand(config, word.as_bytes()).is_none(), "{word}");
        }
        let get = found("get").expect("a row");
        assert!(find_subcommand(get, b"get").is_none());
    }

    #[test]
    fn names_that_are_almost_right_miss() {
        let near = [&b""[..], b"get\0", b"\0get", b"ge", b"gett", b" get", b"g\x45t\r", b"GE\xd4"];
        for name in near {
            assert!(find(name).is_none(), "{name:?}");
        }
        // Setting the bit of the lower case would turn this line end into the dash of NO-TOUCH.
        let client = found("client").expect("a row");
        assert!(find_subcommand(client, b"no\rtouch").is_none());
        assert!(find(&[b'a'; NAME_BYTES_MAX]).is_none());
        assert!(find(&[b'a'; NAME_BYTES_MAX + 1]).is_none());
        assert!(find(&vec![b'g'; 1 << 20]).is_none());
    }

    #[test]
    fn random_names_are_found_exactly_if_they_are_there() {
        arbtest::arbtest(|u| {
            let name: Vec<u8> = if u.arbitrary()? {
                u.arbitrary()?
            } else {
                let mut name = u.choose(&COMMANDS)?.name.as_bytes().to_vec();
                let index = u.choose_index(name.len())?;
                name[index] = u.arbitrary()?;
                name
            };
            let expected = naive(&name).filter(|command| command.parent.is_none());
            assert!(same(find(&name), expected), "{name:?}");
            Ok(())
        });
    }

    #[test]
    fn arity() {
        let ok = |name, argc| found(name).expect("a row").arity_ok(argc);
        assert!(ok("get", 2) && !ok("get", 1) && !ok("get", 3));
        assert!(ok("set", 3) && ok("set", 9) && !ok("set", 2));
        assert!(ok("ping", 1) && ok("command|getkeys", 3) && !ok("client|id", 3));
    }

    /// The fewest arguments that the syntax allows.
    fn arguments_min(arguments: &[Argument<'_>]) -> usize {
        arguments.iter().filter(|argument| !argument.is_optional).map(argument_min).sum()
    }

    fn argument_min(argument: &Argument<'_>) -> usize {
        let body = match argument.kind {
            Kind::PureToken => 0,
            Kind::OneOf => argument.parts.iter().map(argument_min).min().unwrap_or(0),
            Kind::Block => arguments_min(&argument.parts),
            _ => 1,
        };
        usize::from(argument.token.is_some()) + body
    }

    #[test]
    fn every_row_is_complete_and_agrees_with_itself() {
        for row in &COMMANDS {
            let name = row.name;
            assert!(name.bytes().all(|byte| !byte.is_ascii_uppercase()), "{name}");
            assert!(!row.summary.is_empty() && !row.summary.ends_with('.'), "{name}");
            assert!(!row.complexity.is_empty() && row.since.split('.').count() == 3, "{name}");
            let depends_on_word = Flags::CONTAINER.with(Flags::SYSTEM);
            if !row.flags.contains(depends_on_word) {
                let words = name.split('|').count();
                let argc_min = words + arguments_min(&row.arguments());
                assert_eq!(row.arity.unsigned_abs() as usize, argc_min, "{name}");
            }
            let has_key =
                row.arguments.split(|byte: char| !byte.is_alphanumeric()).any(|word| word == "key");
            assert_eq!(has_key, row.has_keys(), "{name}");
        }
    }

    #[test]
    fn containers_know_their_subcommands() {
        let names: Vec<_> = COMMANDS.iter().filter(|row| row.is_container()).collect();
        let names: Vec<_> = names.iter().map(|row| row.name).collect();
        assert_eq!(
            names,
            ["xgroup", "xinfo", "pubsub", "client", "command", "config", "latency", "squint"]
        );
        for row in COMMANDS.iter().filter(|row| row.name.contains('|')) {
            let parent = row.parent().expect("a sub-command stands behind its container");
            assert!(parent.subcommands().iter().any(|sibling| sibling.name == row.name));
            assert!(parent.subcommands().iter().any(|sibling| sibling.word() == "help"));
        }
    }

    #[test]
    fn the_dispatcher_knows_commands_by_their_flags() {
        let flagged = |flag: Flags| -> Vec<&str> {
            COMMANDS.iter().filter(|row| row.flags.contains(flag)).map(|row| row.name).collect()
        };
        let at_once = ["multi", "exec", "discard", "watch", "quit", "reset"];
        assert_eq!(flagged(Flags::NOT_QUEUED), at_once);
        assert_eq!(flagged(Flags::RUNS_QUEUE), ["exec"]);
        let subscribe = ["subscribe", "unsubscribe", "psubscribe", "punsubscribe", "ssubscribe"];
        let others = ["sunsubscribe", "ping", "quit", "reset"];
        assert_eq!(flagged(Flags::TO_SUBSCRIBERS), [&subscribe[..], &others].concat());
    }

    #[test]
    fn whatever_may_block_is_a_barrier() {
        let barriers: Vec<_> = COMMANDS
            .iter()
            .filter(|row| row.flags.contains(Flags::BARRIER) && row.parent.is_none())
            .map(|row| row.name)
            .collect();
        let lists = ["blpop", "brpop", "blmpop", "blmove", "brpoplpush", "blmovem"];
        assert_eq!(barriers[..lists.len()], lists);
        let barriers = &barriers[lists.len()..];
        let expected = ["xread", "xreadgroup", "quit", "reset", "hello", "auth", "config"];
        assert_eq!(barriers[..expected.len()], expected);
        assert_eq!(barriers[expected.len()..], ["debug", "shutdown"]);
    }

    #[test]
    fn categories_follow_from_flags_and_group() {
        let categories =
            |name| found(name).expect("a row").categories().names().collect::<Vec<_>>();
        assert_eq!(categories("get"), ["read", "string", "fast"]);
        assert_eq!(categories("blpop"), ["write", "list", "slow", "blocking"]);
        assert_eq!(categories("client"), ["slow"]);
        assert_eq!(categories("client|kill"), ["admin", "slow", "dangerous", "connection"]);
        assert_eq!(categories("flushall"), ["keyspace", "write", "slow", "dangerous"]);
    }
}
