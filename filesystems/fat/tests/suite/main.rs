//! FAT on disks in memory, beside an implementation of somebody else's.

mod disk;
mod exchange;
mod hostile;
mod ordinary;
mod sticks;
