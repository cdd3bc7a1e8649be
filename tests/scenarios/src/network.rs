//! Network interfaces: listed, and heard by QEMU's user network; and random bytes.

use airox_machine::{Context, Machine, Options, Scenario};

use crate::play::{Outcome, Player, boot, check, play_on};
use crate::scenario;

pub const SCENARIOS: &[Scenario] = &[
    scenario("network.a_virtio_interface_hears_an_answer_and_random_bytes_differ", a_virtio_interface_hears),
    scenario("network.an_e1000_hears_an_answer_by_its_interrupt_line", |context| gigabit(context, "e1000")),
    scenario("network.an_e1000e_hears_an_answer_by_messages", |context| gigabit(context, "e1000e")),
];

/// The router of QEMU's user network, and a guest there.
const QUESTION: &str = "network arp net0 10.0.2.15 10.0.2.2";
const ANSWER: &str = "10.0.2.2 is at 52:55:0a:00:02:02";
const ADDRESS: &str = "52:54:00:12:34:56";

/// A machine with such a network card, and other devices.
fn with_card(context: &Context, card: &str, others: &[&str], play: impl FnOnce(&mut Player<'_>) -> Outcome) -> Outcome {
    let card = format!("{card},netdev=wire,mac={ADDRESS}");
    let card = ["-netdev", "user,id=wire", "-device", &card];
    let extra = card.iter().chain(others).map(ToString::to_string);
    let options = Options { extra: extra.collect(), ..context.options() };
    play_on(&mut boot(Machine::start(&options))?, play)
}

/// What an interface does, whatever card it is: it is heard before and after a restart of its driver.
fn it_is_heard(player: &mut Player<'_>, driver: &str) -> Outcome {
    player.expect("devices", &["/dev/network/net0", driver, "running", ADDRESS])?;
    player.expect_exactly(QUESTION, ANSWER)?;
    let listed = player.expect("network", &["net0", ADDRESS])?;
    check(!listed.contains("down"), || format!("the link is down:\n{listed}"))?;
    player.expect("network arp net0 10.0.2.15 10.0.2.77", &["nobody says that it has 10.0.2.77"])?;
    player.expect("network arp net1 10.0.2.15 10.0.2.2", &["network: no such device"])?;
    player.expect_exactly(&format!("restart {driver}"), "")?;
    player.until(driver, |driver| driver.state == "receiving" && driver.restarts == 1)?;
    player.expect_exactly(QUESTION, ANSWER)
}

fn a_virtio_interface_hears(context: &Context) -> Outcome {
    with_card(context, "virtio-net-pci", &["-device", "virtio-rng-pci"], |player| {
        it_is_heard(player, "virtio-net0")?;
        let bytes = player.expect("random 256", &[])?;
        check(bytes.lines().count() == 16, || format!("not 256 bytes:\n{bytes}"))?;
        let others = player.expect("random 256", &[])?;
        check(bytes != others, || format!("the same bytes twice:\n{bytes}"))?;
        player.expect_exactly("restart virtio-random0", "")?;
        player.until("virtio-random0", |driver| driver.state == "receiving" && driver.restarts == 1)?;
        player.expect("random 4", &[" "]).map(drop)
    })
}

fn gigabit(context: &Context, card: &str) -> Outcome {
    with_card(context, card, &[], |player| {
        it_is_heard(player, "e1000-net0")?;
        player.expect("network", &["1000 Mbit/s"]).map(drop)
    })
}
