//! The slow twin of lists and of those who wait for them: one queue of all waiters, searched from
//! the front, and a list of elements for each key. It knows nothing of places, edges or signals per
//! key; all it has is the order of events.

use std::collections::VecDeque;

use super::command::{Command, End, KEYS, Many};

pub const WRONG_TYPE: &str =
    "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
const NULL: &str = "$-1\r\n";
const NULL_ARRAY: &str = "*-1\r\n";

/// What a key holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Value {
    #[default]
    Nothing,
    Text,
    List(VecDeque<String>),
}

/// Somebody who waits.
#[derive(Debug)]
struct Waiter {
    client: usize,
    command: Command,
}

/// Keys, waiters, and what they were told.
#[derive(Debug, Default)]
pub struct Model {
    pub keys: [Value; KEYS],
    waiters: Vec<Waiter>,
    signals: VecDeque<usize>,
    /// Bytes for clients that are not the one whose command runs, in order.
    pub told: Vec<(usize, String)>,
    /// How often a waiter was asked whether it can go on now.
    pub asked: u64,
}

type Reply = Result<Option<String>, String>;

pub fn bulk(element: &str) -> String {
    format!("${}\r\n{element}\r\n", element.len())
}

fn array(elements: &[String]) -> String {
    let elements: String = elements.iter().map(|element| bulk(element)).collect();
    format!("*{}\r\n{elements}", elements.matches('$').count())
}

fn integer(number: usize) -> String {
    format!(":{number}\r\n")
}

impl Model {
    /// Runs one command of a client as a whole, then serves. `None`: the client waits.
    pub fn run(&mut self, client: usize, command: &Command) -> Option<String> {
        let reply = match self.attempt(command, None) {
            Ok(None) if command.waits() => {
                self.waiters.push(Waiter { client, command: command.clone() });
                None
            }
            outcome => Some(written(outcome, command)),
        };
        self.serve();
        reply
    }

    /// Runs several commands as EXEC does: nobody waits, and nobody is served in between.
    pub fn run_all(&mut self, commands: &[Command]) -> String {
        let replies: String =
            commands.iter().map(|command| written(self.attempt(command, None), command)).collect();
        self.serve();
        format!("*{}\r\n{replies}", commands.len())
    }

    /// Ends the waiting of a client, who is told this.
    pub fn release(&mut self, client: usize, words: &str) {
        if self.forget(client) {
            self.told.push((client, words.to_owned()));
        }
    }

    /// A client is gone. `true`: it was waiting.
    pub fn forget(&mut self, client: usize) -> bool {
        let before = self.waiters.len();
        self.waiters.retain(|waiter| waiter.client != client);
        self.waiters.len() < before
    }

    pub fn is_waiting(&self, client: usize) -> bool {
        self.waiters.iter().any(|waiter| waiter.client == client)
    }

    pub fn waiters(&self) -> usize {
        self.waiters.len()
    }

    pub fn keys_waited_on(&self) -> usize {
        let is_waited_on = |key: &usize| self.waiters.iter().any(|waiter| waiter.waits_on(*key));
        (0..KEYS).filter(is_waited_on).count()
    }

    /// Serves the waiters of every key that has grown, in the order in which the keys did.
    fn serve(&mut self) {
        while let Some(key) = self.signals.pop_front() {
            let order: Vec<usize> = self.waiters.iter().map(|waiter| waiter.client).collect();
            for client in order {
                let Some(at) = self.waiters.iter().position(|waiter| waiter.client == client)
                else {
                    continue;
                };
                if self.waiters[at].waits_on(key) && matches!(self.keys[key], Value::List(_)) {
                    self.ask(at, key);
                }
            }
        }
    }

    fn ask(&mut self, at: usize, key: usize) {
        self.asked += 1;
        let (client, command) = (self.waiters[at].client, self.waiters[at].command.clone());
        match self.attempt(&command, Some(key)) {
            Ok(None) => {}
            outcome => {
                self.waiters.remove(at);
                self.told.push((client, written(outcome, &command)));
            }
        }
    }

    /// What the command says now; `Ok(None)`: there is nothing for it. `only`: the key that has
    /// grown, the only one that a waiter looks at.
    fn attempt(&mut self, command: &Command, only: Option<usize>) -> Reply {
        match command {
            Command::Push { key, end, elements } => self.push(*key, *end, elements),
            Command::Insert { key, pivot, element } => self.insert(*key, pivot, element),
            Command::Delete { key } => {
                let was_there = std::mem::take(&mut self.keys[*key]) != Value::Nothing;
                Ok(Some(integer(usize::from(was_there))))
            }
            Command::Overwrite { key } => {
                self.keys[*key] = Value::Text;
                Ok(Some("+OK\r\n".to_owned()))
            }
            Command::Pop { keys, end, count, .. } => self.pop(keys, *end, *count, only),
            Command::Move { from, to, many, .. } => self.relocate(*from, *to, many.as_ref()),
        }
    }

    /// The elements of a key; `Err` if it holds something else.
    fn list(&mut self, key: usize) -> Result<Option<&mut VecDeque<String>>, String> {
        match &mut self.keys[key] {
            Value::Nothing => Ok(None),
            Value::Text => Err(WRONG_TYPE.to_owned()),
            Value::List(list) => Ok(Some(list)),
        }
    }

    fn grown(&mut self, key: usize) {
        let is_waited_on = self.waiters.iter().any(|waiter| waiter.waits_on(key));
        if is_waited_on && !self.signals.contains(&key) {
            self.signals.push_back(key);
        }
    }

    fn shrunk(&mut self, key: usize) {
        if self.keys[key] == Value::List(VecDeque::new()) {
            self.keys[key] = Value::Nothing;
        }
    }

    fn add(&mut self, key: usize, end: End, elements: impl IntoIterator<Item = String>) -> usize {
        if self.keys[key] == Value::Nothing {
            self.keys[key] = Value::List(VecDeque::new());
        }
        let list = self.list(key).expect("the caller has looked").expect("just made");
        for element in elements {
            match end {
                End::Left => list.push_front(element),
                End::Right => list.push_back(element),
            }
        }
        let length = list.len();
        self.grown(key);
        length
    }

    fn push(&mut self, key: usize, end: End, elements: &[String]) -> Reply {
        self.list(key)?;
        Ok(Some(integer(self.add(key, end, elements.iter().cloned()))))
    }

    fn insert(&mut self, key: usize, pivot: &str, element: &str) -> Reply {
        let Some(list) = self.list(key)? else { return Ok(Some(integer(0))) };
        let Some(at) = list.iter().position(|other| other == pivot) else {
            return Ok(Some(":-1\r\n".to_owned()));
        };
        list.insert(at, element.to_owned());
        let length = list.len();
        self.grown(key);
        Ok(Some(integer(length)))
    }

    fn pop(
        &mut self,
        keys: &[usize],
        end: End,
        count: Option<usize>,
        only: Option<usize>,
    ) -> Reply {
        for key in keys.iter().copied().filter(|key| only.is_none_or(|only| only == *key)) {
            let Some(list) = self.list(key)? else { continue };
            let taken = take(list, end, count.unwrap_or(1));
            self.shrunk(key);
            let name = bulk(&format!("k{key}"));
            let elements = if count.is_some() { array(&taken) } else { bulk(&taken[0]) };
            return Ok(Some(format!("*2\r\n{name}{elements}")));
        }
        Ok(None)
    }

    fn relocate(&mut self, from: (usize, End), to: (usize, End), many: Option<&Many>) -> Reply {
        let length = self.list(from.0)?.map_or(0, |list| list.len());
        let wanted = many.map_or(1, |many| many.count);
        let is_exact = many.is_some_and(|many| many.is_exact);
        if length == 0 || (is_exact && length < wanted) {
            return Ok(None);
        }
        self.list(to.0)?;
        let list = self.list(from.0)?.expect("just counted");
        let taken = take(list, from.1, wanted);
        if from.0 != to.0 {
            self.shrunk(from.0);
        }
        let Some(many) = many else {
            self.add(to.0, to.1, taken.clone());
            return Ok(Some(bulk(&taken[0])));
        };
        // In bulk what was next to each other stays so, in the order it had: taken from the right
        // end it came out backwards, and pushed to the left end it goes in backwards.
        let mut pushed = taken;
        if !many.is_one_by_one && from.1 == to.1 {
            pushed.reverse();
        }
        self.add(to.0, to.1, pushed.iter().cloned());
        if to.1 == End::Left {
            pushed.reverse();
        }
        Ok(Some(array(&pushed)))
    }
}

impl Waiter {
    fn waits_on(&self, key: usize) -> bool {
        match &self.command {
            Command::Pop { keys, .. } => keys.contains(&key),
            Command::Move { from, .. } => from.0 == key,
            _ => false,
        }
    }
}

/// Up to so many elements, in the order in which they come out.
fn take(list: &mut VecDeque<String>, end: End, count: usize) -> Vec<String> {
    let pop = |_| match end {
        End::Left => list.pop_front(),
        End::Right => list.pop_back(),
    };
    (0..count).map_while(pop).collect()
}

/// A reply that is given at once, waiting or not.
fn written(outcome: Reply, command: &Command) -> String {
    let nothing = match command {
        Command::Move { many: None, .. } => NULL,
        _ => NULL_ARRAY,
    };
    outcome.map_or_else(|error| error, |reply| reply.unwrap_or_else(|| nothing.to_owned()))
}
