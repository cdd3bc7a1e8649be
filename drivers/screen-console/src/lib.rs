//! Console over the frame buffer and a PS/2 keyboard.
#![no_std]
#![forbid(unsafe_code)]
