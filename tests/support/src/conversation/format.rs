//! The notation of the case files, read into lines that can be played.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::bytes::unquoted;
use crate::connection::encoded;

/// How long `silent` listens when the file does not say.
const SILENCE_DEFAULT: Duration = Duration::from_millis(30);

/// One `== title` with what follows it.
#[derive(Debug)]
pub struct Conversation {
    /// The text after `==`.
    pub title: String,
    /// Where the title stands, counted from 1.
    pub line_number: usize,
    /// Arguments of the server that this conversation needs for itself; empty for most.
    pub server_arguments: Vec<String>,
    /// What happens, in order.
    pub lines: Vec<Line>,
}

/// One line that does something.
#[derive(Debug)]
pub struct Line {
    /// Where it stands in the file, counted from 1.
    pub number: usize,
    /// The only server that it is meant for, if any: `ours` or `redis-7.0`.
    pub only: Option<&'static str>,
    /// The connection that it is about; the first one has no name.
    pub connection: String,
    /// What it does.
    pub step: Step,
}

/// What a line does.
#[derive(Debug)]
pub enum Step {
    /// Bytes for the server. Sends that follow each other go out in one write.
    Send(Vec<u8>),
    /// The same as a command in words, some of which are known only when it is played.
    Command(Vec<Word>),
    /// What must come next.
    Expect(Vec<Piece>),
    /// The server must have closed the connection.
    Closed,
    /// Nothing may come for this long.
    Silent(Duration),
    /// We close the connection.
    Close,
    /// We say that we send nothing more, and go on reading.
    Finish,
    /// The last reply must have come this many milliseconds after the last send.
    Took(RangeInclusive<u64>),
    /// Nothing happens for a while.
    Pause(Duration),
    /// The server, which must be the conversation's own, ends with this exit code.
    Exits(i32),
    /// Wait until a field of INFO has this value.
    Until(String, String),
}

/// A word of a command.
#[derive(Debug, PartialEq, Eq)]
pub enum Word {
    /// As it stands.
    Bytes(Vec<u8>),
    /// What [`Piece::Variable`] caught.
    Variable(String),
}

/// A part of what must come next.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    /// These bytes.
    Exact(Vec<u8>),
    /// One whole reply of any kind.
    Any,
    /// An integer reply in this range.
    Integer(RangeInclusive<i64>),
    /// A string reply whose text fits a pattern, where `*` is anything.
    Like(String),
    /// A reply whose text is kept under this name, or, if the name is taken, must be the same.
    Variable(String),
    /// This aggregate with its elements in any order.
    Unordered(Vec<u8>),
}

/// Reads a whole file. Errors name the line.
pub fn parse(text: &str) -> Result<Vec<Conversation>, String> {
    let mut conversations: Vec<Conversation> = Vec::new();
    let mut reason_given = false;
    let mut whole_only = None;
    for (index, raw) in text.lines().enumerate() {
        let (number, trimmed) = (index + 1, raw.trim());
        let at = |message: String| format!("{number}: {message}");
        if let Some(title) = trimmed.strip_prefix("== ") {
            let (title, line_number) = (title.to_string(), number);
            let (server_arguments, lines) = (Vec::new(), Vec::new());
            let conversation = Conversation { title, line_number, server_arguments, lines };
            conversations.push(conversation);
            whole_only = None;
        } else if trimmed.starts_with('#') {
            reason_given = true;
            continue;
        } else if !trimmed.is_empty() {
            let no_title = || at("a line before the first == title".to_string());
            let conversation = conversations.last_mut().ok_or_else(no_title)?;
            if let Some(rest) = trimmed.strip_prefix("server ") {
                let arguments = words(rest).map_err(at)?;
                conversation.server_arguments =
                    arguments.iter().map(|word| text_of(word)).collect();
            } else if let Some(only) = server_named(trimmed) {
                if !reason_given {
                    return Err(at("the reason for a difference stands above it, after #".into()));
                }
                whole_only = Some(only);
            } else {
                let mut line = parse_line(number, trimmed).map_err(at)?;
                if line.only.is_some() && !reason_given {
                    return Err(at("the reason for a difference stands above it, after #".into()));
                }
                // The reason holds for the lines of both servers that follow it.
                reason_given = line.only.is_some();
                line.only = line.only.or(whole_only);
                conversation.lines.push(line);
                continue;
            }
        }
        reason_given = false;
    }
    Ok(conversations)
}

fn text_of(word: &[u8]) -> String {
    String::from_utf8_lossy(word).into_owned()
}

/// The server that a line, or alone on a line a whole conversation, is for.
fn server_named(name: &str) -> Option<&'static str> {
    ["ours", "redis-7.0"].into_iter().find(|known| *known == name)
}

fn parse_line(number: usize, text: &str) -> Result<Line, String> {
    let (only, text) = match text.split_once(' ').map(|(name, rest)| (server_named(name), rest)) {
        Some((Some(only), rest)) => (Some(only), rest.trim_start()),
        _ => (None, text),
    };
    let name_length = if text.starts_with(|first: char| first.is_ascii_uppercase()) {
        text.find(|other: char| !other.is_ascii_alphanumeric()).unwrap_or(text.len())
    } else {
        0
    };
    let (connection, rest) = text.split_at(name_length);
    let step = parse_step(rest.trim_start())?;
    Ok(Line { number, only, connection: connection.to_string(), step })
}

fn parse_step(text: &str) -> Result<Step, String> {
    if let Some(raw) = text.strip_prefix(">>") {
        return Ok(Step::Send(raw_bytes(raw)?));
    }
    if let Some(raw) = text.strip_prefix("<<") {
        return Ok(Step::Expect(vec![Piece::Exact(raw_bytes(raw)?)]));
    }
    if let Some(command) = text.strip_prefix('>') {
        return Ok(command_step(words(command)?));
    }
    if let Some(reply) = text.strip_prefix('<') {
        return Ok(Step::Expect(pieces(reply.trim_start())?));
    }
    let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
    match (verb, rest.trim()) {
        ("closed", "") => Ok(Step::Closed),
        ("close", "") => Ok(Step::Close),
        ("finish", "") => Ok(Step::Finish),
        ("silent", "") => Ok(Step::Silent(SILENCE_DEFAULT)),
        ("silent", time) => Ok(Step::Silent(milliseconds(time)?)),
        ("pause", time) => Ok(Step::Pause(milliseconds(time)?)),
        ("exits", code) => Ok(Step::Exits(code.parse().map_err(|_| "an exit code")?)),
        ("took", range) => Ok(Step::Took(took_range(range)?)),
        ("until", condition) => {
            let (field, value) = condition.split_once(' ').ok_or("until FIELD VALUE")?;
            Ok(Step::Until(field.to_string(), value.to_string()))
        }
        _ => Err(format!("not understood: {text}")),
    }
}

fn command_step(words: Vec<Vec<u8>>) -> Step {
    if !words.iter().any(|word| variable_name(word).is_some()) {
        return Step::Send(encoded(&words));
    }
    let word = |word: Vec<u8>| match variable_name(&word) {
        Some(name) => Word::Variable(name),
        None => Word::Bytes(word),
    };
    Step::Command(words.into_iter().map(word).collect())
}

/// The name in `{name}`.
fn variable_name(word: &[u8]) -> Option<String> {
    let name = word.strip_prefix(b"{")?.strip_suffix(b"}")?;
    let is_name = !name.is_empty() && name.iter().all(u8::is_ascii_alphanumeric);
    is_name.then(|| text_of(name))
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    let digits = text.strip_suffix("ms").ok_or_else(|| format!("a time like 50ms, not {text}"))?;
    digits.parse().map(Duration::from_millis).map_err(|_| format!("not a time: {text}"))
}

fn took_range(text: &str) -> Result<RangeInclusive<u64>, String> {
    let wanted = || format!("a range like 50..90ms, not {text}");
    let (low, high) =
        text.strip_suffix("ms").ok_or_else(wanted)?.split_once("..").ok_or_else(wanted)?;
    let low = low.parse().map_err(|_| wanted())?;
    let high = high.parse().map_err(|_| wanted())?;
    Ok(low..=high)
}

/// A quoted string with an optional `*300` behind it, at the start of `text`.
fn repeated(text: &str) -> Result<(Vec<u8>, &str), String> {
    let (bytes, rest) = unquoted(text)?;
    let (times, rest) = match rest.strip_prefix('*') {
        None => (1, rest),
        Some(tail) => {
            let end = tail.find(|other: char| !other.is_ascii_digit()).unwrap_or(tail.len());
            (tail[..end].parse().map_err(|_| "a number was expected after *")?, &tail[end..])
        }
    };
    if !rest.is_empty() && !rest.starts_with(char::is_whitespace) {
        return Err(format!("a blank was expected before: {rest}"));
    }
    Ok((bytes.repeat(times), rest.trim_start()))
}

/// The words of a command: bare, or quoted like in redis-cli.
fn words(text: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut words = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if rest.starts_with('"') {
            let (word, tail) = repeated(rest)?;
            words.push(word);
            rest = tail;
        } else {
            let (word, tail) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            words.push(word.as_bytes().to_vec());
            rest = tail.trim_start();
        }
    }
    Ok(words)
}

/// Quoted strings, one after the other, as bytes.
fn raw_bytes(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (part, tail) = repeated(rest)?;
        bytes.extend_from_slice(&part);
        rest = tail;
    }
    Ok(bytes)
}

/// What follows `<`.
fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, tail) = first_piece(rest)?;
        pieces.push(piece);
        rest = tail;
    }
    Ok(pieces)
}

fn first_piece(text: &str) -> Result<(Piece, &str), String> {
    let line = |content: &str| Piece::Exact(format!("{content}\r\n").into_bytes());
    match text.as_bytes()[0] {
        // What a server says in words goes on to the end of the line.
        b'+' | b'-' => return Ok((line(text), "")),
        b'"' => {
            let (bytes, rest) = repeated(text)?;
            return Ok((Piece::Exact(string_reply('$', &bytes)), rest));
        }
        b'=' => {
            let (bytes, rest) = repeated(&text[1..])?;
            return Ok((Piece::Exact(string_reply('=', &bytes)), rest));
        }
        b'/' => {
            let end = text[1..].find("/ ").map(|at| at + 1).or(text.len().checked_sub(1));
            let end = end.filter(|end| *end > 0 && text[*end..].starts_with('/'));
            let end = end.ok_or("a pattern ends with /")?;
            return Ok((Piece::Like(text[1..end].to_string()), text[end + 1..].trim_start()));
        }
        _ => {}
    }
    let (token, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim_start();
    let first = token.chars().next().unwrap_or(' ');
    if token == "unordered" {
        return Ok((unordered(rest)?, ""));
    }
    if let Some(name) = variable_name(token.as_bytes()) {
        return Ok((Piece::Variable(name), rest));
    }
    let range = token.get(1..).and_then(|digits| digits.split_once(".."));
    let piece = match (token, range) {
        ("any", _) => Piece::Any,
        (_, Some((low, high))) if first == ':' => {
            let number = |text: &str| text.parse().map_err(|_| format!("not a range: {token}"));
            Piece::Integer(number(low)?..=number(high)?)
        }
        _ if ":*$%~>_#,(".contains(first) => line(token),
        _ => return Err(format!("no reply looks like this: {token}")),
    };
    Ok((piece, rest))
}

fn string_reply(mark: char, bytes: &[u8]) -> Vec<u8> {
    let mut reply = format!("{mark}{}\r\n", bytes.len()).into_bytes();
    reply.extend_from_slice(bytes);
    reply.extend_from_slice(b"\r\n");
    reply
}

fn unordered(text: &str) -> Result<Piece, String> {
    let mut bytes = Vec::new();
    for piece in pieces(text)? {
        match piece {
            Piece::Exact(part) => bytes.extend_from_slice(&part),
            other => return Err(format!("unordered takes no pattern: {other:?}")),
        }
    }
    Ok(Piece::Unordered(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only_line(text: &str) -> Line {
        let mut conversations = parse(&format!("== title\n{text}")).expect("it parses");
        conversations[0].lines.remove(0)
    }

    #[test]
    fn a_command_becomes_an_array_of_bulks() {
        let Step::Send(bytes) = only_line("B> SET \"a b\" \"x\"*3").step else { panic!("a send") };
        assert_eq!(bytes, b"*3\r\n$3\r\nSET\r\n$3\r\na b\r\n$3\r\nxxx\r\n");
    }

    #[test]
    fn a_reply_is_exact_to_the_byte() {
        let Step::Expect(pieces) = only_line("< *3 \"a\" :5..6 -ERR no  way").step else {
            panic!("an expectation")
        };
        let exact = |text: &str| Piece::Exact(text.as_bytes().to_vec());
        let expected = [
            exact("*3\r\n"),
            exact("$1\r\na\r\n"),
            Piece::Integer(5..=6),
            exact("-ERR no  way\r\n"),
        ];
        assert_eq!(pieces, expected);
    }

    #[test]
    fn names_restrictions_and_patterns() {
        let line = only_line("# because\nours Bob< *1 /a b*/ any");
        assert_eq!((line.only, line.connection.as_str()), (Some("ours"), "Bob"));
        let Step::Expect(pieces) = line.step else { panic!("an expectation") };
        assert_eq!(pieces[1..], [Piece::Like("a b*".to_string()), Piece::Any]);
    }

    #[test]
    fn a_difference_without_a_reason_is_refused() {
        assert!(parse("== t\n> PING\nours < +PONG").is_err());
        assert!(parse("== t\n> PING\n# why\nours < +PONG\nredis-7.0 < +P").is_ok());
        assert!(parse("== t\nours\n> PING").is_err());
    }

    #[test]
    fn a_whole_conversation_may_be_for_one_server() {
        let parsed = parse("== t\n# why\nours\n> A\nB> C\n== u\n> D").expect("well formed");
        let only = |index: usize| parsed[index].lines.iter().map(|line| line.only);
        assert!(only(0).eq([Some("ours"); 2]) && only(1).eq([None]));
    }

    #[test]
    fn nonsense_is_refused_with_its_line() {
        for text in ["< wat", "flub", "> \"a", "> \"a\"b", "silent 5", "took 5ms", "< /abc"] {
            let error = parse(&format!("== t\n{text}")).expect_err(text);
            assert!(error.starts_with("2: "), "{error}");
        }
    }
}
