//! Writes into a case file what the real Redis answers, so that whoever adds a case writes only
//! what is sent, runs `SQUINT_BLESS=1 cargo test --test conversations`, and reads the replies.

use std::collections::BTreeMap;

use super::format::Line;
use crate::bytes::escaped;
use crate::reply;

const WIDTH_MAX: usize = 98;

/// Replies found, by the line they belong to.
#[derive(Debug, Default)]
pub struct Blessing {
    after: BTreeMap<usize, Vec<String>>,
    instead: BTreeMap<usize, Vec<String>>,
}

impl Blessing {
    /// Notes what came in answer to `line`, or in its place if it `replaces` the line.
    pub fn add(&mut self, line: &Line, replaces: bool, bytes: &[u8], closed: bool) {
        let mut lines = written(&line.connection, bytes);
        let name = if line.connection.is_empty() { "" } else { &format!("{} ", line.connection) };
        if closed {
            lines.push(format!("{name}closed"));
        } else if bytes.is_empty() {
            lines.push(format!("{name}silent"));
        }
        let place = if replaces { &mut self.instead } else { &mut self.after };
        place.insert(line.number, lines);
    }

    /// Whether there is anything to write.
    pub fn is_empty(&self) -> bool {
        self.after.is_empty() && self.instead.is_empty()
    }

    /// The text of the file with the replies filled in.
    pub fn applied(&self, text: &str) -> String {
        let mut lines = Vec::new();
        for (index, line) in text.lines().enumerate() {
            match self.instead.get(&(index + 1)) {
                Some(replies) => lines.extend(replies.iter().cloned()),
                None => lines.push(line.to_string()),
            }
            lines.extend(self.after.get(&(index + 1)).into_iter().flatten().cloned());
        }
        lines.join("\n") + "\n"
    }
}

/// Each reply in `bytes` as one line, or as several when it is long.
fn written(connection: &str, bytes: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = bytes;
    while let Ok(Some(length)) = reply::length(rest) {
        let mut tokens = Vec::new();
        collect_tokens(&rest[..length], &mut tokens);
        // The notation has no escapes for what a server says in words.
        if tokens.iter().any(|token| !token.is_ascii() || token.ends_with(' ')) {
            lines.push(format!("{connection}<< \"{}\"", escaped(&rest[..length])));
        } else {
            wrap(&format!("{connection}<"), &tokens, &mut lines);
        }
        rest = &rest[length..];
    }
    if !rest.is_empty() {
        lines.push(format!("{connection}<< \"{}\"", escaped(rest)));
    }
    lines
}

fn collect_tokens(reply_bytes: &[u8], tokens: &mut Vec<String>) {
    if let Some(text) = reply::bulk(reply_bytes) {
        let mark = if reply_bytes[0] == b'=' { "=" } else { "" };
        let is_run = text.len() > 40 && text.iter().all(|byte| *byte == text[0]);
        tokens.push(match is_run {
            true => format!("{mark}\"{}\"*{}", escaped(&text[..1]), text.len()),
            false => format!("{mark}\"{}\"", escaped(text)),
        });
        return;
    }
    let header = reply_bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
    tokens.push(String::from_utf8_lossy(header).into_owned());
    for element in reply::elements(reply_bytes) {
        collect_tokens(element, tokens);
    }
}

fn wrap(mark: &str, tokens: &[String], lines: &mut Vec<String>) {
    let mut line = mark.to_string();
    let mut is_full = false;
    for token in tokens {
        if is_full || (line.len() > mark.len() && line.len() + 1 + token.len() > WIDTH_MAX) {
            lines.push(std::mem::replace(&mut line, format!("{mark}  ")));
        }
        line.push(' ');
        line.push_str(token);
        // What a server says in words goes on to the end of the line.
        is_full = token.starts_with(['+', '-']);
    }
    lines.push(line);
}
