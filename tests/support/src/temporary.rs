//! Directories that are gone when dropped.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

static COUNTER: AtomicU32 = AtomicU32::new(0);

/// An empty directory of this process's own, removed with all that is in it.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
}

impl Directory {
    /// Makes one. The name holds the process id, so tests that run side by side do not meet.
    pub fn new() -> Directory {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = format!("squint-test-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("the system's temporary directory is writable");
        Directory { path }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Default for Directory {
    fn default() -> Directory {
        Directory::new()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // A directory left behind is untidy, not wrong: a test that passed has passed.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}
