//! A host that drops packets.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, bind, getsockname, listen, socket};

/// A port on loopback that doesn't reply: it listens, and as its queue is full and nobody accepts, the kernel drops
/// what arrives, as a firewall would.
#[derive(Debug)]
pub struct Blackhole {
    _listener: OwnedFd,
    _waiting: Vec<TcpStream>,
    address: SocketAddr,
}

impl Blackhole {
    /// Opens one.
    pub fn open() -> Blackhole {
        let listener = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        bind(&listener, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
        listen(&listener, 0).unwrap();
        let address = SocketAddr::try_from(getsockname(&listener).unwrap()).unwrap();
        let mut waiting = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
            waiting.push(stream);
            assert!(waiting.len() < 1000, "the kernel goes on queueing connections");
        }
        Blackhole { _listener: listener, _waiting: waiting, address }
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}
