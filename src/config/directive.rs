//! What a row of the table of directives says, and how a row is found by name.
use super::directives::DIRECTIVES;
use super::value::{Kind, Reason, Value};

/// One setting.
#[derive(Debug)]
pub struct Directive {
    /// The name, in lower case.
    pub name: &'static str,
    /// An older name for the same value, or nothing.
    pub alias: Option<&'static str>,
    /// What values it takes.
    pub kind: Kind,
    /// The default, as redis.conf would write it.
    pub default: &'static str,
    /// Who may change it while the server runs.
    pub access: Access,
    /// What it does here.
    pub effect: Effect,
}

/// Who may change a setting while the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// CONFIG SET may.
    Live,
    /// Nobody may.
    Fixed,
    /// CONFIG SET may where `enable-protected-configs` allows it.
    Protected,
    /// CONFIG SET may; CONFIG GET answers to the whole name only, not to a pattern.
    Hidden,
}

/// What a setting does in this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The server reads it.
    Used,
    /// Accepted so that existing files work; a value other than the default is noticed once.
    Ignored,
    /// Any other value than the default would promise something this server does not do. The
    /// text says what to write instead.
    DefaultOnly(&'static str),
    /// This word in the value would promise something this server does not do.
    WithoutWord(&'static str, &'static str),
}

/// A setting as named by a user: the row, and the spelling of the name that was meant.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// Index into [`DIRECTIVES`].
    pub index: usize,
    /// The row's name or alias, whichever was used.
    pub name: &'static str,
}

/// Shorthand that keeps a row of the table on one line.
pub(super) const fn row(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    access: Access,
    effect: Effect,
) -> Directive {
    Directive { name, alias: None, kind, default, access, effect }
}

impl Directive {
    /// The same row with an older name.
    pub(super) const fn alias(mut self, alias: &'static str) -> Directive {
        self.alias = Some(alias);
        self
    }

    /// The default as a value. Every row's default parses; a test walks them all.
    pub fn default_value(&self) -> Value {
        let parsed = self.kind.parse(&[self.default.as_bytes()], None);
        parsed.expect("every default in the table is a value of its row's kind")
    }

    /// Refuses a value that would break a promise, with what to write instead.
    pub fn check_promise(&self, value: &Value) -> Result<(), Reason> {
        match self.effect {
            Effect::DefaultOnly(advice) if *value != self.default_value() => Err(advice.into()),
            Effect::WithoutWord(word, advice) if has_word(value, word) => Err(advice.into()),
            _ => Ok(()),
        }
    }

    /// The name and, where there is one, the alias.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.alias)
    }
}

fn has_word(value: &Value, word: &str) -> bool {
    matches!(value, Value::Words(words) if words.iter().any(|given| given == word.as_bytes()))
}

/// Finds a setting by name or alias, in any case.
pub fn find(name: &[u8]) -> Option<Found> {
    DIRECTIVES.iter().enumerate().find_map(|(index, row)| {
        let name = row.names().find(|known| known.as_bytes().eq_ignore_ascii_case(name))?;
        Some(Found { index, name })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_by_alias() {
        let found = find(b"MaxClients").expect("a setting");
        assert_eq!((found.name, DIRECTIVES[found.index].name), ("maxclients", "maxclients"));
        let found = find(b"SLAVE-read-only").expect("an alias");
        assert_eq!(
            (found.name, DIRECTIVES[found.index].name),
            ("slave-read-only", "replica-read-only")
        );
        assert!(find(b"nosuch").is_none());
        assert!(find(b"").is_none());
    }

    #[test]
    fn every_default_parses_and_keeps_its_own_promise() {
        for row in DIRECTIVES {
            let value = row.default_value();
            assert_eq!(row.check_promise(&value), Ok(()), "{}", row.name);
        }
    }

    #[test]
    fn names_are_unique_and_lower_case() {
        let mut seen = std::collections::BTreeSet::new();
        for name in DIRECTIVES.iter().flat_map(|row| row.names()) {
            assert_eq!(name, name.to_ascii_lowercase());
            assert!(seen.insert(name), "{name} stands twice");
        }
    }
}
