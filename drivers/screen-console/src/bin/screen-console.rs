//! The screen console's program: serves `console` on the frame buffer, a PS/2 keyboard and whatever keyboards the device manager finds.
//!
//! A thread for each of two keyboards waits until there is one, and for its keys; the server's thread is told by its signal.
//!
//! Resources: `screen` (the frame buffer), `keyboard` (port 0x60 and interrupt line 1) and `keyboard-control` (port 0x64). Arguments:
//! `framebuffer=...` (added by init) and `layout=us104`.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_api::console::{ConsoleDispatcher, ConsoleInterface};
use airox_api::device::DeviceClient;
use airox_api::input::{InputClient, KeyEvent};
use airox_api::{Dispatch, Outcome};
use airox_driver_traits::BoundPorts;
use airox_rt::server::{Handler, KernelMessage, Server};
use airox_rt::sync::Mutex;
use airox_rt::thread;
use airox_rt::time::{self, Duration, Instant};
use airox_rt::{IoPorts, Irq, MapFlags, Mapping, PortRange, Region, Rights, Signal, Start, TypedHandle, Window};
use airox_screen_console::{Controller, Geometry, Keyboard, KeyboardFound, Painter, ScreenConsole};
use airox_terminal::{AGAIN, ClientInterrupt, ConsoleDevice, ConsoleServer, SavedFlush, SavedRead, SavedWrite};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::error::Error;

airox_rt::entry!(main);

/// The controller's data port, and its status and command port.
const PORTS: [(&str, u16); 2] = [("ports:keyboard", 0x60), ("ports:keyboard-control", 0x64)];
/// The bit of the signal that interrupts set.
const INTERRUPT: u64 = 1 << 0;
/// The bit that its timer sets when the screen may be painted again.
const FRAME: u64 = 1 << 1;
/// The bit that the keyboards' threads set.
const KEYS: u64 = 1 << 2;

/// The keyboards that are waited for.
const KEYBOARDS: [&str; 2] = ["/dev/input/keyboard0", "/dev/input/keyboard1"];
/// Stack of a thread that waits for one.
const KEYBOARD_STACK: u64 = 32 * 1024;
/// How long to wait for a keyboard whose driver was given up.
const LATER: Duration = Duration::from_secs(5);
/// Keys that wait for the server's thread; those beyond are lost, as nobody types so fast.
const MAX_KEYS: usize = 256;
/// The usages of modifiers (HID Usage Tables 1.12, page 7).
const MODIFIERS: core::ops::RangeInclusive<u8> = 0xe0..=0xe7;

type Keys = Arc<Mutex<VecDeque<KeyEvent>>>;

type Device<'a> = ScreenConsole<BoundPorts, Window<'a>, SavedWrite, SavedRead, SavedFlush, ClientInterrupt>;

struct Program<'a> {
    console: ConsoleDispatcher<ConsoleServer<Device<'a>>>,
    irq: Irq,
    timer: Signal,
    keys: Keys,
}

impl Handler for Program<'_> {
    fn request(&mut self, message: &mut KernelMessage) -> Outcome {
        let outcome = self.console.dispatch(message);
        self.refresh();
        outcome
    }

    fn signal(&mut self, bits: u64) {
        let server = &mut self.console.0;
        if bits & AGAIN != 0 {
            let progress = server.device().advance();
            server.went(progress);
        }
        if bits & INTERRUPT != 0 {
            let progress = server.device().interrupt();
            server.went(progress);
            if let Err(error) = self.irq.acknowledge() {
                log::error!("cannot acknowledge the interrupt: {error}");
            }
        }
        if bits & KEYS != 0 {
            while let Some(event) = { self.keys.lock().pop_front() } {
                let progress = self.console.0.device().key(event.usage, event.pressed);
                self.console.0.went(progress);
            }
        }
        self.refresh();
    }
}

/// Brings the keys of one keyboard to the server's thread, whenever there is one.
fn listen(devices: &DeviceClient, path: &str, keys: &Keys, signal: &Signal) {
    let tell = |events: &mut dyn Iterator<Item = KeyEvent>| {
        let mut keys = keys.lock();
        let room = MAX_KEYS.saturating_sub(keys.len());
        keys.extend(events.take(room));
        drop(keys);
        // The server's thread ends with the program.
        let _ = signal.notify(KEYS);
    };
    loop {
        let Ok(port) = devices.open(path, true) else {
            let _ = time::sleep(LATER);
            continue;
        };
        let keyboard = InputClient::new(port);
        let mut after = u64::MAX;
        while let Ok(next) = keyboard.next(after) {
            if next.missed {
                tell(&mut MODIFIERS.map(|usage| KeyEvent { usage, pressed: false }));
            }
            after = next.number;
            tell(&mut next.events.into_iter());
        }
        // What was down when it was pulled out will never be said to go up.
        tell(&mut MODIFIERS.map(|usage| KeyEvent { usage, pressed: false }));
    }
}

impl Program<'_> {
    fn refresh(&mut self) {
        let now = Instant::now().as_nanoseconds();
        if let Some(due) = self.console.0.device().refresh(now)
            && let Err(error) = self.timer.set_timer(due, FRAME)
        {
            log::error!("cannot set the timer: {error}");
        }
    }
}

fn main(start: &'static Start) -> Result<(), Box<dyn Error>> {
    let arguments = || start.arguments().iter().map(|text| text.as_str());
    let port = start.served_port::<ConsoleInterface>()?;
    let memory: Region = start.take("framebuffer:screen")?;
    let irq: Irq = start.take("irq:keyboard")?;
    let mut ranges = alloc::vec::Vec::new();
    for (name, first) in PORTS {
        let authority: IoPorts = start.take(name)?;
        ranges.push(PortRange::bind(authority, first, 1)?);
    }
    let keyboard = Keyboard::from_arguments(arguments())?;
    let signal = Signal::create()?;
    irq.bind(&signal, INTERRUPT)?;
    // Without one, and with one that does not work, there are the device manager's keyboards.
    let controller = match Controller::start(BoundPorts::new(ranges)) {
        Ok((controller, found)) => {
            if found == KeyboardFound::No {
                log::warn!("no PS/2 keyboard answers");
            }
            Some(controller)
        }
        Err(error) => {
            log::warn!("{error}");
            None
        }
    };
    irq.acknowledge()?;
    let mapping = Mapping::new(&memory, MapFlags::WRITE | MapFlags::WRITE_COMBINE)?;
    let geometry = Geometry::from_arguments(arguments(), mapping.len())?;
    let painter = Painter::new(mapping.window(), geometry);
    let device: Device<'_> = ScreenConsole::new(painter, controller, keyboard)?;
    let (columns, rows) = device.size();
    log::info!("screen console of {columns} columns and {rows} rows");
    let own = signal.copy(Rights::SEND)?;
    let timer = signal.copy(Rights::RECEIVE)?;
    let (keys, devices) = (Keys::default(), Arc::new(start.connect::<DeviceClient>()?));
    for path in KEYBOARDS {
        let (keys, devices, signal) = (Arc::clone(&keys), Arc::clone(&devices), signal.copy(Rights::SEND)?);
        let builder = thread::Builder::default().stack(KEYBOARD_STACK);
        drop(builder.spawn(move || listen(&devices, path, &keys, &signal))?);
    }
    let mut program = Program { console: ConsoleDispatcher(ConsoleServer::new(device, own)), irq, timer, keys };
    program.refresh();
    Ok(Server::new(port).with_signal(&signal)?.run(program)?)
}
