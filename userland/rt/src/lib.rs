//! What every AIROX program links: entry, heap, typed handles, server loop, executor, logging, time.
#![no_std]
#![forbid(unsafe_code)]
