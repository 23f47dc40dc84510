//! Who may import whom.
//!
//! The table in the documentation of `src/lib.rs` is the law: a module imports only what stands in
//! a row above its own, and modules of one row do not import each other. So there are no circles.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use squint_testing::source::{SourceFile, files};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Module -> row, as `src/lib.rs` tells its readers.
fn rows() -> BTreeMap<String, u32> {
    let text = std::fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs is there");
    let mut rows = BTreeMap::new();
    for line in text.lines() {
        let Some(cells) = line.strip_prefix("//! | ") else { continue };
        let Some((number, modules)) = cells.split_once(" | ") else { continue };
        let Ok(row) = number.parse() else { continue };
        for module in modules.split('`').skip(1).step_by(2) {
            let earlier = rows.insert(module.to_string(), row);
            assert!(earlier.is_none(), "{module} stands in two rows of src/lib.rs");
        }
    }
    rows
}

/// `src/client.rs` and all of `src/client/` belong to `client`.
fn module_of(file: &SourceFile) -> &str {
    let inside = file.path.strip_prefix("src/").unwrap_or(&file.path);
    inside.split(['/', '.']).next().unwrap_or(inside)
}

/// The modules named as `crate::module` or in `crate::{module, ...}`, with their lines.
fn imports(file: &SourceFile) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let code = file.code_lines();
    for (index, (number, line)) in code.iter().enumerate() {
        for (at, _) in line.match_indices("crate::") {
            let rest = &line[at + "crate::".len()..];
            if rest.starts_with('{') {
                let following: String = code[index..].iter().map(|(_, line)| *line).collect();
                let start = following.find("crate::{").unwrap_or(0) + "crate::{".len();
                found.extend(group(&following[start..]).map(|name| (*number, name)));
            } else {
                found.extend(first_name(rest).map(|name| (*number, name)));
            }
        }
    }
    found
}

fn first_name(text: &str) -> Option<String> {
    let end = text.find(|other: char| !other.is_alphanumeric() && other != '_');
    let name = &text[..end.unwrap_or(text.len())];
    (!name.is_empty()).then(|| name.to_string())
}

/// The first name of each entry of `a::b, c::{d, e}, f}`.
fn group(text: &str) -> impl Iterator<Item = String> {
    let mut names = Vec::new();
    let mut depth = 0;
    let mut entry = String::new();
    for character in text.chars() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.extend(first_name(std::mem::take(&mut entry).trim())),
            _ => entry.push(character),
        }
    }
    names.extend(first_name(entry.trim()));
    names.into_iter()
}

#[test]
fn every_module_stands_in_one_row() {
    let rows = rows();
    let lib = std::fs::read_to_string(root().join("src/lib.rs")).expect("src/lib.rs is there");
    let declared = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let declared: Vec<&str> = declared.collect();
    for module in &declared {
        assert!(rows.contains_key(*module), "{module} stands in no row of src/lib.rs");
    }
    for module in rows.keys().filter(|module| *module != "squint_sys") {
        assert!(
            declared.contains(&module.as_str()),
            "src/lib.rs has a row for {module}, not a mod"
        );
    }
}

#[test]
fn modules_import_only_from_the_rows_above() {
    let rows = rows();
    let mut broken = Vec::new();
    for file in files(root(), &["src"], ".rs") {
        let module = module_of(&file);
        if module == "lib" || module == "main" {
            continue;
        }
        let row = rows.get(module).unwrap_or_else(|| panic!("{} is in no row", file.path));
        for (line, import) in imports(&file) {
            let is_above = rows.get(&import).is_some_and(|above| above < row);
            if import != module && !is_above {
                broken.push(format!("{}:{line}: {module} imports {import}", file.path));
            }
        }
        broken.extend(around_the_rule(&file, &rows));
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// `super` reaches another top-level module from the top of one, without naming the crate.
fn around_the_rule(file: &SourceFile, rows: &BTreeMap<String, u32>) -> Vec<String> {
    let is_top = file.path.matches('/').count() == 1 || file.path.ends_with("/mod.rs");
    let mut broken = Vec::new();
    for (number, line) in file.code_lines() {
        let mut names = line.match_indices("super::").map(|(at, _)| &line[at + "super::".len()..]);
        let sideways = names.any(|rest| {
            let name = first_name(rest).unwrap_or_default();
            is_top && rows.contains_key(&name) && name != module_of(file)
        });
        if sideways || line.contains("super::super::") {
            broken.push(format!("{}:{number}: name it from the crate: {line}", file.path));
        }
    }
    broken
}

/// What the outside world is reached by; only `sys` and the first lines of `main` may.
const OUTSIDE: &[&str] = &[
    "libc::",
    "nix::",
    "std::env::args",
    "std::env::var",
    "std::fs",
    "std::net::Tcp",
    "std::os::fd",
    "std::process",
    "std::thread",
    "Instant::now",
    "SystemTime",
    "io::stdout",
    "io::stderr",
    "io::stdin",
    "println!",
    "RandomState",
];

#[test]
fn only_sys_touches_the_outside_world() {
    let mut broken = Vec::new();
    for file in files(root(), &["src"], ".rs") {
        if file.path == "src/main.rs" || file.is_tests() {
            continue;
        }
        for (number, line) in file.code_lines() {
            let code = line.replace("unix::", "");
            for word in OUTSIDE.iter().filter(|word| code.contains(**word)) {
                broken.push(format!("{}:{number}: {word} belongs to sys", file.path));
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// Files of row 1 to 4 know no system: `S: Sys` stops at the server.
#[test]
fn only_the_server_is_generic_over_the_system() {
    let rows = rows();
    let server_row = rows["server"];
    for file in files(root(), &["src"], ".rs") {
        let row = rows.get(module_of(&file)).copied().unwrap_or(server_row);
        let is_below = row < server_row && module_of(&file) != "event_loop";
        for (number, line) in file.code_lines() {
            let names_it =
                line.contains(": Sys>") || line.contains(": Sys,") || line.contains("impl Sys");
            assert!(!is_below || !names_it, "{}:{number}: {line}", file.path);
        }
    }
}

/// The runtime crates, and what they bring.
#[rustfmt::skip]
const CRATES: &[&str] = &[
    "squint-server", "squint-sys", "libc", "nix", "static_assertions", "memchr", "arrayvec",
    "bitflags", "cfg-if", "memoffset",
];

#[test]
fn nothing_but_the_five_crates_is_linked() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_string());
    let tree = Command::new(cargo)
        .args(["tree", "--edges", "normal", "--prefix", "none", "--package", "squint-server"])
        .args(["--format", "{p}", "--locked", "--offline"])
        .current_dir(root())
        .output()
        .expect("the tests are run by cargo");
    let text = String::from_utf8_lossy(&tree.stdout);
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    for line in text.lines() {
        let name = line.split_whitespace().next().unwrap_or_default();
        assert!(CRATES.contains(&name), "{name} is not one of the five crates:\n{text}");
    }
    assert!(text.lines().count() >= 7, "{text}");
}
