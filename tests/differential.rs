//! Random commands, the same for our server and for the real one: every byte is compared, and who
//! gets what.
//!
//! The generator takes its commands from the server's own table, so a command joins when it gets a
//! row; `values.rs` says what arguments are filled with, `differences.rs` what may differ and why.
//! Another family joins with its rows; a letter for its keys in `values.rs` and a reader in
//! `pair.rs` let its commands meet.
//!
//! A failure prints its seed and the shortest script that shows it, and writes that to
//! `target/differential/` as a conversation, ready for `tests/cases/`.
//!
//! `scripts/differential` runs for longer, with another seed each time.

mod differential_support {
    pub mod case_file;
    pub mod compare;
    pub mod differences;
    pub mod generator;
    pub mod grammar;
    pub mod pair;
    pub mod script;
    pub mod shrink;
    pub mod values;
}

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use differential_support::differences::{DIFFERENCES, How, NOT_SENT, OBSERVED, example};
use differential_support::generator::{self, Vocabulary};
use differential_support::pair::{Mismatch, Pair, Rule};
use differential_support::script::{Script, Word, from_lines, listing};
use differential_support::{case_file, shrink};
use squint::command::table::COMMANDS;
use squint_testing::conversation::format::parse;
use squint_testing::conversation::play::Stage;
use squint_testing::{Program, Server, ours};

/// The share of the test command: always the same scripts.
const SEED: u64 = 1;
const COMMANDS_IN_TESTS: usize = 100_000;

/// How many failures a long run collects before it gives up.
const FAILURES_MAX: usize = 10;

#[test]
fn ours_and_redis_answer_alike() {
    run(SEED, COMMANDS_IN_TESTS);
}

/// For `scripts/differential`, which says how long and with which seed.
#[test]
#[ignore = "as long as it is told to be"]
fn long_run() {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
    let seed = number("SQUINT_SEED").unwrap_or(SEED);
    run(seed, number("SQUINT_COMMANDS").unwrap_or(1_000_000) as usize);
}

fn run(seed: u64, commands: usize) {
    let Some(redis) = Program::redis_or_leave_out() else { return };
    let mut pair = Pair::start(&ours!(), &redis);
    let vocabulary = Vocabulary::of(|name| pair.redis_knows(name));
    println!("seed {seed}: {}", generator::summary(&vocabulary));
    let start = Instant::now();
    let mut failures = 0;
    for seed in seed.. {
        let script = generator::script(&vocabulary, seed);
        if let Err(mismatch) = pair.play(&script) {
            failures += 1;
            println!("{}", explained(&mut pair, seed, &script, &mismatch));
        }
        if pair.sent >= commands || failures == FAILURES_MAX {
            break;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    let sent = pair.sent;
    let rate = sent as f64 / seconds;
    println!("{sent} commands in {seconds:.1} s, {rate:.0} a second");
    println!("{} scripts cut short by an accepted difference", pair.cut_short);
    println!("Redis has counted:\n{}", pair.statistics());
    assert!(failures == 0, "{failures} scripts failed: see above");
}

/// Shrinks a failing script, writes it down as a case, and tells all about it.
fn explained(pair: &mut Pair, seed: u64, script: &Script, mismatch: &Mismatch) -> String {
    let (sent, cut_short) = (pair.sent, pair.cut_short);
    let usual = std::mem::replace(&mut pair.patience, Duration::from_millis(100));
    // Of the same connection: a script that is cut may show an accepted difference elsewhere.
    let is_same = |found: Mismatch| found.connection == mismatch.connection;
    let short =
        shrink::shrunk(&script[..mismatch.steps], |script| pair.play(script).is_err_and(is_same));
    let last = pair.play(&short);
    let case = case_file::written(pair, &format!("found by seed {seed}"), &short);
    pair.patience = usual;
    (pair.sent, pair.cut_short) = (sent, cut_short);
    let Err(last) = last else {
        return format!("seed {seed}: not seen again:\n{}{mismatch}", listing(script));
    };
    let path = kept(&format!("seed-{seed}.case"), &case);
    let shown = listing(&short);
    format!("seed {seed}, {}:\n{shown}{last}  at first seen as {mismatch}", path.display())
}

/// Writes a file into `target/differential/`.
fn kept(name: &str, text: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/differential");
    std::fs::create_dir_all(&directory).expect("target can be written to");
    let path = directory.join(name);
    std::fs::write(&path, text).expect("target can be written to");
    path
}

#[test]
fn what_is_written_down_can_be_played() {
    let Some(redis) = Program::redis_or_leave_out() else { return };
    let mut pair = Pair::start(&ours!(), &redis);
    let mut script = from_lines(&[
        "A> BLPOP l0 0",
        "A> ECHO later",
        "B> CLIENT UNBLOCK id ERROR",
        "C> SUBSCRIBE c1",
        "B> PUBLISH c1 m",
        "B> GET s0",
        "A> QUIT",
        "A> PING",
    ]);
    script[2].words[2] = Word::ClientId(0);
    script[5].is_joined = true;
    let text = case_file::written(&mut pair, "a title", &script);
    let conversations = parse(&text).expect("it is a case");
    for program in [ours!(), redis] {
        let mut server = Server::start(&program, &[]);
        let played = Stage::new(&mut server, None).play(&conversations[0], None);
        assert!(played.is_ok(), "{}: {played:?}\n{text}", program.name);
    }
}

#[test]
fn every_accepted_difference_still_differs() {
    let Some(redis) = Program::redis_or_leave_out() else { return };
    let mut pair = Pair::start(&ours!(), &redis);
    pair.patience = Duration::from_millis(300);
    for difference in DIFFERENCES {
        let script = example(difference);
        let is_seen_through = pair.play(&script).is_ok();
        pair.rule = Rule::SameBytes;
        let is_there = pair.play(&script).is_err();
        pair.rule = Rule::Usual;
        let name = difference.name;
        assert!(is_there, "{name}: the servers agree, take it from the list");
        let is_written = !matches!(difference.how, How::NotWritten);
        assert!(is_seen_through || !is_written, "{name} ({})", difference.reason);
    }
}

#[test]
fn the_lists_name_commands_that_are_there() {
    for (name, reason) in NOT_SENT.iter().chain(OBSERVED) {
        let is_there = COMMANDS.iter().any(|row| row.name == *name);
        assert!(is_there, "{name} is no command of ours ({reason})");
    }
}
