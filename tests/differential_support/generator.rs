//! From a seed to a script.
//!
//! The generator does not hear the replies; it only guesses what state a connection is in, so that
//! transactions end, subscribers leave and waiters are waited for, all more often than chance would
//! have it. A wrong guess costs nothing but a dull command.

use squint::command::flags::Flags;
use squint::command::table::{COMMANDS, Command, Group};

use super::differences::{NOT_SENT, OBSERVED};
use super::grammar;
use super::script::{CONNECTIONS, OBSERVER, Script, Step, Word};
use super::values::{self, Source};
use squint_testing::random::Random;

/// Steps of a script.
pub const STEPS: usize = 300;

/// How often a command is drawn, against [`WEIGHT_DEFAULT`] of those that are not named here.
const WEIGHTS: &[(&str, usize)] = &[
    ("flushall", 1),
    ("flushdb", 1),
    ("quit", 1),
    ("reset", 3),
    ("auth", 1),
    ("hello", 6),
    ("client|reply", 2),
    ("client|kill", 1),
    ("client|unblock", 20),
    ("select", 2),
    ("subscribe", 6),
    ("psubscribe", 6),
    ("ssubscribe", 6),
    ("publish", 40),
    ("spublish", 25),
    ("multi", 14),
    ("watch", 20),
    ("del", 8),
    ("unlink", 8),
    ("lpush", 30),
    ("rpush", 30),
    ("xadd", 60),
    ("xgroup|create", 25),
    ("xgroup|destroy", 3),
    ("xgroup|delconsumer", 4),
    ("xreadgroup", 40),
];
const WEIGHT_DEFAULT: usize = 10;

/// How much more often the family is drawn that a script is about.
const FAVOUR: usize = 6;

/// The commands that may be sent.
pub struct Vocabulary {
    /// What all connections send.
    pub ordered: Vec<&'static Command>,
    /// What only the observer sends.
    pub observed: Vec<&'static Command>,
    /// What is left out: name and reason.
    pub left_out: Vec<(&'static str, String)>,
}

impl Vocabulary {
    /// All rows of our table that the other server knows too, but for those that are not sent.
    pub fn of(mut oracle_knows: impl FnMut(&str) -> bool) -> Vocabulary {
        let (ordered, observed, left_out) = (Vec::new(), Vec::new(), Vec::new());
        let mut vocabulary = Vocabulary { ordered, observed, left_out };
        for row in COMMANDS.iter().filter(|row| !row.is_container()) {
            if let Some((_, reason)) = NOT_SENT.iter().find(|(name, _)| covers(name, row)) {
                vocabulary.left_out.push((row.name, (*reason).to_string()));
            } else if !oracle_knows(row.name) {
                vocabulary.left_out.push((row.name, format!("new in {}", row.since)));
            } else if OBSERVED.iter().any(|(name, _)| *name == row.name) {
                vocabulary.observed.push(row);
            } else {
                vocabulary.ordered.push(row);
            }
        }
        vocabulary
    }
}

/// Whether an entry of a list names this command or its container.
fn covers(name: &str, row: &Command) -> bool {
    name == row.name || row.parent().is_some_and(|parent| parent.name == name)
}

/// What is guessed of a connection.
#[derive(Clone, Copy, Default)]
struct Guess {
    is_in_transaction: bool,
    is_subscribed: bool,
    /// It may be blocked, and is left alone until then.
    rests_until: usize,
}

/// A script under way.
struct Writer<'v> {
    random: Random,
    vocabulary: &'v Vocabulary,
    /// One entry per unit of weight.
    urn: Vec<&'static Command>,
    keys: usize,
    /// IDs that entries were given.
    ids: Vec<Vec<u8>>,
    guesses: [Guess; OBSERVER],
    script: Script,
}

/// The script of this seed.
pub fn script(vocabulary: &Vocabulary, seed: u64) -> Script {
    let mut random = Random::new(seed);
    const FAMILIES: [Option<Group>; 6] = [
        None,
        Some(Group::String),
        Some(Group::List),
        Some(Group::Stream),
        Some(Group::PubSub),
        Some(Group::Transactions),
    ];
    let favourite = *random.pick(&FAMILIES);
    let keys = 1 + random.below(values::KEYS_MAX);
    let missing = random.pick(&APART);
    let urn = urn(vocabulary, favourite, missing);
    let guesses = [Guess::default(); OBSERVER];
    let (ids, script) = (Vec::new(), Script::new());
    let mut writer = Writer { random, vocabulary, urn, keys, ids, guesses, script };
    if writer.random.percent(40) {
        writer.tell_events();
    }
    while writer.script.len() < STEPS {
        writer.write();
    }
    writer.script
}

/// A script does without one of these. Who has turned replies off is never closed by Redis, which
/// waits for the reply to be sent.
const APART: [&[&str]; 2] = [&["client|reply"], &["quit", "client|kill"]];

/// Draws without the commands of `missing`.
fn urn(
    vocabulary: &Vocabulary,
    favourite: Option<Group>,
    missing: &[&str],
) -> Vec<&'static Command> {
    let weight = |row: &&'static Command| {
        let named = WEIGHTS.iter().find(|(name, _)| *name == row.name);
        let weight = named.map_or(WEIGHT_DEFAULT, |(_, weight)| *weight);
        weight * if favourite == Some(row.group) { FAVOUR } else { 1 }
    };
    let present = vocabulary.ordered.iter().filter(|row| !missing.contains(&row.name));
    present.flat_map(|row| std::iter::repeat_n(*row, weight(row))).collect()
}

impl Writer<'_> {
    /// Keyspace notifications, all or some.
    fn tell_events(&mut self) {
        let classes = *self.random.pick(&["KEA", "KEAmn", "Kl$", "Etgx", "KEm", "KEn"]);
        let words = ["CONFIG", "SET", "notify-keyspace-events", classes];
        self.push(0, words.map(Word::from).to_vec(), false);
    }

    fn push(&mut self, connection: usize, words: Vec<Word>, is_joined: bool) {
        self.script.push(Step { connection, words, is_joined });
    }

    fn write(&mut self) {
        if self.random.percent(4) {
            let row = *self.random.pick(&self.vocabulary.observed);
            let words = self.words(row);
            return self.push(OBSERVER, words, false);
        }
        let (connection, is_joined) = self.connection();
        let row = self.row(connection);
        let words = self.words(row);
        self.note(connection, row);
        let mut is_joined = is_joined;
        let makes_group = self.random.percent(40);
        for made in groups_and_consumers(row, &words, makes_group) {
            self.push(connection, made, is_joined);
            is_joined = true;
        }
        let made_again = self.made_again(row, &words);
        self.push(connection, words, is_joined);
        if let Some(made) = made_again {
            self.push(connection, made, true);
        }
    }

    /// A command that creates the consumer again that a command deletes, if somebody may wait in
    /// its name: whenever 7.2 asks that one, it creates the consumer anew, and 7.0 when there is
    /// something for it.
    fn made_again(&self, row: &Command, words: &[Word]) -> Option<Vec<Word>> {
        let (name, rest) = words.split_last()?;
        let [_, _, key, group] = rest else { return None };
        let waits = |step: &Step| {
            let has = |text: &str| step.words.iter().any(|word| is_word(word, text));
            has("XREADGROUP") && has("BLOCK") && step.words.contains(name)
        };
        let is_awaited = row.name == "xgroup|delconsumer" && self.script.iter().any(waits);
        is_awaited.then(|| {
            let start = ["XGROUP", "CREATECONSUMER"].map(Word::from);
            start.into_iter().chain([key, group, name].map(Word::clone)).collect()
        })
    }

    fn words(&mut self, row: &'static Command) -> Vec<Word> {
        let (age, keys) = (self.script.len(), self.keys);
        let mut source = Source { random: &mut self.random, age, keys, ids: &mut self.ids };
        if row.name == "client|kill" {
            let kill = ["CLIENT", "KILL", "ID"].map(Word::from);
            return kill.into_iter().chain([values::client_id(&mut source)]).collect();
        }
        if row.name == "scan" {
            // All keys at once: what a part of them would be, the hash table decides.
            let scan = grammar::whole(&mut source, row);
            return scan.into_iter().chain(["COUNT", "1000"].map(Word::from)).collect();
        }
        let words = grammar::command(&mut source, row);
        if row.name.starts_with("xread") { without_block_for_twins(words) } else { words }
    }

    /// Who speaks next, and whether in one write with what it said before.
    fn connection(&mut self) -> (usize, bool) {
        let now = self.script.len();
        let last = self.script.last().map_or(OBSERVER, |step| step.connection);
        // Behind QUIT nothing is executed up to the next write: a consumer that was to be created
        // there would be missed by what follows.
        let has_left = self.script.last().is_some_and(|step| is_word(&step.words[0], "QUIT"));
        if last < OBSERVER && !has_left && self.random.percent(80) {
            return (last, true);
        }
        let awake: Vec<usize> =
            (0..OBSERVER).filter(|one| self.guesses[*one].rests_until <= now).collect();
        match awake[..] {
            [] => (self.random.below(OBSERVER), false),
            _ => (*self.random.pick(&awake), false),
        }
    }

    fn row(&mut self, connection: usize) -> &'static Command {
        const WAYS_OUT: [&str; 5] =
            ["unsubscribe", "punsubscribe", "sunsubscribe", "reset", "unsubscribe"];
        let guess = self.guesses[connection];
        let way_out = match guess {
            Guess { is_in_transaction: true, .. } if self.random.percent(20) => Some("exec"),
            Guess { is_subscribed: true, .. } if self.random.percent(20) => {
                Some(*self.random.pick(&WAYS_OUT))
            }
            _ => None,
        };
        let named = way_out.and_then(|name| self.urn.iter().find(|row| row.name == name));
        named.copied().unwrap_or_else(|| *self.random.pick(&self.urn))
    }

    fn note(&mut self, connection: usize, row: &Command) {
        let now = self.script.len();
        let rest = self.random.below(25);
        let guess = &mut self.guesses[connection];
        match row.name {
            "multi" => guess.is_in_transaction = true,
            "exec" | "discard" => guess.is_in_transaction = false,
            "subscribe" | "psubscribe" | "ssubscribe" => guess.is_subscribed = true,
            "unsubscribe" | "punsubscribe" | "sunsubscribe" => guess.is_subscribed = false,
            "reset" | "quit" => *guess = Guess::default(),
            _ => {}
        }
        if row.flags.contains(Flags::BLOCKING) && !guess.is_in_transaction {
            guess.rests_until = now + rest;
        }
    }
}

/// Commands that create the consumers that a command names, which 7.2 does in any case and 7.0 when
/// they get something; and their group too, if there shall be more to do than to refuse.
fn groups_and_consumers(row: &Command, words: &[Word], makes_group: bool) -> Vec<Vec<Word>> {
    let (keys, names) = match (row.name, words) {
        ("xclaim" | "xautoclaim", [_, key, group, name, ..]) => (vec![key], [group, name]),
        ("xreadgroup", [_, _, group, name, options @ ..]) => {
            let streams = options.iter().position(|word| is_word(word, "STREAMS"));
            let behind = streams.map_or(&options[..0], |at| &options[at + 1..]);
            let keys = behind[..behind.len().div_ceil(2)].iter();
            (keys.collect(), [group, name])
        }
        _ => return Vec::new(),
    };
    let command = |sub_command: &str, words: &[&Word]| {
        let start = ["XGROUP", sub_command].map(Word::from).into_iter();
        start.chain(words.iter().copied().cloned()).collect::<Vec<Word>>()
    };
    let [group, name] = names;
    let (zero, makes_stream) = (Word::from("0"), Word::from("MKSTREAM"));
    let mut commands = Vec::new();
    for key in keys {
        if makes_group {
            commands.push(command("CREATE", &[key, group, &zero, &makes_stream]));
        }
        commands.push(command("CREATECONSUMER", &[key, group, name]));
    }
    commands
}

fn is_word(word: &Word, text: &str) -> bool {
    matches!(word, Word::Bytes(bytes) if bytes.eq_ignore_ascii_case(text.as_bytes()))
}

/// Takes BLOCK from a command that names a stream twice, if it does: 7.0 waits for the first ID
/// given with the key, 7.2 for any.
fn without_block_for_twins(mut words: Vec<Word>) -> Vec<Word> {
    let place = |name: &str| words.iter().position(|word| is_word(word, name));
    let (Some(block), Some(streams)) = (place("BLOCK"), place("STREAMS")) else { return words };
    let behind = &words[streams + 1..];
    let keys = &behind[..behind.len().div_ceil(2)];
    if (1..keys.len()).any(|end| keys[..end].contains(&keys[end])) {
        let end = words.len().min(block + 2);
        words.drain(block..end);
    }
    words
}

/// A short word on what takes part.
pub fn summary(vocabulary: &Vocabulary) -> String {
    let (ordered, observed) = (vocabulary.ordered.len(), vocabulary.observed.len());
    let connections = CONNECTIONS.len();
    let mut text = format!(
        "{ordered} commands on {connections} connections, {observed} more on the observer\n"
    );
    for (name, reason) in &vocabulary.left_out {
        text.push_str(&format!("  left out: {name} ({reason})\n"));
    }
    text
}
