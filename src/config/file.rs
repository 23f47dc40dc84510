//! Configuration files: lines become values, `include` becomes more lines, and a mistake
//! becomes an error that names the file, the line and the reason.
//!
//! ```text
//! redis.conf ──┐
//! stdin ───────┼──> line() ──> values ──> finish(): promises checked last, so that a later
//! --options ───┘      └─ include: files, depth first          line may take back an earlier one
//! ```
//! Touches nothing outside but through [`FileSource`].
use super::ConfigError;
use super::directive::{Effect, Found, find};
use super::directives::{DIRECTIVES, FORGOTTEN, REFUSED, SECRET};
use super::include::expand;
use super::value::{Kind, Value, WRONG_NUMBER};
use super::words;
use crate::limits::{INCLUDE_DEPTH_MAX, INCLUDE_FILES_MAX};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Why a name stops the start that no row of the table has.
pub(super) const UNKNOWN_DIRECTIVE: &str = "unknown directive: docs/configuration.md lists those \
    there are; a value is a word of its own (--port 7777)";

/// The standard input, where a [`FileSource`] is asked for a file.
pub const STANDARD_INPUT: &str = "-";

/// The files that the configuration may come from.
pub trait FileSource {
    /// The whole content of a file. [`STANDARD_INPUT`] asks for the standard input.
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>>;
    /// The names in a directory, for an `include` with wildcards; any order.
    fn names(&mut self, directory: &Path) -> io::Result<Vec<OsString>>;
}

/// No files at all: the arguments say everything.
impl FileSource for () {
    fn read(&mut self, _: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn names(&mut self, _: &Path) -> io::Result<Vec<OsString>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// Where a line stands.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// In a file, counted from 1.
    File(PathBuf, usize),
    /// On the command line: the argument's number, counted from 1.
    CommandLine(usize),
}

/// A line that was read: where it stands and how an error shows it.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub place: Place,
    pub shown: String,
}

impl Origin {
    /// Remembers a line. The value of a secret is not kept, so no error can show it.
    pub fn new(place: Place, line: &[u8]) -> Origin {
        let name = line.trim_ascii().split(|byte| b" \t\"'".contains(byte)).find(|w| !w.is_empty());
        let name = name.unwrap_or_default().to_ascii_lowercase();
        let bare = name.strip_prefix(b"--").unwrap_or(&name);
        let secret = SECRET.iter().find(|secret| secret.as_bytes() == bare);
        let shown = match secret {
            Some(secret) => format!("{secret} <hidden>"),
            None => String::from_utf8_lossy(line).into_owned(),
        };
        Origin { place, shown }
    }

    /// The error that this line is.
    pub fn error(&self, reason: impl std::fmt::Display) -> ConfigError {
        let place = match &self.place {
            Place::File(path, line) => {
                format!("Reading the configuration file '{}', at line {line}", path.display())
            }
            Place::CommandLine(argument) => {
                format!("Reading the command line, at argument {argument}")
            }
        };
        ConfigError::fatal(&format!("{place}\n>>> '{}'\n{reason}", self.shown))
    }
}

/// Reads configuration into values.
pub(super) struct Loader<'a> {
    files: &'a mut dyn FileSource,
    values: Vec<Value>,
    /// Where each value was last set; nothing = the default stands.
    origins: Vec<Option<Origin>>,
    open: Vec<PathBuf>,
    files_read: usize,
}

impl<'a> Loader<'a> {
    pub fn new(files: &'a mut dyn FileSource) -> Loader<'a> {
        let values = DIRECTIVES.iter().map(|row| row.default_value()).collect();
        let origins = vec![None; DIRECTIVES.len()];
        Loader { files, values, origins, open: Vec::new(), files_read: 0 }
    }

    /// Reads one file, and what it includes.
    pub fn file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let content = self.read(path).map_err(|mut reason| {
            if let Some(found) = find(path.as_os_str().as_bytes()) {
                reason.push_str(&format!(". The option is --{}", found.name)); // `port 7777`
            }
            ConfigError::fatal(&reason)
        })?;
        self.lines(path, &content)
    }

    fn read(&mut self, path: &Path) -> Result<Vec<u8>, String> {
        let content = self.files.read(path);
        content.map_err(|error| format!("Can't open config file '{}': {error}", path.display()))
    }

    fn lines(&mut self, path: &Path, content: &[u8]) -> Result<(), ConfigError> {
        let shown = if path == STANDARD_INPUT { Path::new("standard input") } else { path };
        self.open.push(path.to_path_buf());
        for (index, line) in content.split(|&byte| byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            let place = Place::File(shown.to_path_buf(), index.saturating_add(1));
            self.text(line, Origin::new(place, line))?;
        }
        self.open.pop();
        Ok(())
    }

    /// Reads one line that is not split yet.
    fn text(&mut self, line: &[u8], origin: Origin) -> Result<(), ConfigError> {
        let words = words::split(line).map_err(|_| origin.error(words::UNBALANCED))?;
        self.line(&words, origin)
    }

    /// Applies one line: a name and its values.
    pub fn line(&mut self, words: &[Vec<u8>], origin: Origin) -> Result<(), ConfigError> {
        let Some((name, values)) = words.split_first() else { return Ok(()) };
        if let Some(found) = find(name) {
            return self.assign(found, values, origin);
        }
        match (name.to_ascii_lowercase().as_slice(), values) {
            (b"include", [path]) => self.include(path, &origin),
            (b"include", _) => Err(origin.error(WRONG_NUMBER)),
            (name, [_]) if FORGOTTEN.iter().any(|known| known.as_bytes() == name) => Ok(()),
            (name, _) => Err(origin.error(refusal(name))),
        }
    }

    fn assign(
        &mut self,
        found: Found,
        words: &[Vec<u8>],
        origin: Origin,
    ) -> Result<(), ConfigError> {
        let row = &DIRECTIVES[found.index];
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        let current = &self.values[found.index];
        let value = row.kind.parse(&words, Some(current)).map_err(|reason| origin.error(reason))?;
        self.values[found.index] = match row.kind {
            Kind::SavePoints => added(current, value),
            _ => value,
        };
        self.origins[found.index] = Some(origin);
        Ok(())
    }

    fn include(&mut self, pattern: &[u8], origin: &Origin) -> Result<(), ConfigError> {
        for path in expand(pattern, self.files) {
            if self.open.contains(&path) {
                return Err(origin.error("this file includes itself: remove one of the includes"));
            }
            if self.open.len() >= INCLUDE_DEPTH_MAX {
                let reason = format!("files include each other more than {INCLUDE_DEPTH_MAX} deep");
                return Err(origin.error(reason));
            }
            self.files_read = self.files_read.saturating_add(1);
            if self.files_read > INCLUDE_FILES_MAX {
                return Err(origin.error(format!("more than {INCLUDE_FILES_MAX} files included")));
            }
            let content = self.read(&path).map_err(|reason| origin.error(reason))?;
            self.lines(&path, &content)?;
        }
        Ok(())
    }

    /// The values, and the notices to log; or the first promise that cannot be kept.
    pub fn finish(self) -> Result<(Vec<Value>, Vec<String>), ConfigError> {
        let mut notices = Vec::new();
        for ((row, value), origin) in DIRECTIVES.iter().zip(&self.values).zip(&self.origins) {
            let Some(origin) = origin else { continue };
            row.check_promise(value).map_err(|reason| origin.error(reason))?;
            if row.effect == Effect::Ignored && *value != row.default_value() {
                notices.push(format!("'{}' is accepted, but has no effect here", row.name));
            }
        }
        Ok((self.values, notices))
    }
}

/// What to say about a name that no row has.
fn refusal(name: &[u8]) -> &'static str {
    let known = REFUSED.iter().find(|(refused, _)| refused.as_bytes() == name);
    known.map_or(UNKNOWN_DIRECTIVE, |(_, advice)| advice)
}

/// Save points add up line by line; an empty line takes all back.
fn added(current: &Value, value: Value) -> Value {
    match (current, value) {
        (Value::Words(old), Value::Words(new)) if !new.is_empty() => {
            Value::Words(old.iter().cloned().chain(new).collect())
        }
        (_, value) => value,
    }
}

/// The bytes of an argument or a file name.
pub(super) fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}
