//! Replays every file of `tests/cases/` against our server and against a real `redis-server`.
//!
//! A failure names the file and the line. `SQUINT_CASES=lists/lpop` plays only the files whose
//! path contains that text. `SQUINT_BLESS=1` fills in, from the real Redis, replies that a file
//! does not have yet.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use squint_testing::conversation::bless::Blessing;
use squint_testing::conversation::format::{Conversation, parse};
use squint_testing::conversation::play::{Failure, Stage};
use squint_testing::{Program, Server, ours};

/// Most of the time is spent waiting, so there are more of them than processors.
const WORKERS: usize = 6;

#[test]
fn ours_answers_every_conversation() {
    play_all(&ours!(), &[]);
}

/// A command that makes a system call which is not on the list would kill the server.
#[cfg(target_os = "linux")]
#[test]
fn ours_answers_every_conversation_behind_the_filter() {
    play_all(&ours!(), &["--seccomp", "yes"]);
}

#[test]
fn redis_answers_every_conversation() {
    if let Some(redis) = Program::redis_or_leave_out() {
        play_all(&redis, &[]);
    }
}

/// `arguments` are given to every server, before those that a conversation has of its own.
fn play_all(program: &Program, arguments: &[&str]) {
    let files = case_files();
    assert!(!files.is_empty(), "no case files");
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    let played = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..WORKERS.min(files.len()) {
            scope.spawn(|| {
                let mut server = Server::start(program, arguments);
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (count, mut found) = play_file(program, arguments, &mut server, file);
                    played.fetch_add(count, Ordering::Relaxed);
                    failures.lock().expect("no thread panicked with it").append(&mut found);
                }
            });
        }
    });
    let failures = failures.into_inner().expect("no thread panicked with it");
    let played = played.into_inner();
    println!("{}: {played} conversations in {} files", program.name, files.len());
    assert!(
        failures.is_empty(),
        "{} of {played} conversations failed with {}:\n\n{}\n",
        failures.len(),
        program.name,
        failures.join("\n\n")
    );
}

fn cases_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

fn case_files() -> Vec<PathBuf> {
    let wanted = std::env::var("SQUINT_CASES").unwrap_or_default();
    let mut files = Vec::new();
    for family in std::fs::read_dir(cases_directory()).expect("tests/cases is there").flatten() {
        let Ok(entries) = std::fs::read_dir(family.path()) else { continue };
        let paths = entries.flatten().map(|entry| entry.path());
        files.extend(paths.filter(|path| {
            let is_case = path.extension().is_some_and(|extension| extension == "case");
            is_case && path.to_string_lossy().contains(&wanted)
        }));
    }
    files.sort();
    files
}

/// Plays a file; the number of conversations, and what failed.
fn play_file(
    program: &Program,
    arguments: &[&str],
    server: &mut Server,
    file: &Path,
) -> (usize, Vec<String>) {
    let text = std::fs::read_to_string(file).expect("a case file is text");
    let name = file.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(file).display();
    let conversations = match parse(&text) {
        Ok(conversations) => conversations,
        Err(reason) => return (0, vec![format!("{name}:{reason}")]),
    };
    let blesses = program.name != "ours" && std::env::var_os("SQUINT_BLESS").is_some();
    let mut blessing = Blessing::default();
    let mut failures = Vec::new();
    for conversation in &conversations {
        let blessing = blesses.then_some(&mut blessing);
        if let Err(failure) = play(program, arguments, server, conversation, blessing) {
            let Failure { line_number, message } = failure;
            let title = &conversation.title;
            failures.push(format!("{name}:{line_number} ({title}): {message}"));
        }
    }
    if !blessing.is_empty() {
        std::fs::write(file, blessing.applied(&text)).expect("a case file can be written");
    }
    (conversations.len(), failures)
}

fn play(
    program: &Program,
    arguments: &[&str],
    server: &mut Server,
    conversation: &Conversation,
    blessing: Option<&mut Blessing>,
) -> Result<(), Failure> {
    // A panic below is a failure of this conversation and must not hide the others.
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        if conversation.server_arguments.is_empty() {
            return Stage::new(server, None).play(conversation, blessing);
        }
        let own = conversation.server_arguments.iter().map(String::as_str);
        let arguments: Vec<&str> = arguments.iter().copied().chain(own).collect();
        let mut own_server = Server::start(program, &arguments);
        let password = arguments.iter().position(|argument| *argument == "--requirepass");
        let password = password.and_then(|at| arguments.get(at + 1).copied());
        Stage::new(&mut own_server, password).play(conversation, blessing)
    }));
    outcome.unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().cloned().unwrap_or_default();
        Err(Failure { line_number: conversation.line_number, message })
    })
}
