//! One build script for both packages: names the platform once, and builds the look-up table of
//! commands for the server.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    name_the_poller();
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
