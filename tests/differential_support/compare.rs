//! Whether two servers have told a connection the same.
//!
//! Bytes that are the same are, and that is the rule. What differs is looked at again with the
//! accepted differences taken out.

use squint_testing::reply;

use super::differences::{DIFFERENCES, Difference, FIELDS_NOT_COMPARED, How};
use super::values::TIMES;

/// How far apart two times may be, in milliseconds and in seconds.
const TIME_APART_MAX_MS: i64 = 60_000;

/// Whose bytes they are.
#[derive(Clone, Copy, Debug)]
pub struct Listener {
    /// It has sent what the bytes may answer.
    pub is_sender: bool,
    /// It asks for what has no order.
    pub is_observer: bool,
}

/// Whether these bytes mean the same.
pub fn are_alike(ours: &[u8], redis: &[u8], listener: Listener) -> bool {
    if ours == redis {
        return true;
    }
    let ours = translated(ours);
    if listener.is_observer {
        return same_lines(
            &without_clocks(&in_order(&ours)),
            &without_clocks(&in_order(redis)),
            true,
        );
    }
    if !listener.is_sender {
        return same_lines(&in_order(&ours), &in_order(redis), false);
    }
    // First apart, then in order: a message between two frames hides that they follow each other.
    let (ours, our_messages) = messages_apart(&ours);
    let (redis, messages) = messages_apart(redis);
    in_order(&our_messages) == in_order(&messages)
        && same_lines(&in_order(&ours), &in_order(&redis), false)
}

/// Our texts in the words of Redis.
fn translated(ours: &[u8]) -> Vec<u8> {
    let mut text = ours.to_vec();
    for difference in DIFFERENCES {
        let How::Text(our_words, words) = difference.how else { continue };
        while let Some(at) = find(&text, our_words.as_bytes()) {
            text.splice(at..at + our_words.len(), words.bytes());
        }
    }
    text
}

/// Where `words` stand in `text`.
pub fn find(text: &[u8], words: &[u8]) -> Option<usize> {
    text.windows(words.len()).position(|window| window == words)
}

/// Frames of one kind that follow each other, in an order of their own where they have none.
fn in_order(bytes: &[u8]) -> Vec<u8> {
    let mut ordered = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let mut run: Vec<Frame<'_>> = Vec::new();
        while let Some(frame) = Frame::at(&bytes[at..]).filter(|frame| frame.follows(run.last())) {
            at += frame.bytes.len();
            run.push(frame);
        }
        if run.is_empty() {
            ordered.push(bytes[at]);
            at += 1;
        }
        let tails: Vec<&[u8]> = run.iter().map(|frame| frame.tail).collect();
        run.sort_unstable_by_key(|frame| frame.name);
        for (frame, tail) in run.iter().zip(tails) {
            ordered.extend([frame.head, frame.name, tail].concat());
        }
    }
    ordered
}

/// A push of a kind that has no order: its kind, the name it is about, and the rest.
struct Frame<'a> {
    bytes: &'a [u8],
    head: &'a [u8],
    name: &'a [u8],
    tail: &'a [u8],
}

impl<'a> Frame<'a> {
    fn at(bytes: &'a [u8]) -> Option<Frame<'a>> {
        if !matches!(bytes.first(), Some(b'*' | b'>')) {
            return None;
        }
        let whole = &bytes[..reply::length(bytes).ok()??];
        let elements = reply::elements(whole);
        let kind = reply::bulk(elements.first()?)?;
        let has_none = |difference: &Difference| match difference.how {
            How::AnyOrder(named) => named.as_bytes() == kind,
            _ => false,
        };
        let name = *elements.get(1).filter(|_| DIFFERENCES.iter().any(has_none))?;
        let tail_length = elements[2..].iter().map(|element| element.len()).sum::<usize>();
        let (rest, tail) = whole.split_at(whole.len() - tail_length);
        let (head, _) = rest.split_at(rest.len() - name.len());
        Some(Frame { bytes: whole, head, name, tail })
    }

    /// Whether it may change places with the one before: the same kind, and, if it is a message,
    /// the same one.
    fn follows(&self, before: Option<&Frame<'_>>) -> bool {
        let is_message = reply::elements(self.bytes).len() == 4;
        before.is_none_or(|before| {
            before.head == self.head && (before.tail == self.tail || !is_message)
        })
    }
}

/// How published messages begin, behind `*` or `>`.
const MESSAGES: [&[u8]; 3] =
    [b"3\r\n$7\r\nmessage\r\n", b"3\r\n$8\r\nsmessage\r\n", b"4\r\n$8\r\npmessage\r\n"];

/// Splits the messages from what stands around them, wherever they are: 7.0 writes them into the
/// middle of the reply of EXEC.
fn messages_apart(bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut rest, mut messages) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < bytes.len() {
        let behind = &bytes[at..];
        let is_push = matches!(behind[0], b'*' | b'>');
        let is_message = is_push && MESSAGES.iter().any(|start| behind[1..].starts_with(start));
        match reply::length(behind) {
            Ok(Some(length)) if is_message => {
                messages.extend_from_slice(&behind[..length]);
                at += length;
            }
            _ => {
                rest.push(behind[0]);
                at += 1;
            }
        }
    }
    (rest, messages)
}

/// What is left without fields that are never the same, without the third of an entry of XPENDING
/// (ID, consumer, milliseconds, deliveries), and without the lengths that count them.
fn without_clocks(bytes: &[u8]) -> Vec<u8> {
    let mut rest = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let behind = &bytes[at..];
        let Ok(Some(length)) = reply::length(behind) else {
            rest.extend_from_slice(behind);
            break;
        };
        let elements = reply::elements(&behind[..length]);
        let is_pending = elements.len() == 4
            && elements.iter().map(|element| element[0]).eq([b'$', b'$', b':', b':']);
        let name = reply::bulk(&behind[..length]).unwrap_or_default();
        if is_pending {
            rest.extend([elements[0], elements[1], elements[3]].concat());
            at += length;
        } else if FIELDS_NOT_COMPARED.iter().any(|field| field.as_bytes() == name) {
            let value = reply::length(&behind[length..]).ok().flatten().unwrap_or(0);
            at += length + value;
        } else if matches!(behind[0], b'*' | b'%') && !elements.is_empty() {
            at += length - elements.iter().map(|element| element.len()).sum::<usize>();
        } else {
            rest.extend_from_slice(&behind[..length]);
            at += length;
        }
    }
    rest
}

/// Line by line, with numbers that are times allowed to be a little apart.
fn same_lines(ours: &[u8], redis: &[u8], any_order: bool) -> bool {
    let lines = |bytes: &[u8]| {
        let mut lines: Vec<Vec<u8>> =
            bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        if any_order {
            lines.sort_unstable();
        }
        lines
    };
    let (ours, redis) = (lines(ours), lines(redis));
    ours.len() == redis.len() && ours.iter().zip(&redis).all(|(ours, redis)| same_line(ours, redis))
}

/// An error of ours with a NUL in it need only begin as that of Redis, which says nothing more of
/// that word and has so much more room for others.
fn same_line(ours: &[u8], redis: &[u8]) -> bool {
    let nul = ours.iter().position(|byte| *byte == 0).filter(|_| ours[0] == b'-');
    ours == redis
        || nul.is_some_and(|nul| redis.starts_with(&ours[..nul]))
        || match (time(ours), time(redis)) {
            (Some(ours), Some(redis)) => {
                let in_seconds = ours < 10_000_000_000;
                let apart_max =
                    if in_seconds { TIME_APART_MAX_MS / 1000 } else { TIME_APART_MAX_MS };
                (ours - redis).abs() <= apart_max
            }
            _ => false,
        }
}

/// The integer of a line, if it can only be a time.
fn time(line: &[u8]) -> Option<i64> {
    let digits = line.strip_prefix(b":")?.strip_suffix(b"\r")?;
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    TIMES.contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENDER: Listener = Listener { is_sender: true, is_observer: false };
    const OBSERVER: Listener = Listener { is_sender: false, is_observer: true };
    const OTHER: Listener = Listener { is_sender: false, is_observer: false };

    #[test]
    fn bytes_are_the_same_or_not() {
        assert!(are_alike(b":1\r\n", b":1\r\n", OTHER));
        assert!(!are_alike(b":1\r\n", b":2\r\n", OTHER));
        assert!(!are_alike(b":1\r\n", b":1\r\n:1\r\n", OTHER));
    }

    #[test]
    fn times_may_be_a_little_apart() {
        assert!(are_alike(b":200000000\r\n", b":200000001\r\n", OTHER));
        assert!(!are_alike(b":200000000\r\n", b":200001001\r\n", OTHER));
        assert!(!are_alike(b":2000\r\n", b":2001\r\n", OTHER));
    }

    #[test]
    fn only_the_sender_may_get_messages_elsewhere() {
        let message = b">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n";
        let (first, last) =
            ([&message[..], b":1\r\n"].concat(), [b":1\r\n", &message[..]].concat());
        assert!(are_alike(&first, &last, SENDER));
        assert!(!are_alike(&first, &last, OTHER));
        assert!(!are_alike(&first, &[&last[..], message].concat(), SENDER));
    }

    #[test]
    fn the_order_of_patterns_is_free_for_each_message() {
        let frame = |pattern: &str, message: &str| {
            format!("*4\r\n$8\r\npmessage\r\n$2\r\n{pattern}\r\n$1\r\nc\r\n$1\r\n{message}\r\n")
        };
        let [a, b] = [frame("a*", "m"), frame("b*", "m")];
        let other = frame("a*", "n");
        let alike = |one: &[&str], other: &[&str]| {
            are_alike(one.concat().as_bytes(), other.concat().as_bytes(), OTHER)
        };
        assert!(alike(&[&a, &b], &[&b, &a]));
        assert!(!alike(&[&a, &b], &[&a, &a]));
        assert!(!alike(&[&a, &other], &[&other, &a]));
    }

    #[test]
    fn the_order_of_leaving_is_free_and_the_count_is_not() {
        let frame = |name: &str, left: u8| {
            format!("*3\r\n$11\r\nunsubscribe\r\n$1\r\n{name}\r\n:{left}\r\n")
        };
        let ours = frame("a", 1) + &frame("b", 0);
        assert!(are_alike(ours.as_bytes(), (frame("b", 1) + &frame("a", 0)).as_bytes(), OTHER));
        assert!(!are_alike(ours.as_bytes(), (frame("b", 0) + &frame("a", 1)).as_bytes(), OTHER));
    }

    #[test]
    fn a_message_between_does_not_part_those_that_leave() {
        let frame = |name: &str| format!("*3\r\n$11\r\nunsubscribe\r\n{name}\r\n:1\r\n");
        let message = "*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$1\r\nc\r\n$1\r\nm\r\n";
        let [named, none] = [frame("$1\r\nc"), frame("$-1")];
        let ours = [":1\r\n", &named, message, &none].concat();
        let redis = [message, ":1\r\n", &named, &none].concat();
        assert!(are_alike(ours.as_bytes(), redis.as_bytes(), SENDER));
        assert!(!are_alike(ours.as_bytes(), redis.as_bytes(), OTHER));
        let twice = [":1\r\n", &named, message, &named].concat();
        assert!(!are_alike(twice.as_bytes(), redis.as_bytes(), SENDER));
    }

    #[test]
    fn the_observer_does_not_mind_the_order() {
        let (one, other) = (b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", b"*2\r\n$1\r\nb\r\n$1\r\na\r\n");
        assert!(are_alike(one, other, OBSERVER));
        assert!(!are_alike(one, other, SENDER));
    }

    #[test]
    fn the_observer_does_not_mind_clocks() {
        let pending = |ms: u32, deliveries: u32| {
            format!("*1\r\n*4\r\n$3\r\n1-1\r\n$1\r\nc\r\n:{ms}\r\n:{deliveries}\r\n")
        };
        let alike = |one: &str, other: &str| are_alike(one.as_bytes(), other.as_bytes(), OBSERVER);
        assert!(alike(&pending(5, 1), &pending(7, 1)));
        assert!(!alike(&pending(5, 1), &pending(5, 2)));
        let consumer =
            |idle: &str| format!("*4\r\n$4\r\nname\r\n$1\r\nc\r\n$4\r\nidle\r\n{idle}\r\n");
        assert!(alike(&consumer(":5"), &consumer(":6")));
    }
}
