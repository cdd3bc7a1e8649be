//! Terminal logic shared by console drivers: line discipline, escape sequences, screen model.
#![no_std]
#![forbid(unsafe_code)]
