//! Everything that depends on the processor, and all of the kernel's unsafe code.

pub mod x86_64;
