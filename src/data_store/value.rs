//! What a key holds: one of a few shapes, and the words Redis has for them.
//!
//! The shapes keep their insides to themselves; whoever matches on [`Value`] gets a type with
//! operations, never a container of the standard library.

use super::{List, Stream, StringValue};

/// A stored value.
#[derive(Debug)]
pub enum Value {
    /// Bytes or an integer.
    String(StringValue),
    /// Byte strings in order, cheap at both ends.
    List(List),
    /// Entries under growing ids. Boxed: its bookkeeping would widen every other value.
    Stream(Box<Stream>),
}

/// The shape of a value, without the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// [`Value::String`]
    String,
    /// [`Value::List`]
    List,
    /// [`Value::Stream`]
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

impl Value {
    /// The shape of this value.
    pub fn kind(&self) -> Kind {
        match self {
            Value::String(_) => Kind::String,
            Value::List(_) => Kind::List,
            Value::Stream(_) => Kind::Stream,
        }
    }

    /// The word that TYPE answers with.
    pub fn type_name(&self) -> &'static str {
        self.kind().name()
    }

    /// The string, or nothing if this is another shape (the client's mistake: WRONGTYPE).
    pub fn as_string(&self) -> Option<&StringValue> {
        match self {
            Value::String(string) => Some(string),
            _ => None,
        }
    }

    /// The string, to change.
    pub fn as_string_mut(&mut self) -> Option<&mut StringValue> {
        match self {
            Value::String(string) => Some(string),
            _ => None,
        }
    }

    /// The list, or nothing if this is another shape.
    pub fn as_list(&self) -> Option<&List> {
        match self {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    /// The list, to change.
    pub fn as_list_mut(&mut self) -> Option<&mut List> {
        match self {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    /// The stream, or nothing if this is another shape.
    pub fn as_stream(&self) -> Option<&Stream> {
        match self {
            Value::Stream(stream) => Some(stream),
            _ => None,
        }
    }

    /// The stream, to change.
    pub fn as_stream_mut(&mut self) -> Option<&mut Stream> {
        match self {
            Value::Stream(stream) => Some(stream),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_the_names_of_redis() {
        let values = [
            Value::String(StringValue::from_i64(1)),
            Value::List(List::new()),
            Value::Stream(Box::new(Stream::new())),
        ];
        let names: Vec<_> = values.iter().map(Value::type_name).collect();
        assert_eq!(names, ["string", "list", "stream"]);
    }

    #[test]
    fn a_value_answers_only_as_what_it_is() {
        let mut value = Value::List(List::new());
        assert!(value.as_string().is_none() && value.as_string_mut().is_none());
        assert!(value.as_stream().is_none() && value.as_stream_mut().is_none());
        assert!(value.as_list().is_some() && value.as_list_mut().is_some());
        assert_eq!(value.kind(), Kind::List);
    }
}
