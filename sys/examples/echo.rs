//! The smallest server on this package: `cargo run --release -p squint-sys --example echo [port]`
//!
//! One poller, one buffer, one thread; no slab, no ring, no timers. Read it before the real event
//! loop. It is also the yardstick of the benchmarks: what it costs per request is the kernel's
//! price, and what Squint costs beyond that is Squint's.
//!
//! What it leaves out: a client that sends and never reads loses bytes here, for nothing keeps what
//! did not fit into the kernel's buffer. That is where write interest and reply buffers come in.

use squint_sys::{
    Address, Errno, Fd, Interest, ListenOptions, Native, Poller, Sys, Token, Verdict,
};

/// Told apart by `Token::reserved`, so that no descriptor number can be taken for it.
const LISTENER: Token = Token::reserved(0);

fn main() -> Result<(), Errno> {
    let port = std::env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(7000);
    let mut sys = Native::new()?;
    let options = ListenOptions { backlog: 511, keepalive_seconds: 300 };
    let listener = sys.listen_tcp(([127, 0, 0, 1], port).into(), options)?;
    sys.poller().add(listener, LISTENER, Interest::READ)?;
    if let Address::Tcp(address) = sys.local_address(listener)? {
        println!("echo on {address}");
    }
    let (mut events, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        // Sleeps until something is ready: an idle server makes no system call at all.
        sys.poller().wait(&mut events, None)?;
        for event in &events {
            match event.token {
                LISTENER => accept(&mut sys, listener)?,
                // A server with timers or blocked clients needs a slab and generations here; with
                // neither, nobody closes a descriptor but the event that names it.
                token => echo(&mut sys, Fd(token.index as i32), &mut buffer),
            }
        }
    }
}

/// One connection per event: what is left in the queue is told again (P2).
fn accept(sys: &mut Native, listener: Fd) -> Result<(), Errno> {
    match sys.accept(listener) {
        Ok(accepted) => {
            let token = Token { index: accepted.fd.0 as u32, generation: 0 };
            sys.poller().add(accepted.fd, token, Interest::READ)
        }
        Err(Verdict::Bug(errno)) => Err(errno),
        Err(_) => Ok(()),
    }
}

/// One read and one write per event; the end of the stream and a broken connection both close.
fn echo(sys: &mut Native, fd: Fd, buffer: &mut [u8]) {
    let answer = match sys.read(fd, buffer, &mut []) {
        Ok(0) => Err(Verdict::PeerGone),
        Ok(count) => sys.write(fd, &buffer[..count]),
        Err(verdict) => Err(verdict),
    };
    match answer {
        Ok(_) | Err(Verdict::WouldBlock | Verdict::Interrupted) => {}
        Err(_) => sys.close(fd), // Closing tells the poller, too.
    }
}
