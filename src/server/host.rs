//! What commands may ask of the event loop and the system.

use super::listening;
use crate::client::ClientId;
use crate::command::{ConnectionFigures, Host, PoolFigures};
use crate::config::Settings;
use crate::event_loop::EventLoop;
use crate::event_loop::connection::Connection;
use crate::event_loop::slab::Slab;
use crate::event_loop::timer_wheel::SlotFigures;
use squint_sys::{Address, Process, Sys, SyscallCounts};

impl<S: Sys> Host for EventLoop<S> {
    fn figures(&self, client: ClientId) -> ConnectionFigures {
        let Some(connection) = self.connections.get(client) else {
            return ConnectionFigures::default();
        };
        let (input, output) = (&connection.input, &connection.output);
        ConnectionFigures {
            fd: connection.fd.0,
            active_ms: connection.active_ms,
            query_bytes: input.len(),
            query_free_bytes: input.capacity() - input.len(),
            output_bytes: output.len(),
            output_chunks: output.chunk_count(),
            output_held_bytes: output.held_bytes(),
            is_write_pending: connection.is_clogged,
        }
    }

    fn local_address(&mut self, client: ClientId) -> Option<Address> {
        let fd = self.connections.get(client)?.fd;
        self.sys.local_address(fd).ok()
    }

    fn process(&mut self) -> Process {
        self.sys.process()
    }

    fn move_listeners(&mut self, settings: &Settings) -> Result<(), String> {
        listening::move_tcp(self, settings)
    }

    fn change_directory(&mut self, settings: &Settings) -> Result<(), String> {
        self.sys.current_dir_set(&settings.dir).map_err(|errno| errno.to_string())
    }

    fn port(&self) -> u16 {
        let ports = self.listeners.iter().filter_map(|listener| match &listener.address {
            Address::Tcp(address) => Some(address.port()),
            Address::Unix(_) => None,
        });
        ports.min().unwrap_or(0)
    }

    fn syscalls(&self) -> SyscallCounts {
        self.sys.syscalls()
    }

    fn connections(&self) -> &Slab<Connection> {
        &self.connections
    }

    fn pools(&self) -> PoolFigures {
        PoolFigures { input_buffers: self.pool.spares(), output_buffers: self.output_pool.spares() }
    }

    fn timers(&mut self) -> Vec<SlotFigures> {
        Self::timers(self)
    }
}
