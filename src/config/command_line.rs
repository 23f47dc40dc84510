//! The command line: `[file] [-] [--name value ...]...` becomes what to start with.
//!
//! As redis-server reads it, measured form by form:
//! - A first argument that does not begin with `-` is the configuration file.
//! - `-`, first or last, means the standard input too. Then the options: last wins.
//! - `--name` takes every argument up to the next one that begins with `--`; the first value
//!   after a bare name may itself begin with `--` (passwords do).
//! - `"--name value"` in one argument is split by the rules of a file.
//! - `--save` with nothing behind it means `--save ""`.
use super::file::{Origin, Place, path_of};
use super::{ConfigError, words};
use std::path::PathBuf;

/// What the arguments ask for.
#[derive(Debug)]
pub(super) enum Request {
    /// Start.
    Run(Sources),
    /// Print the version.
    Version,
    /// Print how to call.
    Help,
}

/// Where configuration comes from, in order.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub file: Option<PathBuf>,
    pub standard_input: bool,
    pub options: Vec<Line>,
}

/// One option: its name and values.
#[derive(Debug)]
pub(super) struct Line {
    /// Which argument it began with, counted from 1.
    argument: usize,
    /// What stood before the first word: `--`, or nothing before a stray value.
    dashes: &'static str,
    pub words: Vec<Vec<u8>>,
}

impl Line {
    /// Where the option stands and how an error shows it.
    pub fn origin(&self) -> Origin {
        let shown = [self.dashes.as_bytes(), &self.words.join(&b' ')].concat();
        Origin::new(Place::CommandLine(self.argument), &shown)
    }
}

const NOT_HERE: &[(&[u8], &str)] = &[
    (b"--test-memory", "this server does not test memory: use memtester or memtest86+"),
    (b"--check-system", "this server does not check the system: remove --check-system"),
];

/// Reads the arguments that follow the program's name.
pub(super) fn parse(arguments: &[Vec<u8>]) -> Result<Request, ConfigError> {
    let first = arguments.first().map(Vec::as_slice);
    match first {
        Some(b"-v" | b"--version") => return Ok(Request::Version),
        Some(b"-h" | b"--help") => return Ok(Request::Help),
        _ => {}
    }
    if let Some((_, reason)) = NOT_HERE.iter().find(|(option, _)| Some(*option) == first) {
        return Err(ConfigError::fatal(reason));
    }
    if arguments.iter().any(|argument| argument.eq_ignore_ascii_case(b"--sentinel")) {
        let reason = "this server is not a sentinel: start redis-sentinel instead";
        return Err(ConfigError::fatal(reason));
    }
    sources_of(arguments).map(Request::Run)
}

fn sources_of(arguments: &[Vec<u8>]) -> Result<Sources, ConfigError> {
    let mut sources = Sources::default();
    let mut options = Options::default();
    for (index, argument) in arguments.iter().enumerate() {
        let last = index + 1 == arguments.len();
        if index == 0 && !argument.starts_with(b"-") {
            sources.file = Some(path_of(argument));
        } else if argument == b"-" && (index == 0 || last) {
            sources.standard_input = true;
        } else {
            let next = arguments.get(index + 1).map(Vec::as_slice);
            options.add(index + 1, argument, next)?;
        }
    }
    sources.options = options.lines;
    Ok(sources)
}

#[derive(Default)]
struct Options {
    lines: Vec<Line>,
    /// The option read last is a bare name: what follows is its value, whatever it looks like.
    value_wanted: bool,
}

impl Options {
    fn add(
        &mut self,
        number: usize,
        argument: &[u8],
        next: Option<&[u8]>,
    ) -> Result<(), ConfigError> {
        match argument.strip_prefix(b"--") {
            Some(text) if !self.value_wanted => self.name(number, text, next),
            _ => {
                self.value(number, argument);
                Ok(())
            }
        }
    }

    fn name(&mut self, number: usize, text: &[u8], next: Option<&[u8]>) -> Result<(), ConfigError> {
        let mut line = Line { argument: number, dashes: "--", words: vec![text.to_vec()] };
        let words = words::split(text);
        line.words = words.map_err(|_| line.origin().error(words::UNBALANCED))?;
        let is_save = line.words.len() == 1 && line.words[0].eq_ignore_ascii_case(b"save");
        if is_save && next.is_none_or(|next| next.starts_with(b"--")) {
            line.words.push(Vec::new());
        }
        self.value_wanted = line.words.len() < 2;
        self.lines.push(line);
        Ok(())
    }

    fn value(&mut self, number: usize, argument: &[u8]) {
        self.value_wanted = false;
        if self.lines.is_empty() {
            self.lines.push(Line { argument: number, dashes: "", words: Vec::new() });
        }
        let line = self.lines.last_mut().expect("a line was pushed when there was none");
        line.words.push(argument.to_vec());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(arguments: &[&str]) -> Sources {
        match parse(&owned(arguments)) {
            Ok(Request::Run(sources)) => sources,
            other => panic!("{other:?}"),
        }
    }

    fn owned(words: &[&str]) -> Vec<Vec<u8>> {
        words.iter().map(|word| word.as_bytes().to_vec()).collect()
    }

    /// The options of a command line, words joined by `|`.
    fn options(arguments: &[&str]) -> Vec<String> {
        let join = |line: &Line| String::from_utf8_lossy(&line.words.join(&b'|')).into_owned();
        run(arguments).options.iter().map(join).collect()
    }

    #[test]
    fn version_and_help_count_only_in_front() {
        for word in ["-v", "--version"] {
            assert!(matches!(parse(&owned(&[word, "--port", "1"])), Ok(Request::Version)));
        }
        assert!(matches!(parse(&owned(&["-h", "x"])), Ok(Request::Help)));
        assert!(matches!(parse(&owned(&["--help"])), Ok(Request::Help)));
        assert_eq!(options(&["--port", "1", "-v"]), ["port|1|-v"]);
    }

    #[test]
    fn what_this_server_does_not_do_is_refused() {
        let refused = |words: &[&str]| parse(&owned(words)).expect_err("refused").to_string();
        assert!(refused(&["--test-memory", "5"]).contains("memtester"));
        assert!(refused(&["--check-system"]).contains("remove --check-system"));
        assert!(refused(&["x.conf", "--sentinel"]).contains("start redis-sentinel"));
    }

    #[test]
    fn file_first_and_standard_input_first_or_last() {
        let sources = run(&["redis.conf", "--port", "1", "-"]);
        assert_eq!(sources.file, Some(PathBuf::from("redis.conf")));
        assert!(sources.standard_input);
        assert!(run(&["-", "--port", "1"]).standard_input);
        assert!(!run(&["--port", "-", "1"]).standard_input);
        assert!(run(&[]).file.is_none());
    }

    #[test]
    fn values_follow_their_name() {
        let line = ["--port", "7000", "--bind", "127.0.0.1", "-::1"];
        assert_eq!(options(&line), ["port|7000", "bind|127.0.0.1|-::1"]);
        assert_eq!(options(&["--port 7000", "--timeout", "5"]), ["port|7000", "timeout|5"]);
        assert_eq!(options(&["--timeout 5", "6"]), ["timeout|5|6"]);
        assert_eq!(options(&["--timeout '5 6'"]), ["timeout|5 6"]);
        assert_eq!(options(&["--requirepass", "--zzz"]), ["requirepass|--zzz"]);
        assert_eq!(options(&["--timeout", "--port", "5"]), ["timeout|--port|5"]);
        assert_eq!(options(&["--port", "7463", ""]), ["port|7463|"]);
        assert_eq!(options(&["--port=7463"]), ["port=7463"]);
        assert_eq!(options(&["--", "timeout", "5"]), ["timeout|5"]);
        assert_eq!(options(&["-port", "7463"]), ["-port|7463"]);
    }

    #[test]
    fn save_alone_means_no_save_points() {
        assert_eq!(options(&["--save"]), ["save|"]);
        assert_eq!(options(&["--save", "--port", "1"]), ["save|", "port|1"]);
        assert_eq!(options(&["--save", "", "--port", "1"]), ["save|", "port|1"]);
        assert_eq!(options(&["--save", "60", "1"]), ["save|60|1"]);
    }

    #[test]
    fn quotes_in_one_argument_must_balance() {
        let error = parse(&owned(&["--port", "1", "--logfile 'a"])).expect_err("refused");
        assert!(error.to_string().ends_with(
            "Reading the command line, at argument 3\n>>> '--logfile 'a'\n\
             Unbalanced quotes in configuration line"
        ));
    }
}
