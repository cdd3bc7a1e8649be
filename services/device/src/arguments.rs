//! What init tells about the handles it gave: see `userland/init/src/pci.rs`.

use core::fmt;
use core::ops::RangeInclusive;

/// The machine's PCI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pci {
    /// Physical address of the first bus's configuration space.
    pub configuration: u64,
    /// Its buses.
    pub buses: RangeInclusive<u8>,
    /// Physical addresses that devices can be given: the first, and how many.
    pub hole: (u64, u64),
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
        let find = |key: &'static str| {
            let mut pairs = arguments.clone().filter_map(|argument| argument.split_once('='));
            pairs.find(|(name, _)| *name == key).map(|(_, value)| value).ok_or(BadArgument(key))
        };
        let [configuration, first, last] = numbers(find("configuration")?).ok_or(BadArgument("configuration"))?;
        let bus = |number: u64| u8::try_from(number).map_err(|_| BadArgument("configuration"));
        let [start, length] = numbers(find("hole")?).ok_or(BadArgument("hole"))?;
        start.checked_add(length).ok_or(BadArgument("hole"))?;
        let [message_address] = numbers(find("message-address")?).ok_or(BadArgument("message-address"))?;
        Ok(Pci { configuration, buses: bus(first)?..=bus(last)?, hole: (start, length), message_address })
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
        let arguments = ["other", "configuration=b0000000:0:ff", "hole=80100000:7eb00000", "message-address=fee00000"];
        let pci = Pci::from_arguments(arguments.into_iter()).unwrap();
        assert_eq!((pci.configuration, pci.buses), (0xb000_0000, 0..=255));
        assert_eq!((pci.hole, pci.message_address), ((0x8010_0000, 0x7eb0_0000), 0xfee0_0000));
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
