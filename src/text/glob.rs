//! Glob patterns: `*`, `?`, `[a-z]`, `[^a]`, `\x`, over bytes.
//!
//! Each element but `*` eats exactly one byte, so a failed match never needs to return further
//! than to the latest `*`: one backtrack point, no recursion, no more than pattern times text
//! steps however many stars there are.
//!
//! ```text
//! pattern   a  *  b  c          on a mismatch:  element = retry.element
//!              ^  |                             position = retry.position + 1
//!         retry --+
//! ```
//!
//! Corners kept as Redis has them: `[` without `]` reaches to the end of the pattern, and alone it
//! matches nothing (`[^` alone: any byte); a range may be reversed; a trailing `\` is itself; an
//! escaped byte inside a class keeps its case even when case is folded; bytes in a range compare as
//! signed; and an empty text is matched by an empty pattern only, not by `*` (KEYS and SCAN answer
//! a lone `*` without asking here).

/// Whether letters of either case match each other (ASCII only).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Case {
    /// `a` and `A` differ.
    Sensitive,
    /// `a` and `A` match.
    Insensitive,
}

impl Case {
    #[inline]
    fn fold(self, byte: u8) -> u8 {
        match self {
            Case::Sensitive => byte,
            Case::Insensitive => byte.to_ascii_lowercase(),
        }
    }
}

/// Where to take up again after a mismatch: behind the latest star, one byte further on.
struct Retry {
    element: usize,
    position: usize,
}

/// True when the whole of `text` matches `pattern`.
pub fn matches(pattern: &[u8], text: &[u8], case: Case) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut element, mut position) = (0, 0);
    let mut retry: Option<Retry> = None;
    while position < text.len() {
        if pattern.get(element) == Some(&b'*') {
            element += 1;
            retry = Some(Retry { element, position });
            continue;
        }
        if let Some(next) = element_match(pattern, element, text[position], case) {
            element = next;
            position += 1;
            continue;
        }
        let Some(latest) = &mut retry else {
            return false;
        };
        latest.position += 1;
        (element, position) = (latest.element, latest.position);
    }
    pattern[element..].iter().all(|&byte| byte == b'*')
}

/// Matches one byte against the element at `element`; returns where the next element begins, or
/// `None` for a mismatch or the end of the pattern.
#[inline]
fn element_match(pattern: &[u8], element: usize, byte: u8, case: Case) -> Option<usize> {
    let (literal, next) = match *pattern.get(element)? {
        b'?' => return Some(element + 1),
        b'[' => return class_match(pattern, element + 1, byte, case),
        b'\\' if element + 1 < pattern.len() => (pattern[element + 1], element + 2),
        literal => (literal, element + 1),
    };
    (case.fold(literal) == case.fold(byte)).then_some(next)
}

/// Matches one byte against the class whose first byte (behind the `[`) stands at `start`.
fn class_match(pattern: &[u8], start: usize, byte: u8, case: Case) -> Option<usize> {
    let negated = pattern.get(start) == Some(&b'^');
    let mut rest = &pattern[start + usize::from(negated)..];
    let mut found = false;
    let rest = loop {
        rest = match rest {
            [] => break rest,
            [b']', after @ ..] => break after,
            [b'\\', literal, after @ ..] => {
                found |= *literal == byte;
                after
            }
            [first, b'-', last, after @ ..] => {
                found |= range_match(*first, *last, byte, case);
                after
            }
            [literal, after @ ..] => {
                found |= case.fold(*literal) == case.fold(byte);
                after
            }
        };
    };
    (found != negated).then_some(pattern.len() - rest.len())
}

/// The ends are put in order first and folded afterwards, and bytes are signed, as in Redis.
fn range_match(first: u8, last: u8, byte: u8, case: Case) -> bool {
    let (first, last) = if first as i8 > last as i8 { (last, first) } else { (first, last) };
    let fold = |byte: u8| case.fold(byte) as i8;
    (fold(first)..=fold(last)).contains(&fold(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    /// Answers of redis-server 7.0.15: PSUBSCRIBE the pattern, PUBLISH to the text.
    const ORACLE: &[(&[u8], &[u8], bool)] = &[
        (b"*", b"", false),
        (b"**", b"", false),
        (b"", b"", true),
        (b"?", b"", false),
        (b"[^", b"a", true),
        (b"[^", b"ab", false),
        (b"[", b"a", false),
        (b"[", b"[", false),
        (b"[a", b"a", true),
        (b"[a", b"b", false),
        (b"[^a", b"b", true),
        (b"[^a", b"a", false),
        (b"[^]", b"a", true),
        (b"[]", b"a", false),
        (b"[]a]", b"a", false),
        (b"[a-]", b"a", true),
        (b"[a-]", b"b", false),
        (b"[a-]", b"_", true),
        (b"[a-", b"-", true),
        (b"[a-", b"a", true),
        (b"[\\a-z]", b"a", true),
        (b"[\\a-z]", b"-", true),
        (b"[\\a-z]", b"m", false),
        (b"[\\]]", b"]", true),
        (b"[\\", b"\\", true),
        (b"[^\\", b"a", true),
        (b"[^\\", b"\\", false),
        (b"\\", b"\\", true),
        (b"\\\\", b"\\", true),
        (b"\\*", b"*", true),
        (b"\\*", b"a", false),
        (b"a\\", b"a\\", true),
        (b"a\\", b"a", false),
        (b"[a-\xff]", b"b", false),
        (b"[a-\xff]", b"\xf0", false),
        (b"[\x01-\xff]", b"b", false),
        (b"[\x01-\xff]", b"\x00", true),
        (b"[\x80-\xff]", b"\x90", true),
        (b"[z-a]", b"m", true),
        (b"a*b*c", b"axbxc", true),
        (b"*a", b"ba", true),
        (b"*[", b"[", false),
        (b"*[a", b"ba", true),
        (b"*\\", b"x\\", true),
        (b"a***", b"a", true),
        (b"***a***", b"bab", true),
        (b"?*", b"a", true),
        (b"*?", b"a", true),
        (b"??", b"a", false),
        (b"h[^e]llo", b"hallo", true),
        (b"h[^e]llo", b"hello", false),
        (b"[-a]", b"-", true),
        (b"[a-c-e]", b"-", true),
        (b"[a-c-e]", b"d", false),
        (b"[^^]", b"^", false),
        (b"[^^]", b"a", true),
        (b"[a^]", b"^", true),
        (b"\x00", b"\x00", true),
        (b"a\x00b", b"a\x00b", true),
        (b"a*\x00", b"a\x00", true),
        (b"[\x00]", b"\x00", true),
        (b"[a\x00", b"\x00", true),
        (b"[a", b"\x00", false),
        (b"a", b"aa", false),
        (b"aa", b"a", false),
        (b"*a*a*a*a*b", b"aaaaaaaaaaaa", false),
        (b"[[]", b"[", true),
        (b"[a]]", b"a]", true),
        (b"a[", b"a", false),
        (b"a[^", b"ax", true),
        (b"[A-z]", b"_", true),
        (b"[Z-a]", b"[", true),
    ];

    #[test]
    fn agrees_with_the_oracle() {
        for (pattern, text, expected) in ORACLE {
            let shown = (String::from_utf8_lossy(pattern), String::from_utf8_lossy(text));
            assert_eq!(matches(pattern, text, Case::Sensitive), *expected, "{shown:?}");
        }
    }

    /// CONFIG GET with these patterns finds `maxclients`, or does not, in redis-server 7.0.15.
    #[test]
    fn case_folds_like_the_oracle() {
        let cases: [(&[u8], bool); 13] = [
            (b"MAXCLIENT[S]", true),
            (b"maxclient\\S", true),
            (b"maxclient[\\S]", false),
            (b"maxclient[\\s]", true),
            (b"MAXCLIENT[R-T]", true),
            (b"maxclient[Z-a]", false),
            (b"maxclient[S-Z]", true),
            (b"maxclient[^S]", false),
            (b"MAXCLIENT?", true),
            (b"maxclient[Z-s]", false),
            (b"maxclient[s-Z]", false),
            (b"maxclient[t-Z]", false),
            (b"*XCLIENTS", true),
        ];
        for (pattern, expected) in cases {
            let shown = String::from_utf8_lossy(pattern);
            assert_eq!(matches(pattern, b"maxclients", Case::Insensitive), expected, "{shown}");
        }
    }

    /// The twin: recursion over all ways to spend a star.
    fn naive(pattern: &[u8], text: &[u8], case: Case) -> bool {
        match pattern {
            [] => text.is_empty(),
            [b'*', rest @ ..] => (0..=text.len()).any(|cut| naive(rest, &text[cut..], case)),
            _ => {
                let next = text.first().and_then(|&byte| element_match(pattern, 0, byte, case));
                next.is_some_and(|next| naive(&pattern[next..], &text[1..], case))
            }
        }
    }

    #[test]
    fn property_agrees_with_the_recursive_twin() {
        arbtest::arbtest(|random| {
            let mut pattern = Vec::new();
            let mut text = Vec::new();
            for _ in 0..random.int_in_range(0..=12)? {
                pattern.push(*random.choose(b"aaabbA**?[]^-\\\0\xff")?);
            }
            for _ in 0..random.int_in_range(1..=12)? {
                text.push(*random.choose(b"aaaabbA]-\\\0\xff")?);
            }
            for case in [Case::Sensitive, Case::Insensitive] {
                let expected = naive(&pattern, &text, case);
                assert_eq!(matches(&pattern, &text, case), expected, "{pattern:?} {text:?}");
            }
            Ok(())
        });
    }

    #[test]
    fn star_chains_take_no_exponential_time() {
        let pattern = [b"a*".repeat(5000), b"b".to_vec()].concat();
        let text = vec![b'a'; 10_000];
        let started = Instant::now();
        assert!(!matches(&pattern, &text, Case::Sensitive));
        assert!(!matches(&b"[".repeat(1 << 20), b"a", Case::Sensitive));
        assert!(matches(&b"*".repeat(1 << 20), b"a", Case::Sensitive));
        assert!(started.elapsed() < Duration::from_secs(2));
    }
}
