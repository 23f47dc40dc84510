//! Where one RESP reply ends, and what it looks like on one line.
//!
//! This reader is written for tests: simple, recursive, and independent of the one in `src/resp`,
//! so that a mistake there is not repeated here.

use crate::bytes::escaped;

/// The number of bytes that the first reply in `bytes` takes, or `None` when it is not whole yet.
/// `Err` names what cannot be the start of a reply.
pub fn length(bytes: &[u8]) -> Result<Option<usize>, String> {
    let Some(header_length) = line_length(bytes) else { return Ok(None) };
    let header = bytes.get(1..header_length - 2).unwrap_or_default();
    match bytes[0] {
        b'+' | b'-' | b':' | b',' | b'#' | b'_' | b'(' => Ok(Some(header_length)),
        b'$' | b'=' => match count(header)? {
            None => Ok(Some(header_length)),
            Some(length) => {
                let end = header_length.saturating_add(length).saturating_add(2);
                Ok(Some(end).filter(|end| *end <= bytes.len()))
            }
        },
        b'*' | b'~' | b'>' => elements_length(bytes, header_length, count(header)?.unwrap_or(0)),
        b'%' => {
            let pairs = count(header)?.unwrap_or(0);
            elements_length(bytes, header_length, pairs.saturating_mul(2))
        }
        _ => Err(format!("no reply starts like this: {}", escaped(&bytes[..bytes.len().min(80)]))),
    }
}

fn line_length(bytes: &[u8]) -> Option<usize> {
    bytes.windows(2).position(|pair| pair == b"\r\n").map(|at| at + 2)
}

fn count(digits: &[u8]) -> Result<Option<usize>, String> {
    let text = std::str::from_utf8(digits).map_err(|_| "a length that is not a number")?;
    match text.parse::<i64>() {
        Ok(-1) => Ok(None),
        Ok(number) => usize::try_from(number).map(Some).map_err(|_| format!("length {number}")),
        Err(_) => Err(format!("a length that is not a number: {text}")),
    }
}

fn elements_length(bytes: &[u8], header: usize, number: usize) -> Result<Option<usize>, String> {
    let mut end = header;
    for _ in 0..number {
        match length(&bytes[end..])? {
            Some(element) => end += element,
            None => return Ok(None),
        }
    }
    Ok(Some(end))
}

/// The bytes of each element of one whole aggregate reply; nothing for any other reply.
pub fn elements(reply: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    if !matches!(reply.first(), Some(b'*' | b'~' | b'>' | b'%')) {
        return parts;
    }
    let mut at = line_length(reply).unwrap_or(reply.len());
    while let Ok(Some(element)) = length(&reply[at..]) {
        parts.push(&reply[at..at + element]);
        at += element;
    }
    parts
}

/// The text inside a bulk or verbatim string reply, or `None` if it is something else.
pub fn bulk(reply: &[u8]) -> Option<&[u8]> {
    let header = line_length(reply)?;
    let is_string = matches!(reply[0], b'$' | b'=') && reply.get(1) != Some(&b'-');
    is_string.then(|| &reply[header..reply.len() - 2])
}

/// One reply in the notation of the case files: `*2 "a" :1`. See [`crate::conversation`].
pub fn notation(reply: &[u8]) -> String {
    let header_length = line_length(reply).unwrap_or(reply.len());
    let header = escaped(&reply[..header_length.saturating_sub(2)]);
    if let Some(text) = bulk(reply) {
        let mark = if reply[0] == b'=' { "=" } else { "" };
        return format!("{mark}\"{}\"", escaped(text));
    }
    let mut text = header;
    for element in elements(reply) {
        text.push(' ');
        text.push_str(&notation(element));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_cut_anywhere_is_not_whole() {
        let reply = b"*3\r\n$1\r\na\r\n:5\r\n%1\r\n+x\r\n$-1\r\n";
        for cut in 1..reply.len() {
            assert_eq!(length(&reply[..cut]), Ok(None), "cut at {cut}");
        }
        assert_eq!(length(reply), Ok(Some(reply.len())));
        assert_eq!(notation(reply), "*3 \"a\" :5 %1 +x $-1");
    }

    #[test]
    fn nonsense_is_named() {
        assert!(length(b"hello\r\n").is_err());
        assert!(length(b"\r\n").is_err());
        assert!(length(b"$x\r\n").is_err());
    }
}
