//! A serial line by virtio, whose other end is here. The system is `sensors.toml`.

use std::time::Duration;

use airox_machine::{Context, Machine, Peer, Scenario};

use crate::play::{Outcome, boot, check, play_on, until};
use crate::scenario;

pub const SCENARIOS: &[Scenario] = &[scenario("serial.a_virtio_console_is_sent_to_and_read", sent_to_and_read)];

const LINE: &str = "/dev/serial/port0";
const PERIOD: Duration = Duration::from_millis(100);

/// Somebody at the other end, who answers each line in capitals.
fn sent_to_and_read(context: &Context) -> Outcome {
    let mut options = context.options();
    options.extra.extend(
        ["-chardev", "socket,id=line,path=line.sock,server=on,wait=off"]
            .into_iter()
            .chain(["-device", "virtio-serial-pci", "-device", "virtconsole,chardev=line"])
            .map(String::from),
    );
    play_on(&mut boot(Machine::start(&options))?, |player| {
        let answer = |bytes: &[u8]| bytes.to_ascii_uppercase();
        let _other_end =
            Peer::plug_in(player.machine, "line.sock", PERIOD, answer).map_err(|error| error.to_string())?;
        until(player, "serial list", &[LINE, "running", "virtio console"])?;
        player.expect_exactly(&format!("serial read {LINE}"), "")?;
        for text in ["who is there", "and who else"] {
            player.enter(&format!("serial send {LINE} {text}"))?;
        }
        player.expect_exactly(&format!("serial read {LINE}"), "WHO IS THERE")?;
        let before = player.process("virtio-serial0")?;
        player.expect_exactly(&format!("serial read {LINE} 7"), "AND WHO")?;
        player.enter("kill virtio-serial0")?;
        player.enter(&format!("serial send {LINE} back again"))?;
        player.expect(&format!("serial read {LINE}"), &["BACK AGAIN"])?;
        let after = player.process("virtio-serial0")?;
        check(after.restarts == before.restarts + 1, || format!("{before:?} became {after:?}"))
    })
}
