//! What a load that misses the caches costs on this machine:
//! `cargo run --release -p squint-sys --example memory_latency`
//!
//! Cache lines are chained in random order, each one telling where the next one is:
//!
//! ```text
//!   line    0    1    2    3    4
//!   next    3    4    0    1    2      0 -> 3 -> 1 -> 4 -> 2 -> 0
//! ```
//!
//! No processor can guess where the chain goes, nor begin with a line before the one before it has
//! come: it waits for each. As long as the lines fit into a cache they come from there; of a chain
//! larger than all caches they come from memory, and where their pages lie must be found out as
//! well. A look-up in a hash table is a chain of two such
//! loads, the line of the table and the entry that it leads to. Alone it takes as long as both,
//! whatever the program does; many look-ups together overlap, which is why requests run in groups.

use std::hint::black_box;
use std::time::Instant;

/// Numbers of four bytes in a cache line; the first one is used.
const LINE_NUMBERS: usize = 16;
const LINE_BYTES: usize = LINE_NUMBERS * size_of::<u32>();
const STEPS: u32 = 2_000_000;
const ROUNDS: usize = 5;

fn main() {
    for megabytes in [1, 4, 16, 64] {
        let chain = chain_of(megabytes * 1024 * 1024 / LINE_BYTES);
        let times = (0..ROUNDS).map(|_| step_ns(&chain));
        let shortest = times.fold(f64::INFINITY, f64::min);
        println!("{megabytes:3} MiB {shortest:6.1} ns for each load");
    }
}

/// So many lines in one cycle, in random order.
fn chain_of(lines: usize) -> Vec<u32> {
    let mut order: Vec<usize> = (0..lines).collect();
    let mut random = 88_172_645_463_325_252_u64; // any number but 0
    for last in (1..lines).rev() {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        order.swap(last, (random % (last as u64 + 1)) as usize);
    }
    let mut chain = vec![0; lines * LINE_NUMBERS];
    for (place, &line) in order.iter().enumerate() {
        let next = order[(place + 1) % lines];
        chain[line * LINE_NUMBERS] = (next * LINE_NUMBERS) as u32;
    }
    chain
}

/// How long a step along the chain takes, nanoseconds.
fn step_ns(chain: &[u32]) -> f64 {
    let mut at = 0;
    let start = Instant::now();
    for _ in 0..STEPS {
        at = chain[at as usize];
    }
    black_box(at);
    start.elapsed().as_secs_f64() * 1e9 / f64::from(STEPS)
}
