//! What arguments are filled with: a row for each kind of value, found by the argument's token, its
//! name or its type.
//!
//! Most values make sense and come from small pools, so that commands meet on the same keys,
//! elements and IDs. A few are nonsense, and a few stand at an edge.
//!
//! Two rules keep clocks out of the replies. Nothing is given a short time: a key lives for years
//! or is dead at once, a client waits for ever or its timeout is refused. And the times that
//! servers tell are large: a number from [`TIMES`] in a reply may differ by what passes between two
//! commands.

use squint::command::syntax::{Argument, Kind};
use squint::command::table::{Command, Group};

use super::script::{CONNECTIONS, OBSERVER, Word};
use squint_testing::random::Random;

/// Integers of replies in this range are times; no other value lies there.
pub const TIMES: std::ops::Range<i64> = 100_000_000..100_000_000_000_000;

/// The most keys that a family has.
pub const KEYS_MAX: usize = 3;

/// Where values come from.
pub struct Source<'a> {
    /// Chance.
    pub random: &'a mut Random,
    /// How many commands were made before: stream IDs grow with it.
    pub age: usize,
    /// How many keys a family has here.
    pub keys: usize,
    /// IDs that entries were given.
    pub ids: &'a mut Vec<Vec<u8>>,
}

type Make = fn(&mut Source<'_>) -> Vec<u8>;

/// A kind of value.
struct Row {
    only: Only,
    /// The token in front of the argument, or its name.
    names: &'static [&'static str],
    make: Make,
}

/// Where a row counts.
enum Only {
    Everywhere,
    In(Group),
    For(&'static str),
}

impl Only {
    fn has(&self, command: &Command) -> bool {
        match self {
            Only::Everywhere => true,
            Only::In(group) => *group == command.group,
            Only::For(name) => *name == command.name,
        }
    }
}

const fn row(names: &'static [&'static str], make: Make) -> Row {
    Row { only: Only::Everywhere, names, make }
}

const fn row_of(group: Group, names: &'static [&'static str], make: Make) -> Row {
    Row { only: Only::In(group), names, make }
}

const fn row_for(command: &'static str, names: &'static [&'static str], make: Make) -> Row {
    Row { only: Only::For(command), names, make }
}

/// The first row that fits is taken; what no row knows is made by [`by_kind`].
const ROWS: &[Row] = &[
    row_for("hello", &["username"], default_user),
    row_for("xadd", &["id"], new_stream_id),
    row_for("xreadgroup", &["id"], undelivered),
    row_for("set", &["EXAT"], seconds_to_come),
    row_for("set", &["PXAT"], milliseconds_to_come),
    row(&["RANK"], rank),
    row(&["entries-read", "ENTRIESREAD"], entries_read),
    row(&["entries-added", "ENTRIESADDED"], count),
    row(&["MAXDELETEDID", "max-deleted-id"], stream_id),
    row_of(Group::Connection, &["index"], database),
    row_of(Group::Stream, &["start", "end"], range_end),
    row_of(Group::Stream, &["id", "lastid", "last-id", "max-deleted-id"], stream_id),
    row(&["LASTID"], stream_id),
    row_of(Group::Stream, &["group", "groupname", "GROUP"], group),
    row_of(Group::Stream, &["consumer", "consumername"], consumer),
    row_of(Group::PubSub, &["channel", "shardchannel"], channel),
    row_of(Group::PubSub, &["pattern"], channel_pattern),
    row(&["threshold"], threshold),
    row(&["timeout"], timeout_seconds),
    row(&["BLOCK"], timeout_milliseconds),
    row(&["seconds", "EX"], seconds_to_live),
    row(&["milliseconds", "PX"], milliseconds_to_live),
    row(&["unix-time-seconds", "EXAT"], seconds_of_the_epoch),
    row(&["unix-time-milliseconds", "PXAT", "TIME"], milliseconds_of_the_epoch),
    row(&["min-idle-time", "IDLE", "CLAIM", "ms"], idle_time),
    row(&["count", "COUNT", "LIMIT", "num-matches", "RETRYCOUNT"], count),
    row(&["index", "start", "stop", "MAXLEN", "len"], position),
    row(&["increment", "decrement"], step),
    row(&["protover"], protocol),
    row(&["username"], user),
    row(&["clientname", "connection-name"], client_name),
    row(&["TYPE"], type_name),
    row(&["cursor"], cursor),
];

/// A value for this argument of this command.
pub fn value(source: &mut Source<'_>, command: &Command, argument: &Argument<'_>) -> Word {
    if argument.name == "client-id" {
        return client_id(source);
    }
    if argument.kind == Kind::Key {
        return Word::Bytes(key(source, command.group));
    }
    let fits = |row: &&Row| {
        let is_named = |name: &&str| *name == argument.name || argument.token == Some(*name);
        row.only.has(command) && row.names.iter().any(is_named)
    };
    let make = ROWS.iter().find(fits).map_or_else(|| by_kind(argument.kind), |row| row.make);
    Word::Bytes(make(source))
}

fn by_kind(kind: Kind) -> Make {
    match kind {
        Kind::Integer => position,
        Kind::Double => timeout_seconds,
        Kind::Pattern => key_pattern,
        Kind::UnixTime => seconds_of_the_epoch,
        _ => data,
    }
}

/// Families of values, and the first letter of their keys.
const FAMILIES: &[(Group, &str)] =
    &[(Group::String, "s"), (Group::List, "l"), (Group::Stream, "x")];

/// A key, mostly one of the command's family.
pub fn key(source: &mut Source<'_>, group: Group) -> Vec<u8> {
    let own = FAMILIES.iter().find(|(family, _)| *family == group).map(|(_, letter)| *letter);
    let letter = match own {
        Some(letter) if source.random.percent(93) => letter,
        _ => FAMILIES[source.random.below(FAMILIES.len())].1,
    };
    match source.random.below(200) {
        0 => Vec::new(),
        1 => b"\x00\r\n\xff".to_vec(),
        _ => format!("{letter}{}", source.random.below(source.keys)).into_bytes(),
    }
}

/// Every key that [`key`] may give.
pub fn all_keys(keys: usize) -> Vec<Vec<u8>> {
    let family = |(_, letter): &(Group, &str)| -> Vec<Vec<u8>> {
        (0..keys).map(|number| format!("{letter}{number}").into_bytes()).collect()
    };
    let mut all: Vec<Vec<u8>> = FAMILIES.iter().flat_map(family).collect();
    all.extend([Vec::new(), b"\x00\r\n\xff".to_vec()]);
    all
}

/// What is no number, no ID, no option.
pub fn junk(source: &mut Source<'_>) -> Vec<u8> {
    const JUNK: &[&[u8]] = &[
        b"",
        b"abc",
        b"-",
        b"1.5x",
        b" 1",
        b"1 ",
        b"+1",
        b"0x",
        b"1e",
        b"-0",
        b"\x00",
        b"a\x00b",
        b"\r\n",
        b"\xff\xfe",
        b"9223372036854775808",
        b"-9223372036854775809",
        b"1-2-3",
        b"nan",
        b"99999999999999999999999999",
        b"%s%n",
        b"'",
        b"\"",
    ];
    source.random.pick(JUNK).to_vec()
}

/// A number as text, or one of `edges` in place of it, or nonsense.
fn number(source: &mut Source<'_>, low: i64, high: i64, edges: &[&str]) -> Vec<u8> {
    match source.random.below(20) {
        0 => junk(source),
        1 | 2 if !edges.is_empty() => source.random.pick(edges).as_bytes().to_vec(),
        _ => source.random.between(low, high).to_string().into_bytes(),
    }
}

fn position(source: &mut Source<'_>) -> Vec<u8> {
    let edges = ["9223372036854775807", "-9223372036854775808", "2147483648", "-129", "128"];
    number(source, -6, 6, &edges)
}

/// Which match is meant: from the front, from the back, or, wrongly, none. The least integer has no
/// opposite, which 7.2 says and 7.0 does not.
fn rank(source: &mut Source<'_>) -> Vec<u8> {
    number(source, -3, 3, &["9223372036854775807", "-9223372036854775807"])
}

/// Not known, or refused: a number that is not true makes a lag that is not, and the versions
/// differ in what they make of it.
fn entries_read(source: &mut Source<'_>) -> Vec<u8> {
    number(source, -1, -1, &["-2", "-9223372036854775808"])
}

fn count(source: &mut Source<'_>) -> Vec<u8> {
    let edges = ["0", "-1", "9223372036854775807", "1152921504606846976", "-9223372036854775808"];
    number(source, 1, 5, &edges)
}

fn step(source: &mut Source<'_>) -> Vec<u8> {
    let edges = ["9223372036854775807", "-9223372036854775808", "-9223372036854775807"];
    number(source, -300, 300, &edges)
}

fn database(source: &mut Source<'_>) -> Vec<u8> {
    if source.random.percent(60) {
        return b"0".to_vec();
    }
    number(source, -1, 3, &["15", "16", "9223372036854775807"])
}

fn protocol(source: &mut Source<'_>) -> Vec<u8> {
    number(source, 2, 3, &["1", "4", "0", "-3", "9223372036854775807"])
}

/// The beginning: other cursors mean what each server likes.
fn cursor(source: &mut Source<'_>) -> Vec<u8> {
    source.random.pick(&["0", "0", "0", "0", "abc", "", " 0"]).as_bytes().to_vec()
}

/// For ever, or refused: what lies between would end at another moment on each server.
fn timeout_seconds(source: &mut Source<'_>) -> Vec<u8> {
    const EDGES: &[&str] = &[
        "-1",
        "-0.5",
        "1e30",
        "inf",
        "-inf",
        "9223372036854775807",
        "0x0",
        "0.0",
        "1000000",
        "-1e5",
        "abc",
        "",
        " 1",
        "1 ",
        "nan",
    ];
    if source.random.percent(80) {
        b"0".to_vec()
    } else {
        source.random.pick(EDGES).as_bytes().to_vec()
    }
}

fn timeout_milliseconds(source: &mut Source<'_>) -> Vec<u8> {
    number(source, 0, 0, &["-1", "1000000000", "0.5", "-9223372036854775808"])
}

/// Long enough that it is told as one of [`TIMES`], and hardly ever the same twice: whether one
/// time is later than another must not hang on the moment of the command.
fn seconds_to_live(source: &mut Source<'_>) -> Vec<u8> {
    let edges = ["0", "-1", "9223372036854775807", "9223372036854776", "-9223372036854775808"];
    number(source, 200_000_000, 900_000_000, &edges)
}

fn milliseconds_to_live(source: &mut Source<'_>) -> Vec<u8> {
    let edges = ["0", "-1", "9223372036854775807", "-9223372036854775808"];
    number(source, 200_000_000_000, 900_000_000_000, &edges)
}

/// SET keeps a key whose time has passed until somebody looks for it or a timer finds it: in Redis
/// that timer runs ten times a second.
fn seconds_to_come(source: &mut Source<'_>) -> Vec<u8> {
    number(source, 4_000_000_000, 4_000_000_009, &["0", "-1", "9223372036854775807"])
}

fn milliseconds_to_come(source: &mut Source<'_>) -> Vec<u8> {
    number(source, 4_000_000_000_000, 4_000_000_000_009, &["0", "-1", "-9223372036854775808"])
}

fn seconds_of_the_epoch(source: &mut Source<'_>) -> Vec<u8> {
    let edges = ["0", "-1", "1", "9223372036854775807", "9223372036854776"];
    let choices = [4_000_000_000, 4_000_001_000, 5_000_000_000];
    let low = *source.random.pick(&choices);
    number(source, low, low, &edges)
}

fn milliseconds_of_the_epoch(source: &mut Source<'_>) -> Vec<u8> {
    let edges = ["0", "-1", "1", "-9223372036854775808"];
    let choices = [4_000_000_000_000, 4_000_001_000_000, 5_000_000_000_000];
    let low = *source.random.pick(&choices);
    number(source, low, low, &edges)
}

/// Always reached, or never.
fn idle_time(source: &mut Source<'_>) -> Vec<u8> {
    number(source, 0, 0, &["-1", "1000000000", "9223372036854775807"])
}

/// Where a range may begin or end.
fn range_end(source: &mut Source<'_>) -> Vec<u8> {
    match source.random.below(10) {
        0 | 1 => b"-".to_vec(),
        2 | 3 => b"+".to_vec(),
        _ => stream_id(source),
    }
}

/// Mostly an ID that a stream may take: one of the far end would leave no other ID behind it.
fn new_stream_id(source: &mut Source<'_>) -> Vec<u8> {
    let (time, sequence) = (source.age + 1, source.random.below(4));
    let id = match source.random.below(20) {
        0 => stream_id(source),
        1..=3 => format!("{time}-*").into_bytes(),
        4 => format!("{time}").into_bytes(),
        _ => format!("{time}-{sequence}").into_bytes(),
    };
    source.ids.push(id.clone());
    id
}

/// What nobody in the group was handed yet, or what this consumer was.
fn undelivered(source: &mut Source<'_>) -> Vec<u8> {
    match source.random.below(10) {
        0 => b"0".to_vec(),
        1 | 2 => stream_id(source),
        _ => b">".to_vec(),
    }
}

/// IDs that grow with the age of the script, a little out of order.
fn stream_id(source: &mut Source<'_>) -> Vec<u8> {
    const EDGES: &[&str] = &[
        "0",
        "0-0",
        "0-1",
        "-",
        "$",
        ">",
        "18446744073709551615-18446744073709551615",
        "18446744073709551615",
        "18446744073709551614-*",
        "(5-5",
        "(-",
        "(+",
        "5-*",
        "0-*",
        "007-1",
    ];
    let age = source.age as i64;
    let sequence = source.random.below(4);
    if !source.ids.is_empty() && source.random.percent(50) {
        return source.random.pick(source.ids).clone();
    }
    match source.random.below(40) {
        0 => junk(source),
        1..=9 => source.random.pick(EDGES).as_bytes().to_vec(),
        10..=15 => format!("{}-{sequence}", source.random.between(1, age + 2)).into_bytes(),
        16..=18 => format!("({}-{sequence}", source.random.between(1, age + 2)).into_bytes(),
        19..=21 => format!("{}", source.random.between(1, age + 2)).into_bytes(),
        22..=25 => format!("{}-*", age + 1).into_bytes(),
        _ => format!("{}-{sequence}", source.random.between(age, age + 2)).into_bytes(),
    }
}

/// A number of entries or an ID: what XTRIM wants depends on the word before.
fn threshold(source: &mut Source<'_>) -> Vec<u8> {
    if source.random.percent(50) { count(source) } else { stream_id(source) }
}

fn group(source: &mut Source<'_>) -> Vec<u8> {
    source.random.pick(&["g1", "g1", "g1", "g2", ""]).as_bytes().to_vec()
}

fn consumer(source: &mut Source<'_>) -> Vec<u8> {
    source.random.pick(&["alice", "alice", "bob", ""]).as_bytes().to_vec()
}

fn channel(source: &mut Source<'_>) -> Vec<u8> {
    const CHANNELS: &[&[u8]] = &[
        b"c1",
        b"c1",
        b"c2",
        b"c2",
        b"news.a",
        b"",
        b"\x00\r\n",
        b"__keyevent@0__:lpush",
        b"__keyevent@0__:del",
        b"__keyspace@0__:l0",
        b"__keyspace@0__:x0",
        b"__keyspace@0__:s0",
    ];
    source.random.pick(CHANNELS).to_vec()
}

fn channel_pattern(source: &mut Source<'_>) -> Vec<u8> {
    const PATTERNS: &[&str] = &[
        "c*",
        "c?",
        "[a-c]1",
        "*",
        "c[^1]",
        "news.*",
        "\\c1",
        "",
        "__key*__:*",
        "__keyevent@0__:*",
        "__keyspace@?__:[lx]*",
        "c[",
        "c\\",
    ];
    source.random.pick(PATTERNS).as_bytes().to_vec()
}

fn key_pattern(source: &mut Source<'_>) -> Vec<u8> {
    const PATTERNS: &[&str] =
        &["*", "*", "l*", "s?", "[sl]0", "x[^0]", "*0", "", "[", "l[0-", "\\l0", "??", "*l*0*"];
    source.random.pick(PATTERNS).as_bytes().to_vec()
}

fn type_name(source: &mut Source<'_>) -> Vec<u8> {
    source.random.pick(&["string", "list", "stream", "LIST", "zset", "none"]).as_bytes().to_vec()
}

fn default_user(_: &mut Source<'_>) -> Vec<u8> {
    b"default".to_vec()
}

fn user(source: &mut Source<'_>) -> Vec<u8> {
    source.random.pick(&["default", "default", "default", "nobody"]).as_bytes().to_vec()
}

fn client_name(source: &mut Source<'_>) -> Vec<u8> {
    source.random.pick(&["worker", "w-1", "", "two words", "a\nb"]).as_bytes().to_vec()
}

/// Mostly a connection of this script: the observer is left in peace.
pub fn client_id(source: &mut Source<'_>) -> Word {
    match source.random.below(12) {
        0 => Word::Bytes(number(source, -1, 0, &["999999999", "9223372036854775807"])),
        _ => Word::ClientId(source.random.below(CONNECTIONS.len() - 1).min(OBSERVER - 1)),
    }
}

/// Elements, values, fields, messages: few, so that they are found again; some are numbers, some
/// long enough for another representation.
fn data(source: &mut Source<'_>) -> Vec<u8> {
    const DATA: &[&[u8]] = &[
        b"a",
        b"a",
        b"b",
        b"c",
        b"hello",
        b"",
        b"0",
        b"1",
        b"-1",
        b"12345",
        b"10",
        b"3.5",
        b"a\x00b",
        b"\r\n",
        b"\xff\x80",
        b"9223372036854775807",
        b"-9223372036854775808",
        b"two words",
    ];
    match source.random.below(60) {
        0 => vec![b'x'; *source.random.pick(&[63, 64, 255, 256, 4095, 9000, 20_000, 33_000])],
        1 => junk(source),
        2..=6 => source.random.between(-200, 70_000).to_string().into_bytes(),
        _ => source.random.pick(DATA).to_vec(),
    }
}
