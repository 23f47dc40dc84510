//! The rules of style that a program can check. They only tighten: every list of exceptions here
//! names its members, and an exception that is not needed any more fails.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use squint_testing::source::{SourceFile, files};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files() -> Vec<SourceFile> {
    files(root(), &["src", "sys", "tests", "build.rs"], ".rs")
}

/// Fails with all that is wrong at once.
fn nothing_is_wrong(broken: &[String]) {
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

const LINE_WIDTH_MAX: usize = 100;

#[test]
fn lines_fit_on_a_screen() {
    let mut broken = Vec::new();
    for file in rust_files() {
        for (number, line) in (1..).zip(file.text.lines()) {
            let width = line.chars().count();
            if width > LINE_WIDTH_MAX {
                broken.push(format!("{}:{number}: {width} columns", file.path));
            }
        }
    }
    nothing_is_wrong(&broken);
}

/// A program that reads source has the words that it looks for in quotes.
fn without_strings(line: &str) -> String {
    line.split('"').step_by(2).collect()
}

#[test]
fn unsafe_has_one_address() {
    let mut broken = Vec::new();
    for file in rust_files().iter().filter(|file| !file.path.starts_with("sys/")) {
        for (number, line) in file.code_lines() {
            let is_part = |other: char| other.is_alphanumeric() || other == '_';
            let code = without_strings(line);
            if code.split(|other| !is_part(other)).any(|word| word == "unsafe") {
                broken.push(format!("{}:{number}: {line}", file.path));
            }
        }
    }
    for root_file in ["src/lib.rs", "src/main.rs", "tests/support/src/lib.rs"] {
        let text = std::fs::read_to_string(root().join(root_file)).unwrap_or_default();
        if !text.contains("#![forbid(unsafe_code)]") {
            broken.push(format!("{root_file} does not say #![forbid(unsafe_code)]"));
        }
    }
    nothing_is_wrong(&broken);
}

/// Words that must not stand in code that runs, put together so that this list is not one of them.
fn words_not_in_code() -> [String; 5] {
    [".unwrap()", "expect(\"\")", "dbg!(", "todo!(", "unimplemented!("].map(String::from)
}

#[test]
fn code_that_runs_gives_reasons() {
    let mut broken = Vec::new();
    for file in rust_files().iter().filter(|file| !file.is_tests()) {
        for (number, line) in file.code_lines() {
            for word in words_not_in_code().iter().filter(|word| line.contains(word.as_str())) {
                broken.push(format!("{}:{number}: {word}", file.path));
            }
        }
    }
    nothing_is_wrong(&broken);
}

#[test]
fn nothing_is_left_to_do() {
    let words = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("allow(dead", "_code)")];
    let mut all = rust_files();
    all.extend(files(root(), &["scripts", "docs", "README.md"], ""));
    let mut broken = Vec::new();
    for file in all {
        for (number, line) in (1..).zip(file.text.lines()) {
            for word in words.iter().filter(|word| line.contains(**word)) {
                broken.push(format!("{}:{number}: {word}", file.path));
            }
        }
    }
    nothing_is_wrong(&broken);
}

#[test]
fn every_module_says_what_it_is() {
    let mut broken = Vec::new();
    for file in rust_files() {
        let is_documented = file.text.starts_with("//!");
        // A file of tests alone is documented by the module it tests.
        if !is_documented && !file.path.ends_with("/tests.rs") {
            broken.push(format!("{} does not start with //!", file.path));
        }
    }
    nothing_is_wrong(&broken);
}

/// Modules that a file declares, tests apart.
fn declared_modules(file: &SourceFile) -> Vec<&str> {
    let lines = file.code_lines().into_iter().map(|(_, line)| line);
    let declarations = lines.filter_map(|line| line.strip_suffix(';')?.rsplit_once("mod "));
    declarations
        .filter(|(visibility, _)| visibility.is_empty() || visibility.starts_with("pub"))
        .map(|(_, name)| name)
        .collect()
}

/// Where a room begins there is a map of it: each file by its name, or by how its name begins
/// (`list_...`).
#[test]
fn maps_name_every_module() {
    let mut broken = Vec::new();
    for file in files(root(), &["src", "sys/src"], ".rs").iter().filter(|file| !file.is_tests()) {
        let map: Vec<&str> = file.text.lines().take_while(|line| line.starts_with("//!")).collect();
        let map = map.join("\n");
        let is_part = |other: char| other.is_alphanumeric() || other == '_';
        let words: BTreeSet<&str> = map.split(|other| !is_part(other)).collect();
        let beginnings = words.iter().filter(|word| map.contains(&format!("{word}...")));
        let beginnings: Vec<&str> = beginnings.copied().filter(|word| word.len() > 1).collect();
        for module in declared_modules(file) {
            let is_begun = beginnings.iter().any(|word| module.starts_with(word));
            if !words.contains(module) && !is_begun {
                broken.push(format!("{} does not say what is in {module}", file.path));
            }
        }
    }
    nothing_is_wrong(&broken);
}

const FUNCTION_LINES_MAX: usize = 70;

/// Functions that are longer all the same: file, function, lines. They may shrink, and then their
/// number here must shrink with them.
const LONG_FUNCTIONS: &[(&str, &str, usize)] = &[];

#[test]
fn functions_fit_in_a_head() {
    let mut broken = Vec::new();
    let mut found = Vec::new();
    for file in rust_files() {
        for function in file.functions() {
            if function.lines <= FUNCTION_LINES_MAX {
                continue;
            }
            let entry = (file.path.clone(), function.name.clone(), function.lines);
            let is_listed = LONG_FUNCTIONS
                .iter()
                .any(|(path, name, lines)| (*path, *name, *lines) == (&entry.0, &entry.1, entry.2));
            if !is_listed {
                let (line, lines) = (function.line_number, function.lines);
                broken.push(format!("{}:{line}: {} has {lines} lines", file.path, function.name));
            }
            found.push(entry);
        }
    }
    for (path, name, lines) in LONG_FUNCTIONS {
        if !found.contains(&(path.to_string(), name.to_string(), *lines)) {
            broken.push(format!("{path}: {name} does not have {lines} lines any more"));
        }
    }
    nothing_is_wrong(&broken);
}

const FILE_LINES_MAX: usize = 600;

/// Files past that all the same, each with its reason. They may grow no further.
const LONG_FILES: &[(&str, usize, &str)] = &[];

#[test]
fn files_get_a_second_look_when_they_grow() {
    let mut broken = Vec::new();
    for file in rust_files().iter().filter(|file| !file.is_tests()) {
        let lines = file.text.lines().count();
        let listed = LONG_FILES.iter().find(|(path, ..)| *path == file.path);
        let lines_max = listed.map_or(FILE_LINES_MAX, |(_, lines, _)| *lines);
        if lines > lines_max {
            broken.push(format!("{}: {lines} lines, at most {lines_max}", file.path));
        }
        if listed.is_some() && lines <= FILE_LINES_MAX {
            broken.push(format!("{} fits now: take it from the list", file.path));
        }
    }
    nothing_is_wrong(&broken);
}

/// The first words of paths that documents may name.
const ROOMS: &[&str] = &["src/", "sys/", "tests/", "scripts/", "docs/", ".ci/"];

#[test]
fn documents_name_files_that_are_there() {
    let mut broken = Vec::new();
    for file in files(root(), &["README.md", "docs", "tests"], ".md") {
        for (number, line) in (1..).zip(file.text.lines()) {
            for path in paths_in(line) {
                let beside = Path::new(&file.path).parent().map(|parent| parent.join(&path));
                let is_there = root().join(&path).exists()
                    || beside.is_some_and(|beside| root().join(beside).exists());
                if !is_there {
                    broken.push(format!("{}:{number}: {path} is not there", file.path));
                }
            }
        }
    }
    nothing_is_wrong(&broken);
}

/// Words in backticks that begin like a path of ours, and the targets of links within the
/// repository.
fn paths_in(line: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for code in line.split('`').skip(1).step_by(2) {
        let words = code.split_whitespace().map(|word| word.trim_start_matches("./"));
        let is_path = |word: &&str| ROOMS.iter().any(|room| word.starts_with(room));
        let is_plain = |word: &&str| !word.contains(['*', '<', '{', '$']);
        paths.extend(
            words
                .filter(is_path)
                .filter(is_plain)
                .map(|word| word.trim_end_matches(['.', ',', ':', ';']).to_string()),
        );
    }
    for target in line.split("](").skip(1) {
        let target = target.split([')', '#', ' ']).next().unwrap_or_default();
        if !target.is_empty() && !target.contains("://") {
            paths.push(target.to_string());
        }
    }
    paths
}

/// Steps of the path through the code: each names files, and often functions in them.
#[test]
fn the_path_through_the_code_names_functions_that_are_there() {
    let text = std::fs::read_to_string(root().join("docs/README.md")).expect("it is there");
    let path = text.split("## Pages").next().expect("the path comes first");
    let mut named = 0;
    let mut broken = Vec::new();
    for step in path.split("\n\n").nth(3).into_iter().flat_map(steps_of) {
        let files: Vec<String> = paths_in(&step).iter().filter_map(|path| read(path)).collect();
        for function in functions_named(&step) {
            named += 1;
            let declaration = format!("fn {function}");
            if !files.iter().any(|text| text.contains(&declaration)) {
                broken.push(format!("docs/README.md: there is no {function} in: {step}"));
            }
        }
    }
    nothing_is_wrong(&broken);
    assert!(named > 9, "the path is not read right: {named} functions");
}

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(root().join(path)).ok()
}

/// The items of a numbered list, each as one line.
fn steps_of(list: &str) -> Vec<String> {
    let is_first = |line: &str| line.starts_with(|first: char| first.is_ascii_digit());
    let mut steps: Vec<String> = Vec::new();
    for line in list.lines() {
        match steps.last_mut().filter(|_| !is_first(line)) {
            Some(step) => *step += line,
            None => steps.push(line.to_string()),
        }
    }
    steps
}

/// Words in backticks that are names and nothing else.
fn functions_named(step: &str) -> impl Iterator<Item = &str> {
    let is_part = |other: char| other.is_ascii_lowercase() || other == '_';
    step.split('`').skip(1).step_by(2).filter(move |code| code.chars().all(is_part))
}

/// Names of commands as `src/command/rows` lists them; a sub-command is `container|word`.
fn command_names() -> Vec<String> {
    let families = files(root(), &["src/command/rows"], ".rs");
    let lines = families.iter().flat_map(|family| family.text.lines());
    let rows = lines.filter_map(|line| {
        let (name, rest) = line.trim().strip_prefix('"')?.split_once('"')?;
        rest.trim_start().starts_with("=>").then(|| name.to_string())
    });
    let names: Vec<String> = rows.collect();
    assert!(names.len() > 70, "the rows are not read right: {names:?}");
    names
}

fn case_files() -> Vec<SourceFile> {
    files(root(), &["tests/cases"], ".case")
}

fn stem(file: &SourceFile) -> &str {
    file.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".case")
}

#[test]
fn every_command_has_a_case_file() {
    let cases = case_files();
    let mut broken = Vec::new();
    for name in command_names() {
        let (command, word) = name.split_once('|').unwrap_or((&name, ""));
        let Some(case) = cases.iter().find(|case| stem(case) == command) else {
            broken.push(format!("{command} has no file in tests/cases/"));
            continue;
        };
        let text = case.text.to_lowercase();
        if !word.is_empty() && !text.contains(&format!("> {command} {word}")) {
            broken.push(format!("{} says nothing of {command} {word}", case.path));
        }
    }
    nothing_is_wrong(&broken);
}

#[test]
fn every_case_file_has_a_command() {
    let names = command_names();
    let mut broken = Vec::new();
    for case in case_files().iter().filter(|case| !case.path.contains("/protocol/")) {
        if !names.iter().any(|name| name == stem(case)) {
            broken.push(format!("{} is about no command", case.path));
        }
    }
    nothing_is_wrong(&broken);
}

#[test]
fn readme_names_every_command() {
    let text = std::fs::read_to_string(root().join("README.md")).expect("README.md is there");
    let is_part = |other: char| other.is_alphanumeric() || other == '-';
    let words: BTreeSet<&str> = text.split(|other| !is_part(other)).collect();
    let names = command_names().into_iter().filter(|name| !name.contains('|'));
    let missing: Vec<String> = names
        .map(|name| name.to_uppercase())
        .filter(|name| !words.contains(name.as_str()))
        .map(|name| format!("README.md does not name {name}"))
        .collect();
    nothing_is_wrong(&missing);
}

/// A row of one family names another one's function only by mistake.
#[test]
fn rows_are_named_once() {
    let names = command_names();
    let different: BTreeSet<&String> = names.iter().collect();
    assert_eq!(different.len(), names.len(), "a command has two rows");
}

/// What `scripts/without` takes out must still be where its patch looks for it.
#[test]
fn patches_still_apply() {
    let path = root().join("scripts/bench_parts/gains.py");
    let gains = std::fs::read_to_string(path).expect("the list of gains is there");
    let mut broken = Vec::new();
    for patch in files(root(), &["scripts/bench_parts/patches"], ".patch") {
        let git = ["apply", "--check", &patch.path];
        let output = Command::new("git").args(git).current_dir(root()).output();
        let output = output.expect("git is installed");
        if !output.status.success() {
            broken.push(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let name = patch.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".patch");
        if !gains.contains(&format!("Gain(\"{name}\"")) {
            broken.push(format!("{}: no gain is measured with it", patch.path));
        }
    }
    nothing_is_wrong(&broken);
}
