//! Tests of the persistent file system on disks in memory.

mod cost;
mod disk;
mod failing;
mod hostile;
mod ordinary;
mod power_cut;
mod rot;
mod workload;
