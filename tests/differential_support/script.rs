//! What is played: which connection sends which command, in which order.

use squint_testing::bytes::escaped;

/// The connections that take part. The last one only looks at what has no order of its own.
pub const CONNECTIONS: [&str; 6] = ["A", "B", "C", "D", "E", "O"];

/// The one whose replies are compared without regard to their order.
pub const OBSERVER: usize = CONNECTIONS.len() - 1;

/// A word of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// As it stands.
    Bytes(Vec<u8>),
    /// The number that the server has given to this connection.
    ClientId(usize),
}

impl From<&str> for Word {
    fn from(text: &str) -> Word {
        Word::Bytes(text.as_bytes().to_vec())
    }
}

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Who sends it: an index into [`CONNECTIONS`].
    pub connection: usize,
    /// Its words.
    pub words: Vec<Word>,
    /// It goes out in one write with the step before, which is of the same connection.
    pub is_joined: bool,
}

impl Step {
    /// The command of a step as the case files write it.
    pub fn line(&self) -> String {
        let words: Vec<String> = self.words.iter().map(shown).collect();
        words.join(" ")
    }
}

fn shown(word: &Word) -> String {
    match word {
        Word::ClientId(connection) => format!("{{id{}}}", CONNECTIONS[*connection]),
        Word::Bytes(bytes) => {
            if bytes.len() > 20 && bytes.iter().all(|byte| *byte == bytes[0]) {
                return format!("\"{}\"*{}", escaped(&bytes[..1]), bytes.len());
            }
            let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:*?@~=+".contains(byte);
            let is_bare = !bytes.is_empty() && bytes.iter().all(is_plain);
            let text = escaped(bytes);
            if is_bare { text } else { format!("\"{text}\"") }
        }
    }
}

/// The steps in order.
pub type Script = Vec<Step>;

/// The script in pieces that go out in one write each.
pub fn batches(script: &[Step]) -> impl Iterator<Item = &[Step]> {
    script.chunk_by(|step, next| next.is_joined && next.connection == step.connection)
}

/// A script for people: a line per step; `+` marks what goes out with the line above.
pub fn listing(script: &[Step]) -> String {
    let line = |step: &Step| {
        let (name, mark) = (CONNECTIONS[step.connection], if step.is_joined { "+" } else { " " });
        format!("{mark} {name}> {}\n", step.line())
    };
    script.iter().map(line).collect()
}

/// A script from lines like `B> LPUSH k a`, for examples. Words are what stands between blanks.
pub fn from_lines(lines: &[&str]) -> Script {
    let step = |line: &&str| {
        let (name, command) = line.split_once("> ").expect("an example names the connection");
        let connection = CONNECTIONS.iter().position(|known| *known == name);
        let connection = connection.expect("an example uses a connection that exists");
        let words = command.split(' ').map(Word::from).collect();
        Step { connection, words, is_joined: false }
    };
    lines.iter().map(step).collect()
}
