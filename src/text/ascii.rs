//! ASCII case folding, and bytes made fit for a line.
//!
//! Commands, options and settings are compared without regard to ASCII case; every other byte is
//! itself, whatever the locale.

/// True when both are equal but for ASCII case.
#[inline]
pub fn eq_ignore_case(left: &[u8], right: &[u8]) -> bool {
    left.eq_ignore_ascii_case(right)
}

/// Appends `text` to `out` with ASCII letters in lower case.
#[inline]
pub fn lowercase(out: &mut Vec<u8>, text: &[u8]) {
    let start = out.len();
    out.extend_from_slice(text);
    out[start..].make_ascii_lowercase();
}

/// Appends `text` to `out` with every CR and LF replaced by a blank: a client's own bytes must
/// never end the line of the error that repeats them, or they would be read as further replies.
#[inline]
pub fn line_safe(out: &mut Vec<u8>, text: &[u8]) {
    let start = out.len();
    out.extend_from_slice(text);
    for byte in &mut out[start..] {
        if matches!(byte, b'\r' | b'\n') {
            *byte = b' ';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_folded_for_ascii_only() {
        assert!(eq_ignore_case(b"MaxLen", b"mAXlEN"));
        assert!(!eq_ignore_case(b"\xc3\x84", b"\xc3\xa4"));
        let mut out = b"X".to_vec();
        lowercase(&mut out, b"GeT\xc4");
        assert_eq!(out, b"Xget\xc4");
    }

    #[test]
    fn line_ends_become_blanks() {
        let mut out = b"\r".to_vec();
        line_safe(&mut out, b"a\r\nb\0\n");
        assert_eq!(out, b"\ra  b\0 ");
    }
}
