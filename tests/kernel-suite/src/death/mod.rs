//! Death in the middle of a call: of the server in every phase of it, and of the client.

pub mod client;
pub mod server;
