//! The display's logic against a model device, which lies.

use airox_driver_traits::display::{Area, Display, DisplayError, Size};
use airox_driver_traits::dma::ModelMemory;
use airox_driver_traits::patience::Patience;
use airox_virtio::model::{ModelDevice, ModelWindow};
use airox_virtio::{SetupError, Transport};
use airox_virtio_gpu::{GpuError, VirtioGpu};
use std::cell::RefCell;
use std::rc::Rc;

/// What is wrong with the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Fault {
    #[default]
    None,
    /// It never answers.
    Silent,
    /// It refuses everything.
    Refuses,
    /// It says that it wrote more than there is room for.
    TooLong,
    /// It writes less than an answer.
    TooShort,
    /// It answers what was not asked.
    Confused,
    /// It says that it must be reset.
    Broken,
}

#[derive(Default)]
struct State {
    /// What the first three displays are like: width, height, whether it is on.
    displays: [(u32, u32, u32); 3],
    fault: Fault,
    /// The commands but for the first: their kind, and the numbers behind the header.
    commands: Vec<(u32, Vec<u32>)>,
}

/// The device, which does what it is told when it is waited for.
#[derive(Clone)]
struct Gpu {
    device: ModelDevice,
    state: Rc<RefCell<State>>,
}

impl Patience for Gpu {
    fn begin(&mut self) {}

    fn wait(&mut self) -> bool {
        let mut state = self.state.borrow_mut();
        if state.fault == Fault::Silent {
            return false;
        }
        let Some((head, segments)) = self.device.next() else { return false };
        let [command, answer] = segments[..] else { panic!("{segments:?}") };
        assert!(!command.writable && answer.writable);
        let bytes = self.device.read(command.address, command.length as usize).unwrap();
        let numbers: Vec<u32> = bytes.as_chunks().0.iter().map(|number| u32::from_le_bytes(*number)).collect();
        let mut reply = vec![0; answer.length as usize];
        let mut put = |at: usize, number: u32| reply[at..at + 4].copy_from_slice(&number.to_le_bytes());
        if numbers[0] == 0x100 {
            put(0, 0x1101);
            for (index, (width, height, enabled)) in state.displays.into_iter().enumerate() {
                let at = 24 + 24 * index;
                put(at + 8, width);
                put(at + 12, height);
                put(at + 16, enabled);
            }
        } else {
            put(0, 0x1100);
            state.commands.push((numbers[0], numbers[6..].to_vec()));
        }
        let mut written = answer.length;
        match state.fault {
            Fault::Refuses => put(0, 0x1200),
            Fault::TooLong => written += 1,
            Fault::TooShort => written = 3,
            Fault::Broken => self.device.state().status |= 64,
            _ => {}
        }
        self.device.write(answer.address, &reply);
        match state.fault {
            Fault::Confused => self.device.done(3, written),
            Fault::Broken => {}
            _ => self.device.done(head, written),
        }
        true
    }
}

type Opened = VirtioGpu<ModelWindow, ModelMemory, Gpu>;

fn gpu(displays: [(u32, u32, u32); 3]) -> Gpu {
    let state = State { displays, ..State::default() };
    Gpu { device: ModelDevice::new(0, vec![0; 16]), state: Rc::new(RefCell::new(state)) }
}

fn open(gpu: &Gpu) -> Result<Opened, GpuError> {
    let device = &gpu.device;
    let transport =
        Transport::find(&mut device.configuration(), |bar, offset, length| device.window(bar, offset, length));
    VirtioGpu::new(transport?, gpu.clone(), |bytes| Ok::<_, GpuError>(device.memory(bytes)))
}

const DISPLAYS: [(u32, u32, u32); 3] = [(9, 9, 0), (640, 480, 1), (800, 600, 1)];

#[test]
fn the_first_display_that_is_on_is_found() {
    assert_eq!(open(&gpu(DISPLAYS)).unwrap().size(), Size { width: 640, height: 480 });
    for displays in [[(640, 480, 0); 3], [(0, 480, 1); 3], [(640, u32::MAX, 1); 3], [(8193, 1, 1); 3]] {
        assert_eq!(open(&gpu(displays)).map(drop), Err(GpuError::NoDisplay));
    }
}

#[test]
fn a_picture_is_shown_and_the_next_takes_its_place() {
    let gpu = gpu(DISPLAYS);
    let mut display = open(&gpu).unwrap();
    assert_eq!(display.update(Area { x: 0, y: 0, width: 1, height: 1 }), Err(DisplayError::NotShown));
    display.show(0x1_2345_6000).unwrap();
    let told = |gpu: &Gpu| std::mem::take(&mut gpu.state.borrow_mut().commands);
    let length = 640 * 480 * 4;
    let expected = [
        (0x101, vec![1, 2, 640, 480]),
        (0x106, vec![1, 1, 0x2345_6000, 1, length, 0]),
        (0x103, vec![0, 0, 640, 480, 1, 1]),
    ];
    assert_eq!(told(&gpu), expected);
    display.update(Area { x: 3, y: 2, width: 5, height: 7 }).unwrap();
    let offset = (2 * 640 + 3) * 4;
    assert_eq!(told(&gpu), [(0x105, vec![3, 2, 5, 7, offset, 0, 1, 0]), (0x104, vec![3, 2, 5, 7, 1, 0])]);
    display.show(0x7000).unwrap();
    let kinds: Vec<_> = told(&gpu).into_iter().map(|(kind, numbers)| (kind, numbers[0])).collect();
    assert_eq!(kinds, [(0x101, 2), (0x106, 2), (0x103, 0), (0x102, 1)]);
}

#[test]
fn a_device_that_fails_is_not_asked_again() {
    for fault in [Fault::Silent, Fault::Refuses, Fault::TooLong, Fault::TooShort, Fault::Confused, Fault::Broken] {
        let broken = gpu(DISPLAYS);
        broken.state.borrow_mut().fault = fault;
        assert_eq!(open(&broken).map(drop), Err(GpuError::Device), "{fault:?}");
        let gpu = gpu(DISPLAYS);
        let mut display = open(&gpu).unwrap();
        display.show(0x1000).unwrap();
        gpu.state.borrow_mut().fault = fault;
        let area = Area { x: 0, y: 0, width: 1, height: 1 };
        assert_eq!(display.update(area), Err(DisplayError::Device), "{fault:?}");
        gpu.state.borrow_mut().fault = Fault::None;
        let count = gpu.state.borrow().commands.len();
        assert_eq!(
            (display.update(area), display.show(0x2000)),
            (Err(DisplayError::Device), Err(DisplayError::Device))
        );
        assert_eq!(gpu.state.borrow().commands.len(), count);
    }
    let small = gpu(DISPLAYS);
    small.device.state().queue_size = 1;
    assert_eq!(open(&small).map(drop), Err(GpuError::Setup(SetupError::NoQueue(0))));
}
