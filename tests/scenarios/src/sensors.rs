//! Sensors whose other ends are here: values fed to a line are read in the shell, damage is counted, unplugging is told, and a driver
//! that was killed comes back. The system is `sensors.toml`.

mod bno055;
mod gps;
mod maestro;

use airox_machine::{Context, Machine, Options, Scenario};

use crate::play::{Outcome, Player, boot, check, play_on, until};
use crate::scenario;
use crate::tables::times;

pub const SCENARIOS: &[Scenario] = &[
    scenario("sensors.silence_is_told", silence_is_told),
    scenario("sensors.a_position_is_read_through_noise", a_position_is_read_through_noise),
    scenario("sensors.an_orientation_is_read", an_orientation_is_read),
    scenario("sensors.killed_drivers_return", killed_drivers_return),
    scenario("sensors.servos_go_where_they_are_told", servos_go_where_they_are_told),
    scenario("sensors.absent_hardware_costs_nothing", absent_hardware_costs_nothing),
    scenario("sensors.a_receiver_on_usb_comes_and_goes", a_receiver_on_usb_comes_and_goes),
];

/// A machine with all lines.
fn with_lines(context: &Context, play: impl FnOnce(&mut Player<'_>) -> Outcome) -> Outcome {
    with_lines_on(context.options(), play)
}

/// The same, with more devices.
pub(crate) fn with_lines_on(mut options: Options, play: impl FnOnce(&mut Player<'_>) -> Outcome) -> Outcome {
    for (name, port, line) in [("gps", "0x2f8", 5), ("imu", "0x3e8", 7), ("servos", "0x2e8", 10)] {
        options.extra.extend([
            "-chardev".into(),
            format!("socket,id={name},path={name}.sock,server=on,wait=off"),
            "-device".into(),
            format!("isa-serial,iobase={port},irq={line},chardev={name}"),
        ]);
    }
    on(&options, play)
}

fn on(options: &Options, play: impl FnOnce(&mut Player<'_>) -> Outcome) -> Outcome {
    play_on(&mut boot(Machine::start(options))?, play)
}

fn silence_is_told(context: &Context) -> Outcome {
    with_lines(context, |player| {
        until(player, "sensor read gps0", &["gps0: unplugged"])?;
        until(player, "sensor read imu0", &["imu0: unplugged"])?;
        player.expect("sensor list", &["position", "motion", "unplugged"])?;
        Ok(())
    })
}

fn a_position_is_read_through_noise(context: &Context) -> Outcome {
    with_lines(context, |player| {
        let receiver = gps::Receiver::plug_in(player.machine)?;
        until(player, "sensor read gps0", &["48.1173", "11.516667", "545.4", "5.144444", "quality fair"])?;
        let counted = until(player, "sensor count gps0", &["checksum errors"])?;
        let errors = times(&counted, "checksum errors")?;
        check(errors > 0, || format!("no checksum error was counted:\n{counted}"))?;
        check(times(&counted, "resynchronisations")? > 0, || format!("no noise was seen:\n{counted}"))?;
        drop(receiver);
        until(player, "sensor read gps0", &["gps0: unplugged"])?;
        let _again = gps::Receiver::plug_in(player.machine)?;
        until(player, "sensor read gps0", &["48.1173"]).map(drop)
    })
}

fn an_orientation_is_read(context: &Context) -> Outcome {
    with_lines(context, |player| {
        let chip = bno055::Chip::plug_in(player.machine)?;
        until(player, "sensor read imu0", &["orientation-w", "0.5", "-0.25", "9.81", "23", "quality good"])?;
        player.machine.type_text("sensor watch imu0\n").map_err(|error| error.to_string())?;
        for _ in 0..3 {
            player.wait_for("good orientation-w=0.5")?;
        }
        player.keys(b"\x03")?;
        player.wait_for_prompt()?;
        drop(chip);
        until(player, "sensor read imu0", &["imu0: unplugged"])?;
        // Another one is set up from the beginning.
        let _another = bno055::Chip::plug_in(player.machine)?;
        until(player, "sensor read imu0", &["quality good"]).map(drop)
    })
}

fn killed_drivers_return(context: &Context) -> Outcome {
    with_lines(context, |player| {
        let _receiver = gps::Receiver::plug_in(player.machine)?;
        let _chip = bno055::Chip::plug_in(player.machine)?;
        for (driver, sensor, value) in [("gps", "gps0", "48.1173"), ("imu", "imu0", "9.81")] {
            let read = format!("sensor read {sensor}");
            until(player, &read, &[value])?;
            let before = player.process(driver)?;
            player.enter(&format!("kill {driver}"))?;
            until(player, &read, &[value])?;
            let after = player.process(driver)?;
            check(after.restarts == before.restarts + 1, || format!("{before:?} became {after:?}"))?;
        }
        Ok(())
    })
}

fn servos_go_where_they_are_told(context: &Context) -> Outcome {
    with_lines(context, |player| {
        player.expect("actuator list", &["servos0", "servo5", "-1 to 1", "Pololu Maestro"])?;
        player.expect("actuator set servos0 0 0", &["not confirmed"])?;
        let controller = maestro::Controller::plug_in(player.machine)?;
        until(player, "actuator read servos0", &["servo0", "servo5"])?;
        player.expect_exactly("actuator set servos0 servo2 0.5; actuator set servos0 0 -1", "")?;
        let reached = |controller: &maestro::Controller, wanted: [u16; 6]| {
            let targets = controller.targets();
            check(targets == wanted, || format!("targets are {targets:?}, not {wanted:?}"))
        };
        reached(&controller, [4000, 0, 7000, 0, 0, 0])?;
        until(player, "actuator read servos0", &["servo0      -1", "servo2     0.5"])?;
        player.expect("actuator set servos0 1 1.01", &["the value must be -1 to 1"])?;
        player.expect("actuator set servos0 servo6 0", &["no such channel"])?;
        // A new driver moves nothing.
        player.enter("kill maestro")?;
        until(player, "actuator read servos0", &["servo2     0.5"])?;
        reached(&controller, [4000, 0, 7000, 0, 0, 0])?;
        player.expect_exactly("actuator stop servos0", "")?;
        reached(&controller, [0; 6])?;
        drop(controller);
        until(player, "actuator read servos0", &["unplugged"]).map(drop)
    })
}

fn absent_hardware_costs_nothing(context: &Context) -> Outcome {
    on(&context.options(), |player| {
        player.expect(
            "log",
            &["no UART answers at port 0x2f8", "no UART answers at port 0x3e8", "no UART answers at port 0x2e8"],
        )?;
        player.expect("sensor list", &["gps0", "imu0"])?;
        let listed = ["ports 0x70 0000:0000 000000 component: cmos by rtc", "component: uart by imu"];
        player.expect("devices --tree", &listed)?;
        player.expect_exactly("echo all is well", "all is well")
    })
}

/// QEMU's adapter is plugged in as long as somebody is at the other end.
fn a_receiver_on_usb_comes_and_goes(context: &Context) -> Outcome {
    const PATH: &str = "/dev/sensor/gps0";
    let mut options = context.options();
    options.extra.extend(
        [
            "-chardev",
            "socket,id=gps,path=gps.sock,server=on,wait=off",
            "-device",
            "qemu-xhci,id=usb",
            "-device",
            "usb-serial,bus=usb.0,chardev=gps",
        ]
        .map(String::from),
    );
    on(&options, |player| {
        let read = format!("sensor read {PATH}");
        player.expect(&read, &["no such sensor"])?;
        let receiver = gps::Receiver::plug_in(player.machine)?;
        until(player, "devices", &[PATH, "usb-gps0 ", "QEMU USB SERIAL"])?;
        until(player, &read, &["48.1173", "11.516667", "545.4"])?;
        player.expect("sensor list", &[PATH, "position"])?;
        player.expect_exactly("kill usb-gps0", "")?;
        until(player, &read, &["48.1173"])?;
        drop(receiver);
        until(player, &read, &["no such sensor"])?;
        let _again = gps::Receiver::plug_in(player.machine)?;
        until(player, &read, &["48.1173"]).map(drop)
    })
}
