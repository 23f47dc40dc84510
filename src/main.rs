//! The binary: arguments in, exit code out.
#![forbid(unsafe_code)]

use squint::config::{Config, FileSource, STANDARD_INPUT, Startup};
use squint::server::Server;
use squint_sys::Native;
use squint_sys::allocator::Allocator;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::process::ExitCode;

/// What values, replies and books are made of.
#[global_allocator]
static ALLOCATOR: Allocator = Allocator::new();

const USAGE: &str = "\
Usage: squint-server [/path/to/redis.conf] [--directive value ...]
       squint-server -              (configuration from standard input)
       squint-server -v | --version
       squint-server -h | --help

Examples:
       squint-server
       squint-server --port 7777
       squint-server /etc/squint.conf --loglevel verbose

It listens on this machine's own addresses (127.0.0.1 and ::1), port 6379, unless told otherwise.
Directives are those of redis.conf; docs/configuration.md says what each does here.
";

const VERSION: &str =
    concat!("Squint server v=", env!("CARGO_PKG_VERSION"), " (compatible with Redis 7.2)\n");

fn main() -> ExitCode {
    #[cfg(no_stack_printer)]
    squint_sys::print_no_stacks();
    let arguments: Vec<Vec<u8>> = std::env::args_os().skip(1).map(OsStringExt::into_vec).collect();
    match Config::from_arguments(&arguments, &mut Disk) {
        Ok(Startup::Run(config)) => serve(*config),
        Ok(Startup::Version) => tell(VERSION),
        Ok(Startup::Help) => tell(USAGE),
        Err(error) => fail(&error),
    }
}

/// The files that a configuration is read from, before there is a server.
struct Disk;

impl FileSource for Disk {
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        if path == Path::new(STANDARD_INPUT) {
            let mut bytes = Vec::new();
            io::stdin().read_to_end(&mut bytes)?;
            return Ok(bytes);
        }
        std::fs::read(path)
    }

    fn names(&mut self, directory: &Path) -> io::Result<Vec<OsString>> {
        std::fs::read_dir(directory)?.map(|entry| entry.map(|entry| entry.file_name())).collect()
    }
}

fn serve(config: Config) -> ExitCode {
    let executable = std::env::current_exe().unwrap_or_default().display().to_string();
    let system = match Native::new() {
        Ok(system) => system,
        Err(errno) => return fail(&errno),
    };
    let server = match Server::start(system, config, executable) {
        Ok(server) => server,
        Err(error) => return fail(&error),
    };
    match server.run() {
        Ok(code) => ExitCode::from(code),
        Err(errno) => fail(&errno),
    }
}

/// Prints what somebody has asked for. That nobody reads it, or the disk is full, is no reason to
/// panic, as `print!` would.
fn tell(text: &str) -> ExitCode {
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(error: &dyn std::fmt::Display) -> ExitCode {
    let _ = writeln!(io::stderr(), "{error}"); // there is no other place to say so
    ExitCode::FAILURE
}
