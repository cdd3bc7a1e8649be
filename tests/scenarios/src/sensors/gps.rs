//! A GPS receiver at the other end of a line: five fixes a second, on a line that damages some of what it says.

use std::time::Duration;

use airox_machine::{Machine, Peer};

/// Between two fixes.
const PERIOD: Duration = Duration::from_millis(200);

/// A receiver that is plugged in.
pub struct Receiver(#[expect(dead_code, reason = "plugged in as long as it lives")] Peer);

impl Receiver {
    /// Plugs it in.
    pub fn plug_in(machine: &Machine) -> Result<Receiver, String> {
        let mut round = 0;
        let speak = move |_: &[u8]| {
            round += 1;
            fix(round).into_bytes()
        };
        Peer::plug_in(machine, "gps.sock", PERIOD, speak).map(Receiver).map_err(|error| error.to_string())
    }
}

/// The sentences of one point in time: position and movement whole, and around them every kind of damage.
fn fix(round: u32) -> String {
    let time = format!("12{:02}{:02}.{}", round / 300 % 60, round / 5 % 60, round % 5 * 2);
    let position = sentence(&format!("GPGGA,{time},4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,"));
    let movement = sentence(&format!("GPRMC,{time},A,4807.038,N,01131.000,E,010.0,084.4,230394,,,A"));
    let wrong = position.replace("4807", "1234");
    let truncated = &movement[..20];
    let overlong = format!("${}\r\n", "0".repeat(200));
    format!("?noise?{wrong}{position}{truncated}{movement}{overlong}{}", sentence("GLGSV,1,1,00"))
}

fn sentence(body: &str) -> String {
    let sum = body.bytes().fold(0, |sum, byte| sum ^ byte);
    format!("${body}*{sum:02X}\r\n")
}
