//! The kernel test suite: ring-3 programs that try every call, right and fault.
#![no_std]
#![forbid(unsafe_code)]
