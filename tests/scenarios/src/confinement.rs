//! A device that is told to use memory that its driver was not given, with a DMA remapping unit and without. The system is `sensors.toml`; the
//! driver is `tests/rogue-driver`.

use airox_machine::{Context, Machine, Scenario};

use crate::play::{Outcome, Player, boot, play_on, until};
use crate::scenario;

pub const SCENARIOS: &[Scenario] = &[
    scenario("confinement.a_device_reaches_its_drivers_memory_only", a_device_reaches_its_drivers_memory_only),
    scenario("confinement.without_a_remapping_unit_it_reaches_all", without_a_remapping_unit_it_reaches_all),
];

/// A machine with QEMU's educational device, and these.
fn with(context: &Context, others: &[&str], play: impl FnOnce(&mut Player<'_>) -> Outcome) -> Outcome {
    let mut options = context.options();
    for device in others.iter().chain(&["edu,dma_mask=0xffffffff"]) {
        options.extra.extend(["-device".into(), (*device).into()]);
    }
    play_on(&mut boot(Machine::start(&options))?, play)
}

fn a_device_reaches_its_drivers_memory_only(context: &Context) -> Outcome {
    with(context, &["intel-iommu"], |player| {
        until(player, "log", &["devices reach their drivers' memory only", "memory of its own: reached"])?;
        until(player, "log", &["/dev/test/rogue0 was kept from memory", "other memory: untouched"])?;
        // It goes on, and is ended like a driver that reaches out itself; the second time for good.
        until(player, "log", &["`rogue-dma0` is ended: its device does not keep to its memory"])?;
        until(player, "devices", &["/dev/test/rogue0", "failed"]).map(drop)
    })
}

fn without_a_remapping_unit_it_reaches_all(context: &Context) -> Outcome {
    with(context, &[], |player| {
        until(player, "log", &["memory of its own: reached", "other memory: overwritten"]).map(drop)
    })
}
