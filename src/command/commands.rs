//! COMMAND: what the table of commands says about itself, and the HELP of every container.
//!
//! ```text
//!   COMMAND                      COMMAND INFO [name ...]         for programs
//!   COMMAND COUNT                COMMAND DOCS [name ...]         for people
//!   COMMAND LIST [FILTERBY MODULE module | ACLCAT category | PATTERN pattern]
//!   COMMAND GETKEYS request      COMMAND GETKEYSANDFLAGS request
//! ```
//!
//! Touches nothing but the table, the request and the reply.

use super::context::{CommandResult, Context};
use super::error_reply::{self, ErrorReply};
use super::flags::{AclCategories, KeyFlags};
use super::key_spec::{Begin, Find, KeySpec, Keys};
use super::syntax::{self, Argument, Kind};
use super::table::{self, COMMANDS, Command, Flags};
use crate::resp::request::Request;
use crate::resp::writer::{CountedMap, Writer};
use crate::text::glob::{self, Case};

/// COMMAND
pub fn command(ctx: &mut Context<'_>, _request: Request<'_>) -> CommandResult {
    write_all_infos(&mut ctx.reply);
    Ok(())
}

/// COMMAND COUNT
pub fn command_count(ctx: &mut Context<'_>, _request: Request<'_>) -> CommandResult {
    ctx.reply.integer(top_level().count() as i64);
    Ok(())
}

/// COMMAND DOCS \[name ...\]
pub fn command_docs(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    write_docs(&mut ctx.reply, request);
    Ok(())
}

/// COMMAND GETKEYS command \[arg ...\]
pub fn command_getkeys(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let inner = request.rest(2);
    let keys = keys_of(inner)?;
    ctx.reply.array(keys.count());
    for position in keys.positions() {
        ctx.reply.bulk(inner.at(position));
    }
    Ok(())
}

/// COMMAND GETKEYSANDFLAGS command \[arg ...\]
pub fn command_getkeysandflags(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let inner = request.rest(2);
    let keys = keys_of(inner)?;
    ctx.reply.array(keys.count());
    for (position, flags) in keys.positions_and_flags() {
        ctx.reply.array(2);
        ctx.reply.bulk(inner.at(position));
        write_words(&mut ctx.reply, flags.names());
    }
    Ok(())
}

/// COMMAND INFO \[name ...\]
pub fn command_info(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let reply = &mut ctx.reply;
    if request.len() == 2 {
        write_all_infos(reply);
        return Ok(());
    }
    reply.array(request.len() - 2);
    for name in request.iter().skip(2) {
        match find_by_full_name(name) {
            Some(command) => write_info(reply, command),
            None => reply.null(),
        }
    }
    Ok(())
}

/// COMMAND LIST \[FILTERBY MODULE module | ACLCAT category | PATTERN pattern\]
pub fn command_list(ctx: &mut Context<'_>, request: Request<'_>) -> CommandResult {
    let filter = Filter::parse(request)?;
    let names = COMMANDS.iter().filter(|command| filter.lets_pass(command));
    ctx.reply.array(names.clone().count());
    for command in names {
        ctx.reply.bulk(command.name.as_bytes());
    }
    Ok(())
}

/// HELP of any container.
pub fn help(ctx: &mut Context<'_>, _request: Request<'_>) -> CommandResult {
    let container = ctx.command.parent().expect("only sub-commands are called HELP");
    let lines = help_lines(container);
    ctx.reply.array(lines.len());
    for line in lines {
        ctx.reply.simple(&line);
    }
    Ok(())
}

/// Which commands COMMAND LIST shows.
enum Filter<'a> {
    All,
    /// There are no modules, so nothing belongs to one.
    Module,
    Category(Option<AclCategories>),
    Pattern(&'a [u8]),
}

impl<'a> Filter<'a> {
    fn parse(request: Request<'a>) -> Result<Self, ErrorReply> {
        match request.len() {
            2 => return Ok(Self::All),
            5 if request.at(2).eq_ignore_ascii_case(b"filterby") => {}
            _ => return Err(error_reply::SYNTAX),
        }
        let value = request.at(4);
        match request.at(3).to_ascii_lowercase().as_slice() {
            b"module" => Ok(Self::Module),
            b"aclcat" => Ok(Self::Category(AclCategories::named(value))),
            b"pattern" => Ok(Self::Pattern(value)),
            _ => Err(error_reply::SYNTAX),
        }
    }

    fn lets_pass(&self, command: &Command) -> bool {
        match self {
            Self::All => true,
            Self::Module => false,
            Self::Category(category) => {
                category.is_some_and(|category| command.categories().contains(category))
            }
            Self::Pattern(pattern) => {
                glob::matches(pattern, command.name.as_bytes(), Case::Insensitive)
            }
        }
    }
}

fn top_level() -> impl Iterator<Item = &'static Command> + Clone {
    COMMANDS.iter().filter(|command| command.parent().is_none())
}

/// A command, or a sub-command written `client|list`.
pub(super) fn find_by_full_name(name: &[u8]) -> Option<&'static Command> {
    match memchr::memchr(b'|', name) {
        None => table::find(name),
        Some(bar) => table::find_subcommand(table::find(&name[..bar])?, &name[bar + 1..]),
    }
}

/// The row that a whole request is for.
fn find_by_request(request: Request<'_>) -> Option<&'static Command> {
    let command = table::find(request.get(0)?)?;
    match request.get(1) {
        Some(word) if command.is_container() => table::find_subcommand(command, word),
        _ => Some(command),
    }
}

/// The keys of the request inside a COMMAND GETKEYS.
fn keys_of(request: Request<'_>) -> Result<Keys, ErrorReply> {
    let command =
        find_by_request(request).ok_or(ErrorReply::fixed("ERR Invalid command specified"))?;
    if !command.has_keys() {
        return Err(ErrorReply::fixed("ERR The command has no key arguments"));
    }
    if !command.arity_ok(request.len()) {
        return Err(ErrorReply::fixed("ERR Invalid number of arguments specified for command"));
    }
    match command.keys(request) {
        Ok(keys) => Ok(keys),
        Err(_) if command.flags.contains(Flags::NO_MANDATORY_KEYS) => Ok(Keys::default()),
        Err(_) => Err(ErrorReply::fixed("ERR Invalid arguments specified for command")),
    }
}

fn write_words(reply: &mut Writer<'_>, words: impl Iterator<Item = &'static str> + Clone) {
    reply.set(words.clone().count());
    for word in words {
        reply.simple(word);
    }
}

fn write_all_infos(reply: &mut Writer<'_>) {
    reply.array(top_level().count());
    for command in top_level() {
        write_info(reply, command);
    }
}

/// The ten fields of COMMAND INFO.
fn write_info(reply: &mut Writer<'_>, command: &Command) {
    reply.array(10);
    reply.bulk(command.name.as_bytes());
    reply.integer(command.arity.into());
    write_words(reply, command.flags.names());
    let (first, last, step) = command.key_range();
    for number in [first, last, step] {
        reply.integer(number);
    }
    write_categories(reply, command.categories());
    reply.set(command.tips.len());
    for tip in command.tips {
        reply.bulk(tip.as_bytes());
    }
    reply.set(command.keys.len());
    for spec in command.keys {
        write_key_spec(reply, spec);
    }
    write_subcommand_infos(reply, command);
}

fn write_categories(reply: &mut Writer<'_>, categories: AclCategories) {
    reply.set(categories.names().count());
    for name in categories.names() {
        reply.simple(&format!("@{name}"));
    }
}

/// An array if there are any and an empty set if not, as Redis has it.
fn write_subcommand_infos(reply: &mut Writer<'_>, command: &Command) {
    let subcommands = command.subcommands();
    if subcommands.is_empty() {
        reply.set(0);
        return;
    }
    reply.array(subcommands.len());
    for subcommand in subcommands {
        write_info(reply, subcommand);
    }
}

fn write_key_spec(reply: &mut Writer<'_>, spec: &KeySpec) {
    let mut map = reply.counted_map();
    if !spec.notes.is_empty() {
        map.text("notes", spec.notes);
    }
    write_key_flags(map.entry("flags"), spec.flags);
    write_begin(map.entry("begin_search"), spec.begin);
    write_find(map.entry("find_keys"), spec.find);
    map.finish();
}

fn write_key_flags(reply: &mut Writer<'_>, flags: KeyFlags) {
    write_words(reply, flags.names());
}

fn write_begin(reply: &mut Writer<'_>, begin: Begin) {
    reply.map(2);
    match begin {
        Begin::Index(index) => {
            reply.named_bulk("type", b"index");
            reply.bulk(b"spec");
            reply.map(1);
            reply.named("index", index as i64);
        }
        Begin::Keyword { word, from } => {
            reply.named_bulk("type", b"keyword");
            reply.bulk(b"spec");
            reply.map(2);
            reply.named_bulk("keyword", word.as_bytes());
            reply.named("startfrom", from as i64);
        }
    }
}

fn write_find(reply: &mut Writer<'_>, find: Find) {
    let (kind, numbers) = match find {
        Find::Range { last, step, limit } => {
            ("range", [("lastkey", last as i64), ("keystep", step as i64), ("limit", limit as i64)])
        }
        Find::Counted { count_at, first, step } => (
            "keynum",
            [("keynumidx", count_at as i64), ("firstkey", first as i64), ("keystep", step as i64)],
        ),
    };
    reply.map(2);
    reply.named_bulk("type", kind.as_bytes());
    reply.bulk(b"spec");
    reply.map(numbers.len());
    for (name, number) in numbers {
        reply.named(name, number);
    }
}

/// COMMAND DOCS: names that belong to no command are left out.
fn write_docs(reply: &mut Writer<'_>, request: Request<'_>) {
    if request.len() == 2 {
        write_docs_of(reply, top_level());
    } else {
        let names = request.iter().skip(2);
        write_docs_of(reply, names.filter_map(find_by_full_name));
    }
}

fn write_docs_of(reply: &mut Writer<'_>, commands: impl Iterator<Item = &'static Command> + Clone) {
    reply.map(commands.clone().count());
    for command in commands {
        reply.bulk(command.name.as_bytes());
        write_doc(reply, command);
    }
}

/// One command's documentation.
fn write_doc(reply: &mut Writer<'_>, command: &'static Command) {
    let mut map = reply.counted_map();
    map.text("summary", command.summary);
    map.text("since", command.since);
    map.text("group", command.group.name());
    map.text("complexity", command.complexity);
    let flags = [
        (command.deprecated.is_some(), "deprecated"),
        (command.flags.contains(Flags::SYSTEM), "syscmd"),
    ];
    write_flags(&mut map, "doc_flags", flags);
    if let Some((since, replacement)) = command.deprecated {
        map.text("deprecated_since", since);
        map.text("replaced_by", replacement);
    }
    let arguments = command.arguments();
    if !arguments.is_empty() {
        let mut specs = KeySpecs { next: 0, last: command.keys.len().saturating_sub(1) };
        write_arguments(map.entry("arguments"), &arguments, &mut specs);
    }
    if command.is_container() {
        write_docs_of(map.entry("subcommands"), command.subcommands().iter());
    }
    map.finish();
}

/// The words that are set, if there are any.
fn write_flags(map: &mut CountedMap<'_, '_>, name: &str, flags: [(bool, &'static str); 2]) {
    let set = flags.into_iter().filter(|(is_set, _)| *is_set).map(|(_, word)| word);
    if set.clone().next().is_some() {
        write_words(map.entry(name), set);
    }
}

/// Which key spec describes the next argument that is a key: each its own (LMOVE), or the last one
/// all the rest.
struct KeySpecs {
    next: usize,
    last: usize,
}

fn write_arguments(reply: &mut Writer<'_>, arguments: &[Argument<'_>], specs: &mut KeySpecs) {
    reply.array(arguments.len());
    for argument in arguments {
        write_argument(reply, argument, specs);
    }
}

/// Text to show, or parts: every argument has one of the two.
fn write_argument(reply: &mut Writer<'_>, argument: &Argument<'_>, specs: &mut KeySpecs) {
    let is_leaf = argument.kind.is_leaf();
    let mut map = reply.counted_map();
    map.text("name", &argument.name);
    map.text("type", argument.kind.name());
    if is_leaf {
        map.text("display_text", &argument.name);
    }
    if argument.kind == Kind::Key {
        map.entry("key_spec_index").integer(specs.next as i64);
        specs.next = specs.last.min(specs.next + 1);
    }
    for (name, text) in [("token", argument.token), ("since", argument.since)] {
        if let Some(text) = text {
            map.text(name, text);
        }
    }
    let flags = [(argument.is_optional, "optional"), (argument.is_multiple, "multiple")];
    write_flags(&mut map, "flags", flags);
    if !is_leaf {
        write_arguments(map.entry("arguments"), &argument.parts, specs);
    }
    map.finish();
}

/// The lines of a container's HELP, in Redis's layout.
fn help_lines(container: &Command) -> Vec<String> {
    let name = container.name.to_ascii_uppercase();
    let mut lines =
        vec![format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")];
    if !container.flags.contains(Flags::CONTAINER) {
        lines.extend(["(no subcommand)".to_owned(), format!("    {}.", container.summary)]);
    }
    for subcommand in container.subcommands().iter().filter(|row| row.word() != "help") {
        let usage = syntax::line(&subcommand.arguments());
        let line = [subcommand.word().to_ascii_uppercase(), usage].join(" ");
        lines.extend([line.trim_end().to_owned(), format!("    {}.", subcommand.summary)]);
    }
    lines.extend(["HELP".to_owned(), "    Print this help.".to_owned()]);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::key_spec::tests::with_request;
    use crate::reply_buffer::ReplyBuffer;
    use crate::resp::writer::Protocol;

    fn written(protocol: Protocol, write: impl Fn(&mut Writer<'_>)) -> String {
        let mut out = ReplyBuffer::default();
        write(&mut Writer::new(&mut out, protocol));
        String::from_utf8(out.to_vec()).expect("the table is ASCII").replace("\r\n", " ")
    }

    fn row(name: &str) -> &'static Command {
        find_by_full_name(name.as_bytes()).expect("a row")
    }

    #[test]
    fn info_has_ten_fields_in_both_protocols() {
        let get = |protocol| written(protocol, |reply| write_info(reply, row("get")));
        assert_eq!(
            get(Protocol::Resp2),
            "*10 $3 get :2 *2 +readonly +fast :1 :1 :1 *3 +@read +@string +@fast *0 *1 *6 \
             $5 flags *2 +RO +access $12 begin_search *4 $4 type $5 index $4 spec *2 $5 index :1 \
             $9 find_keys *4 $4 type $5 range $4 spec *6 $7 lastkey :0 $7 keystep :1 $5 limit :0 \
             *0 "
        );
        assert!(get(Protocol::Resp3).contains("~3 +@read +@string +@fast ~0 ~1 %3 $5 flags ~2"));
    }

    #[test]
    fn info_of_movable_keys_and_of_containers() {
        let xread = written(Protocol::Resp2, |reply| write_info(reply, row("xread")));
        assert!(xread.contains(":0 :0 :0") && xread.contains("$7 STREAMS $9 startfrom :1"));
        let config = written(Protocol::Resp3, |reply| write_info(reply, row("config")));
        assert!(config.starts_with("*10 $6 config :-2 ~0 :0 :0 :0 ~1 +@slow ~0 ~0 *4 *10 "));
    }

    #[test]
    fn docs_are_maps_whose_counts_are_right() {
        let quit = written(Protocol::Resp3, |reply| write_doc(reply, row("quit")));
        assert!(quit.starts_with("%7 $7 summary "), "{quit}");
        assert!(quit.contains("$9 doc_flags ~1 +deprecated $16 deprecated_since $5 7.2.0"));
        let get = written(Protocol::Resp3, |reply| write_doc(reply, row("get")));
        let arguments = "$9 arguments *1 %4 $4 name $3 key $4 type $3 key $12 display_text $3 key \
                         $14 key_spec_index :0 ";
        assert!(get.ends_with(arguments), "{get}");
    }

    #[test]
    fn full_names_find_subcommands() {
        assert_eq!(row("CLIENT|ID").name, "client|id");
        for name in ["nope", "get|x", "client|nope", "client|", "|", "client|id|x", ""] {
            assert!(find_by_full_name(name.as_bytes()).is_none(), "{name}");
        }
    }

    #[test]
    fn keys_of_a_request_or_the_reason_why_not() {
        let keys = |line| {
            with_request(line, |request| {
                keys_of(request)
                    .map(|keys| keys.positions().collect::<Vec<_>>())
                    .map_err(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
            })
        };
        assert_eq!(keys("mset a 1 b 2"), Ok(vec![1, 3]));
        assert_eq!(keys("nope a"), Err("ERR Invalid command specified".into()));
        assert_eq!(keys("client nope"), Err("ERR Invalid command specified".into()));
        for line in ["client list", "ssubscribe a", "spublish a b"] {
            assert_eq!(keys(line), Err("ERR The command has no key arguments".into()), "{line}");
        }
        let count = "ERR Invalid number of arguments specified for command";
        assert_eq!(keys("get"), Err(count.into()));
        let invalid = "ERR Invalid arguments specified for command";
        assert_eq!(keys("xread COUNT 1 2 3"), Err(invalid.into()));
    }

    #[test]
    fn list_filters() {
        let names = |line| {
            with_request(line, |request| {
                let filter = Filter::parse(request).ok()?;
                let rows = COMMANDS.iter().filter(|command| filter.lets_pass(command));
                Some(rows.map(|command| command.name).collect::<Vec<_>>())
            })
        };
        assert_eq!(names("command list").map(|names| names.len()), Some(COMMANDS.len()));
        let transactions = vec!["multi", "exec", "discard", "watch", "unwatch"];
        assert_eq!(names("command list FilterBy aclcat TRANSACTION"), Some(transactions));
        assert_eq!(names("command list filterby pattern CLIENT|K*"), Some(vec!["client|kill"]));
        assert_eq!(names("command list filterby aclcat @read"), Some(vec![]));
        assert_eq!(names("command list filterby module x"), Some(vec![]));
        for line in ["command list x", "command list filterby x y", "command list filterby module"]
        {
            assert_eq!(names(line), None, "{line}");
        }
    }

    #[test]
    fn help_has_the_usual_layout() {
        let lines = help_lines(row("config"));
        assert_eq!(lines[0], "CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
        assert_eq!(lines[1], "GET <parameter> [<parameter> ...]");
        assert_eq!(lines[lines.len() - 2..], ["HELP", "    Print this help."]);
        assert_eq!(help_lines(row("command"))[1], "(no subcommand)");
    }
}
