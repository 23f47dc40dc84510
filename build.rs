//! One build script for both packages: names the platform once, and builds the look-up table of
//! commands for the server.
//!
//! The table is a perfect hash. A name's hash selects one of a few displacements; hash and
//! displacement select a slot; the slot holds the one row that the name can belong to:
//!
//! ```text
//!   hash ─ low bits ──► DISPLACEMENTS[bucket] ─┐
//!        └ high bits ──────────────────────────┴► + ──► SLOTS[slot] ──► row: compare the name
//! ```
//!
//! Displacements are found by trying, the fullest buckets first, as long as there is room; if it
//! does not work out, another seed is tried.

use std::fmt::Write as _;
use std::path::PathBuf;

#[path = "src/command/name_hash.rs"]
mod name_hash;

/// Of the rows of a family this program needs the names only, in order.
macro_rules! commands {
    (group: $group:ident, $($name:literal => $handler:path { $($row:tt)* })*) => {
        pub const NAMES: &[&str] = &[$($name),*];
    };
}

macro_rules! families {
    ($($family:ident)*) => {
        $(mod $family;)*
        pub const NAMES: &[&[&str]] = &[$($family::NAMES),*];
    };
}

#[path = "src/command/rows/mod.rs"]
mod rows;

fn main() {
    let is_server = std::env::var("CARGO_PKG_NAME").as_deref() == Ok("squint-server");
    // Paths count from the package: a file that is not there would mean to run every time.
    let root = if is_server { "" } else { "../" };
    println!("cargo:rerun-if-changed={root}build.rs");
    name_the_poller();
    name_the_filter();
    if is_server {
        println!("cargo:rerun-if-changed=src/command/name_hash.rs");
        println!("cargo:rerun-if-changed=src/command/rows");
        write_look_up(&rows::NAMES.concat());
    }
}

/// `cfg(poller_epoll)` or `cfg(poller_kqueue)`: the only place that knows which systems these are.
fn name_the_poller() {
    println!("cargo:rustc-check-cfg=cfg(poller_epoll, poller_kqueue)");
    let system = std::env::var("CARGO_CFG_TARGET_OS").expect("cargo sets the target's name");
    match system.as_str() {
        "linux" | "android" => println!("cargo:rustc-cfg=poller_epoll"),
        "macos" | "ios" | "freebsd" | "netbsd" | "openbsd" | "dragonfly" => {
            println!("cargo:rustc-cfg=poller_kqueue");
        }
        other => panic!("Squint needs epoll or kqueue, and {other} has neither"),
    }
}

/// `cfg(seccomp)` where the kernel can hold a process to a list of system calls, and `sys` knows
/// what the architecture is called there.
fn name_the_filter() {
    println!("cargo:rustc-check-cfg=cfg(seccomp)");
    let target = |name| std::env::var(name).expect("cargo describes the target");
    let (system, machine) = (target("CARGO_CFG_TARGET_OS"), target("CARGO_CFG_TARGET_ARCH"));
    if system == "linux" && ["x86_64", "aarch64", "riscv64"].contains(&machine.as_str()) {
        println!("cargo:rustc-cfg=seccomp");
    }
}

/// Seeds tried before the build gives up: one in a few works.
const SEEDS_MAX: u64 = 10_000;

/// What a slot holds that belongs to no row.
const NO_ROW: u16 = u16::MAX;

/// A perfect hash: no two names share a slot.
struct LookUp {
    seed: u64,
    displacements: Vec<u16>,
    slots: Vec<u16>,
}

/// Writes the perfect hash of `names` as Rust source.
fn write_look_up(names: &[&str]) {
    let folded: Vec<_> = names
        .iter()
        .map(|name| name_hash::fold(name.as_bytes()).expect("a row's name is short enough"))
        .collect();
    let look_up = (0..SEEDS_MAX)
        .find_map(|attempt| try_seed(&folded, seed(attempt)))
        .expect("some seed keeps all names apart, unless two are equal");
    let mut source = String::new();
    let LookUp { seed, displacements, slots } = look_up;
    writeln!(source, "const SEED: u64 = {seed:#x};").expect("a string takes all");
    write_array(&mut source, "DISPLACEMENTS", &displacements);
    write_array(&mut source, "SLOTS", &slots);
    let directory = std::env::var_os("OUT_DIR").expect("cargo names the directory for output");
    std::fs::write(PathBuf::from(directory).join("command_look_up.rs"), source)
        .expect("cargo's directory for output can be written");
}

fn write_array(source: &mut String, name: &str, values: &[u16]) {
    let count = values.len();
    writeln!(source, "static {name}: [u16; {count}] = {values:?};").expect("a string takes all");
}

/// An odd multiplier with well-spread bits, another one for every attempt.
fn seed(attempt: u64) -> u64 {
    (0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(2 * attempt + 1)).rotate_left(29) | 1
}

/// Looks for displacements under which every name has a slot of its own.
fn try_seed(names: &[name_hash::Folded], seed: u64) -> Option<LookUp> {
    let slot_count = (names.len() * 3 / 2).next_power_of_two();
    let bucket_count = (names.len() / 2).next_power_of_two();
    let mut buckets = vec![Vec::new(); bucket_count];
    for (row, name) in names.iter().enumerate() {
        let hash = name_hash::hash(name, seed);
        buckets[name_hash::bucket(hash, bucket_count)].push((row, hash));
    }
    let mut fullest_first: Vec<_> = (0..bucket_count).collect();
    fullest_first.sort_by_key(|&bucket| std::cmp::Reverse(buckets[bucket].len()));
    let mut displacements = vec![0; bucket_count];
    let mut slots = vec![NO_ROW; slot_count];
    for bucket in fullest_first {
        displacements[bucket] = place(&buckets[bucket], &mut slots)?;
    }
    Some(LookUp { seed, displacements, slots })
}

/// Puts the rows of one bucket into free slots, and returns the displacement that finds them there.
fn place(bucket: &[(usize, u64)], slots: &mut [u16]) -> Option<u16> {
    let slot_count = slots.len();
    for displacement in 0..u16::try_from(slot_count).ok()? {
        let mut taken: Vec<usize> = Vec::new();
        for &(_, hash) in bucket {
            let slot = name_hash::slot(hash, displacement, slot_count);
            if slots[slot] == NO_ROW && !taken.contains(&slot) {
                taken.push(slot);
            }
        }
        if taken.len() == bucket.len() {
            for (&slot, &(row, _)) in taken.iter().zip(bucket) {
                slots[slot] = u16::try_from(row).expect("fewer rows than slots");
            }
            return Some(displacement);
        }
    }
    None
}
