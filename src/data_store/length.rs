//! Lengths in front of what lies in a block: seven bits to a byte, the lowest first; the top bit
//! says that more follow. One byte up to 127, two up to 16383.

/// Bytes that a length takes.
#[inline]
pub(super) fn length_bytes(length: usize) -> usize {
    (length | 1).ilog2() as usize / 7 + 1
}

/// Writes a length in front of a block, and returns the bytes it took.
#[inline]
pub(super) fn write_length(block: &mut [u8], mut length: usize) -> usize {
    let mut at = 0;
    while length >= 0x80 {
        block[at] = length as u8 | 0x80;
        length >>= 7;
        at += 1;
    }
    block[at] = length as u8;
    at + 1
}

/// What stands behind a length, as far as it counts: so many bytes.
#[inline(always)]
pub(super) fn counted(block: &[u8]) -> &[u8] {
    split_counted(block).0
}

/// The same, to change it.
#[inline(always)]
pub(super) fn counted_mut(block: &mut [u8]) -> &mut [u8] {
    let (length, bytes) = read_length(block);
    &mut block[bytes..][..length]
}

/// The same as [`counted`], and what comes after.
#[inline(always)]
pub(super) fn split_counted(block: &[u8]) -> (&[u8], &[u8]) {
    match block.split_first() {
        Some((&first, rest)) if first < 0x80 => rest.split_at(usize::from(first)),
        _ => split_long(block),
    }
}

/// The same behind a length of several bytes.
#[cold]
fn split_long(block: &[u8]) -> (&[u8], &[u8]) {
    let (length, bytes) = read_long_length(block);
    block[bytes..].split_at(length)
}

/// A length and the bytes it took.
#[inline(always)]
pub(super) fn read_length(block: &[u8]) -> (usize, usize) {
    match block[0] {
        first if first < 0x80 => (usize::from(first), 1),
        _ => read_long_length(block),
    }
}

/// The same for one of several bytes.
#[cold]
fn read_long_length(block: &[u8]) -> (usize, usize) {
    let (mut length, mut at) = (0, 0);
    loop {
        let byte = usize::from(block[at]);
        length |= (byte & 0x7f) << (7 * at);
        at += 1;
        if byte < 0x80 {
            return (length, at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for (length, bytes) in [(0, 1), (127, 1), (128, 2), (16_383, 2), (16_384, 3), (1 << 29, 5)]
        {
            let mut block = [0xee; 6];
            assert_eq!((length_bytes(length), write_length(&mut block, length)), (bytes, bytes));
            assert_eq!(read_length(&block), (length, bytes));
            assert_eq!(block[bytes], 0xee);
        }
    }

    #[test]
    fn what_is_counted_is_split_off() {
        for length in [0, 1, 127, 128, 300, 20_000] {
            let mut block = vec![7; length_bytes(length) + length];
            write_length(&mut block, length);
            block.extend_from_slice(b"rest");
            assert_eq!(split_counted(&block), (&vec![7; length][..], &b"rest"[..]));
            assert_eq!((counted(&block).len(), counted_mut(&mut block).len()), (length, length));
        }
    }
}
