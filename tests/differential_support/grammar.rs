//! From a row of the server's own table of commands to a command with arguments.
//!
//! The row's `arguments` say which words stand where (see `src/command/syntax.rs`), `values.rs`
//! what the other words are. So a command joins when its row does. Then the command may be spoiled:
//! a word too many, too few, another one.

use squint::command::flags::Flags;
use squint::command::syntax::{Argument, Kind};
use squint::command::table::Command;

use super::differences::{NOT_SPOILED, ORACLE};
use super::script::Word;
use super::values::{self, Source};

/// How often, of a hundred, an argument that may be left out is there.
const OPTIONAL_PERCENT: u64 = 30;
/// How often a command is spoiled.
const SPOILED_PERCENT: u64 = 5;

/// A command of this row, whole or spoiled.
pub fn command(source: &mut Source<'_>, row: &'static Command) -> Vec<Word> {
    let mut words = whole(source, row);
    let may_be_spoiled = NOT_SPOILED.iter().all(|(name, _)| *name != row.name);
    if may_be_spoiled && source.random.percent(SPOILED_PERCENT) {
        spoil(source, row, &mut words);
    }
    words
}

/// A command of this row as its syntax says.
pub fn whole(source: &mut Source<'_>, row: &'static Command) -> Vec<Word> {
    let mut sentence = Sentence { source, row, words: Vec::new(), numkeys_at: None };
    for part in row.name.split('|') {
        sentence.token(part);
    }
    sentence.sequence(&row.arguments(), None);
    sentence.words
}

/// A command under way.
struct Sentence<'s, 'a> {
    source: &'s mut Source<'a>,
    row: &'static Command,
    words: Vec<Word>,
    /// Where the number of keys stands that is known only behind them.
    numkeys_at: Option<usize>,
}

impl Sentence<'_, '_> {
    /// A fixed word: mostly in capitals, but any case will do.
    fn token(&mut self, token: &str) {
        let token = match self.source.random.below(20) {
            0 => token.to_ascii_lowercase(),
            1 => token[..1].to_ascii_uppercase() + &token[1..].to_ascii_lowercase(),
            _ => token.to_ascii_uppercase(),
        };
        self.words.push(Word::Bytes(token.into_bytes()));
    }

    /// Arguments one after the other; those that may be left out, in any order among themselves.
    /// `repeats` is how often what may be repeated is, if that is settled.
    fn sequence(&mut self, arguments: &[Argument<'_>], repeats: Option<usize>) {
        let known: Vec<&Argument<'_>> = arguments.iter().filter(|one| is_known(one)).collect();
        for run in known.chunk_by(|left, right| left.is_optional && right.is_optional) {
            let mut run = run.to_vec();
            if self.source.random.percent(50) {
                self.source.random.shuffle(&mut run);
            }
            for argument in run {
                self.argument(argument, repeats);
            }
        }
    }

    fn argument(&mut self, argument: &Argument<'_>, repeats: Option<usize>) {
        if argument.is_optional && !self.source.random.percent(OPTIONAL_PERCENT) {
            return;
        }
        if let Some(token) = argument.token {
            self.token(token);
        }
        let times = match argument.is_multiple {
            true => repeats.unwrap_or_else(|| self.repeats()),
            false => 1,
        };
        for _ in 0..times {
            self.once(argument);
        }
        if let (Kind::Key, true, Some(at)) = (argument.kind, argument.is_multiple, self.numkeys_at)
        {
            self.words[at] = Word::Bytes(times.to_string().into_bytes());
        }
    }

    fn repeats(&mut self) -> usize {
        match self.source.random.below(40) {
            0 => 12,
            1..=6 => 3,
            7..=16 => 2,
            _ => 1,
        }
    }

    fn once(&mut self, argument: &Argument<'_>) {
        match argument.kind {
            Kind::PureToken => {}
            Kind::OneOf => {
                let known: Vec<_> = argument.parts.iter().filter(|one| is_known(one)).collect();
                let choice = *self.source.random.pick(&known);
                self.argument(choice, None);
            }
            // Parts that repeat do so equally often, most of the time: keys and their IDs.
            Kind::Block => {
                let repeats = self.repeats();
                let repeats = self.source.random.percent(95).then_some(repeats);
                self.sequence(&argument.parts, repeats);
            }
            _ => self.leaf(argument),
        }
    }

    fn leaf(&mut self, argument: &Argument<'_>) {
        let is_right = argument.name == "numkeys" && self.source.random.percent(90);
        self.numkeys_at = if is_right { Some(self.words.len()) } else { self.numkeys_at };
        self.words.push(values::value(self.source, self.row, argument));
    }
}

/// Whether the oracle has this argument, and no clock is in it.
fn is_known(argument: &Argument<'_>) -> bool {
    let is_newer = argument.since.is_some_and(|since| version(since) > version(ORACLE));
    !is_newer && argument.name != "auto-id"
}

/// The numbers of `7.0.15`.
pub fn version(text: &str) -> Vec<u32> {
    text.split('.').map(|number| number.parse().unwrap_or(0)).collect()
}

/// Whether a number that takes the place of another could become a short time.
fn has_times(row: &Command) -> bool {
    const WORDS: [&str; 4] = ["seconds", "timeout", "unix-time", "idle"];
    row.flags.contains(Flags::BLOCKING) || WORDS.iter().any(|word| row.arguments.contains(word))
}

/// Makes a command wrong, or at least different.
fn spoil(source: &mut Source<'_>, row: &'static Command, words: &mut Vec<Word>) {
    let kinds = if has_times(row) { 2 } else { 6 };
    let at = source.random.below(words.len());
    let other = source.random.below(words.len());
    match source.random.below(kinds) {
        0 => drop(words.pop_if(|_| at > 0)),
        1 if at > 0 => drop(words.remove(at)),
        2 => words.push(Word::Bytes(values::junk(source))),
        // Another word in place of the name could be a name: FLUSHALL SYNC has one in it.
        3 if at > 0 => words.insert(at, words[other].clone()),
        4 => words[at] = Word::Bytes(values::junk(source)),
        5 if at > 0 && other > 0 => words.swap(at, other),
        _ => {}
    }
}
