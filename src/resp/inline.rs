//! Inline requests: a line typed by hand, words apart by blanks, with quotes.
//!
//! ```text
//! set k "a\x00b\n"     double quotes: \n \r \t \b \a \xHH, any other \c is c
//! set k 'it\'s'        single quotes: only \' is special
//! set k pre"fix"       a quote may begin inside a word, but its end must end the word
//! ```
//!
//! Words are decoded in place, which is possible because no escape is shorter than what it means.
//! NUL is a byte like any other.

use super::error::ProtocolError;
use super::request::Span;

/// Decodes `line` (without its line end) in place and appends a span for each word.
pub(super) fn split(line: &mut [u8], spans: &mut Vec<Span>) -> Result<(), ProtocolError> {
    let mut splitter = Splitter { line, read: 0, write: 0 };
    while splitter.skip_blanks() {
        let start = splitter.read;
        splitter.write = start;
        splitter.word()?;
        spans.push(Span::new(start, splitter.write - start));
    }
    Ok(())
}

struct Splitter<'a> {
    line: &'a mut [u8],
    read: usize,
    /// End of the word decoded so far; never passes `read`.
    write: usize,
}

impl Splitter<'_> {
    /// Returns false at the end of the line.
    fn skip_blanks(&mut self) -> bool {
        while self.peek().is_some_and(is_blank) {
            self.read += 1;
        }
        self.read < self.line.len()
    }

    fn peek(&self) -> Option<u8> {
        self.line.get(self.read).copied()
    }

    /// Puts down what `consumed` bytes of the line mean.
    fn emit(&mut self, byte: u8, consumed: usize) {
        self.read += consumed;
        self.line[self.write] = byte;
        self.write += 1;
        debug_assert!(self.write <= self.read);
    }

    /// Decodes one word. Vertical tab and form feed stand between words but do not end one: so
    /// Redis has it.
    fn word(&mut self) -> Result<(), ProtocolError> {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => return Ok(()),
                b'"' => return self.double_quoted(),
                b'\'' => return self.single_quoted(),
                _ => self.emit(byte, 1),
            }
        }
        Ok(())
    }

    fn double_quoted(&mut self) -> Result<(), ProtocolError> {
        self.read += 1;
        loop {
            match &self.line[self.read..] {
                [] => return Err(ProtocolError::QuotesUnbalanced),
                [b'"', ..] => return self.quote_close(),
                [b'\\', b'x', high, low, ..] if hex_pair(*high, *low).is_some() => {
                    let byte = hex_pair(*high, *low).expect("just checked");
                    self.emit(byte, 4);
                }
                [b'\\', letter, ..] => self.emit(escape(*letter), 2),
                [byte, ..] => self.emit(*byte, 1),
            }
        }
    }

    fn single_quoted(&mut self) -> Result<(), ProtocolError> {
        self.read += 1;
        loop {
            match &self.line[self.read..] {
                [] => return Err(ProtocolError::QuotesUnbalanced),
                [b'\'', ..] => return self.quote_close(),
                [b'\\', b'\'', ..] => self.emit(b'\'', 2),
                [byte, ..] => self.emit(*byte, 1),
            }
        }
    }

    fn quote_close(&mut self) -> Result<(), ProtocolError> {
        self.read += 1;
        if self.peek().is_none_or(is_blank) { Ok(()) } else { Err(ProtocolError::QuotesUnbalanced) }
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn escape(letter: u8) -> u8 {
    match letter {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

fn hex_pair(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16);
    Some((digit(high)? << 4 | digit(low)?) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::Request;

    fn words(line: &[u8]) -> Result<Vec<Vec<u8>>, ProtocolError> {
        let mut line = line.to_vec();
        let mut spans = Vec::new();
        split(&mut line, &mut spans)?;
        Ok(Request::new(&line, &spans, &[]).iter().map(<[u8]>::to_vec).collect())
    }

    /// Answers of redis-server 7.0.15.
    #[test]
    fn words_are_split_like_the_oracle() {
        let cases: [(&[u8], &[&[u8]]); 17] = [
            (b"  ping  hi  ", &[b"ping", b"hi"]),
            (b"", &[]),
            (b" \t\x0b\x0c\r ", &[]),
            (b"\"\"", &[b""]),
            (b"echo ''", &[b"echo", b""]),
            (b"set k 'a\\'b'", &[b"set", b"k", b"a'b"]),
            (b"echo 'a\\nb'", &[b"echo", b"a\\nb"]),
            (b"e \"\\x41\\n\\r\\t\\b\\a\\q\\\\\\\"\"", &[b"e", b"A\n\r\t\x08\x07q\\\""]),
            (b"echo \"\\xZZ\"", &[b"echo", b"xZZ"]),
            (b"echo \"\\x4\"", &[b"echo", b"x4"]),
            (b"echo \"\\X41\"", &[b"echo", b"X41"]),
            (b"echo a\"b c\"", &[b"echo", b"ab c"]),
            (b"echo a\x0bb", &[b"echo", b"a\x0bb"]),
            (b"\x0b\x0cecho\x0b a", &[b"echo\x0b", b"a"]),
            (b"echo \"a\"\x0bb", &[b"echo", b"a", b"b"]),
            (b"echo a\rb", &[b"echo", b"a", b"b"]),
            (b"PI\0NG \"\0\\\0\"", &[b"PI\0NG", b"\0\0"]),
        ];
        for (line, expected) in cases {
            let shown = String::from_utf8_lossy(line);
            assert_eq!(words(line).expect("balanced"), expected, "{shown:?}");
        }
    }

    #[test]
    fn quotes_must_balance() {
        let cases: [&[u8]; 10] = [
            b"set \"a b",
            b"set \"a\"b c",
            b"set k 'a'b",
            b"'unb",
            b"echo '\\'",
            b"echo \"abc\\",
            b"echo \"abc\\\"",
            b"echo a\"b c\"d",
            b"echo a\\\"b",
            b"\"\"\"",
        ];
        for line in cases {
            assert_eq!(words(line), Err(ProtocolError::QuotesUnbalanced), "{line:?}");
        }
    }

    #[test]
    fn property_random_lines_never_panic() {
        arbtest::arbtest(|random| {
            let mut line = Vec::new();
            for _ in 0..random.int_in_range(0..=30)? {
                line.push(*random.choose(b"ab x\\\\\"\"'' 4\0\x0b\r")?);
            }
            if let Ok(words) = words(&line) {
                assert!(words.iter().map(Vec::len).sum::<usize>() <= line.len());
            }
            Ok(())
        });
    }
}
