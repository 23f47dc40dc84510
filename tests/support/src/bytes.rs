//! Bytes in a form that a reader can follow (`+OK\r\n`), and back.

/// Printable ASCII as it is, `\r \n \t \" \\` by name, everything else as `\xhh`.
pub fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'\r' => text.push_str("\\r"),
            b'\n' => text.push_str("\\n"),
            b'\t' => text.push_str("\\t"),
            b'"' => text.push_str("\\\""),
            b'\\' => text.push_str("\\\\"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text
}

/// [`escaped`], but what is too long to read is cut in the middle, with the number of bytes left
/// out: the ends are where a reader looks.
pub fn excerpt(bytes: &[u8]) -> String {
    const SIDE_BYTES_MAX: usize = 400;
    if bytes.len() <= 2 * SIDE_BYTES_MAX {
        return escaped(bytes);
    }
    let left_out = bytes.len() - 2 * SIDE_BYTES_MAX;
    let head = escaped(&bytes[..SIDE_BYTES_MAX]);
    let tail = escaped(&bytes[bytes.len() - SIDE_BYTES_MAX..]);
    format!("{head} ... {left_out} bytes ... {tail}")
}

/// Reads a quoted string that starts at the beginning of `text`. Gives the bytes and what follows
/// the closing quote.
pub fn unquoted(text: &str) -> Result<(Vec<u8>, &str), String> {
    let mut bytes = Vec::new();
    let inner = text.strip_prefix('"').ok_or("a quote was expected")?;
    let mut characters = inner.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((bytes, &inner[at + 1..])),
            '\\' => {
                let (_, name) = characters.next().ok_or("a backslash at the end of the line")?;
                bytes.push(match name {
                    'r' => b'\r',
                    'n' => b'\n',
                    't' => b'\t',
                    '\\' => b'\\',
                    '"' => b'"',
                    'x' => {
                        let digits = inner.get(at + 2..at + 4).ok_or("\\x wants two digits")?;
                        characters.nth(1);
                        u8::from_str_radix(digits, 16).map_err(|_| "\\x wants two hex digits")?
                    }
                    other => return Err(format!("\\{other} is no escape")),
                });
            }
            other => bytes.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Err("a quote is not closed".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_escaped_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        let text = format!("\"{}\" rest", escaped(&all));
        assert_eq!(unquoted(&text), Ok((all, " rest")));
    }

    #[test]
    fn a_quote_left_open_is_refused() {
        assert!(unquoted("\"abc").is_err());
        assert!(unquoted("\"abc\\").is_err());
        assert!(unquoted("\"\\x4").is_err());
        assert!(unquoted("abc").is_err());
    }
}
