//! How many nodes Redis's radix tree would have: XINFO STREAM tells, and clients print it.
//!
//! Redis finds the blocks of a stream in a tree of the bytes of their first ids, in which a stretch
//! without branches is one node:
//!
//! ```text
//!   keys abcd abce axyz:    a ── [b x] ─┬─ c ── [d e] ─┬─ end         8 nodes: 3 stretches,
//!                                       |              └─ end         2 branches, 3 ends
//!                                       └─ yz ── end
//! ```

use crate::data_store::stream_id::StreamId;

const KEY_BYTES: usize = size_of::<StreamId>();
type Key = [u8; KEY_BYTES];

/// The nodes of a tree of these ids, which are in order.
pub fn radix_nodes(ids: impl Iterator<Item = StreamId>) -> usize {
    let key = |id: StreamId| ((u128::from(id.ms) << 64) | u128::from(id.seq)).to_be_bytes();
    let keys: Vec<Key> = ids.map(key).collect();
    nodes_below(&keys, 0).max(1)
}

/// The nodes for keys in order that are alike up to `depth`, where a node begins.
fn nodes_below(keys: &[Key], depth: usize) -> usize {
    let (Some(first), Some(last)) = (keys.first(), keys.last()) else { return 0 };
    let alike = first.iter().zip(last).take_while(|(a, b)| a == b).count();
    let stretch = usize::from(alike > depth);
    if alike == KEY_BYTES {
        return stretch + 1;
    }
    let branches = keys.chunk_by(|a, b| a[alike] == b[alike]);
    stretch + 1 + branches.map(|keys| nodes_below(keys, alike + 1)).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(ids: &[(u64, u64)]) -> usize {
        radix_nodes(ids.iter().map(|&(ms, seq)| StreamId::new(ms, seq)))
    }

    /// Measured on Redis 7.0.15 with one entry a block.
    #[test]
    fn as_many_as_redis_has() {
        assert_eq!(nodes(&[]), 1);
        assert_eq!(nodes(&[(1, 1)]), 2);
        assert_eq!(nodes(&[(1, 1), (1, 2)]), 4);
        assert_eq!(nodes(&[(1, 1), (2, 1)]), 6);
    }
}
