//! What the build tool does, as a library: tests use it too.

pub mod bios_loader;
pub mod flash;
pub mod image;
pub mod pe;
pub mod strip;
#[cfg(test)]
mod test_elf;
