//! The program: files in memory behind the interface `file-system`.
//!
//! Argument `limit=BYTES`: how much may be used, by default three quarters of the heap; the rest is for the open files of clients and for what
//! the allocator cannot use.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use airox_memory_files::MemoryFiles;
use airox_rt::{Start, StartError};

airox_rt::entry!(main);

fn main(start: &'static Start) -> Result<(), StartError> {
    let most = start.block().heap_bytes / 4 * 3;
    let limit = start.arguments().iter().find_map(|argument| argument.strip_prefix("limit=")?.parse().ok());
    airox_file_server::serve(start, MemoryFiles::new(limit.unwrap_or(most).min(most)), None)
}
