//! Whole starts: arguments and files in, a configuration or an error out.
use super::directive::{Access, Effect};
use super::*;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;

/// Files that exist only here.
struct Tree(BTreeMap<PathBuf, Vec<u8>>);

impl FileSource for Tree {
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn names(&mut self, directory: &Path) -> io::Result<Vec<OsString>> {
        let directory = directory.strip_prefix(".").unwrap_or(directory);
        let below = self.0.keys().filter_map(|path| path.strip_prefix(directory).ok());
        let names = below.filter_map(|rest| rest.components().next());
        Ok(names.rev().map(|name| name.as_os_str().to_os_string()).collect())
    }
}

fn tree(files: &[(&str, &str)]) -> Tree {
    Tree(files.iter().map(|(path, text)| (path.into(), text.as_bytes().to_vec())).collect())
}

fn start(arguments: &[&str], files: &[(&str, &str)]) -> Result<Config, String> {
    let arguments: Vec<Vec<u8>> = arguments.iter().map(|word| word.as_bytes().to_vec()).collect();
    match Config::from_arguments(&arguments, &mut tree(files)) {
        Ok(Startup::Run(config)) => Ok(*config),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.to_string()),
    }
}

fn started(arguments: &[&str], files: &[(&str, &str)]) -> Config {
    start(arguments, files).unwrap_or_else(|error| panic!("{error}"))
}

/// Starts with one file.
fn file(text: &str) -> Result<Config, String> {
    start(&["r.conf"], &[("r.conf", text)])
}

/// The error's lines after the first, which names the server.
fn refused(result: Result<Config, String>) -> String {
    let error = result.expect_err("refused");
    let (head, rest) = error.split_once('\n').expect("several lines");
    assert_eq!(head, format!("*** FATAL CONFIG ERROR (Squint {}) ***", env!("CARGO_PKG_VERSION")));
    rest.to_string()
}

fn value(config: &Config, name: &str) -> String {
    let pairs = config.get([name.as_bytes()]);
    let (_, value) = pairs.first().unwrap_or_else(|| panic!("{name} is no setting"));
    String::from_utf8_lossy(value).into_owned()
}

#[test]
fn defaults_are_those_of_redis_but_for_named_departures() {
    let departures: BTreeMap<&str, &str> = BTreeMap::from([
        // Nobody from elsewhere unless asked for.
        ("bind", "127.0.0.1 -::1"),
        // Nothing is written to disk.
        ("save", ""),
    ]);
    let config = Config::default();
    let mut shared = 0;
    for line in include_str!("defaults-redis-7.0.15.tsv").lines().filter(|l| !l.starts_with('#')) {
        let (name, redis) = line.split_once('\t').expect("name, tab, value");
        let expected = departures.get(name).copied().unwrap_or(redis);
        assert_eq!(value(&config, name), expected, "{name}");
        shared += 1;
    }
    assert_eq!(shared, 192);
}

#[test]
fn settings_of_a_bare_start() {
    let config = started(&[], &[]);
    assert_eq!(config, Config::default());
    let settings = config.settings();
    assert_eq!((settings.port, settings.clients_max, settings.databases), (6379, 10000, 16));
    let hosts: Vec<_> = settings.bind.iter().map(|a| (a.host.as_str(), a.optional)).collect();
    assert_eq!(hosts, [("127.0.0.1", false), ("::1", true)]);
    assert_eq!(settings.output_limits.pubsub.hard_bytes, 32 << 20);
    assert!(settings.protected_mode && settings.requirepass.is_none());
    assert_eq!(settings.debug_command, Permission::No);
    assert!(config.notices().is_empty() && config.file().is_none());
}

#[test]
fn a_file_is_lines_comments_and_quotes() {
    let text = "# c\n  port 7000\n\t TIMEOUT 5\r\n\n\"tcp-backlog\" 99\nrequirepass \"a b\\x41\"\n\
                slave-read-only no\nunixsocketperm 700\nsupervised systemd\nlogfile ''";
    let config = file(text).unwrap_or_else(|error| panic!("{error}"));
    let settings = config.settings();
    assert_eq!((settings.port, settings.timeout_s, settings.tcp_backlog), (7000, 5, 99));
    assert_eq!(settings.requirepass.as_deref(), Some(&b"a bA"[..]));
    assert_eq!((settings.unixsocketperm, settings.supervised), (0o700, Supervised::Systemd));
    assert_eq!(settings.logfile, None);
    assert_eq!(value(&config, "replica-read-only"), "no");
    assert_eq!(config.file(), Some(Path::new("r.conf")));
}

#[test]
fn every_level_of_the_table_is_a_level_of_the_log() {
    for level in ["debug", "verbose", "notice", "warning", "nothing"] {
        let config = started(&["--loglevel", level], &[]);
        assert_eq!(Some(config.settings().loglevel), crate::logging::Level::from_name(level));
    }
}

#[test]
fn the_later_line_wins_and_classes_add_up() {
    let text = "port 1\nport 2\nclient-output-buffer-limit normal 1 2 3\n\
                client-output-buffer-limit slave 4 5 6 pubsub 7 8 9\nbind 1.1.1.1\nbind * -::*";
    let config = file(text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config.settings().port, 2);
    assert_eq!(
        value(&config, "client-output-buffer-limit"),
        "normal 1 2 3 slave 4 5 6 pubsub 7 8 9"
    );
    assert_eq!(value(&config, "bind"), "* -::*");
}

#[test]
fn options_come_after_the_file_and_the_standard_input() {
    let files = [("r.conf", "port 1\ntimeout 1\nhz 20"), ("-", "timeout 2\ntcp-keepalive 2")];
    let config = started(&["r.conf", "--tcp-keepalive", "3", "-"], &files);
    let settings = config.settings();
    assert_eq!((settings.port, settings.timeout_s, settings.tcp_keepalive_s), (1, 2, 3));
    let config = started(&["-", "--port 9"], &files);
    assert_eq!((config.settings().port, config.settings().timeout_s), (9, 2));
    let config = started(&["--bind", "127.0.0.1 -::1", "--save"], &[]);
    assert_eq!(config.settings().bind.len(), 2);
}

#[test]
fn an_error_names_file_line_and_reason() {
    let at = |line: usize, shown: &str, reason: &str| {
        format!("Reading the configuration file 'r.conf', at line {line}\n>>> '{shown}'\n{reason}")
    };
    let unknown = super::file::UNKNOWN_DIRECTIVE;
    let rows = [
        ("# x\n\nfoo bar", 3, "foo bar", unknown),
        ("\"\"", 1, "\"\"", unknown),
        ("include", 1, "include", "wrong number of arguments"),
        ("include a b", 1, "include a b", "wrong number of arguments"),
        ("lua-replicate-commands", 1, "lua-replicate-commands", unknown),
        ("\"timeout", 1, "\"timeout", "Unbalanced quotes in configuration line"),
        ("logfile 'a'b", 1, "logfile 'a'b", "Unbalanced quotes in configuration line"),
        ("timeout", 1, "timeout", "wrong number of arguments"),
        ("timeout 5 # c", 1, "timeout 5 # c", "wrong number of arguments"),
        ("\n timeout x \n", 2, "timeout x", "argument couldn't be parsed into an integer"),
        ("databases 0", 1, "databases 0", "argument must be between 1 and 2147483647 inclusive"),
        ("save 60", 1, "save 60", "Invalid save parameters"),
        ("replicaof a 99999", 1, "replicaof a 99999", "Invalid master port"),
    ];
    for (text, line, shown, reason) in rows {
        assert_eq!(refused(file(text)), at(line, shown, reason), "{text}");
    }
}

#[test]
fn an_error_names_the_argument() {
    let reason = "argument must be between 0 and 65535 inclusive";
    let place = "Reading the command line, at argument 3";
    let error = refused(start(&["--timeout", "1", "--port", "70000"], &[]));
    assert_eq!(error, format!("{place}\n>>> '--port 70000'\n{reason}"));
    let error = refused(start(&["--port=7000"], &[]));
    assert!(error.contains(">>> '--port=7000'\nunknown directive: "));
    let error = refused(start(&["-port", "7000"], &[]));
    assert!(error.contains(">>> '-port 7000'\nunknown directive: "));
}

#[test]
fn a_missing_file_is_named() {
    let error = refused(start(&["no.conf"], &[]));
    assert!(error.starts_with("Can't open config file 'no.conf': "), "{error}");
    let error = refused(start(&["port", "7000"], &[]));
    assert!(error.ends_with(". The option is --port"), "{error}");
    let error = refused(file("port 1\ninclude no.conf"));
    assert!(error.contains("at line 2\n>>> 'include no.conf'\nCan't open config file 'no.conf'"));
}

#[test]
fn no_error_shows_a_password() {
    for line in
        ["requirepass \"swordfish", " RequirePass swordfish x", "\"requirepass\" swordfish x"]
    {
        let error = refused(file(line));
        assert!(error.contains(">>> 'requirepass <hidden>'") && !error.contains("swordfish"));
    }
    let error = refused(start(&["--requirepass", "swordfish", "x"], &[]));
    assert!(error.contains(">>> 'requirepass <hidden>'") && !error.contains("swordfish"));
}

#[test]
fn promises_that_cannot_be_kept_refuse_to_start() {
    let rows = [
        ("appendonly yes", "write 'appendonly no'"),
        ("save 900 1", "write 'save \"\"'"),
        ("replicaof 10.0.0.1 6379", "remove this line"),
        ("slaveof 10.0.0.1 6379", "remove this line"),
        ("cluster-enabled yes", "write 'cluster-enabled no'"),
        ("tls-port 6380", "write 'tls-port 0'"),
        ("aclfile /etc/users.acl", "write 'aclfile \"\"'"),
        ("min-replicas-to-write 1", "write 0"),
        ("shutdown-on-sigint now save", "leave out 'save'"),
        ("loadmodule x.so", "remove this line"),
        ("rename-command CONFIG hidden", "remove this line"),
        ("user default on", "remove this line"),
        ("sentinel monitor a b 1 2", "start redis-sentinel"),
    ];
    for (line, advice) in rows {
        let error = refused(file(&format!("port 1\n{line}\n")));
        assert!(error.starts_with("Reading the configuration file 'r.conf', at line 2\n"));
        assert!(error.contains(advice), "{line}: {error}");
    }
}

#[test]
fn a_promise_taken_back_is_none() {
    let text = "save 900 1\nsave 300 10\nappendonly yes\nreplicaof a 1\n";
    let options = ["r.conf", "--save", "", "--appendonly", "no", "--replicaof", "no", "one"];
    let config = started(&options, &[("r.conf", text)]);
    assert_eq!(value(&config, "save"), "");
    let error = refused(start(&["r.conf"], &[("r.conf", "save \"\"\nsave 60 1\nsave 5 5")]));
    assert!(error.contains("line 3"), "{error}");
}

#[test]
fn what_has_no_effect_is_noticed_once() {
    let text = "maxmemory 100mb\nmaxmemory 200mb\nhz 10\nio-threads 4\nmasterauth swordfish\n\
                list-max-ziplist-entries 5";
    let config = file(text).unwrap_or_else(|error| panic!("{error}"));
    let expected = ["io-threads", "maxmemory", "masterauth"]
        .map(|name| format!("'{name}' is accepted, but has no effect here"));
    assert_eq!(config.notices(), expected);
}

#[test]
fn what_clients_may_use_is_bytes_or_a_share_of_maxmemory() {
    let limit = |text: &str| {
        let config = file(text).unwrap_or_else(|error| panic!("{error}"));
        config.settings().clients_bytes_max
    };
    assert_eq!(limit(""), 0);
    assert_eq!(limit("maxmemory-clients 1mb"), 1 << 20);
    assert_eq!(limit("maxmemory-clients 5%"), 0);
    assert_eq!(limit("maxmemory-clients 5%\nmaxmemory 1000"), 50);
    assert_eq!(limit("maxmemory-clients 100%\nmaxmemory 18446744073709551615"), u64::MAX);
}

#[test]
fn include_reads_files_in_place_and_in_order() {
    let files = [
        ("r.conf", "port 1\ninclude conf.d/*.conf\ninclude \"more conf\"\ninclude none*.conf"),
        ("conf.d/b.conf", "port 3\ntimeout 3"),
        ("conf.d/a.conf", "port 2\ndatabases 2"),
        ("conf.d/.hidden.conf", "nonsense"),
        ("conf.d/c.txt", "nonsense"),
        ("more conf", "tcp-keepalive 4"),
    ];
    let config = started(&["r.conf"], &files);
    let settings = config.settings();
    assert_eq!((settings.port, settings.timeout_s, settings.databases), (3, 3, 2));
    assert_eq!(settings.tcp_keepalive_s, 4);
    let config = started(&["--include", "c*.d/[b].conf"], &files);
    assert_eq!(config.settings().port, 3);
}

#[test]
fn include_errors_name_the_included_file() {
    let files = [("r.conf", "include s.conf"), ("s.conf", "port 1\nport x")];
    let error = refused(start(&["r.conf"], &files));
    assert!(error.starts_with("Reading the configuration file 's.conf', at line 2\n"), "{error}");
}

#[test]
fn include_loops_end() {
    let files = [("r.conf", "include s.conf"), ("s.conf", "include r.conf")];
    let error = refused(start(&["r.conf"], &files));
    assert!(error.contains("'s.conf', at line 1") && error.contains("includes itself"), "{error}");
    let names: Vec<String> = (0..40).map(|n| format!("{n}")).collect();
    let texts: Vec<String> = (1..41).map(|n| format!("include {n}")).collect();
    let chain: Vec<_> = names.iter().zip(&texts).map(|(n, t)| (n.as_str(), t.as_str())).collect();
    assert!(refused(start(&["0"], &chain)).contains("more than 16 deep"));
    let wide = "include b\n".repeat(1100);
    let error = refused(start(&["a"], &[("a", wide.as_str()), ("b", "")]));
    assert!(error.contains("more than 1000 files"), "{error}");
}

#[test]
fn any_file_loads_or_is_refused() {
    arbtest::arbtest(|u| {
        let text: Vec<u8> = u.arbitrary()?;
        let mut files = Tree(BTreeMap::from([("r".into(), text)]));
        let _ = Config::from_arguments(&[b"r".to_vec()], &mut files);
        Ok(())
    });
}

#[test]
fn any_command_line_loads_or_is_refused() {
    arbtest::arbtest(|u| {
        let parts: &[&[u8]] =
            &[b"--port", b"-", b"--", b"--save", b"7", b"", b"--bind *", b"'", b"--include", b"r"];
        let count = u.int_in_range(0..=6)?;
        let mut arguments = Vec::new();
        for _ in 0..count {
            arguments.push(u.choose(parts)?.to_vec());
        }
        let _ = Config::from_arguments(&arguments, &mut tree(&[("r", "hz 1"), ("-", "")]));
        Ok(())
    });
}

/// Where docs/configuration.md speaks of a directive: the section, and the words in it.
fn on_the_page(row: &directive::Directive) -> (&'static str, String) {
    let name = format!("`{}`", row.name);
    let default = match row.default {
        "" => "none".to_string(),
        default => format!("`{default}`"),
    };
    let run_time = match row.access {
        Access::Fixed => "no",
        Access::Protected => "see below",
        Access::Live | Access::Hidden => "yes",
    };
    match row.effect {
        Effect::Used => {
            ("\n## Directives with an effect", format!("| {name} | {default} | {run_time} |"))
        }
        Effect::Ignored => ("\n## Directives without effect", name),
        Effect::DefaultOnly(_) | Effect::WithoutWord(..) => {
            ("\n## Directives that refuse to start", name)
        }
    }
}

#[test]
fn the_page_says_of_every_directive_what_the_table_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let page = std::fs::read_to_string(page).expect("it is there");
    for row in DIRECTIVES {
        let (section, words) = on_the_page(row);
        let section = page.split_once(section).map_or("", |(_, rest)| rest);
        let section = section.split("\n## ").next().unwrap_or_default();
        assert!(section.contains(&words), "docs/configuration.md does not say {words}");
    }
}
