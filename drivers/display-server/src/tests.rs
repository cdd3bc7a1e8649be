//! Whose picture is shown, and what reaches the device.

use crate::{DisplayServer, Memory};
use airox_abi::Handle;
use airox_api::Caller;
use airox_api::display::{Area, Display as Interface, DisplayError, Size};
use airox_driver_traits::display::Display;
use airox_sys::{Region, TypedHandle};
use alloc::vec::Vec;

const SIZE: Size = Size { width: 64, height: 32 };
const SMALL: Area = Area { x: 1, y: 2, width: 3, height: 4 };
/// A region with this number is too short, and one with that cannot be used at all.
const SHORT: u32 = 8;
const NO_MEMORY: u32 = 9;

/// A display that notes what it is told; it refuses the picture at 0x6000.
#[derive(Default)]
struct Made(Vec<(u64, Option<Area>)>);

impl Display for Made {
    fn size(&self) -> Size {
        SIZE
    }

    fn show(&mut self, address: u64) -> Result<(), DisplayError> {
        self.0.push((address, None));
        if address == 0x6000 { Err(DisplayError::Device) } else { Ok(()) }
    }

    fn update(&mut self, area: Area) -> Result<(), DisplayError> {
        self.0.push((0, Some(area)));
        Ok(())
    }
}

/// What the device may use.
#[derive(Default)]
struct Lent(Vec<u64>);

impl Memory for Lent {
    fn map(&mut self, region: &Region) -> Result<(u64, u64), DisplayError> {
        let number = region.raw().0;
        if number == NO_MEMORY {
            return Err(DisplayError::BadMemory);
        }
        let address = u64::from(number) << 12;
        self.0.push(address);
        Ok((address, SIZE.bytes() - u64::from(number == SHORT)))
    }

    fn unmap(&mut self, address: u64) {
        self.0.retain(|other| *other != address);
    }
}

type Server = DisplayServer<Made, Lent>;

fn server() -> Server {
    DisplayServer::new(Made::default(), Lent::default())
}

const fn caller(badge: u64) -> Caller {
    Caller { badge }
}

fn show(server: &mut Server, badge: u64, number: u32) -> Result<(), DisplayError> {
    server.show(caller(badge), Region::from_raw(Handle(number)))
}

#[test]
fn the_last_picture_is_shown_and_the_one_before_given_back() {
    let mut server = server();
    assert_eq!(server.size(caller(1)), Ok(SIZE));
    assert_eq!(server.update(caller(1), SMALL), Err(DisplayError::NotShown));
    show(&mut server, 1, 1).unwrap();
    server.update(caller(1), SMALL).unwrap();
    show(&mut server, 2, 2).unwrap();
    assert_eq!(server.update(caller(1), SMALL), Err(DisplayError::NotShown));
    let all = Some(SIZE.area());
    assert_eq!(server.device.0, [(0x1000, None), (0, all), (0, Some(SMALL)), (0x2000, None), (0, all)]);
    assert_eq!(server.memory.0, [0x2000]);
}

#[test]
fn what_makes_no_sense_never_reaches_the_device() {
    let mut server = server();
    assert_eq!(show(&mut server, 1, SHORT), Err(DisplayError::BadMemory));
    assert_eq!(show(&mut server, 1, NO_MEMORY), Err(DisplayError::BadMemory));
    assert!(server.memory.0.is_empty() && server.device.0.is_empty());
    show(&mut server, 1, 1).unwrap();
    let told = server.device.0.len();
    for bad in [Area { width: 64, ..SMALL }, Area { height: 0, ..SMALL }, Area { x: u32::MAX, ..SMALL }] {
        assert_eq!(server.update(caller(1), bad), Err(DisplayError::BadArea));
    }
    assert_eq!(server.device.0.len(), told);
    assert!(!server.is_broken());
}

#[test]
fn a_device_that_fails_keeps_all_memory_until_it_is_reset() {
    let mut server = server();
    show(&mut server, 1, 1).unwrap();
    assert_eq!(show(&mut server, 2, 6), Err(DisplayError::Device));
    assert_eq!((server.is_broken(), &server.memory.0[..]), (true, &[0x1000, 0x6000][..]));
}
