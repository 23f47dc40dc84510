//! What a key holds: one of a few shapes, and the words Redis has for them.
//!
//! A value is handed in as a [`Value`] and looked at as a [`ValueRef`] or [`ValueMut`]: strings and
//! small lists live among the entries, where only the keyspace can change them, so of them there
//! is never more to see than their bytes.

use super::string::StringRef;
use super::{List, ListRef, Stream};

/// A value on its own, to be stored.
#[derive(Debug)]
pub enum Value {
    /// Bytes.
    String(Vec<u8>),
    /// Byte strings in order, cheap at both ends.
    List(List),
    /// Entries under growing ids.
    Stream(Box<Stream>),
}

/// A stored value, to read.
#[derive(Clone, Copy, Debug)]
pub enum ValueRef<'a> {
    /// Bytes or an integer.
    String(StringRef<'a>),
    /// A list.
    List(ListRef<'a>),
    /// A stream.
    Stream(&'a Stream),
}

/// A stored value, to change in place; strings and lists are changed by [`super::Keyspace`].
#[derive(Debug)]
pub enum ValueMut<'a> {
    /// Bytes or an integer.
    String(StringRef<'a>),
    /// A list.
    List(ListRef<'a>),
    /// A stream.
    Stream(&'a mut Stream),
}

/// The shape of a value, without the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Bytes or an integer.
    String,
    /// A list.
    List,
    /// A stream.
    Stream,
}

impl Kind {
    /// The word that TYPE answers with.
    pub fn name(self) -> &'static str {
        match self {
            Kind::String => "string",
            Kind::List => "list",
            Kind::Stream => "stream",
        }
    }
}

impl ValueRef<'_> {
    /// The shape of this value.
    pub fn kind(self) -> Kind {
        match self {
            ValueRef::String(_) => Kind::String,
            ValueRef::List(_) => Kind::List,
            ValueRef::Stream(_) => Kind::Stream,
        }
    }

    /// The word that TYPE answers with.
    pub fn type_name(self) -> &'static str {
        self.kind().name()
    }
}

impl ValueMut<'_> {
    /// The shape of this value.
    pub fn kind(&self) -> Kind {
        match self {
            ValueMut::String(_) => Kind::String,
            ValueMut::List(_) => Kind::List,
            ValueMut::Stream(_) => Kind::Stream,
        }
    }

    /// The word that TYPE answers with.
    pub fn type_name(&self) -> &'static str {
        self.kind().name()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_the_names_of_redis() {
        let (list, mut stream) = (List::new(), Stream::new());
        let values = [
            ValueRef::String(StringRef::integer(1)),
            ValueRef::List(ListRef::whole(&list)),
            ValueRef::Stream(&stream),
        ];
        assert_eq!(values.map(ValueRef::type_name), ["string", "list", "stream"]);
        let values = [
            ValueMut::String(StringRef::bytes(b"1")),
            ValueMut::List(ListRef::whole(&list)),
            ValueMut::Stream(&mut stream),
        ];
        assert_eq!(values.map(|value| value.type_name()), ["string", "list", "stream"]);
    }
}
