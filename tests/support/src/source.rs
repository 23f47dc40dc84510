//! The source of this repository, as text: for the tests that hold the line on its shape.
//!
//! All code here is formatted by rustfmt, and that is what makes such simple readers right: a block
//! ends at the first line that holds only its closing brace at the indentation it began with.

use std::path::{Path, PathBuf};

/// One file.
#[derive(Debug)]
pub struct SourceFile {
    /// Relative to the root of the repository, with `/`.
    pub path: String,
    /// Its contents.
    pub text: String,
}

/// A function and where it stands.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The line of `fn`, counted from 1.
    pub line_number: usize,
    /// From `fn` to its closing brace.
    pub lines: usize,
}

/// Every file below `directories` of `root` whose name ends so, sorted; `target` is left out.
pub fn files(root: &Path, directories: &[&str], ending: &str) -> Vec<SourceFile> {
    let mut paths = Vec::new();
    for directory in directories {
        collect(&root.join(directory), ending, &mut paths);
    }
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).ok()?;
        let path = path.strip_prefix(root).ok()?.to_string_lossy().replace('\\', "/");
        Some(SourceFile { path, text })
    };
    paths.into_iter().filter_map(read).collect()
}

fn collect(path: &Path, ending: &str, paths: &mut Vec<PathBuf>) {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if path.is_file() && name.ends_with(ending) {
        paths.push(path.to_path_buf());
    }
    if name == "target" || name == ".git" {
        return;
    }
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
        collect(&entry.path(), ending, paths);
    }
}

impl SourceFile {
    /// Whether all of it is compiled for tests only.
    pub fn is_tests(&self) -> bool {
        self.path.ends_with("/tests.rs")
            || self.path.contains("/tests/")
            || self.path.starts_with("tests/")
    }

    /// Its lines with their numbers from 1, without comments and without the modules that are
    /// compiled for tests only.
    pub fn code_lines(&self) -> Vec<(usize, &str)> {
        let mut lines = Vec::new();
        let mut test_end: Option<String> = None;
        let mut after_cfg_test = false;
        for (number, line) in (1..).zip(self.text.lines()) {
            if let Some(end) = &test_end {
                if line == end {
                    test_end = None;
                }
                continue;
            }
            if line.trim() == "#[cfg(test)]" {
                after_cfg_test = true;
                continue;
            }
            if after_cfg_test {
                after_cfg_test = false;
                if line.ends_with('{') {
                    let indentation = line.len() - line.trim_start().len();
                    test_end = Some(format!("{}}}", &line[..indentation]));
                }
                continue;
            }
            let code = line.split("//").next().unwrap_or_default();
            if !code.trim().is_empty() {
                lines.push((number, code));
            }
        }
        lines
    }

    /// Every function that takes more than one line, tests included.
    pub fn functions(&self) -> Vec<Function> {
        let lines: Vec<&str> = self.text.lines().collect();
        let mut functions = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            let Some(name) = function_name(line) else { continue };
            let indentation = &line[..line.len() - line.trim_start().len()];
            let end = format!("{indentation}}}");
            let body = lines[index..].iter().position(|line| line.ends_with('{'));
            let no_body = lines[index..].iter().position(|line| line.ends_with([';', '}']));
            // What ends with a semicolon has no body, and `fn a() {}` no lines.
            if no_body < body {
                continue;
            }
            if let Some(length) = lines[index..].iter().position(|line| *line == end) {
                let (line_number, lines) = (index + 1, length + 1);
                functions.push(Function { name, line_number, lines });
            }
        }
        functions
    }
}

/// The name in a line like `pub(super) const fn name(`.
fn function_name(line: &str) -> Option<String> {
    let mut words = line.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let is_qualifier = word.starts_with("pub")
            || matches!(word, "const" | "async" | "unsafe" | "extern" | "\"C\"" | "default");
        if word == "fn" {
            let name = words.next()?;
            let end = name.find(|other: char| !other.is_alphanumeric() && other != '_')?;
            return Some(name[..end].to_string());
        }
        if !is_qualifier {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> SourceFile {
        SourceFile { path: "x.rs".to_string(), text: text.to_string() }
    }

    #[test]
    fn functions_have_a_length() {
        let text = "impl X {\n    pub(super) fn a<T>(\n        x: T,\n    ) {\n        y\n    }\n\n\
                    \x20   fn b(&self);\n    fn c() {}\n}\nfn d() {\n}\n";
        let found: Vec<(String, usize, usize)> =
            file(text).functions().into_iter().map(|f| (f.name, f.line_number, f.lines)).collect();
        assert_eq!(found, [("a".to_string(), 2, 5), ("d".to_string(), 11, 2)]);
    }

    #[test]
    fn tests_and_comments_are_no_code() {
        let tests = "#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n";
        let text = format!("//! x\nfn a() {{}} // b\n{tests}fn c() {{}}\n");
        let file = file(&text);
        let numbers: Vec<usize> = file.code_lines().iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [2, 7]);
    }
}
