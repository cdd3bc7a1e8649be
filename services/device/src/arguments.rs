//! What init tells about the handles it gave: see `userland/init/src/pci.rs`.

use alloc::vec::Vec;
use core::fmt;
use core::ops::{Range, RangeInclusive};

/// The machine's PCI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pci {
    /// Physical address of the first bus's configuration space.
    pub configuration: u64,
    /// Its buses.
    pub buses: RangeInclusive<u8>,
    /// Physical addresses that devices can be given.
    pub holes: Vec<Range<u64>>,
    /// Ports that devices can be given.
    pub ports: Vec<Range<u64>>,
    /// Where devices write messages for interrupts to.
    pub message_address: u64,
}

/// The argument that is missing or damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadArgument(&'static str);

impl fmt::Display for BadArgument {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "argument {}= is missing or damaged", self.0)
    }
}

impl core::error::Error for BadArgument {}

impl Pci {
    /// Reads init's arguments, ignoring others.
    ///
    /// # Errors
    /// The first one that is missing or damaged.
    pub fn from_arguments<'a>(arguments: impl Iterator<Item = &'a str> + Clone) -> Result<Pci, BadArgument> {
        let all = |key: &'static str| {
            let pairs = arguments.clone().filter_map(|argument| argument.split_once('='));
            pairs.filter(move |(name, _)| *name == key).map(|(_, value)| value)
        };
        let find = |key: &'static str| all(key).next().ok_or(BadArgument(key));
        let [configuration, first, last] = numbers(find("configuration")?).ok_or(BadArgument("configuration"))?;
        let bus = |number: u64| u8::try_from(number).map_err(|_| BadArgument("configuration"));
        let range = |key: &'static str, text: &str| {
            let [start, length] = numbers(text).ok_or(BadArgument(key))?;
            Ok(start..start.checked_add(length).ok_or(BadArgument(key))?)
        };
        let holes = all("hole").map(|text| range("hole", text)).collect::<Result<_, _>>()?;
        let ports = all("ports").map(|text| range("ports", text)).collect::<Result<_, _>>()?;
        let [message_address] = numbers(find("message-address")?).ok_or(BadArgument("message-address"))?;
        Ok(Pci { configuration, buses: bus(first)?..=bus(last)?, holes, ports, message_address })
    }
}

/// Hexadecimal numbers with colons in between.
fn numbers<const N: usize>(text: &str) -> Option<[u64; N]> {
    let mut numbers = [0; N];
    let mut parts = text.split(':');
    for number in &mut numbers {
        *number = u64::from_str_radix(parts.next()?, 16).ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_init_writes_is_read() {
        let arguments =
            ["other", "configuration=b0000000:0:ff", "hole=80100000:7eb00000", "ports=1000:f000", "hole=100000000:10"];
        let arguments = arguments.into_iter().chain(["message-address=fee00000"]);
        let pci = Pci::from_arguments(arguments).unwrap();
        assert_eq!((pci.configuration, pci.buses), (0xb000_0000, 0..=255));
        assert_eq!(pci.holes, [0x8010_0000..0xfec0_0000, 0x1_0000_0000..0x1_0000_0010]);
        assert_eq!((pci.ports, pci.message_address), (alloc::vec![0x1000..0x1_0000], 0xfee0_0000));
    }

    #[test]
    fn damaged_ones_are_named() {
        let good = ["configuration=b0000000:0:ff", "hole=1:2", "message-address=3"];
        for (index, bad) in [(0, "configuration=1:2"), (0, "configuration=1:2:100"), (1, "hole=1:2:3"), (1, "hole=x:1")]
        {
            let mut arguments = good;
            arguments[index] = bad;
            let key = good[index].split('=').next().unwrap();
            assert_eq!(Pci::from_arguments(arguments.into_iter()), Err(BadArgument(key)), "{bad}");
        }
        assert_eq!(Pci::from_arguments(good[..2].iter().copied()), Err(BadArgument("message-address")));
        assert!(Pci::from_arguments(["configuration=1:0:0", "hole=ffffffffffffffff:2"].into_iter()).is_err());
    }
}
