//! Interfaces between AIROX servers: types, errors, clients, dispatchers, decoders.
#![no_std]
#![forbid(unsafe_code)]
