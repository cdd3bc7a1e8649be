//! `network` and `random`.

use crate::arp;
use crate::fakes::Session;
use airox_api::device::{BusAddress, DeviceEntry, DeviceState, Identity, Place};
use airox_api::network::{Counters, Link, MacAddress, Status};

fn session() -> Session {
    let session = Session::new();
    let place = |device| Place::Pci(BusAddress { bus: 0, device, function: 0 });
    let entry = |device, path: &str| DeviceEntry {
        place: place(device),
        parent: None,
        identity: Identity { vendor: 0x1af4, device: 0x1041, class: 0x02_0000 },
        path: path.into(),
        driver: "virtio-net0".into(),
        state: DeviceState::Running,
        restarts: 0,
        summary: "".into(),
        parts: [].into(),
    };
    let counters = Counters { received: 5, received_bytes: 2048, sent: 3, sent_bytes: 126, dropped: 1, errors: 2 };
    let link = Link { up: true, megabits: Some(1000) };
    let status = Status { address: MacAddress([0x52, 0x54, 0, 0x12, 0x34, 0x56]), link, counters };
    session.world().devices =
        [entry(2, "/dev/block/disk0"), entry(3, "/dev/network/net0"), entry(4, "/dev/network/net1")].into();
    session.world().interfaces = [("/dev/network/net0".into(), status)].into();
    session
}

#[test]
fn interfaces_are_listed_and_those_of_others_named() {
    assert_eq!(
        session().line("network"),
        "\
NAME  ADDRESS            LINK            RECEIVED  BYTES  SENT  BYTES  DROPPED  ERRORS
net0  52:54:00:12:34:56  1000 Mbit/s            5  2 KiB     3  126 B        1       2
net1  -                  no such device
"
    );
    let mut down = session();
    down.world().interfaces.get_mut("/dev/network/net0").unwrap().link.up = false;
    assert!(down.line("network list").contains("52:54:00:12:34:56  down"));
}

#[test]
fn who_has_an_address_is_asked_and_answered() {
    let mut session = session();
    let other = MacAddress([2, 0, 0, 0, 0, 9]);
    let mut reply = arp::request(other, [10, 0, 2, 2], [10, 0, 2, 15]);
    reply[21] = 2;
    // What was there before, another frame, and the answer.
    session.world().frames = [vec![1; 60], vec![2; 60], reply].into();
    assert_eq!(session.line("network arp net0 10.0.2.15 10.0.2.2"), "10.0.2.2 is at 02:00:00:00:00:09\n");
    let sent = session.world().sent.clone();
    assert_eq!(sent, [arp::request(MacAddress([0x52, 0x54, 0, 0x12, 0x34, 0x56]), [10, 0, 2, 15], [10, 0, 2, 2])]);
    assert_eq!(session.line("network arp net0 10.0.2.15 10.0.2.3"), "network: nobody says that it has 10.0.2.3\n");
    assert_eq!(session.line("network arp net7 10.0.2.15 10.0.2.3"), "network: no such device\n");
}

#[test]
fn random_bytes_are_shown_in_rows() {
    assert_eq!(session().line("random 3"), "00 01 02\n");
    let text = session().line("random");
    assert_eq!(text, "00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f\n");
    assert_eq!(session().line("random 600").lines().count(), 38);
    assert_eq!(session().line("random 0"), "");
}

#[test]
fn what_makes_no_sense_is_said() {
    for (line, why) in [
        ("network list all", "`all` is one argument too many"),
        ("network down", "`down` is not understood"),
        ("network arp net0", "an interface and two addresses are needed"),
        ("network arp net0 10.0.2 10.0.2.2", "`10.0.2` is no IPv4 address"),
        ("random 1 2", "`2` is one argument too many"),
        ("random x", "a number of bytes"),
        ("random 99999999", "65536 bytes at most"),
    ] {
        let text = session().line(line);
        assert!(text.contains(why), "{line}: {text}");
    }
}
