//! One file for each family of system calls, and two tables for what is wrong with arguments in general.

pub mod handle_cases;
pub mod leases;
pub mod machine;
pub mod messages;
pub mod pointer_cases;
pub mod processes;
pub mod regions;
pub mod signals;
pub mod table;
pub mod threads;
pub mod transfers;
