import Glibc

/// The device that a file is on.
struct DeviceNumber: Hashable {
  var major: UInt32
  var minor: UInt32

  /// Takes it apart as gnu_dev_major(3) does.
  init(_ device: dev_t) {
    major = UInt32(device >> 8 & 0xfff | device >> 32 & 0xffff_f000)
    minor = UInt32(device & 0xff | device >> 12 & 0xffff_ff00)
  }

  /// Reads "MAJOR:MINOR": in decimal in mountinfo, in hexadecimal in maps and smaps (proc(5)).
  init?(_ text: Substring, radix: Int) {
    let parts = text.split(separator: ":").compactMap { UInt32($0, radix: radix) }
    guard parts.count == 2 else { return nil }
    (major, minor) = (parts[0], parts[1])
  }
}
