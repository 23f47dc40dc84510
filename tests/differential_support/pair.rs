//! The two servers in lock step.
//!
//! A batch goes out on one connection, to both, and then a PING on a control connection. Its answer
//! tells that the batch has been executed: it was read by the tick that read the PING at the
//! latest (a long one takes a few more), and no tick writes before all that it has read is
//! executed. What that tick writes may still be under way; the answer to a second PING tells that
//! it is there. The second one is asked for where it matters: when the streams differ, when
//! somebody may have been blocked or closed, and when somebody was woken who has commands waiting.
//!
//! Commands of two clients that wait at the same time may run in any order: Redis runs all that a
//! client has sent, we take turns at commands that may block. So one client at a time may have
//! commands waiting behind a blocked one, and then the others send one command a time.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use squint::command::table::{self, Command, Flags};
use squint_testing::bytes::{escaped, excerpt};
use squint_testing::connection::{Arrival, encoded};
use squint_testing::{Connection, Program, Server};

use super::compare::{Listener, are_alike};
use super::differences;
use super::script::{CONNECTIONS, OBSERVER, Step, Word, batches};
use super::values::{KEYS_MAX, all_keys};

/// How long a server may take to answer PING on a busy machine.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(20);

/// What a tick reads of a client at least, if there is so much: a longer batch takes several ticks.
const READ_BYTES_MIN: usize = 4 * 1024;

/// What one connection got from each server, where the two are not alike.
#[derive(Clone, Debug)]
pub struct Mismatch {
    /// The number of steps that were sent.
    pub steps: usize,
    /// Whose replies differ.
    pub connection: String,
    /// What our server sent.
    pub ours: Vec<u8>,
    /// What Redis sent.
    pub redis: Vec<u8>,
    /// It is the one that has sent the last step.
    pub is_sender: bool,
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "connection {}, after {} steps", self.connection, self.steps)?;
        writeln!(f, "    ours  {}", excerpt(&self.ours))?;
        writeln!(f, "    redis {}", excerpt(&self.redis))
    }
}

/// A connection that never waits.
struct Link {
    stream: TcpStream,
    id: u64,
    received: Vec<u8>,
    is_closed: bool,
}

impl Link {
    fn open(server: &Server) -> Link {
        let mut connection = server.connect();
        let answer = connection.ask("CLIENT ID");
        let id = String::from_utf8_lossy(&answer[1..]).trim().parse();
        let id = id.expect("CLIENT ID answers a number");
        let stream = connection.into_stream();
        stream.set_nonblocking(true).expect("a socket that is open takes it");
        Link { stream, id, received: Vec::new(), is_closed: false }
    }

    /// That the server has closed is noticed when reading.
    fn send(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.stream.write(rest) {
                Ok(length) => rest = &rest[length..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(_) => return,
            }
        }
    }

    /// Takes what is there. Whether anything came.
    fn drain(&mut self) -> bool {
        let mut room = [0; 16 * 1024];
        let before = (self.received.len(), self.is_closed);
        while !self.is_closed {
            match self.stream.read(&mut room) {
                Ok(0) => self.is_closed = true,
                Ok(length) => self.received.extend_from_slice(&room[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => self.is_closed = true,
            }
        }
        before != (self.received.len(), self.is_closed)
    }
}

/// One server and the connections to it.
pub struct Side {
    program: Program,
    server: Server,
    control: Connection,
    links: Vec<Link>,
}

impl Side {
    fn start(program: &Program) -> Side {
        let server = Server::start(program, &[]);
        let control = server.connect();
        Side { program: program.clone(), server, control, links: Vec::new() }
    }

    /// An empty server that nobody else is connected to.
    fn empty(&mut self) {
        self.links.clear();
        if !self.server.is_alive() {
            *self = Side::start(&self.program);
        }
        self.control.send(&encoded(&["CONFIG", "SET", "notify-keyspace-events", ""]));
        self.control.expect(b"+OK\r\n");
        self.control.expect_reply("FLUSHALL", b"+OK\r\n");
        while self.figure("connected_clients") != 1 {
            std::thread::sleep(Duration::from_micros(100));
        }
    }

    /// A number that INFO tells.
    pub fn figure(&mut self, field: &str) -> u64 {
        let info = self.control.ask("INFO everything");
        let info = String::from_utf8_lossy(&info).into_owned();
        let value = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        value.and_then(|value| value.parse().ok()).expect("a figure that INFO has")
    }

    fn knows(&mut self, name: &str) -> bool {
        let answer = self.control.ask(&format!("COMMAND INFO {name}"));
        answer != b"*1\r\n*-1\r\n" && answer != b"*1\r\n$-1\r\n"
    }

    /// Whether the answer to a PING comes.
    fn is_answered(&mut self) -> bool {
        const PONG: &[u8] = b"+PONG\r\n";
        let deadline = Instant::now() + ANSWER_TIME_MAX;
        while self.control.received().len() < PONG.len() {
            if self.control.wait(deadline) != Arrival::Bytes {
                return false;
            }
        }
        self.control.take(PONG.len()) == PONG
    }

    /// Sends a batch; how many bytes it has.
    fn send(&mut self, batch: &[Step]) -> usize {
        let mut bytes = Vec::new();
        for step in batch {
            let resolved = |word: &Word| match word {
                Word::Bytes(bytes) => bytes.clone(),
                Word::ClientId(of) => self.links[*of].id.to_string().into_bytes(),
            };
            bytes.extend(encoded(&step.words.iter().map(resolved).collect::<Vec<_>>()));
        }
        self.links[batch[0].connection].send(&bytes);
        bytes.len()
    }

    /// Whether anybody but `sender` got something.
    fn drain(&mut self, sender: usize) -> bool {
        let mut others = false;
        for (index, link) in self.links.iter_mut().enumerate() {
            others |= link.drain() && index != sender;
        }
        others
    }

    fn ping(&mut self) {
        self.control.command("PING");
    }
}

/// The row of the command of a step.
fn row(step: &Step) -> Option<&'static Command> {
    let Some(Word::Bytes(name)) = step.words.first() else { return None };
    table::find(name)
}

fn may_block(step: &Step) -> bool {
    row(step).is_some_and(|row| row.flags.contains(Flags::BLOCKING))
}

/// Whether the state of a connection may hang on it.
fn is_decisive(step: &Step) -> bool {
    may_block(step) || row(step).is_some_and(|row| matches!(row.name, "quit" | "client"))
}

/// What a batch brought, for whoever writes a play down: for each connection what Redis sent, and
/// whether it closed.
pub type Arrivals = Vec<(Vec<u8>, bool)>;

/// What counts as alike.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rule {
    /// The same, but for accepted differences.
    Usual,
    /// The same bytes; and all is sent as it stands in the script.
    SameBytes,
    /// Whatever comes: what Redis says is wanted, not a comparison.
    Anything,
}

/// Both servers.
pub struct Pair {
    ours: Side,
    redis: Side,
    /// How long bytes may be missing on one side that the other one has sent already.
    pub patience: Duration,
    /// What counts as alike.
    pub rule: Rule,
    /// How many commands were sent.
    pub sent: usize,
    /// How many scripts an accepted difference has cut short.
    pub cut_short: usize,
    /// Whose last command may have blocked and was not answered since.
    is_waiting: [bool; CONNECTIONS.len()],
    /// Who has sent more after that.
    has_queued: Option<usize>,
    /// Who has sent the batch before.
    sender_before: Option<usize>,
}

impl Pair {
    /// Starts both.
    pub fn start(ours: &Program, redis: &Program) -> Pair {
        Pair {
            ours: Side::start(ours),
            redis: Side::start(redis),
            patience: Duration::from_millis(1500),
            rule: Rule::Usual,
            sent: 0,
            cut_short: 0,
            is_waiting: [false; CONNECTIONS.len()],
            has_queued: None,
            sender_before: None,
        }
    }

    /// Whether Redis has this command.
    pub fn redis_knows(&mut self, name: &str) -> bool {
        self.redis.knows(name)
    }

    /// How often Redis has executed and refused each command, as INFO tells it.
    pub fn statistics(&mut self) -> String {
        let info = self.redis.control.ask("INFO commandstats");
        let info = String::from_utf8_lossy(&info).into_owned();
        let mut text = String::new();
        for line in info.lines().filter_map(|line| line.strip_prefix("cmdstat_")) {
            let Some((name, figures)) = line.split_once(":calls=") else { continue };
            let figure = |field: &str| {
                let found = figures.split(',').find_map(|pair| pair.strip_prefix(field));
                found.unwrap_or_default().to_string()
            };
            let calls = figures.split(',').next().unwrap_or_default();
            let (failed, refused) = (figure("failed_calls="), figure("rejected_calls="));
            text.push_str(&format!(
                "  {name}: {calls} run, {failed} of them failed, {refused} refused\n"
            ));
        }
        text
    }

    /// How many clients of Redis are blocked.
    pub fn blocked(&mut self) -> u64 {
        self.redis.figure("blocked_clients")
    }

    /// Plays a script on empty servers, up to the first mismatch.
    pub fn play(&mut self, script: &[Step]) -> Result<(), Mismatch> {
        self.play_and_note(script, |_, _, _| {})
    }

    /// The same; `note` is told of each batch and what it brought.
    pub fn play_and_note(
        &mut self,
        script: &[Step],
        note: impl FnMut(&mut Pair, &[Step], &Arrivals),
    ) -> Result<(), Mismatch> {
        match self.play_to_the_end(script, note) {
            Err(mismatch) if self.rule == Rule::Usual && differences::ends_script(&mismatch) => {
                self.cut_short += 1;
                Ok(())
            }
            outcome => outcome,
        }
    }

    fn play_to_the_end(
        &mut self,
        script: &[Step],
        mut note: impl FnMut(&mut Pair, &[Step], &Arrivals),
    ) -> Result<(), Mismatch> {
        self.open();
        let mut steps = 0;
        for batch in batches(script) {
            let mut rest = batch;
            loop {
                let (now, later) = rest.split_at(self.sendable(rest));
                if now.is_empty() {
                    break;
                }
                rest = later;
                let arrivals = self.play_batch(now, steps + batch.len() - rest.len())?;
                note(self, now, &arrivals);
            }
            steps += batch.len();
        }
        self.release(steps)?;
        self.same_data(steps)
    }

    /// How many of these steps go out together now; none if they are passed over.
    fn sendable(&self, batch: &[Step]) -> usize {
        let Some(first) = batch.first() else { return 0 };
        let alone = batch.iter().position(may_block).unwrap_or(batch.len());
        let is_alone_in_queueing = self.has_queued.is_none_or(|one| one == first.connection);
        match () {
            () if self.rule == Rule::SameBytes => batch.len(),
            () if !self.is_waiting[first.connection] && self.has_queued.is_some() => 1,
            () if !self.is_waiting[first.connection] => alone.max(1),
            () if is_alone_in_queueing => alone,
            () => 0,
        }
    }

    fn play_batch(&mut self, batch: &[Step], steps: usize) -> Result<Arrivals, Mismatch> {
        let sender = batch[0].connection;
        self.reopen();
        self.sent += batch.len();
        self.ours.send(batch);
        let length = self.redis.send(batch);
        for _ in 0..length / READ_BYTES_MIN {
            self.barrier(steps)?;
        }
        if self.is_waiting[sender] {
            self.has_queued = Some(sender);
        }
        let needs_all =
            self.has_queued.is_some() || self.rule != Rule::Usual || batch.iter().any(is_decisive);
        let arrivals = self.settle(sender, steps, needs_all)?;
        self.sender_before = Some(sender);
        self.is_waiting[sender] |= may_block(&batch[0]);
        for (index, (bytes, is_closed)) in arrivals.iter().enumerate() {
            let is_answered = !bytes.is_empty() && bytes[0] != b'>';
            if is_answered || *is_closed {
                self.is_waiting[index] = false;
                self.has_queued = self.has_queued.filter(|one| *one != index);
            }
        }
        Ok(arrivals)
    }

    /// Empty servers and fresh connections, which have the same numbers on both sides.
    fn open(&mut self) {
        self.ours.empty();
        self.redis.empty();
        self.is_waiting = [false; CONNECTIONS.len()];
        self.has_queued = None;
        for _ in CONNECTIONS {
            let (ours, redis) = self.connect();
            self.ours.links.push(ours);
            self.redis.links.push(redis);
        }
    }

    /// A connection to each, of the same number: the side that is behind uses some up.
    fn connect(&mut self) -> (Link, Link) {
        let (mut ours, mut redis) = (Link::open(&self.ours.server), Link::open(&self.redis.server));
        while ours.id != redis.id {
            let behind = if ours.id < redis.id {
                (&mut ours, &self.ours)
            } else {
                (&mut redis, &self.redis)
            };
            *behind.0 = Link::open(&behind.1.server);
        }
        (ours, redis)
    }

    /// Opens again what the servers have closed.
    fn reopen(&mut self) {
        for index in 0..CONNECTIONS.len() {
            if self.ours.links[index].is_closed || self.redis.links[index].is_closed {
                (self.ours.links[index], self.redis.links[index]) = self.connect();
            }
        }
    }

    /// Waits until both servers have executed the batch, and, with `needs_all`, have nothing more
    /// to say; compares what they have said.
    fn settle(
        &mut self,
        sender: usize,
        steps: usize,
        needs_all: bool,
    ) -> Result<Arrivals, Mismatch> {
        self.barrier(steps)?;
        let mut is_busy = self.drain(sender);
        if needs_all || is_busy || self.compared(sender, steps).is_err() {
            loop {
                self.barrier(steps)?;
                let was_busy = std::mem::replace(&mut is_busy, self.drain(sender));
                if !was_busy && !is_busy {
                    break;
                }
            }
            self.wait_until_alike(sender, steps)?;
        }
        for link in &mut self.ours.links {
            link.received.clear();
        }
        let links = self.redis.links.iter_mut();
        Ok(links.map(|link| (std::mem::take(&mut link.received), link.is_closed)).collect())
    }

    /// Whether anybody but `sender` got something.
    fn drain(&mut self, sender: usize) -> bool {
        self.ours.drain(sender) | self.redis.drain(sender)
    }

    fn wait_until_alike(&mut self, sender: usize, steps: usize) -> Result<(), Mismatch> {
        let deadline = Instant::now() + self.patience;
        while let Err(mismatch) = self.compared(sender, steps) {
            if Instant::now() > deadline || differences::ends_script(&mismatch) {
                return Err(mismatch);
            }
            std::thread::sleep(Duration::from_millis(1));
            self.drain(sender);
        }
        Ok(())
    }

    fn barrier(&mut self, steps: usize) -> Result<(), Mismatch> {
        self.ours.ping();
        self.redis.ping();
        let (ours, redis) = (self.ours.is_answered(), self.redis.is_answered());
        if ours && redis {
            return Ok(());
        }
        let said = |side: &Side| side.server.log().into_bytes();
        let (ours, redis) = (said(&self.ours), said(&self.redis));
        let connection = "control: no answer; the logs".to_string();
        Err(Mismatch { steps, connection, ours, redis, is_sender: false })
    }

    /// What differs; first of all what an accepted difference has brought about, on whomever.
    fn compared(&self, sender: usize, steps: usize) -> Result<(), Mismatch> {
        let mut first = None;
        for (index, (ours, redis)) in self.ours.links.iter().zip(&self.redis.links).enumerate() {
            // What was queued behind a blocked command runs when that is done, and the last reply
            // of the batch before may come with this one.
            let is_sender = index == sender
                || self.has_queued == Some(index)
                || self.sender_before == Some(index);
            let listener = Listener { is_sender, is_observer: index == OBSERVER };
            let is_same = match self.rule {
                Rule::Usual => are_alike(&ours.received, &redis.received, listener),
                Rule::SameBytes => ours.received == redis.received,
                Rule::Anything => true,
            };
            let is_closed_alike = ours.is_closed == redis.is_closed || self.rule == Rule::Anything;
            if !is_same || !is_closed_alike {
                let told = |link: &Link| {
                    let end: &[u8] = if link.is_closed { b" then closed" } else { b"" };
                    [&link.received, end].concat()
                };
                let connection = CONNECTIONS[index].to_string();
                let (ours, redis) = (told(ours), told(redis));
                let mismatch =
                    Mismatch { steps, connection, ours, redis, is_sender: index == sender };
                if differences::ends_script(&mismatch) {
                    return Err(mismatch);
                }
                first.get_or_insert(mismatch);
            }
        }
        first.map_or(Ok(()), Err)
    }

    /// At the end nobody waits any more: commands behind a blocked one run too.
    fn release(&mut self, steps: usize) -> Result<(), Mismatch> {
        for index in 0..CONNECTIONS.len() {
            let id = self.redis.links[index].id.to_string();
            for side in [&mut self.ours, &mut self.redis] {
                side.control.command(&format!("CLIENT UNBLOCK {id}"));
                side.control.reply();
            }
            self.settle(OBSERVER, steps, true)?;
        }
        Ok(())
    }

    /// What the script has left behind, read key by key whatever their type.
    fn same_data(&mut self, steps: usize) -> Result<(), Mismatch> {
        const READERS: [[&str; 2]; 6] = [
            ["TYPE", ""],
            ["PEXPIRETIME", ""],
            ["GET", ""],
            ["LRANGE", "0 -1"],
            ["XRANGE", "- +"],
            ["XINFO STREAM", "FULL"],
        ];
        let mut questions = Vec::new();
        for key in all_keys(KEYS_MAX) {
            for [before, behind] in READERS {
                let mut words: Vec<&[u8]> = before.split(' ').map(str::as_bytes).collect();
                words.push(&key);
                words.extend(behind.split_whitespace().map(str::as_bytes));
                questions.push(encoded(&words));
            }
        }
        let [ours, redis] = [&mut self.ours, &mut self.redis].map(|side| {
            side.control.send(&questions.concat());
            questions.iter().map(|_| side.control.reply()).collect::<Vec<_>>()
        });
        for (question, (ours, redis)) in questions.iter().zip(ours.into_iter().zip(redis)) {
            let is_about_clocks = question.starts_with(b"*4\r\n$5\r\nXINFO");
            let listener = Listener { is_sender: false, is_observer: is_about_clocks };
            if !ours.starts_with(b"-ERR unknown command") && !are_alike(&ours, &redis, listener) {
                let connection = format!("control ({})", escaped(question));
                return Err(Mismatch { steps, connection, ours, redis, is_sender: false });
            }
        }
        Ok(())
    }
}
