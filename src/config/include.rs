//! Wildcards in `include`: a pattern becomes the sorted list of files that exist.
//!
//! A path without wildcards is taken as it is, and must exist when it is read. One with
//! wildcards may match nothing, as `/etc/redis/conf.d/*.conf` does on a fresh machine.
use super::file::{FileSource, path_of};
use crate::text::glob::{self, Case};
use std::collections::BinaryHeap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Files that a pattern names, each directory sorted by name.
pub(super) fn expand(pattern: &[u8], files: &mut dyn FileSource) -> Vec<PathBuf> {
    let root = if pattern.starts_with(b"/") { "/" } else { "" };
    let mut paths = vec![PathBuf::from(root)];
    let mut wild = false;
    for part in pattern.split(|&byte| byte == b'/').filter(|part| !part.is_empty()) {
        wild = wild || part.iter().any(|byte| b"*?[".contains(byte));
        paths = match wild {
            true => paths.iter().flat_map(|path| matching(path, part, files)).collect(),
            false => paths.iter().map(|path| path.join(path_of(part))).collect(),
        };
    }
    paths
}

/// A directory that cannot be listed has no matching names. Hidden files want a leading dot.
fn matching(directory: &Path, part: &[u8], files: &mut dyn FileSource) -> Vec<PathBuf> {
    let listed = if directory == "" { Path::new(".") } else { directory };
    let mut names = files.names(listed).unwrap_or_default();
    names.retain(|name| {
        let name = name.as_bytes();
        name.starts_with(b".") == part.starts_with(b".")
            && glob::matches(part, name, Case::Sensitive)
    });
    // Less code than a sort: see `Clients::by_number`.
    let sorted = names.into_iter().collect::<BinaryHeap<_>>().into_sorted_vec();
    sorted.into_iter().map(|name| directory.join(name)).collect()
}
