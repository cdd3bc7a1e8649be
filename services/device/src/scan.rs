//! Which functions there are: the first bus, and whatever is behind bridges.

use airox_api::device::BusAddress;
use airox_driver_traits::pci::ConfigurationSpace;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use crate::function::Function;

/// Most functions that are looked at.
pub const MAX_FUNCTIONS: usize = 256;
const DEVICES: u8 = 32;
const FUNCTIONS: u8 = 8;

/// All functions in order of their addresses. Bridges' bus numbers are claims: each bus is visited once, and only if the machine has it.
pub fn scan(space: &mut (impl ConfigurationSpace + ?Sized), buses: &RangeInclusive<u8>) -> Vec<Function> {
    let mut found = Vec::new();
    let mut visited = [false; 256];
    let mut waiting = alloc::vec![(*buses.start(), None)];
    while let Some((bus, parent)) = waiting.pop() {
        if core::mem::replace(&mut visited[usize::from(bus)], true) || !buses.contains(&bus) {
            continue;
        }
        for device in 0..DEVICES {
            for function in 0..FUNCTIONS {
                let address = BusAddress { bus, device, function };
                let read = Function::read(space, address, parent).filter(|_| found.len() < MAX_FUNCTIONS);
                if let Some((next, _)) = read.and_then(|read| read.bridge)
                    && next > bus
                {
                    waiting.push((next, Some(address)));
                }
                found.extend(read);
                if function == 0 && !read.is_some_and(|read| read.has_siblings) {
                    break;
                }
            }
        }
    }
    found.sort_by_key(|function| function.address);
    found
}
