//! Acts a conversation out against a server.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::bless::Blessing;
use super::format::{Conversation, Line, Piece, Step, Word};
use crate::bytes::{escaped, excerpt};
use crate::connection::{Arrival, Connection, REPLY_TIME_MAX, encoded};
use crate::reply;
use crate::server::Server;

/// How long a condition of `until` may take to come true.
const UNTIL_TIME_MAX: Duration = Duration::from_secs(5);

/// What went wrong, and in which line of the file.
#[derive(Debug)]
pub struct Failure {
    /// Counted from 1.
    pub line_number: usize,
    /// For people.
    pub message: String,
}

/// A server made ready for one conversation after the other.
#[derive(Debug)]
pub struct Stage<'a> {
    server: &'a mut Server,
    control: Connection,
    has_ended: bool,
}

struct Actor {
    connection: Connection,
    last_sent: Vec<u8>,
    outgoing: Vec<u8>,
    sent_at: Instant,
    answered_at: Instant,
}

impl<'a> Stage<'a> {
    /// `password` is for a server that asks for one.
    pub fn new(server: &'a mut Server, password: Option<&str>) -> Stage<'a> {
        let mut control = server.connect();
        if let Some(password) = password {
            control.expect_reply(&format!("AUTH {password}"), b"+OK\r\n");
        }
        Stage { server, control, has_ended: false }
    }

    /// Plays a conversation on an empty server, with fresh connections. What is written to
    /// `blessing` are the replies that the file does not have yet.
    pub fn play(
        &mut self,
        conversation: &Conversation,
        blessing: Option<&mut Blessing>,
    ) -> Result<(), Failure> {
        let line_number = conversation.line_number;
        let at_title = |message| Failure { line_number, message };
        self.control.expect_reply("FLUSHALL", b"+OK\r\n");
        // The connections of the conversation before are closed by us, but when the server notices
        // is its own affair.
        self.until("connected_clients", "1").map_err(at_title)?;
        self.until("blocked_clients", "0").map_err(at_title)?;
        let variables = BTreeMap::new();
        let mut scene = Scene { stage: self, actors: BTreeMap::new(), variables, blessing };
        let name = scene.stage.server.program.name;
        let applies = |line: &&Line| line.only.is_none_or(|only| only == name);
        let lines: Vec<&Line> = conversation.lines.iter().filter(applies).collect();
        for index in 0..lines.len() {
            let line = lines[index];
            scene
                .act(line, &lines[index + 1..])
                .map_err(|message| Failure { line_number: line.number, message })?;
        }
        scene.nothing_is_left().map_err(at_title)
    }

    fn exits(&mut self, code: i32) -> Result<(), String> {
        self.has_ended = true;
        match self.server.exit_code_within(REPLY_TIME_MAX) {
            Some(found) if found == code => Ok(()),
            found => Err(format!("the exit code is {found:?}, expected {code}")),
        }
    }

    fn until(&mut self, field: &str, value: &str) -> Result<(), String> {
        let deadline = Instant::now() + UNTIL_TIME_MAX;
        let wanted = format!("\r\n{field}:{value}\r\n");
        loop {
            let info = String::from_utf8_lossy(&self.control.ask("INFO everything")).into_owned();
            if info.contains(&wanted) {
                return Ok(());
            }
            if Instant::now() > deadline {
                let found = info.lines().find(|line| line.starts_with(&format!("{field}:")));
                let found = found.unwrap_or("no such field");
                return Err(format!("INFO never said {field}:{value}, but {found}"));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

struct Scene<'s, 'a, 'b> {
    stage: &'s mut Stage<'a>,
    actors: BTreeMap<String, Actor>,
    variables: BTreeMap<String, Vec<u8>>,
    blessing: Option<&'b mut Blessing>,
}

impl Scene<'_, '_, '_> {
    fn act(&mut self, line: &Line, later: &[&Line]) -> Result<(), String> {
        let name = line.connection.as_str();
        match &line.step {
            Step::Send(_) | Step::Command(_) => {
                let bytes = self.bytes_to_send(&line.step)?;
                self.actor(name).outgoing.extend_from_slice(&bytes);
                let is_blessed = self.blessing.is_some() && lacks_reply(name, later);
                if is_blessed || !goes_on_sending(name, later) {
                    self.flush(name);
                }
                if is_blessed {
                    let is_read_later = later.iter().any(|later| later.connection == name);
                    self.bless(line, false, is_read_later);
                }
            }
            Step::Expect(pieces) if pieces.is_empty() => self.bless_empty(line)?,
            Step::Expect(pieces) => {
                self.actor(name);
                let actor = self.actors.get_mut(name).ok_or("it was just made")?;
                actor.expect(pieces, &mut self.variables)?;
            }
            Step::Closed => self.actor(name).expect_arrival(Arrival::Closed, REPLY_TIME_MAX)?,
            Step::Silent(time) => self.actor(name).expect_arrival(Arrival::Quiet, *time)?,
            Step::Close => drop(self.actors.remove(name)),
            Step::Finish => self.actor(name).connection.finish_sending(),
            Step::Took(range) => self.actor(name).took(range)?,
            Step::Pause(time) => std::thread::sleep(*time),
            Step::Exits(code) => self.stage.exits(*code)?,
            Step::Until(field, value) => self.stage.until(field, value)?,
        }
        Ok(())
    }

    fn actor(&mut self, name: &str) -> &mut Actor {
        let server = &*self.stage.server;
        self.actors.entry(name.to_string()).or_insert_with(|| Actor {
            connection: server.connect(),
            last_sent: Vec::new(),
            outgoing: Vec::new(),
            sent_at: Instant::now(),
            answered_at: Instant::now(),
        })
    }

    fn bytes_to_send(&self, step: &Step) -> Result<Vec<u8>, String> {
        let words = match step {
            Step::Send(bytes) => return Ok(bytes.clone()),
            Step::Command(words) => words,
            other => return Err(format!("{other:?} sends nothing")),
        };
        let known = words.iter().map(|word| match word {
            Word::Bytes(bytes) => Ok(bytes),
            Word::Variable(name) => self.variables.get(name).ok_or(format!("no {name} yet")),
        });
        Ok(encoded(&known.collect::<Result<Vec<_>, String>>()?))
    }

    fn flush(&mut self, name: &str) {
        let actor = self.actor(name);
        actor.last_sent = std::mem::take(&mut actor.outgoing);
        actor.sent_at = Instant::now();
        let Actor { connection, last_sent, .. } = actor;
        connection.send(last_sent);
    }

    fn bless_empty(&mut self, line: &Line) -> Result<(), String> {
        if self.blessing.is_none() {
            return Err("no reply stands here; SQUINT_BLESS=1 fills it in".to_string());
        }
        self.bless(line, true, false);
        Ok(())
    }

    /// Writes down what comes now. When nothing does, that is worth a line only if nobody reads
    /// from this connection later.
    fn bless(&mut self, line: &Line, replaces: bool, is_read_later: bool) {
        let Some(blessing) = self.blessing.as_mut() else { return };
        let Some(actor) = self.actors.get_mut(&line.connection) else { return };
        let connection = &mut actor.connection;
        let mut bytes = Vec::new();
        if connection.wait(Instant::now() + Duration::from_millis(60)) == Arrival::Bytes {
            bytes = connection.read_until_quiet(Duration::from_millis(5));
        }
        let is_closed = connection.wait(Instant::now()) == Arrival::Closed;
        if !bytes.is_empty() || is_closed || !is_read_later {
            blessing.add(line, replaces, &bytes, is_closed);
        }
    }

    /// At the end every byte must have been expected by some line.
    fn nothing_is_left(&mut self) -> Result<(), String> {
        if !self.stage.has_ended {
            self.stage.control.expect_reply("PING", b"+PONG\r\n");
        }
        for (name, actor) in &mut self.actors {
            actor.connection.wait(Instant::now());
            if !actor.connection.received().is_empty() {
                let left = excerpt(actor.connection.received());
                return Err(format!("connection {name:?} has bytes nobody expected: {left}"));
            }
        }
        Ok(())
    }
}

fn is_send(line: &Line) -> bool {
    matches!(line.step, Step::Send(_) | Step::Command(_))
}

/// Whether the next line sends more on the same connection, in the same write.
fn goes_on_sending(name: &str, later: &[&Line]) -> bool {
    later.first().is_some_and(|next| next.connection == name && is_send(next))
}

/// Whether the file does not say yet what answers a request of this connection, to which `later`
/// are the lines that follow. A pipeline has its replies below it, as many as it has requests.
fn lacks_reply(name: &str, later: &[&Line]) -> bool {
    let sends = |line: &&&Line| line.connection == name && is_send(line);
    let more_requests = later.iter().take_while(sends).count();
    let after_requests = &later[more_requests..];
    if let Some(Step::Until(..) | Step::Pause(_)) = after_requests.first().map(|line| &line.step) {
        return false;
    }
    let answers = after_requests.iter().take_while(|line| {
        let is_answer = matches!(
            line.step,
            Step::Expect(_) | Step::Closed | Step::Silent(_) | Step::Close | Step::Finish
        );
        is_answer && line.connection == name
    });
    answers.count() < if more_requests == 0 { 1 } else { more_requests + 1 }
}

impl Actor {
    fn expect(
        &mut self,
        pieces: &[Piece],
        variables: &mut BTreeMap<String, Vec<u8>>,
    ) -> Result<(), String> {
        let deadline = Instant::now() + REPLY_TIME_MAX;
        for piece in pieces {
            loop {
                match matched(piece, self.connection.received(), variables) {
                    Match::Whole(length) => {
                        self.connection.take(length);
                        break;
                    }
                    Match::Differs => return Err(self.story(piece, "the reply differs")),
                    Match::NotYet => match self.connection.wait(deadline) {
                        Arrival::Bytes => {}
                        Arrival::Closed => return Err(self.story(piece, "it was closed")),
                        Arrival::Quiet => return Err(self.story(piece, "no reply in time")),
                    },
                }
            }
        }
        self.answered_at = Instant::now();
        Ok(())
    }

    fn expect_arrival(&mut self, wanted: Arrival, time_max: Duration) -> Result<(), String> {
        let arrival = match self.connection.received() {
            [] => self.connection.wait(Instant::now() + time_max),
            _ => Arrival::Bytes,
        };
        if arrival == wanted {
            return Ok(());
        }
        let got = excerpt(self.connection.received());
        let sent = excerpt(&self.last_sent);
        Err(format!(
            "{arrival:?}\n    sent     {sent}\n    expected {wanted:?}\n    got      {got}"
        ))
    }

    fn took(&self, range: &std::ops::RangeInclusive<u64>) -> Result<(), String> {
        let took_ms = self.answered_at.duration_since(self.sent_at).as_millis() as u64;
        let fits = range.contains(&took_ms);
        fits.then_some(()).ok_or_else(|| format!("it took {took_ms} ms, expected {range:?} ms"))
    }

    fn story(&self, piece: &Piece, what: &str) -> String {
        let expected = match piece {
            Piece::Exact(bytes) | Piece::Unordered(bytes) => escaped(bytes),
            other => format!("{other:?}"),
        };
        let sent = excerpt(&self.last_sent);
        let got = excerpt(self.connection.received());
        format!("{what}\n    sent     {sent}\n    expected {expected}\n    got      {got}")
    }
}

enum Match {
    Whole(usize),
    NotYet,
    Differs,
}

fn matched(piece: &Piece, received: &[u8], variables: &mut BTreeMap<String, Vec<u8>>) -> Match {
    if let Piece::Exact(bytes) = piece {
        return match received {
            _ if received.starts_with(bytes) => Match::Whole(bytes.len()),
            _ if bytes.starts_with(received) => Match::NotYet,
            _ => Match::Differs,
        };
    }
    let length = match reply::length(received) {
        Ok(Some(length)) => length,
        Ok(None) => return Match::NotYet,
        Err(_) => return Match::Differs,
    };
    let whole = &received[..length];
    let fits = match piece {
        Piece::Exact(_) | Piece::Any => true,
        Piece::Integer(range) => {
            let digits = std::str::from_utf8(&whole[1..length - 2]).unwrap_or_default();
            whole[0] == b':' && digits.parse().is_ok_and(|number| range.contains(&number))
        }
        Piece::Like(pattern) => {
            reply::bulk(whole).is_some_and(|text| is_like(pattern.as_bytes(), text))
        }
        Piece::Variable(name) => {
            let header = whole[1..].strip_suffix(b"\r\n").unwrap_or_default();
            let text = reply::bulk(whole).unwrap_or(header);
            variables.entry(name.clone()).or_insert_with(|| text.to_vec()) == text
        }
        Piece::Unordered(bytes) => same_elements(bytes, whole),
    };
    if fits { Match::Whole(length) } else { Match::Differs }
}

fn same_elements(left: &[u8], right: &[u8]) -> bool {
    let sorted = |aggregate| {
        let mut parts = reply::elements(aggregate);
        parts.sort_unstable();
        parts
    };
    left.len() == right.len() && left[0] == right[0] && sorted(left) == sorted(right)
}

/// `*` in the pattern stands for anything, also nothing; the rest for itself. `\r\n` is written
/// as one blank, so that a pattern can span lines.
fn is_like(pattern: &[u8], text: &[u8]) -> bool {
    let text: Vec<u8> = String::from_utf8_lossy(text).replace("\r\n", " ").into_bytes();
    let parts: Vec<&[u8]> = pattern.split(|byte| *byte == b'*').collect();
    let (first, last) = (parts[0], parts[parts.len() - 1]);
    if parts.len() == 1 {
        return text == pattern;
    }
    if !text.starts_with(first) || !text[first.len()..].ends_with(last) {
        return false;
    }
    let mut rest = &text[first.len()..text.len() - last.len()];
    for part in &parts[1..parts.len() - 1] {
        let found = (0..=rest.len()).find(|at| rest[*at..].starts_with(part));
        let Some(at) = found else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, fits) in [
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("a*c", "abbc", true),
            ("a*c", "ac", true),
            ("ab*bc", "abc", false),
            ("*x:1 y*", "w x:1\r\ny:2", true),
            ("*a*b*", "b a", false),
        ] {
            assert_eq!(is_like(pattern.as_bytes(), text.as_bytes()), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn order_can_be_left_open() {
        assert!(same_elements(b"*2\r\n:1\r\n:2\r\n", b"*2\r\n:2\r\n:1\r\n"));
        assert!(!same_elements(b"*2\r\n:1\r\n:2\r\n", b"*2\r\n:2\r\n:2\r\n"));
    }
}
