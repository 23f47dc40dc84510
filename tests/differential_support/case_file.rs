//! A script with the replies of Redis, in the notation of `tests/cases/`.

use squint_testing::bytes::escaped;
use squint_testing::reply;

use super::pair::{Arrivals, Pair, Rule};
use super::script::{CONNECTIONS, Step, Word};

/// The text of a conversation under way.
struct Page {
    text: String,
    /// How often each connection was opened again: it then has another name.
    openings: [usize; CONNECTIONS.len()],
    /// Connections whose number is known as `{idA}`.
    known: Vec<String>,
    blocked: u64,
}

/// Plays a script and writes down what is sent and what Redis answers.
pub fn written(pair: &mut Pair, title: &str, script: &[Step]) -> String {
    let (openings, known) = ([0; CONNECTIONS.len()], Vec::new());
    let mut page = Page { text: format!("== {title}\n"), openings, known, blocked: 0 };
    for step in script {
        page.learn_numbers(step);
    }
    let usual = std::mem::replace(&mut pair.rule, Rule::Anything);
    let end = pair.play_and_note(script, |pair, batch, arrivals| page.note(pair, batch, arrivals));
    pair.rule = usual;
    if let Err(mismatch) = end {
        page.text.push_str(&format!("# Here it ended: {}\n", mismatch.connection));
    }
    page.text
}

impl Page {
    fn name(&self, connection: usize) -> String {
        match self.openings[connection] {
            0 => CONNECTIONS[connection].to_string(),
            times => format!("{}{times}", CONNECTIONS[connection]),
        }
    }

    fn learn_numbers(&mut self, step: &Step) {
        for word in &step.words {
            let Word::ClientId(of) = word else { continue };
            let name = CONNECTIONS[*of].to_string();
            if !self.known.contains(&name) {
                self.text.push_str(&format!("{name}> CLIENT ID\n{name}< {{id{name}}}\n"));
                self.known.push(name);
            }
        }
    }

    fn note(&mut self, pair: &mut Pair, batch: &[Step], arrivals: &Arrivals) {
        self.sends(batch);
        for (connection, (bytes, is_closed)) in arrivals.iter().enumerate() {
            let name = self.name(connection);
            self.replies(&name, bytes);
            if *is_closed {
                self.text.push_str(&format!("{name} closed\n"));
                self.openings[connection] += 1;
            }
        }
        let blocked = pair.blocked();
        if blocked != self.blocked {
            self.text.push_str(&format!("until blocked_clients {blocked}\n"));
            self.blocked = blocked;
        }
    }

    fn sends(&mut self, batch: &[Step]) {
        for step in batch {
            let name = self.name(step.connection);
            self.text.push_str(&format!("{name}> {}\n", step.line()));
        }
    }

    fn replies(&mut self, name: &str, bytes: &[u8]) {
        let mut rest = bytes;
        while let Ok(Some(length)) = reply::length(rest) {
            self.text.push_str(&format!("{name}< {}\n", reply::notation(&rest[..length])));
            rest = &rest[length..];
        }
        if !rest.is_empty() {
            self.text.push_str(&format!("{name}<< \"{}\"\n", escaped(rest)));
        }
    }
}
