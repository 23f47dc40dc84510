//! The table of commands, and the look-up by name.
//!
//! `rows.rs` holds one row per command. From it comes, at compile time, the table here and (in
//! `build.rs`) a perfect hash over the names; a sub-command is a row named `client|list` behind
//! its container's row, and shares the hash:
//!
//! ```text
//!   "LPush" ──fold──► four words ──hash──► slot ──► row ──► same words? ──► &COMMANDS[row]
//! ```
//!
//! A look-up allocates nothing and reads no more than the longest name's bytes of its input.

use super::context::{CommandResult, Context};
use super::flags::{AclCategories, implied_categories};
use super::key_spec::{Begin, Find, InvalidKeys, KeySpec, Keys};
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
    /// Position in [`COMMANDS`]; the table sets it, like the rest below.
    pub index: usize,
    parent: Option<usize>,
    subcommand_count: usize,
    folded: Folded,
}

impl Command {
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
        index: 0,
        parent: None,
        subcommand_count: 0,
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
        let first = self.index + 1;
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

    /// Is `argc`, the name included, a number of arguments that it takes?
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

    /// First key, last key and step, as far as fixed positions can say it; 0, 0, 0 if not.
    #[must_use]
    pub fn key_range(&self) -> (i64, i64, i64) {
        let Some(KeySpec { begin: Begin::Index(first), find, .. }) = self.keys.first() else {
            return (0, 0, 0);
        };
        let Find::Range { last, step, .. } = find else { return (0, 0, 0) };
        let (first, last, step) = (*first as i64, *last as i64, *step as i64);
        (first, if last < 0 { last } else { first + last }, step)
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
    use super::{COMMANDS, Command, Folded, name_hash};

    include!(concat!(env!("OUT_DIR"), "/command_look_up.rs"));

    /// The row of folded words, commands and sub-commands alike.
    pub(super) fn find(words: &Folded) -> Option<&'static Command> {
        let hash = name_hash::hash(words, SEED);
        let displacement = DISPLACEMENTS[name_hash::bucket(hash, DISPLACEMENTS.len())];
        let row = SLOTS[name_hash::slot(hash, displacement, SLOTS.len())];
        COMMANDS.get(usize::from(row)).filter(|command| command.folded == *words)
    }
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

/// Sets what follows from the order of the rows and from each row itself.
const fn complete<const N: usize>(mut rows: [Command; N]) -> [Command; N] {
    let mut container = 0;
    let mut index = 0;
    while index < N {
        rows[index].index = index;
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

/// Builds the table from the rows.
macro_rules! commands {
    ($($name:literal => $module:ident :: $function:ident {
        $($field:ident : $value:expr),* $(,)?
    })*) => {
        use super::{Command, Flags, Group::*, complete};
        use crate::command::flags::{acl_bits as acl, flag_bits::*, key_bits::*};
        use crate::command::key_spec::{all, half_behind, one, range};

        const COUNT: usize = [$($name),*].len();
        const ROWS: [Command; COUNT] = [$(Command {
            name: $name,
            handler: handler!($module $function),
            $($field: field!($field $value),)*
            ..Command::BLANK
        }),*];

        /// Every command and sub-command; the latter stand behind their containers.
        pub static COMMANDS: [Command; COUNT] = complete(ROWS);
    };
}

/// The path of a command's function.
macro_rules! handler {
    ($module:ident $function:ident) => {
        crate::command::$module::$function
    };
}

#[path = "rows.rs"]
mod rows;
