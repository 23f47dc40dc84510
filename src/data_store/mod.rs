//! Data; no clients.
