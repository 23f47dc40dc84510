//! CONFIG GET and CONFIG SET on the values of a running server. The texts are Redis's.
use super::Config;
use super::directive::{Access, Directive, Found, find};
use super::directives::DIRECTIVES;
use super::settings::{ClientPlace, Settings};
use crate::text::glob::{self, Case};

/// Why CONFIG SET changed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetError {
    text: Vec<u8>,
}

impl SetError {
    /// A setting that could not be made so. The server uses this too when applying a new value
    /// fails, after putting the old configuration back.
    pub fn failed(name: &[u8], reason: &str) -> SetError {
        let mut text = b"CONFIG SET failed (possibly related to argument '".to_vec();
        text.extend(name);
        text.extend(b"') - ");
        text.extend(reason.as_bytes());
        SetError { text }
    }

    fn unknown(name: &[u8]) -> SetError {
        let mut text = b"Unknown option or number of arguments for CONFIG SET - '".to_vec();
        text.extend(name);
        text.push(b'\'');
        SetError { text }
    }

    /// What follows `-ERR ` in the reply. It quotes the client's bytes: whoever writes it must
    /// replace line ends, as in every error.
    pub fn text(&self) -> &[u8] {
        &self.text
    }
}

impl Config {
    /// Names and values for CONFIG GET, in the order of the table, each once. A pattern without
    /// wildcards is a name: it is answered as the client spelled it, and finds hidden settings.
    pub fn get<'p>(&self, patterns: impl IntoIterator<Item = &'p [u8]>) -> Vec<(Vec<u8>, Vec<u8>)> {
        let patterns: Vec<&[u8]> = patterns.into_iter().collect();
        let mut pairs = Vec::new();
        for (row, value) in DIRECTIVES.iter().zip(&self.values) {
            for name in row.names() {
                let shown = patterns.iter().find_map(|pattern| shown_as(row, name, pattern));
                pairs.extend(shown.map(|shown| (shown.to_vec(), value.text())));
            }
        }
        pairs
    }

    /// CONFIG SET: all pairs of name and value, or none. Returns the names of the settings whose
    /// value is now another; applying them is the server's matter.
    pub fn set(
        &mut self,
        pairs: &[(&[u8], &[u8])],
        client: ClientPlace,
    ) -> Result<Vec<&'static str>, SetError> {
        let found = self.settable(pairs, client)?;
        let mut values = self.values.clone();
        for (found, (_, word)) in found.iter().zip(pairs) {
            let row = &DIRECTIVES[found.index];
            let failed =
                |reason: super::value::Reason| SetError::failed(found.name.as_bytes(), &reason);
            let value = row.kind.parse(&[word], Some(&values[found.index])).map_err(failed)?;
            row.check_promise(&value).map_err(failed)?;
            values[found.index] = value;
        }
        let rows = DIRECTIVES.iter().zip(self.values.iter().zip(&values));
        let changed = rows.filter(|(_, (old, new))| old != new).map(|(row, _)| row.name).collect();
        self.settings = Settings::of(&values);
        self.values = values;
        Ok(changed)
    }

    /// The rows meant by the names, when each may be set and none stands twice. A name and its
    /// alias are two: the later one wins, as in Redis.
    fn settable(
        &self,
        pairs: &[(&[u8], &[u8])],
        client: ClientPlace,
    ) -> Result<Vec<Found>, SetError> {
        let mut rows: Vec<Found> = Vec::new();
        for (name, _) in pairs {
            let found = find(name).ok_or_else(|| SetError::unknown(name))?;
            match DIRECTIVES[found.index].access {
                Access::Fixed => return Err(SetError::failed(name, "can't set immutable config")),
                Access::Protected if !self.settings.protected_configs.allows(client) => {
                    return Err(SetError::failed(name, "can't set protected config"));
                }
                _ if rows.iter().any(|row| row.name == found.name) => {
                    return Err(SetError::failed(name, "duplicate parameter"));
                }
                _ => rows.push(found),
            }
        }
        Ok(rows)
    }
}

/// How a name is written in the answer to one pattern, if the pattern means it.
fn shown_as<'p>(row: &Directive, name: &'static str, pattern: &'p [u8]) -> Option<&'p [u8]> {
    let is_glob = pattern.iter().any(|byte| b"*?[".contains(byte));
    if !is_glob {
        return Some(pattern).filter(|pattern| pattern.eq_ignore_ascii_case(name.as_bytes()));
    }
    let listed = row.access != Access::Hidden;
    let matches = listed && glob::matches(pattern, name.as_bytes(), Case::Insensitive);
    matches.then_some(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::super::value::Value;
    use super::*;

    fn set(config: &mut Config, pairs: &[(&str, &str)]) -> String {
        let pairs: Vec<_> = pairs.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect();
        match config.set(&pairs, ClientPlace::Remote) {
            Ok(changed) => format!("+OK {}", changed.join(" ")).trim_end().to_string(),
            Err(error) => format!("-ERR {}", String::from_utf8_lossy(error.text())),
        }
    }

    fn get(config: &Config, patterns: &[&str]) -> Vec<String> {
        let pairs = config.get(patterns.iter().map(|pattern| pattern.as_bytes()));
        pairs.iter().flat_map(|(n, v)| [n, v]).map(|b| String::from_utf8_lossy(b).into()).collect()
    }

    fn failed(name: &str, reason: &str) -> String {
        format!("-ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}")
    }

    fn unknown(name: &str) -> String {
        format!("-ERR Unknown option or number of arguments for CONFIG SET - '{name}'")
    }

    #[test]
    fn get_answers_names_as_they_were_asked() {
        let config = Config::default();
        assert_eq!(get(&config, &["MaxClients"]), ["MaxClients", "10000"]);
        assert_eq!(get(&config, &["maxclients", "MaxClients", "maxcl*"]), ["maxclients", "10000"]);
        assert_eq!(get(&config, &["MAXC*", "MAXCLIENTS"]), ["maxclients", "10000"]);
        assert!(get(&config, &["nosuchparam", "", "\\timeout", "[timeout"]).is_empty());
        assert!(get(&config, &["rename-command", "include", "user", "loadmodule"]).is_empty());
    }

    #[test]
    fn get_takes_globs_aliases_and_several_patterns() {
        let config = Config::default();
        assert_eq!(get(&config, &["time?ut"]), ["timeout", "0"]);
        assert_eq!(get(&config, &["slave-read-only"]), ["slave-read-only", "yes"]);
        let both = ["replica-read-only", "yes", "slave-read-only", "yes"];
        assert_eq!(get(&config, &["*read-only"]), both);
        assert_eq!(get(&config, &["databases", "timeout"]), ["timeout", "0", "databases", "16"]);
        assert!(get(&config, &["*load-delay"]).is_empty());
        assert_eq!(get(&config, &["key-load-delay"]), ["key-load-delay", "0"]);
    }

    #[test]
    fn set_changes_and_names_what_changed() {
        let mut config = Config::default();
        assert_eq!(set(&mut config, &[("TIMEOUT", "7"), ("hz", "10")]), "+OK timeout");
        assert_eq!(config.settings().timeout_s, 7);
        assert_eq!(get(&config, &["timeout"]), ["timeout", "7"]);
        assert_eq!(set(&mut config, &[("save", "")]), "+OK");
        assert_eq!(set(&mut config, &[("slave-priority", "5")]), "+OK replica-priority");
        let pairs = [("slave-read-only", "yes"), ("replica-read-only", "no")];
        assert_eq!(set(&mut config, &pairs), "+OK replica-read-only");
        let limits = [("client-output-buffer-limit", "pubsub 1 2 3")];
        assert_eq!(set(&mut config, &limits), "+OK client-output-buffer-limit");
        assert_eq!(config.settings().output_limits.pubsub.soft_seconds, 3);
        assert_eq!(config.settings().output_limits.replica.soft_seconds, 60);
    }

    #[test]
    fn set_is_all_or_nothing() {
        let mut config = Config::default();
        let before = config.clone();
        let reason = "argument must be between 1 and 4294967295 inclusive";
        let pairs = [("timeout", "7"), ("maxclients", "0")];
        assert_eq!(set(&mut config, &pairs), failed("maxclients", reason));
        assert_eq!(set(&mut config, &[("timeout", "7"), ("nosuch", "1")]), unknown("nosuch"));
        let no = failed("databases", "can't set immutable config");
        assert_eq!(set(&mut config, &[("timeout", "7"), ("databases", "1")]), no);
        assert_eq!(config, before);
    }

    #[test]
    fn set_names_the_first_mistake() {
        let mut config = Config::default();
        let immutable = "can't set immutable config";
        let mut check = |pairs: &[(&str, &str)], reply: String| {
            assert_eq!(set(&mut config, pairs), reply);
        };
        check(&[("NoSuch", "x")], unknown("NoSuch"));
        check(&[("timeout", "x"), ("nosuch", "2")], unknown("nosuch"));
        check(&[("databases", "2"), ("nosuch", "2")], failed("databases", immutable));
        check(&[("nosuch", "2"), ("databases", "2")], unknown("nosuch"));
        check(&[("timeout", "x"), ("DataBases", "2")], failed("DataBases", immutable));
        check(&[("timeout", "1"), ("TIMEOUT", "2")], failed("TIMEOUT", "duplicate parameter"));
        check(&[("databases", "1"), ("databases", "2")], failed("databases", immutable));
        let not_yes = "argument must be 'yes' or 'no'";
        check(&[("SLAVE-READ-ONLY", "maybe")], failed("slave-read-only", not_yes));
        let not_number = "argument couldn't be parsed into an integer";
        check(&[("tcp-keepalive", "x"), ("hz", "y")], failed("tcp-keepalive", not_number));
    }

    #[test]
    fn set_refuses_in_the_words_of_redis() {
        let mut config = Config::default();
        let limits = "client-output-buffer-limit";
        let rows = [
            ("timeout", "abc", "argument couldn't be parsed into an integer"),
            ("timeout", "-1", "argument must be between 0 and 2147483647 inclusive"),
            ("maxclients", "0", "argument must be between 1 and 4294967295 inclusive"),
            ("port", "65536", "argument must be between 0 and 65535 inclusive"),
            (limits, "normal 1 2", "Wrong number of arguments in buffer limit configuration."),
            (limits, "foo 1 2 3", "Invalid client class specified in buffer limit configuration."),
            (
                limits,
                "normal -1 0 0",
                "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
            ),
            ("databases", "20", "can't set immutable config"),
            ("protected-mode", "maybe", "argument must be 'yes' or 'no'"),
            ("maxmemory", "1tb", "argument must be a memory value"),
            (
                "loglevel",
                "loud",
                "argument(s) must be one of the following: \
                 debug, verbose, notice, warning, nothing",
            ),
        ];
        for (name, value, reason) in rows {
            assert_eq!(set(&mut config, &[(name, value)]), failed(name, reason));
        }
        assert_eq!(config, Config::default());
    }

    #[test]
    fn set_refuses_what_may_not_change() {
        let mut config = Config::default();
        for name in ["appendfilename", "logfile", "aclfile", "SlaveOf", "unixsocket", "io-threads"]
        {
            assert_eq!(
                set(&mut config, &[(name, "x")]),
                failed(name, "can't set immutable config")
            );
        }
        for name in ["dir", "dbfilename", "Dir"] {
            assert_eq!(
                set(&mut config, &[(name, "x")]),
                failed(name, "can't set protected config")
            );
        }
        for name in ["include", "rename-command", "user", "loadmodule"] {
            assert_eq!(set(&mut config, &[(name, "x")]), unknown(name));
        }
    }

    #[test]
    fn set_protected_where_allowed() {
        let mut config = Config::default();
        let pairs: [(&[u8], &[u8]); 1] = [(b"dir", b"/tmp")];
        config.record("enable-protected-configs", b"local");
        assert!(config.set(&pairs, ClientPlace::Remote).is_err());
        assert_eq!(config.set(&pairs, ClientPlace::Local), Ok(vec!["dir"]));
    }

    #[test]
    fn set_keeps_promises() {
        let mut config = Config::default();
        let promises = [
            ("appendonly", "yes", "write 'appendonly no'"),
            ("save", "60 1", "write 'save \"\"'"),
            ("tls-port", "7000", "write 'tls-port 0'"),
            ("min-replicas-to-write", "1", "write 0"),
            ("shutdown-on-sigterm", "save", "leave out 'save'"),
        ];
        for (name, value, advice) in promises {
            let reply = set(&mut config, &[(name, value)]);
            assert!(reply.starts_with(&failed(name, "this server ")), "{reply}");
            assert!(reply.ends_with(advice) || reply.contains(&format!("{advice} ")), "{reply}");
        }
        assert_eq!(set(&mut config, &[("appendonly", "no"), ("tls-port", "0")]), "+OK");
        assert_eq!(set(&mut config, &[("shutdown-on-sigterm", "now")]), "+OK shutdown-on-sigterm");
    }

    #[test]
    fn record_overrides_even_what_is_immutable() {
        let mut config = Config::default();
        config.record("dir", b"/var/lib/squint");
        config.record("databases", b"4");
        assert_eq!(get(&config, &["dir"]), ["dir", "/var/lib/squint"]);
        assert_eq!(config.settings().databases, 4);
        assert!(config.values.contains(&Value::Text(b"/var/lib/squint".to_vec())));
    }
}
