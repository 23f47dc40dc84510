//! A small list as it lies in the entry of its key: its elements and what it takes to tell them
//! apart, and no free space at all.
//!
//! ```text
//!  +-------+-------+----+----+----+----+----+----+
//!  | count | shape | l2 | l1 | l0 | e0 | e1 | e2 |
//!  +-------+-------+----+----+----+----+----+----+
//!                   <- lengths -->
//!   shape   0, 1    lengths of 1 or 2 bytes, the last element's first
//!           2 + n   none: every element is n bytes long
//! ```
//!
//! Count and shape are written as in `length.rs`. Lengths and elements are those of a node
//! (`list_node.rs`), so that packing and unpacking are two copies each, and what lies here can be
//! walked as it is. Ten elements of 8 bytes take 82.

use super::length::{length_bytes, read_length, write_length};
use super::list_run::{Run, lengths_sum};

/// The first shape without lengths.
const EVEN: usize = 2;

fn shape_of(run: Run<'_>) -> usize {
    if run.width == 0 { EVEN + run.even_bytes } else { run.width - 1 }
}

/// Bytes that a list takes.
#[inline]
pub(super) fn length(run: Run<'_>) -> usize {
    length_bytes(run.left) + length_bytes(shape_of(run)) + run.lengths.len() + run.payload.len()
}

/// Writes a list into a block that has room for it.
#[inline]
pub(super) fn write(block: &mut [u8], run: Run<'_>) {
    let mut at = write_length(block, run.left);
    at += write_length(&mut block[at..], shape_of(run));
    for part in [run.lengths, run.payload] {
        block[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    }
}

/// The list that a block begins with.
#[inline]
pub(super) fn read(block: &[u8]) -> Run<'_> {
    let (left, count_bytes) = read_length(block);
    let (shape, shape_bytes) = read_length(&block[count_bytes..]);
    let rest = &block[count_bytes + shape_bytes..];
    if shape >= EVEN {
        let even_bytes = shape - EVEN;
        let payload = &rest[..left * even_bytes];
        return Run { payload, lengths: &[], width: 0, even_bytes, left };
    }
    let width = shape + 1;
    let (lengths, rest) = rest.split_at(left * width);
    let payload = &rest[..lengths_sum(lengths, width)];
    Run { payload, lengths, width, even_bytes: 0, left }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_store::List;
    use crate::limits::LIST_PACKED_BYTES_MAX;
    use crate::shared_bytes::BytesRef;

    /// Any list that a node can hold is packed, found between other bytes, and unpacked to what it
    /// was; and then both its ends have room.
    #[test]
    fn agrees_with_the_elements_it_was_made_of() {
        arbtest::arbtest(|u| {
            let (mut list, mut bench) = (List::new(), List::new());
            let uneven = u.arbitrary()?;
            let even_bytes = u.int_in_range(0..=20)?;
            for _ in 0..u.int_in_range(0..=40)? {
                let bytes = if uneven { u.int_in_range(0..=300)? } else { even_bytes };
                list.push_back(&vec![u.arbitrary()?; bytes]);
            }
            let Some(run) = list.packed(LIST_PACKED_BYTES_MAX) else { return Ok(()) };
            let mut block = vec![0xee; length(run) + 3];
            write(&mut block, run);
            assert_eq!((read(&block), block.ends_with(&[0xee; 3])), (run, true));
            bench.unpack(read(&block));
            let elements = || list.iter().map(BytesRef::bytes);
            assert!(bench.iter().eq(elements()));
            bench.push_front(b"head");
            bench.push_back(b"tail");
            assert_eq!(bench.front().as_deref(), Some(&b"head"[..]));
            assert_eq!(bench.back().as_deref(), Some(&b"tail"[..]));
            assert!(bench.iter_range(1, list.len()).eq(elements()));
            Ok(())
        });
    }

    #[test]
    fn is_as_short_as_it_is_drawn() {
        let packed = |elements: &[&[u8]]| {
            let mut list = List::new();
            elements.iter().for_each(|element| list.push_back(element));
            let run = list.packed(LIST_PACKED_BYTES_MAX).expect("it is small");
            let mut block = vec![0; length(run)];
            write(&mut block, run);
            block
        };
        assert_eq!(packed(&[]), [0, 2]);
        assert_eq!(packed(&[b"ab", b"cd"]), b"\x02\x04abcd");
        assert_eq!(packed(&[b"a", b"", b"bcd"]), b"\x03\x00\x03\x00\x01abcd");
        assert_eq!(packed(&[&b"12345678"[..]; 10]).len(), 82);
    }
}
