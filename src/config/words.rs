//! One line of configuration becomes words.
//!
//! ```text
//! requirepass "a b\x41\n"   ->   [requirepass] [a bA<newline>]
//! logfile 'it\'s'           ->   [logfile] [it's]
//! bind 127.0.0.1 -::1       ->   [bind] [127.0.0.1] [-::1]
//! ```
//! Inside double quotes a backslash escapes: `\n \r \t \b \a \xHH`, anything else stands for
//! itself. Inside single quotes only `\'` does. A closing quote ends its word, so a blank or the
//! end of the line must follow. There are no comments behind words: `timeout 5 # x` has four.

/// A quote that does not close, or closes inside a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unbalanced;

/// What to say about an unbalanced line.
pub const UNBALANCED: &str = "Unbalanced quotes in configuration line";

/// Splits a line. Blanks are space, tab, carriage return, newline, form feed, vertical tab.
pub fn split(line: &[u8]) -> Result<Vec<Vec<u8>>, Unbalanced> {
    let mut words = Vec::new();
    let mut rest = skip_blanks(line);
    while !rest.is_empty() {
        let (word, after) = take_word(rest)?;
        words.push(word);
        rest = skip_blanks(after);
    }
    Ok(words)
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || (b'\t'..=b'\r').contains(&byte)
}

fn skip_blanks(mut line: &[u8]) -> &[u8] {
    while let [byte, rest @ ..] = line
        && is_blank(*byte)
    {
        line = rest;
    }
    line
}

/// A word may open a quote anywhere (`a"b c"` is one word) but ends where the quote closes.
fn take_word(mut rest: &[u8]) -> Result<(Vec<u8>, &[u8]), Unbalanced> {
    let mut word = Vec::new();
    loop {
        rest = match rest {
            [] => return Ok((word, rest)),
            [byte, ..] if is_blank(*byte) => return Ok((word, rest)),
            [b'"', after @ ..] => return end_of_word(take_quoted(after, &mut word)?, word),
            [b'\'', after @ ..] => return end_of_word(take_single(after, &mut word)?, word),
            [byte, after @ ..] => {
                word.push(*byte);
                after
            }
        };
    }
}

fn end_of_word(rest: &[u8], word: Vec<u8>) -> Result<(Vec<u8>, &[u8]), Unbalanced> {
    match rest {
        [byte, ..] if !is_blank(*byte) => Err(Unbalanced),
        _ => Ok((word, rest)),
    }
}

fn take_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Result<&'a [u8], Unbalanced> {
    loop {
        let (byte, after) = match rest {
            [] => return Err(Unbalanced),
            [b'"', after @ ..] => return Ok(after),
            [b'\\', after @ ..] => take_escape(after).ok_or(Unbalanced)?,
            [byte, after @ ..] => (*byte, after),
        };
        word.push(byte);
        rest = after;
    }
}

/// What stands behind a backslash, as one byte.
fn take_escape(rest: &[u8]) -> Option<(u8, &[u8])> {
    if let [b'x', high, low, after @ ..] = rest
        && let Some(byte) = hex(*high, *low)
    {
        return Some((byte, after));
    }
    rest.split_first().map(|(byte, after)| (unescaped(*byte), after))
}

fn take_single<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Result<&'a [u8], Unbalanced> {
    loop {
        let (byte, after) = match rest {
            [] => return Err(Unbalanced),
            [b'\'', after @ ..] => return Ok(after),
            [b'\\', b'\'', after @ ..] => (b'\'', after),
            [byte, after @ ..] => (*byte, after),
        };
        word.push(byte);
        rest = after;
    }
}

fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

fn unescaped(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        let words = split(line.as_bytes()).expect("balanced");
        words.into_iter().map(|word| String::from_utf8(word).expect("UTF-8")).collect()
    }

    #[test]
    fn blanks_part_words() {
        assert_eq!(words(" bind\t127.0.0.1   -::1 \r"), ["bind", "127.0.0.1", "-::1"]);
        assert!(words("").is_empty());
        assert!(words(" \t ").is_empty());
    }

    #[test]
    fn quotes_hold_blanks_and_escapes() {
        assert_eq!(words(r#"a "b c" """#), ["a", "b c", ""]);
        assert_eq!(words(r#""\x41\n\r\t\b\a\"\\\q""#), ["A\n\r\t\u{8}\u{7}\"\\q"]);
        assert_eq!(words(r#""\xzz""#), ["xzz"]);
        assert_eq!(words(r#"'it\'s \n' ''"#), [r"it's \n", ""]);
        assert_eq!(words(r#"a"b c""#), ["ab c"]);
    }

    #[test]
    fn quotes_must_balance() {
        for line in [r#""a"#, r#"'a"#, r#""a"b"#, "'a'b", r#""a\""#, r#"x "a" 'b"#, r#""a""b""#] {
            assert_eq!(split(line.as_bytes()), Err(Unbalanced), "{line}");
        }
    }

    #[test]
    fn quoting_a_word_and_splitting_gives_it_back() {
        arbtest::arbtest(|u| {
            let word: Vec<u8> = u.arbitrary()?;
            let quoted: String = word.iter().map(|byte| format!("\\x{byte:02x}")).collect();
            assert_eq!(split(format!("x \"{quoted}\"").as_bytes()), Ok(vec![b"x".to_vec(), word]));
            Ok(())
        });
    }

    #[test]
    fn any_line_is_split_or_refused() {
        arbtest::arbtest(|u| {
            let line: Vec<u8> = u.arbitrary()?;
            if let Ok(words) = split(&line) {
                assert!(words.iter().map(Vec::len).sum::<usize>() <= line.len());
            }
            Ok(())
        });
    }
}
