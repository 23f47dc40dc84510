//! Listening sockets: opened where `port`, `bind` and `unixsocket` say, and moved when CONFIG SET
//! changes its mind.

use crate::config::{BindAddress, Settings};
use crate::event_loop::EventLoop;
use crate::event_loop::listener::Listener;
use squint_sys::{Address, Errno, Fd, ListenOptions, Sys};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Listens on every address and on the Unix socket. An error says what failed and what to do.
pub fn open_all<S: Sys>(event_loop: &mut EventLoop<S>, settings: &Settings) -> Result<(), String> {
    open_tcp(event_loop, settings)?;
    if let Some(path) = &settings.unixsocket {
        let (mode, backlog) = (settings.unixsocketperm, settings.tcp_backlog);
        let listened = event_loop.sys.listen_unix(path, mode, backlog);
        let fd = listened.map_err(|errno| {
            let (path, advice) = (path.display(), advice_on_unix_socket(errno));
            format!("Could not listen on the Unix socket {path}: {errno}. {advice}")
        })?;
        add(event_loop, fd)?;
    }
    if event_loop.listeners.is_empty() {
        return Err("Configured to not listen anywhere: set 'port' or 'unixsocket'.".to_string());
    }
    Ok(())
}

/// Listens where `port` and `bind` say now, and no longer where they do not. What is open already
/// stays open. If anything fails, all is as it was.
pub fn move_tcp<S: Sys>(event_loop: &mut EventLoop<S>, settings: &Settings) -> Result<(), String> {
    let former: Vec<Fd> = event_loop.listeners.iter().map(|listener| listener.fd).collect();
    if let Err(failure) = open_tcp(event_loop, settings) {
        close(event_loop, |listener| !former.contains(&listener.fd));
        return Err(failure);
    }
    let mut wanted: Vec<SocketAddr> = Vec::new();
    if settings.port > 0 {
        wanted.extend(addresses(event_loop, settings).flatten());
    }
    close(event_loop, |listener| match &listener.address {
        Address::Tcp(address) => !wanted.contains(address),
        Address::Unix(_) => false,
    });
    Ok(())
}

/// Stops listening where `is_obsolete` says.
fn close<S: Sys>(event_loop: &mut EventLoop<S>, is_obsolete: impl Fn(&Listener) -> bool) {
    let obsolete = event_loop.listeners.extract_if(.., |listener| is_obsolete(listener));
    for listener in obsolete {
        event_loop.sys.close(listener.fd);
    }
}

/// Opens `bind`'s addresses that are not open yet. An optional one may fail; all of them may not.
fn open_tcp<S: Sys>(event_loop: &mut EventLoop<S>, settings: &Settings) -> Result<(), String> {
    if settings.port == 0 || settings.bind.is_empty() {
        return Ok(());
    }
    let mut failures = String::new();
    let mut is_anywhere = false;
    for bind in &settings.bind {
        match open_address(event_loop, bind, settings) {
            Ok(()) => is_anywhere = true,
            Err(failure) if bind.optional => failures.push_str(&failure),
            Err(failure) => return Err(failure),
        }
    }
    if is_anywhere { Ok(()) } else { Err(failures) }
}

fn open_address<S: Sys>(
    event_loop: &mut EventLoop<S>,
    bind: &BindAddress,
    settings: &Settings,
) -> Result<(), String> {
    let address = address_of(event_loop, bind, settings.port).ok_or_else(|| {
        let host = &bind.host;
        format!("Could not resolve '{host}' in 'bind': is it spelled right? An IP address will do.")
    })?;
    let is_open = |listener: &Listener| listener.address == Address::Tcp(address);
    if event_loop.listeners.iter().any(is_open) {
        return Ok(());
    }
    let options = ListenOptions {
        backlog: settings.tcp_backlog,
        keepalive_seconds: settings.tcp_keepalive_s,
    };
    let listened = event_loop.sys.listen_tcp(address, options);
    let fd = listened.map_err(|errno| {
        let advice = advice_on_address(errno);
        format!("Could not create server TCP listening socket {address}: {errno}. {advice}")
    })?;
    add(event_loop, fd)
}

/// What helps when an address cannot be listened on.
fn advice_on_address(errno: Errno) -> &'static str {
    match errno {
        Errno::IN_USE => {
            "Another server uses the port: end that, or set another 'port' (--port 7777)."
        }
        Errno::NOT_ALLOWED => "Low ports are for root: set 'port' to one from 1024 on.",
        Errno::NOT_OURS => "Set 'bind' to addresses of this machine.",
        _ => "Are 'bind' and 'port' right?",
    }
}

/// What helps when a path cannot be listened on.
fn advice_on_unix_socket(errno: Errno) -> &'static str {
    if errno == Errno::IN_USE {
        "A server listens there, or it is no socket: set 'unixsocket' to another path."
    } else {
        "Set 'unixsocket' to a path in a directory that exists and may be written."
    }
}

/// The addresses that `bind` and `port` name; `None` for one that cannot be resolved.
fn addresses<S: Sys>(
    event_loop: &mut EventLoop<S>,
    settings: &Settings,
) -> impl Iterator<Item = Option<SocketAddr>> {
    settings.bind.iter().map(move |bind| address_of(event_loop, bind, settings.port))
}

/// An address, a name, or one of the words for "every address", with the port.
fn address_of<S: Sys>(
    event_loop: &mut EventLoop<S>,
    bind: &BindAddress,
    port: u16,
) -> Option<SocketAddr> {
    let ip: IpAddr = match bind.host.as_str() {
        "*" => Ipv4Addr::UNSPECIFIED.into(),
        "::*" => Ipv6Addr::UNSPECIFIED.into(),
        host => event_loop.sys.resolve(host)?,
    };
    Some(SocketAddr::new(ip, port))
}

fn add<S: Sys>(event_loop: &mut EventLoop<S>, fd: Fd) -> Result<(), String> {
    let address = event_loop.sys.local_address(fd).map_err(|errno| errno.to_string())?;
    event_loop.listen(Listener::new(fd, address)).map_err(|errno| errno.to_string())
}
