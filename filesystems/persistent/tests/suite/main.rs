//! Tests of the persistent file system on disks in memory.

mod disk;
mod ordinary;
mod power_cut;
mod workload;
