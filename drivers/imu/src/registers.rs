//! Registers of page 0 and their values (table 4-2 and section 4.3).

/// Chip number, [`CHIP`] (section 4.3.1).
pub const CHIP_ID: u8 = 0x00;
/// What [`CHIP_ID`] reads as.
pub const CHIP: u8 = 0xa0;
/// Register page (section 4.3.8).
pub const PAGE_ID: u8 = 0x07;
/// The first register of a reading: the gyroscope's X axis (section 4.3.21).
pub const GYRO_DATA: u8 = 0x14;
/// Units of all data (section 4.3.60).
pub const UNIT_SELECT: u8 = 0x3b;
/// Operation mode (section 4.3.61).
pub const OPERATION_MODE: u8 = 0x3d;
/// Power mode (section 4.3.62).
pub const POWER_MODE: u8 = 0x3e;

/// Metres a second squared, radians a second, degrees Celsius (table 3-11).
pub const UNITS: u8 = 0b0000_0010;
/// The bits of [`UNIT_SELECT`] that mean something.
pub const UNIT_BITS: u8 = 0b1001_0111;
/// Configuration mode: the only one in which the others can be written (section 3.3.1).
pub const CONFIGURATION: u8 = 0x00;
/// Fusion of all nine axes with fast magnetometer calibration (section 3.3.3.5).
pub const NDOF: u8 = 0x0c;
/// The bits of [`OPERATION_MODE`] that mean something.
pub const MODE_BITS: u8 = 0x0f;
/// All parts of the chip are on (section 3.2.1).
pub const NORMAL_POWER: u8 = 0x00;

/// Nanoseconds from any mode to the configuration mode (table 3-6: 19 ms).
pub const TO_CONFIGURATION_NS: u64 = 19_000_000;
/// Nanoseconds from the configuration mode to another (table 3-6: 7 ms).
pub const FROM_CONFIGURATION_NS: u64 = 7_000_000;
