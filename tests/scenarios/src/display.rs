//! A display by virtio, of which screenshots are taken. The system is `sensors.toml`.

use airox_machine::{Context, Machine, Picture, Scenario};

use crate::play::{Outcome, Player, boot, check, play_on, until};
use crate::scenario;

pub const SCENARIOS: &[Scenario] =
    &[scenario("display.pictures_are_shown_as_they_are", pictures_are_shown_as_they_are)];

const DISPLAY: &str = "/dev/display/display0";
/// The device's id, and the pixels of its display.
const DEVICE: &str = "gpu";
const WIDTH: usize = 160;
const HEIGHT: usize = 120;

fn pictures_are_shown_as_they_are(context: &Context) -> Outcome {
    let mut options = context.options();
    options.extra.extend(["-device".into(), format!("virtio-gpu-pci,id={DEVICE},xres={WIDTH},yres={HEIGHT}")]);
    play_on(&mut boot(Machine::start(&options))?, |player| {
        until(player, "display list", &[DISPLAY, "running", "160x120 pixels"])?;
        let bars = |x: usize, _: usize| {
            let bar = x * 8 / WIDTH;
            [bar & 2 == 0, bar & 4 == 0, bar & 1 == 0].map(|on| if on { 0xff } else { 0 })
        };
        shows(player, "bars", bars)?;
        let slope = |x: usize, y: usize| [(x * 256 / WIDTH) as u8, (y * 256 / HEIGHT) as u8, 0x40];
        shows(player, "slope", slope)?;
        let before = player.process("virtio-gpu0")?;
        player.enter("kill virtio-gpu0")?;
        shows(player, "bars", bars)?;
        let after = player.process("virtio-gpu0")?;
        check(after.restarts == before.restarts + 1, || format!("{before:?} became {after:?}"))
    })
}

/// Has a picture shown, and compares every pixel.
fn shows(player: &mut Player<'_>, name: &str, pixel: impl Fn(usize, usize) -> [u8; 3]) -> Outcome {
    player.expect_exactly(&format!("display test {DISPLAY} {name}"), "160 by 120 pixels")?;
    let picture = Picture::take(player.machine, Some(DEVICE)).map_err(|error| error.to_string())?;
    check((picture.width, picture.height) == (WIDTH, HEIGHT), || {
        format!("the screenshot has {} by {} pixels", picture.width, picture.height)
    })?;
    let wrong = picture.pixels.iter().enumerate().find(|(at, found)| **found != pixel(at % WIDTH, at / WIDTH));
    check(wrong.is_none(), || format!("{name}: pixel {wrong:?} is not as it was drawn"))
}
