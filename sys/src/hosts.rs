//! What the name of a host stands for.
//!
//! The C library asks whatever the system is set up to ask, with modules that it loads while it
//! runs. A binary that is linked to nothing has no such modules of its own, and those of the system
//! belong to another C library than the one inside it: it looks into `/etc/hosts` and nowhere else.
//! A server binds to addresses of its own machine, and their names are there.

use std::net::IpAddr;

/// The first address that a host name stands for, or the address that the text is.
#[cfg(not(target_feature = "crt-static"))]
pub(crate) fn resolve(host: &str) -> Option<IpAddr> {
    let mut addresses = std::net::ToSocketAddrs::to_socket_addrs(&(host, 0)).ok()?;
    addresses.next().map(|address| address.ip())
}

/// The first address that a host name stands for, or the address that the text is.
#[cfg(target_feature = "crt-static")]
pub(crate) fn resolve(host: &str) -> Option<IpAddr> {
    let is_address = host.parse().ok();
    is_address.or_else(|| find(&std::fs::read_to_string("/etc/hosts").ok()?, host))
}

/// The address of the first line that has the name. Lines that are none are passed over.
#[cfg(any(target_feature = "crt-static", test))]
fn find(hosts: &str, name: &str) -> Option<IpAddr> {
    hosts.lines().find_map(|line| {
        let mut words = line.split('#').next()?.split_ascii_whitespace();
        let address = words.next()?.parse().ok()?;
        words.any(|word| word.eq_ignore_ascii_case(name)).then_some(address)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_stand_for_themselves() {
        for address in ["127.0.0.1", "::1"] {
            assert_eq!(resolve(address), address.parse().ok());
        }
        assert_eq!(resolve("no such name"), None);
    }

    #[test]
    fn names_stand_in_the_file_of_hosts() {
        let hosts = "# 10.0.0.1 ghost\n\n127.0.0.1\tlocalhost  here # there\nfe80::1%x here\n\
                     ::1 localhost\n10.0.0.2 Store\nnonsense store\n10.0.0.3";
        let address = |name| find(hosts, name).map(|address| address.to_string());
        assert_eq!(address("localhost").as_deref(), Some("127.0.0.1"));
        assert_eq!(address("HERE").as_deref(), Some("127.0.0.1"));
        assert_eq!(address("store").as_deref(), Some("10.0.0.2"));
        for absent in ["ghost", "there", "10.0.0.3", "nonsense", ""] {
            assert_eq!(address(absent), None, "{absent}");
        }
    }
}
