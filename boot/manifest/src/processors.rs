//! On which processors a component runs.

use airox_abi::time::MAX_PROCESSORS;
use airox_bundle::system::ALL_PROCESSORS;

use crate::interfaces::Member;
use crate::problem::{Kind, Problems};
use crate::reader::{At, Reader};
use crate::source::Source;

/// The word for whatever the machine has.
const ALL: &str = "all";

/// What a `[[component]]` says: a list, or `None` for [`ALL`].
pub(crate) type Wanted = At<Option<Vec<At<u64>>>>;

/// Reads how many processors the machine has at least.
pub(crate) fn count(system: &mut Reader<'_>, problems: &mut Problems) -> u32 {
    let number = system.number("processors", 1, u64::from(MAX_PROCESSORS), problems);
    number.map_or(1, |number| number.value as u32)
}

/// Reads what a component says.
pub(crate) fn wanted(component: &mut Reader<'_>, problems: &mut Problems) -> Option<Wanted> {
    component.numbers_or("processors", ALL, problems)
}

/// The processors of a machine with so many, one bit each.
pub(crate) const fn existing(count: u32) -> u64 {
    u64::MAX >> (u64::BITS - count)
}

/// The processors a member may use, one bit each.
pub(crate) fn of(member: &Member<'_>, count: u32) -> u64 {
    let Some(wanted) = &member.entry.processors else {
        return existing(count);
    };
    match &wanted.value {
        None => ALL_PROCESSORS,
        // What is not a processor, or none at all, has been reported.
        Some(numbers) => {
            let listed = numbers.iter().filter(|number| number.value < u64::from(count));
            let bits = listed.fold(0, |bits, number| bits | 1 << number.value);
            if bits == 0 { existing(count) } else { bits }
        }
    }
}

/// Whether what a member says makes sense.
pub(crate) fn check(member: &Member<'_>, count: u32, source: &Source, problems: &mut Problems) {
    let Some(wanted) = &member.entry.processors else {
        return;
    };
    let name = &member.entry.name.value;
    let mut add = |span, reason: String| problems.add(Kind::BadProcessors, source, span, reason);
    if member.entry.time.time.passive {
        add(&wanted.span, format!("`{name}` is passive: it runs on the processors of its callers"));
    }
    let Some(numbers) = &wanted.value else {
        return;
    };
    if numbers.is_empty() {
        add(&wanted.span, format!("`{name}` has no processor to run on"));
    }
    for (index, number) in numbers.iter().enumerate() {
        if number.value >= u64::from(count) {
            let reason = format!(
                "`{name}` is to run on processor {}; the system is made for machines with {count}, numbered from 0: see `processors` of [system]",
                number.value
            );
            add(&number.span, reason);
        } else if numbers[..index].iter().any(|other| other.value == number.value) {
            add(&number.span, format!("`{name}` names processor {} twice", number.value));
        }
    }
}
