//! Start, log, shut down.

use super::eviction::Eviction;
use super::growth::Growth;
use super::{Server, listening};
use crate::client::ClientId;
use crate::command::effects::Shutdown;
use crate::command::{Engine, Facts, Host, Now};
use crate::config::{Config, Settings, Supervised};
use crate::event_loop::EventLoop;
use crate::limits::{DESCRIPTORS_RESERVED, SHUTDOWN_FLUSH_MS};
use crate::logging::{self, Level};
use squint_sys::{Signal, Sys};

/// Why a server does not start: what failed, and what to do.
#[derive(Debug)]
pub struct StartError(String);

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}

/// A shutdown under way.
#[derive(Debug)]
pub struct Ending {
    /// Until when clients may fetch their replies, monotonic milliseconds.
    deadline_ms: u64,
}

impl Ending {
    pub(super) fn deadline_ns(&self) -> u64 {
        self.deadline_ms.saturating_mul(1_000_000)
    }
}

impl<S: Sys> Server<S> {
    /// Builds a server and opens its sockets; nothing has been served yet.
    pub fn start(mut sys: S, config: Config, executable: String) -> Result<Self, StartError> {
        prepare_process(&mut sys, config.settings())?;
        let (facts, seed) = draw_identity(&mut sys, &config, executable)?;
        let event_loop =
            EventLoop::new(sys).map_err(|errno| StartError(format!("No event loop: {errno}")))?;
        let mut server = Self {
            event_loop,
            engine: Engine::new(config, facts, seed),
            now: Now::default(),
            now_ns: 0,
            accepted: Vec::new(),
            eviction: Eviction::off(),
            growth: Growth::default(),
            shutdown: None,
            last_warning_ms: None,
        };
        server.read_clocks();
        server.adjust_clients_max()?;
        server.limit_clients();
        let settings = server.engine.config.settings().clone();
        listening::open_all(&mut server.event_loop, &settings).map_err(StartError)?;
        server.leave_terminal()?;
        server.confine()?;
        server.announce();
        let sys = &mut server.event_loop.sys;
        let (cycles, monotonic_ns) = (sys.cycles(), sys.monotonic_ns());
        server.engine.stats.tick_times.start(cycles, monotonic_ns);
        Ok(server)
    }

    /// With `daemonize`, goes on as a child of nobody. Whatever can fail has failed before, where
    /// somebody still reads it.
    fn leave_terminal(&mut self) -> Result<(), StartError> {
        if self.engine.config.settings().daemonize {
            let left = self.event_loop.daemonize();
            left.map_err(|errno| StartError(format!("Can't daemonize: {errno}")))?;
            self.engine.facts.process_id = self.event_loop.sys.process_id();
        }
        Ok(())
    }

    /// With `seccomp`, gives up every system call that serving does not need.
    fn confine(&mut self) -> Result<(), StartError> {
        if self.engine.config.settings().seccomp {
            let confined = self.event_loop.sys.confine();
            confined.map_err(|errno| StartError(format!("No filter for system calls: {errno}")))?;
        }
        Ok(())
    }

    /// Lowers `maxclients` when the system has not descriptors enough for it. An error if there is
    /// none for any client.
    fn adjust_clients_max(&mut self) -> Result<(), StartError> {
        let wanted = u64::from(self.engine.config.settings().clients_max);
        let limit = self.event_loop.sys.raise_descriptor_limit(wanted + DESCRIPTORS_RESERVED);
        let possible = limit.saturating_sub(DESCRIPTORS_RESERVED);
        let allowed = format!("The system allows {limit} open descriptors");
        let advice = "'ulimit -n' before the start raises that, LimitNOFILE= in a systemd unit.";
        if possible == 0 {
            let needed = DESCRIPTORS_RESERVED + 1;
            let text = format!("{allowed}, and the server needs {needed} at least. {advice}");
            return Err(StartError(text));
        }
        if possible < wanted {
            let text =
                format!("{allowed}: maxclients is lowered from {wanted} to {possible}. {advice}");
            self.log(Level::Warning, &text);
            self.engine.config.record("maxclients", possible.to_string().as_bytes());
        }
        Ok(())
    }

    /// Says that the server is there: log, pid file, service manager.
    fn announce(&mut self) {
        for notice in self.engine.config.notices().to_vec() {
            self.log(Level::Notice, &notice);
        }
        let version = env!("CARGO_PKG_VERSION");
        let (pid, poller) = (self.engine.facts.process_id, self.engine.facts.poller_name);
        let port = self.event_loop.port();
        let text = format!("Squint {version} ready: poller={poller}, pid={pid}, port={port}");
        self.log(Level::Notice, &text);
        self.write_pid_file();
        self.tell_supervisor();
    }

    fn write_pid_file(&mut self) {
        let Some(path) = self.engine.config.settings().pidfile.clone() else { return };
        let contents = format!("{}\n", self.engine.facts.process_id);
        if let Err(errno) = self.event_loop.sys.write_file(&path, contents.as_bytes()) {
            let text = format!("Could not write the pid file {}: {errno}", path.display());
            self.log(Level::Warning, &text);
        }
    }

    fn tell_supervisor(&mut self) {
        if self.engine.config.settings().supervised == Supervised::Upstart {
            self.log(Level::Notice, "'supervised upstart' has no effect here: use systemd or no");
        }
        if self.is_supervised_by_systemd() {
            self.event_loop.sys.notify_supervisor("STATUS=Ready to accept connections\nREADY=1\n");
        }
    }

    fn is_supervised_by_systemd(&self) -> bool {
        matches!(self.engine.config.settings().supervised, Supervised::Systemd | Supervised::Auto)
    }

    /// Writes a log line, if its level is asked for.
    pub(super) fn log(&mut self, level: Level, message: &str) {
        let settings = self.engine.config.settings();
        if level < settings.loglevel {
            return;
        }
        let path = settings.logfile.clone();
        let sys = &mut self.event_loop.sys;
        let wall_us = sys.wall_us();
        let offset_s = sys.local_offset_seconds(wall_us.div_euclid(1_000_000));
        let local_ms = wall_us.div_euclid(1000) + offset_s * 1000;
        let line = logging::line(self.engine.facts.process_id, local_ms, level, message);
        if !sys.log(path.as_deref(), &line) {
            self.engine.stats.log_lines_dropped += 1;
        }
    }

    /// Writes a log line about something that may happen very often.
    pub(super) fn log_at_most_every_second(&mut self, level: Level, message: &str) {
        let now_ms = self.now.monotonic_ms;
        if self.last_warning_ms.is_none_or(|last_ms| now_ms.saturating_sub(last_ms) >= 1000) {
            self.last_warning_ms = Some(now_ms);
            self.log(level, message);
        }
    }

    /// Looks for a signal, and begins to end if there is one.
    pub(super) fn obey_signals(&mut self) {
        if !std::mem::take(&mut self.event_loop.is_signalled) {
            return;
        }
        let name = match self.event_loop.sys.take_signal() {
            Some(Signal::Terminate) => "SIGTERM",
            Some(Signal::Interrupt) => "SIGINT",
            None => return,
        };
        let text = format!("Received {name} scheduling shutdown...");
        self.log(Level::Warning, &text);
        self.begin_shutdown(Shutdown { now: false });
    }

    /// Nobody new comes in; replies under way may still be fetched.
    pub(super) fn begin_shutdown(&mut self, shutdown: Shutdown) {
        if self.shutdown.is_some() {
            return;
        }
        self.log(Level::Warning, "User requested shutdown...");
        self.event_loop.stop_listening();
        let patience_ms = if shutdown.now { 0 } else { SHUTDOWN_FLUSH_MS };
        let deadline_ms = self.now.monotonic_ms.saturating_add(patience_ms);
        self.shutdown = Some(Ending { deadline_ms });
    }

    /// The shutdown is complete: everything is written, or it has taken long enough.
    pub(super) fn is_over(&self) -> bool {
        self.shutdown.as_ref().is_some_and(|ending| {
            self.now.monotonic_ms >= ending.deadline_ms || !self.event_loop.has_output()
        })
    }

    /// Leaves nothing behind.
    pub(super) fn end(&mut self) {
        if self.is_supervised_by_systemd() {
            self.event_loop.sys.notify_supervisor("STOPPING=1\n");
        }
        let settings = self.engine.config.settings();
        let files = [settings.pidfile.clone(), settings.unixsocket.clone()];
        for path in files.into_iter().flatten() {
            self.event_loop.sys.remove_file(&path);
        }
        self.log(Level::Warning, "Squint is now ready to exit, bye bye...");
    }

    /// Makes a setting that CONFIG SET has changed take effect where reading it is not enough.
    pub(super) fn apply_setting(&mut self, name: &str) {
        match name {
            "timeout" => self.for_each_client(|server, client| server.arm(client.index)),
            "client-output-buffer-limit" => self.for_each_client(Self::output_grew),
            // Whoever has said so has one: that there is none for any client is no news to tell.
            "maxclients" => self.adjust_clients_max().unwrap_or(()),
            "maxmemory-clients" | "maxmemory" => self.limit_clients(),
            "tcp-keepalive" => self.renew_keepalive(),
            _ => {}
        }
    }

    /// Connections inherit the setting from the socket that they came through.
    fn renew_keepalive(&mut self) {
        let seconds = self.engine.config.settings().tcp_keepalive_s;
        for listener in &self.event_loop.listeners {
            self.event_loop.sys.set_keepalive(listener.fd, seconds);
        }
    }

    /// Does something for everybody who is not about to be closed.
    pub(super) fn for_each_client(&mut self, act: impl Fn(&mut Self, ClientId)) {
        let open = self.engine.clients.iter().filter(|client| !client.closing);
        let open: Vec<ClientId> = open.map(|client| client.token).collect();
        open.into_iter().for_each(|client| act(self, client));
    }
}

/// What the system must be able to do; the directory, and the log file in it: whoever asks for a
/// log wants to know that there is none.
fn prepare_process<S: Sys>(sys: &mut S, settings: &Settings) -> Result<(), StartError> {
    if settings.seccomp && !sys.can_confine() {
        let text =
            "'seccomp yes' needs Linux 4.14 or later, built with seccomp: write 'seccomp no'.";
        return Err(StartError(text.to_string()));
    }
    sys.current_dir_set(&settings.dir).map_err(|errno| {
        let dir = settings.dir.display();
        StartError(format!(
            "Can't chdir to '{dir}': {errno}. Set 'dir' to a directory that exists."
        ))
    })?;
    match &settings.logfile {
        Some(path) if !sys.log(Some(path), b"") => Err(StartError(format!(
            "Can't open the log file {}: 'logfile' must name a file in a directory that exists and \
             may be written.",
            path.display()
        ))),
        _ => Ok(()),
    }
}

/// Draws the run id and the hash seed. Without entropy there is no server: a guessable seed would
/// let a client choose keys that collide.
fn draw_identity<S: Sys>(
    sys: &mut S,
    config: &Config,
    executable: String,
) -> Result<(Facts, [u8; 16]), StartError> {
    let mut random = [0; 36];
    sys.fill_random(&mut random)
        .map_err(|errno| StartError(format!("No entropy for the hash seed: {errno}")))?;
    let (seed, id) = random.split_first_chunk::<16>().expect("36 bytes begin with 16");
    let facts = Facts {
        run_id: id.iter().map(|byte| format!("{byte:02x}")).collect(),
        process_id: sys.process_id(),
        poller_name: sys.poller_name(),
        executable,
        config_file: config.file().map(|path| path.display().to_string()).unwrap_or_default(),
        started_us: sys.wall_us(),
    };
    Ok((facts, *seed))
}
