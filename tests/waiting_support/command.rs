//! Random commands on a few keys, and their words.

use squint_testing::random::Random;

/// Few, so that clients meet.
pub const KEYS: usize = 5;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    Left,
    Right,
}

/// LMOVEM's options.
#[derive(Clone, Debug)]
pub struct Many {
    pub is_exact: bool,
    pub count: usize,
    pub is_one_by_one: bool,
}

/// A command about keys `k0`, `k1` and so on.
#[derive(Clone, Debug)]
pub enum Command {
    /// LPUSH, RPUSH.
    Push { key: usize, end: End, elements: Vec<String> },
    /// LINSERT BEFORE.
    Insert { key: usize, pivot: String, element: String },
    /// DEL.
    Delete { key: usize },
    /// SET.
    Overwrite { key: usize },
    /// BLPOP and BRPOP (no count, they always wait), LMPOP, BLMPOP.
    Pop { keys: Vec<usize>, end: End, count: Option<usize>, waits: bool },
    /// LMOVE, BLMOVE, LMOVEM, BLMOVEM.
    Move { from: (usize, End), to: (usize, End), many: Option<Many>, waits: bool },
}

impl Command {
    /// May it make its client wait?
    pub fn waits(&self) -> bool {
        matches!(self, Self::Pop { waits: true, .. } | Self::Move { waits: true, .. })
    }

    pub fn random(random: &mut Random) -> Self {
        match random.below(20) {
            0..4 => Self::push(random),
            4 => Self::Insert {
                key: random.below(KEYS),
                pivot: element(random),
                element: element(random),
            },
            5 => Self::Delete { key: random.below(KEYS) },
            6 if random.one_in(6) => Self::Overwrite { key: random.below(KEYS) },
            6..14 => Self::pop(random),
            _ => Self::relocation(random),
        }
    }

    fn push(random: &mut Random) -> Self {
        let count = 1 + random.below(3);
        let elements = (0..count).map(|_| element(random)).collect();
        Self::Push { key: random.below(KEYS), end: end(random), elements }
    }

    fn pop(random: &mut Random) -> Self {
        let count = random.one_in(2).then(|| 1 + random.below(3));
        let waits = count.is_none() || !random.one_in(3);
        let keys = (0..=random.below(3)).map(|_| random.below(KEYS)).collect();
        Self::Pop { keys, end: end(random), count, waits }
    }

    fn relocation(random: &mut Random) -> Self {
        let many = random.one_in(2).then(|| Many {
            is_exact: random.one_in(2),
            count: 1 + random.below(4),
            is_one_by_one: random.one_in(2),
        });
        let from = (random.below(KEYS), end(random));
        let to = (random.below(KEYS), end(random));
        Self::Move { from, to, many, waits: !random.one_in(3) }
    }

    /// As a client sends it.
    pub fn words(&self) -> Vec<String> {
        let text = match self {
            Self::Push { key, end, elements } => {
                let name = if *end == End::Left { "LPUSH" } else { "RPUSH" };
                format!("{name} k{key} {}", elements.join(" "))
            }
            Self::Insert { key, pivot, element } => {
                format!("LINSERT k{key} BEFORE {pivot} {element}")
            }
            Self::Delete { key } => format!("DEL k{key}"),
            Self::Overwrite { key } => format!("SET k{key} text"),
            Self::Pop { keys, end, count, waits } => pop_text(keys, *end, *count, *waits),
            Self::Move { from, to, many, waits } => move_text(*from, *to, many.as_ref(), *waits),
        };
        text.split(' ').map(str::to_owned).collect()
    }
}

fn pop_text(keys: &[usize], end: End, count: Option<usize>, waits: bool) -> String {
    let number = keys.len();
    let keys = keys.iter().map(|key| format!("k{key}")).collect::<Vec<_>>().join(" ");
    match count {
        None if end == End::Left => format!("BLPOP {keys} 0"),
        None => format!("BRPOP {keys} 0"),
        Some(count) => {
            let name = if waits { "BLMPOP 0" } else { "LMPOP" };
            format!("{name} {number} {keys} {} COUNT {count}", side(end))
        }
    }
}

fn move_text(from: (usize, End), to: (usize, End), many: Option<&Many>, waits: bool) -> String {
    let name = match (many.is_some(), waits) {
        (false, false) => "LMOVE",
        (false, true) => "BLMOVE",
        (true, false) => "LMOVEM",
        (true, true) => "BLMOVEM",
    };
    let mut text = format!("{name} k{} k{} {} {}", from.0, to.0, side(from.1), side(to.1));
    if waits {
        text.push_str(" 0");
    }
    if let Some(many) = many {
        let selector = if many.is_exact { "EXACTLY" } else { "COUNT" };
        let ordering = if many.is_one_by_one { "OBO" } else { "BULK" };
        text.push_str(&format!(" {selector} {} {ordering}", many.count));
    }
    text
}

fn side(end: End) -> &'static str {
    if end == End::Left { "LEFT" } else { "RIGHT" }
}

fn end(random: &mut Random) -> End {
    if random.one_in(2) { End::Left } else { End::Right }
}

fn element(random: &mut Random) -> String {
    random.below(50).to_string()
}
