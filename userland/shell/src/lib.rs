//! The AIROX command shell.
#![no_std]
#![forbid(unsafe_code)]
