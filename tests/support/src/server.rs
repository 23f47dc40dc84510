//! A server process on a free port, ours or `redis-server`, gone when dropped.

use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use crate::Connection;
use crate::temporary::Directory;

/// Ports below those that the system gives to outgoing connections, so that none of the thousands
/// that tests open can sit on one.
const PORTS: std::ops::Range<u16> = 20_000..32_000;
const START_TIME_MAX: Duration = Duration::from_secs(20);
static PORTS_TRIED: AtomicU16 = AtomicU16::new(0);

/// A server that can be started.
#[derive(Clone, Debug)]
pub struct Program {
    /// How failures and case files call it: `ours` or `redis-7.0`.
    pub name: &'static str,
    path: PathBuf,
}

impl Program {
    /// The server of this package; use the macro [`crate::ours!`]. `SQUINT_SERVER` puts another
    /// binary in its place: the release build, or the real one to try out a test on it.
    pub fn ours(path: &str) -> Program {
        let path = std::env::var_os("SQUINT_SERVER").unwrap_or_else(|| path.into());
        Program { name: "ours", path: PathBuf::from(path) }
    }

    /// The real `redis-server`, if there is one in the path.
    pub fn redis() -> Option<Program> {
        let path = found_in_path("redis-server")?;
        Some(Program { name: "redis-7.0", path })
    }

    /// [`Program::redis`] for a test that compares with it. Without one the test fails, unless
    /// whoever runs it has said `SQUINT_WITHOUT_REDIS=1`, which `scripts/test` lists as left out:
    /// nothing is skipped in silence.
    pub fn redis_or_leave_out() -> Option<Program> {
        let redis = Program::redis();
        if redis.is_none() && std::env::var_os("SQUINT_WITHOUT_REDIS").is_none() {
            panic!("redis-server is not installed (SQUINT_WITHOUT_REDIS=1 leaves this out)");
        }
        redis
    }
}

/// Where a program is that the shell would find under this name.
pub fn found_in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(name)).find(|file| file.is_file())
}

/// A running server. Dropping it kills the process and removes its directory.
#[derive(Debug)]
pub struct Server {
    /// Which one it is.
    pub program: Program,
    /// Its TCP port on 127.0.0.1.
    pub port: u16,
    _reserved: Port,
    child: Child,
    directory: Directory,
}

impl Server {
    /// Starts one and waits until it accepts. `arguments` follow those that make it quiet, local
    /// and without files.
    pub fn start(program: &Program, arguments: &[&str]) -> Server {
        let mut complaint = String::new();
        // A port that looked free may be gone when the server comes to it.
        for _ in 0..3 {
            match Server::start_once(program, arguments) {
                Ok(server) => return server,
                Err(reason) => complaint = reason,
            }
        }
        panic!("{} did not start: {complaint}", program.name);
    }

    fn start_once(program: &Program, arguments: &[&str]) -> Result<Server, String> {
        let directory = Directory::new();
        let reserved = free_port();
        let log_path = directory.path().join("server.log");
        let log = File::create(&log_path).map_err(|error| error.to_string())?;
        let errors = log.try_clone().map_err(|error| error.to_string())?;
        let child = Command::new(&program.path)
            .args(["--port", &reserved.number.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .args(["--appendonly", "no", "--loglevel", "notice", "--dir"])
            .arg(directory.path())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .map_err(|error| format!("{}: {error}", program.path.display()))?;
        let (program, port) = (program.clone(), reserved.number);
        let mut server = Server { program, port, _reserved: reserved, child, directory };
        server.wait_until_it_accepts()?;
        Ok(server)
    }

    /// That somebody accepts on the port does not tell who; the log of the process does.
    fn wait_until_it_accepts(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + START_TIME_MAX;
        while !self.says_ready() || TcpStream::connect(self.address()).is_err() {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("{status}; it said:\n{}", self.log()));
            }
            if Instant::now() > deadline {
                let log = self.log();
                return Err(format!("not ready within {START_TIME_MAX:?}; it said:\n{log}"));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// Its words when it is ready: ours, and those of Redis. ("Address already in use" has the word
    /// in it too.)
    fn says_ready(&self) -> bool {
        let log = self.log();
        log.contains(" ready: ") || log.contains("Ready to accept connections")
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// A new connection to it.
    pub fn connect(&self) -> Connection {
        Connection::open(self.address(), self.program.name)
    }

    /// Its process id.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Its own directory, which it was started with as `dir`.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("server.log")).unwrap_or_default()
    }

    /// Whether the process lives.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for the process to end by itself; its exit code, or `None` if it does not end in
    /// time or was killed by a signal.
    pub fn exit_code_within(&mut self, time_max: Duration) -> Option<i32> {
        self.end_within(time_max)?.code()
    }

    /// Waits for the process to end by itself; how it did, or `None` if it does not in time.
    pub fn end_within(&mut self, time_max: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + time_max;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                _ => return None,
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if the process has ended already, which is what we want.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port for one server, ours alone as long as this lives.
#[derive(Debug)]
pub struct Port {
    /// What the server is told.
    pub number: u16,
    /// Two tests could find the same port free before either server listens. So each port has an
    /// odd neighbour that the test itself holds: the system gives it to one process only, and
    /// takes it back however that process ends.
    _neighbour: TcpListener,
}

/// A port that nobody listens on, another one at each call.
pub fn free_port() -> Port {
    let pairs = (PORTS.end - PORTS.start) / 2;
    let start = (std::process::id().wrapping_mul(131) % u32::from(pairs)) as u16;
    for _ in 0..pairs {
        let step = PORTS_TRIED.fetch_add(1, Ordering::Relaxed) % pairs;
        let number = PORTS.start + 2 * ((start + step) % pairs);
        let neighbour = TcpListener::bind(("127.0.0.1", number + 1));
        if let (Ok(_neighbour), Ok(_)) = (neighbour, TcpListener::bind(("127.0.0.1", number))) {
            return Port { number, _neighbour };
        }
    }
    panic!("no free port between {} and {}", PORTS.start, PORTS.end);
}
