//! # Configuration
//!
//! Every setting: its name, default, range, and whether it may change at run time; redis.conf
//! syntax and `--flags`; CONFIG GET and CONFIG SET. Pure: files are read through [`FileSource`],
//! nothing else outside is touched, and applying a setting is the server's matter.
//!
//! ```text
//! arguments ── command_line ──┐                     ┌── settings()  what the server reads
//! files ────── file, include ─┴─ values, one per ───┼── get, set    CONFIG GET, CONFIG SET
//!              words             row of the table   └── notices()   what to log once
//! ```
//!
//! | file | holds |
//! |---|---|
//! | [`directives`] | the table: one row per directive |
//! | [`directive`] | what a row says, and how it is found |
//! | [`value`], `special` | the kinds of value: words in, a value or a reason out |
//! | [`keyspace_events`] | one of these kinds: which events of keys are published |
//! | `words`, `file`, `include` | redis.conf: lines, quoting, files that name files |
//! | `command_line` | the arguments |
//! | [`settings`] | the settings the server uses, typed |
//! | [`live`] | CONFIG GET and CONFIG SET |
mod command_line;
pub mod directive;
pub mod directives;
mod file;
mod include;
pub mod keyspace_events;
pub mod live;
pub mod settings;
mod special;
pub mod value;
mod words;

pub use file::{FileSource, STANDARD_INPUT};
pub use keyspace_events::{EventClass, KeyspaceEvents};
pub use live::SetError;
pub use settings::{BindAddress, ClientPlace, Permission, Settings, Supervised};
pub use value::{OutputLimit, OutputLimits};

use command_line::{Request, Sources};
use directives::DIRECTIVES;
use file::Loader;
use std::path::{Path, PathBuf};
use value::Value;

/// What the arguments ask for.
#[derive(Clone, Debug, PartialEq)]
pub enum Startup {
    /// Start with this configuration.
    Run(Box<Config>),
    /// Print the version and leave.
    Version,
    /// Print how to call and leave.
    Help,
}

/// The configuration of a running server: a value for every row of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    values: Vec<Value>,
    settings: Settings,
    notices: Vec<String>,
    file: Option<PathBuf>,
}

/// Why the server does not start: several lines for a human, ready to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    text: String,
}

impl ConfigError {
    fn fatal(reason: &str) -> ConfigError {
        let version = env!("CARGO_PKG_VERSION");
        let text = format!("*** FATAL CONFIG ERROR (Squint {version}) ***\n{reason}");
        ConfigError { text }
    }
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.text)
    }
}

impl std::error::Error for ConfigError {}

impl Default for Config {
    /// What a start without file and options gives.
    fn default() -> Config {
        Config::of(DIRECTIVES.iter().map(|row| row.default_value()).collect())
    }
}

impl Config {
    /// Reads the arguments that follow the program's name, and the files they name.
    pub fn from_arguments(
        arguments: &[Vec<u8>],
        files: &mut dyn FileSource,
    ) -> Result<Startup, ConfigError> {
        match command_line::parse(arguments)? {
            Request::Version => Ok(Startup::Version),
            Request::Help => Ok(Startup::Help),
            Request::Run(sources) => {
                Config::load(sources, files).map(|config| Startup::Run(Box::new(config)))
            }
        }
    }

    fn load(sources: Sources, files: &mut dyn FileSource) -> Result<Config, ConfigError> {
        let mut loader = Loader::new(files);
        if let Some(path) = &sources.file {
            loader.file(path)?;
        }
        if sources.standard_input {
            loader.file(Path::new(STANDARD_INPUT))?;
        }
        for line in &sources.options {
            loader.line(&line.words, line.origin())?;
        }
        let (values, notices) = loader.finish()?;
        Ok(Config { notices, file: sources.file, ..Config::of(values) })
    }

    fn of(values: Vec<Value>) -> Config {
        let settings = Settings::of(&values);
        Config { values, settings, notices: Vec::new(), file: None }
    }

    /// The settings the server uses.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Settings given that have no effect here, one sentence each, to log once at the start.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// The configuration file, as the arguments name it.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Notes what the server found to be true, immutable or not: the directory it is in, the
    /// port it got, the clients its descriptors allow. A name or value that the table does not
    /// take is the caller's mistake.
    pub fn record(&mut self, name: &'static str, value: &[u8]) {
        let found = directive::find(name.as_bytes()).expect("the caller names a row of the table");
        let parsed = DIRECTIVES[found.index].kind.parse(&[value], Some(&self.values[found.index]));
        self.values[found.index] = parsed.expect("the caller gives a value of the row's kind");
        self.settings = Settings::of(&self.values);
    }
}

#[cfg(test)]
mod tests;
