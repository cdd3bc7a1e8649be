//! The system bundle: program images, symbols and the system record, as one checksummed file.
#![no_std]
#![forbid(unsafe_code)]
