//! Readiness to bytes; knows nothing of Redis.
